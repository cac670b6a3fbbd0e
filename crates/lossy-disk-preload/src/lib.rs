//! Loaded by `LD_PRELOAD` into an unmodified program, shows a lossy disk every `fsync` and `fdatasync` of a file or
//! folder below the folder that the environment names; see the crate `lossy-disk` for what the disk makes of them.
//!
//! The real call is made first, and only its success counts. If the disk itself fails, the program is aborted: a broken
//! instrument must not look like a passed test.
#![allow(unsafe_code, reason = "interposing libc is what this library is for")]

use std::ffi::{CStr, c_int};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use lossy_disk::{ROOT, SHADOW, Shadow};

type SyncCall = unsafe extern "C" fn(c_int) -> c_int;

/// The watched folder and its shadow, if the environment names them.
static DISK: LazyLock<Option<(PathBuf, Shadow)>> = LazyLock::new(|| {
    let shadow = Shadow::open(Path::new(&std::env::var_os(SHADOW)?));
    Some((PathBuf::from(std::env::var_os(ROOT)?), shadow))
});

static FSYNC: LazyLock<SyncCall> = LazyLock::new(|| next(c"fsync"));
static FDATASYNC: LazyLock<SyncCall> = LazyLock::new(|| next(c"fdatasync"));

/// `fsync(2)`.
///
/// # Safety
/// As that of libc: any `fd` is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fsync(fd: c_int) -> c_int {
    // SAFETY: the call is passed on as it came.
    succeed(fd, unsafe { FSYNC(fd) })
}

/// `fdatasync(2)`.
///
/// # Safety
/// As that of libc: any `fd` is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    // SAFETY: the call is passed on as it came.
    succeed(fd, unsafe { FDATASYNC(fd) })
}

/// The function of libc that this library stands in front of.
fn next(name: &CStr) -> SyncCall {
    // SAFETY: the name is a C string, and RTLD_NEXT is a handle that dlsym takes.
    let address = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
    if address.is_null() {
        abort(&format!("libc has no {name:?}"));
    }
    // SAFETY: libc's `fsync` and `fdatasync` have this signature, and were just found.
    unsafe { std::mem::transmute::<*mut libc::c_void, SyncCall>(address) }
}

/// Hands on the result of a sync, once the disk knows of it.
fn succeed(fd: c_int, result: c_int) -> c_int {
    if let (0, Some((root, shadow))) = (result, DISK.as_ref()) {
        let open_file = PathBuf::from(format!("/proc/self/fd/{fd}"));
        let is_watched = fs::read_link(&open_file).is_ok_and(|path| path.starts_with(root));
        if is_watched && let Err(error) = shadow.sync(&open_file) {
            abort(&format!("sync of {:?}: {error}", fs::read_link(&open_file)));
        }
    }
    result
}

#[allow(clippy::print_stderr, reason = "the host program's logging is not ours to use")]
fn abort(reason: &str) -> ! {
    eprintln!("lossy disk: {reason}");
    std::process::abort()
}
