//! What this crate asks of the allocator arrives there.

use std::fs;

use allocator as _;

#[test]
#[cfg(target_os = "linux")]
fn thread_of_the_allocators_own_gives_unused_pages_back() {
    // It starts with the first arena that is used.
    drop(std::hint::black_box(vec![1_u8; 1 << 20]));
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names: Vec<String> =
        tasks.map(|task| fs::read_to_string(task.unwrap().path().join("comm")).unwrap()).collect();
    assert!(names.iter().any(|name| name.starts_with("jemalloc")), "{names:?}");
}
