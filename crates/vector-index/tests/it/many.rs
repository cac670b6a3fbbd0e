//! Thousands of small indexes in one store.

use std::fs;
use std::time::{Duration, Instant};

use vector_index::{Distance, Settings, Store};

use crate::support::{index, open, query, random_vector, rng, tagged};

const INDEXES: u64 = 10_000;
const DIMENSION: usize = 384;

fn rss_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Folders like that of an index with three items, some in a segment, some in the log.
fn fill(root: &std::path::Path) {
    let mut rng = rng(50);
    {
        let store = open(root);
        let index = index(&store, DIMENSION, Distance::Cosine);
        for n in 0..3 {
            index.add(vec![tagged(n.to_string(), &random_vector(&mut rng, DIMENSION), n)]).unwrap();
            if n == 1 {
                index.seal().unwrap();
            }
        }
    }
    for n in 1..INDEXES {
        let folder = root.join(format!("t{n}"));
        fs::create_dir(&folder).unwrap();
        for file in fs::read_dir(root.join("t")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), folder.join(file.file_name())).unwrap();
        }
    }
}

#[test]
#[ignore = "measures the whole process: cargo test -p vector-index --test it -- --ignored --nocapture ten_thousand"]
fn ten_thousand_small_indexes_open_in_seconds_and_stay_small() {
    let root = tempfile::tempdir().unwrap();
    fill(root.path());
    let (before_bytes, started) = (rss_bytes(), Instant::now());
    let store = Store::open(root.path(), Settings::default()).unwrap();
    let took = started.elapsed();
    let bytes_each = (rss_bytes() - before_bytes) / INDEXES;
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().count();
    let mappings = fs::read_to_string("/proc/self/maps").unwrap().lines().count();
    println!(
        "{INDEXES} indexes: {took:?}, {bytes_each} bytes each, {descriptors} descriptors, {mappings} mappings"
    );
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(bytes_each < 60_000, "{bytes_each} bytes each");
    assert!(descriptors < 20 && mappings < 1000, "{descriptors} descriptors, {mappings} mappings");
    let last = store.get(&format!("t{}", INDEXES - 1)).unwrap();
    assert_eq!((last.info().count, last.info().sealed), (3, 2));
    assert_eq!(last.search(query(&[1.0; DIMENSION], 3)).unwrap().hits.len(), 3);
}
