//! Archives: one index as one stream of bytes, to be kept elsewhere or taken to another machine.
//!
//! ```text
//! "LHVECARC" | format u32 | files u32 | crc32 u32 of all before
//! per file   role u32 | number u64 | bytes u64 | crc32 u32
//! crc32 u32 of the list
//! the bytes of all files, end to end
//! ```
//! The files are a manifest and those that it names. The index of an archive has an empty log.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::codec::{Fields, Put};
use crate::collection::Collection;
use crate::durable::{Disk, Sum, create_atomically};
use crate::error::Error;
use crate::files::{Entry, FileName, Role};
use crate::manifest::Manifest;
use crate::wal;

const MAGIC: &[u8; 8] = b"LHVECARC";
const FORMAT: u32 = 1;
const HEADER_BYTES: usize = 20;
const LISTED_BYTES: usize = 24;
/// There are at most as many segments as doublings of the number of slots, and two more files.
const MAX_FILES: u32 = 100;
const CHUNK_BYTES: usize = 1 << 20;

/// What an archive holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// The version of the index that it holds: all changes up to it, and none after.
    pub version: u64,
    /// Live items.
    pub count: usize,
    /// How many bytes were written.
    pub bytes: u64,
}

/// A file in the list of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Listed {
    name: FileName,
    sum: Sum,
}

impl Collection {
    /// Writes the index as it is, as an archive, from which [`crate::Store::import`] makes the same index. It is sealed
    /// first; reads and writes go on meanwhile.
    ///
    /// # Errors
    /// What was written so far is no archive. [`Error::Corrupt`] if a file does not hold any more what was written to
    /// it; or the index could not be sealed, or `out` not written to.
    pub fn export(&self, out: &mut dyn Write) -> Result<Exported, Error> {
        let (manifest, files) = self.sealed_files()?;
        let listed: Vec<Listed> = files.iter().map(|(listed, _)| *listed).collect();
        let list = encode_list(&listed);
        let unwritable = |cause| Error::io("write an archive of", &self.folder, cause);
        out.write_all(&list).map_err(unwritable)?;
        for (listed, mut file) in files {
            let path = listed.name.path(&self.folder);
            let mut crc = crc32fast::Hasher::new();
            let copied = in_chunks(&mut file, listed.sum.bytes, |chunk| {
                crc.update(chunk);
                out.write_all(chunk)
            });
            copied.map_err(|failure| match failure {
                CopyFailure::Input(cause) => Error::io("read", &path, cause),
                CopyFailure::Output(cause) => unwritable(cause),
            })?;
            if crc.finalize() != listed.sum.crc {
                return Err(Error::corrupt(&path, "it does not hold any more what was written to it"));
            }
        }
        out.flush().map_err(unwritable)?;
        let bytes = listed.iter().map(|file| file.sum.bytes).sum::<u64>() + list.len() as u64;
        let count = manifest.slots() as usize - manifest.dead.count();
        Ok(Exported { version: manifest.version, count, bytes })
    }

    /// Seals the index and opens its files: an open file stays readable when a later seal removes it.
    fn sealed_files(&self) -> Result<(Manifest, Vec<(Listed, File)>), Error> {
        let mut on_disk = self.on_disk.lock();
        self.seal_alone(&mut on_disk)?;
        let opened = self.with_files(|| {
            let (manifest, sum) = Manifest::read(&self.folder, on_disk.generation)?;
            let files = listed(&manifest, sum).map(|listed| {
                let path = listed.name.path(&self.folder);
                File::open(&path).map(|file| (listed, file)).map_err(|e| Error::io("open", &path, e))
            });
            let files = files.collect::<Result<_, _>>()?;
            Ok((manifest, files))
        })?;
        opened.ok_or_else(|| Error::NotFound { name: self.name.clone() })
    }
}

/// The files of an archive, of a manifest and its sum.
fn listed(manifest: &Manifest, sum: Sum) -> impl Iterator<Item = Listed> {
    let entry_of = |role, entry: &Entry| Listed { name: FileName::new(role, entry.number), sum: entry.sum };
    let own = Listed { name: FileName::new(Role::Manifest, manifest.generation), sum };
    let segments = manifest.segments.iter().map(move |entry| entry_of(Role::Segment, entry));
    let graph = manifest.graph.iter().map(move |entry| entry_of(Role::Graph, entry));
    std::iter::once(own).chain(segments).chain(graph)
}

/// At which end copying stopped.
enum CopyFailure {
    Input(io::Error),
    Output(io::Error),
}

/// Hands `bytes` bytes of `input` to `write`.
fn in_chunks(
    input: &mut dyn Read,
    bytes: u64,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), CopyFailure> {
    let mut chunk = vec![0; CHUNK_BYTES.min(bytes as usize)];
    let mut left = bytes;
    while left > 0 {
        let part = left.min(CHUNK_BYTES as u64) as usize;
        input.read_exact(&mut chunk[..part]).map_err(CopyFailure::Input)?;
        write(&chunk[..part]).map_err(CopyFailure::Output)?;
        left -= part as u64;
    }
    Ok(())
}

const fn code_of(role: Role) -> u32 {
    match role {
        Role::Manifest => 1,
        Role::Segment => 2,
        Role::Graph => 3,
        Role::Log => 4,
    }
}

fn encode_list(files: &[Listed]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.put_u32(FORMAT);
    out.put_u32(files.len() as u32);
    out.put_u32(crc32fast::hash(&out));
    for Listed { name, sum } in files {
        out.put_u32(code_of(name.role));
        out.put_u64(name.number);
        out.put_u64(sum.bytes);
        out.put_u32(sum.crc);
    }
    out.put_u32(crc32fast::hash(&out[HEADER_BYTES..]));
    out
}

/// Writes the files of an archive into an empty folder, durably, with an empty log beside them. What they hold is
/// checked by opening them.
pub(crate) fn unpack(disk: &dyn Disk, folder: &Path, input: &mut dyn Read) -> Result<(), Error> {
    let files = read_list(input)?;
    let [manifest, others @ ..] = files.as_slice() else { return Err(refused("it holds no files")) };
    let may_come_later = |file: &Listed| matches!(file.name.role, Role::Segment | Role::Graph);
    if manifest.name.role != Role::Manifest || !others.iter().all(may_come_later) {
        return Err(refused("its list of files is not that of an index"));
    }
    for file in &files {
        unpack_file(disk, folder, file, input)?;
    }
    match io::copy(&mut input.take(1), &mut io::sink()) {
        Ok(0) => wal::create(disk, folder, manifest.name.number),
        Ok(_) => Err(refused("it goes on behind its last file")),
        Err(cause) => Err(unreadable("its end", &cause)),
    }
}

fn refused(reason: impl Into<String>) -> Error {
    Error::Archive { reason: reason.into() }
}

fn unreadable(part: &str, cause: &io::Error) -> Error {
    match cause.kind() {
        io::ErrorKind::UnexpectedEof => refused(format!("it ends inside {part}")),
        _ => refused(format!("{part} could not be read: {cause}")),
    }
}

fn read_list(input: &mut dyn Read) -> Result<Vec<Listed>, Error> {
    let mut header = [0; HEADER_BYTES];
    input.read_exact(&mut header).map_err(|cause| unreadable("its header", &cause))?;
    let count = check_header(&header).map_err(refused)?;
    let mut list = vec![0; count as usize * LISTED_BYTES + 4];
    input.read_exact(&mut list).map_err(|cause| unreadable("its list of files", &cause))?;
    let (list, crc) = list.split_at(count as usize * LISTED_BYTES);
    decode_list(list, crc).map_err(refused)
}

/// Returns how many files there are.
fn check_header(header: &[u8; HEADER_BYTES]) -> Result<u32, String> {
    let mut fields = Fields(header);
    if fields.take(MAGIC.len())? != MAGIC {
        return Err("it does not begin as an archive of an index does".to_owned());
    }
    let (format, count, crc) = (fields.u32()?, fields.u32()?, fields.u32()?);
    if crc != crc32fast::hash(&header[..HEADER_BYTES - 4]) {
        return Err("its header fails its checksum".to_owned());
    }
    match format {
        FORMAT if count <= MAX_FILES => Ok(count),
        FORMAT => Err(format!("{count} files are more than an index has")),
        newer if newer > FORMAT => {
            Err(format!("format {newer} is newer than the format {FORMAT} of this build"))
        }
        other => Err(format!("format {other} is not the format {FORMAT} of this build")),
    }
}

fn decode_list(list: &[u8], crc: &[u8]) -> Result<Vec<Listed>, String> {
    if Fields(crc).u32()? != crc32fast::hash(list) {
        return Err("its list of files fails its checksum".to_owned());
    }
    let mut fields = Fields(list);
    let mut files = Vec::new();
    while fields.end().is_err() {
        let code = fields.u32()?;
        let role = Role::ALL.into_iter().find(|role| code_of(*role) == code);
        let role = role.ok_or_else(|| format!("this build knows no files of kind {code}"))?;
        let name = FileName::new(role, fields.u64()?);
        files.push(Listed { name, sum: Sum { bytes: fields.u64()?, crc: fields.u32()? } });
    }
    Ok(files)
}

fn unpack_file(disk: &dyn Disk, folder: &Path, listed: &Listed, input: &mut dyn Read) -> Result<(), Error> {
    let name = listed.name.to_string();
    let mut failed_input = None;
    let written = create_atomically(disk, &listed.name.path(folder), |out| {
        in_chunks(input, listed.sum.bytes, |chunk| out.write_all(chunk)).map_err(|failure| match failure {
            CopyFailure::Input(cause) => {
                failed_input = Some(unreadable(&name, &cause));
                cause
            }
            CopyFailure::Output(cause) => cause,
        })
    });
    if let Some(failure) = failed_input {
        return Err(failure);
    }
    if written? == listed.sum { Ok(()) } else { Err(refused(format!("{name} fails its checksum"))) }
}
