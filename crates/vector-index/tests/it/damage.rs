//! Damaged files: the index they belong to is quarantined, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use vector_index::{Distance, Error, Listed, Store};

use crate::support::{graph_settings, ids, item, open, random_vector, rng, search};

/// Two indexes, `hurt` with a segment, a graph and a log, and `fine`.
fn two_indexes(root: &Path) {
    let store = Store::open(root, graph_settings(16)).unwrap();
    let mut rng = rng(6);
    for name in ["hurt", "fine"] {
        store.create(name, 4, Distance::Cosine).unwrap();
        let index = store.get(name).unwrap();
        index.add((0..40).map(|i| item(format!("a{i}"), &random_vector(&mut rng, 4))).collect()).unwrap();
        index.seal().unwrap();
        index.add((0..5).map(|i| item(format!("b{i}"), &random_vector(&mut rng, 4))).collect()).unwrap();
        index.add(vec![item("last", &[1.0, 0.0, 0.0, 0.0])]).unwrap();
    }
}

fn files_of(root: &Path, name: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(root.join(name)).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

/// Opens the store after one file of `hurt` was damaged, and checks that `fine` serves and `hurt` is quarantined, and
/// then can be dropped and made anew. Of a log the end may be missing.
fn check_contained(root: &Path, damaged: &Path, what: &str) {
    let store = open(root);
    let fine = store.get("fine").unwrap();
    assert_eq!(fine.info().count, 46, "{what}");
    assert_eq!(ids(&search(&fine, &[1.0, 0.0, 0.0, 0.0], 1)), ["last"]);
    match store.get("hurt") {
        Ok(hurt) => {
            let is_log = damaged.extension().is_some_and(|extension| extension == "log");
            assert!(is_log, "{what} went unnoticed");
            assert!([40, 45, 46].contains(&hurt.info().count), "{what}: {:?}", hurt.info());
        }
        Err(Error::Quarantined { reason, .. }) => {
            assert!(!reason.is_empty());
            assert!(matches!(&store.list()[1], Listed::Quarantined { name, .. } if name == "hurt"));
            assert!(matches!(store.create("hurt", 4, Distance::Cosine), Err(Error::Quarantined { .. })));
            store.drop_index("hurt").unwrap();
            store.create("hurt", 4, Distance::Cosine).unwrap();
            store.get("hurt").unwrap().add(vec![item("new", &[1.0, 0.0, 0.0, 0.0])]).unwrap();
        }
        Err(other) => panic!("{what}: {other}"),
    }
}

fn restore(root: &Path, originals: &[(PathBuf, Vec<u8>)]) {
    fs::remove_dir_all(root.join("hurt")).unwrap();
    fs::create_dir(root.join("hurt")).unwrap();
    for (path, bytes) in originals {
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn flipped_bytes_and_truncations_stay_contained() {
    let root = tempfile::tempdir().unwrap();
    two_indexes(root.path());
    let originals: Vec<_> = files_of(root.path(), "hurt")
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    assert_eq!(originals.len(), 4, "a manifest, a segment, a graph and a log");
    for (path, bytes) in &originals {
        for at in (0..bytes.len()).step_by(97) {
            restore(root.path(), &originals);
            let mut flipped = bytes.clone();
            flipped[at] ^= 0xff;
            fs::write(path, flipped).unwrap();
            check_contained(root.path(), path, &format!("{} flipped at {at}", path.display()));

            restore(root.path(), &originals);
            fs::write(path, &bytes[..at]).unwrap();
            check_contained(root.path(), path, &format!("{} cut at {at}", path.display()));
        }
    }
}

#[test]
fn missing_and_foreign_files_stay_contained() {
    let root = tempfile::tempdir().unwrap();
    two_indexes(root.path());
    for path in files_of(root.path(), "hurt") {
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let store = open(root.path());
        assert!(matches!(store.get("hurt"), Err(Error::Quarantined { .. })), "without {}", path.display());
        assert!(store.get("fine").is_ok());
        fs::write(&path, bytes).unwrap();
    }
    fs::write(root.path().join("hurt/notes.txt"), "left alone").unwrap();
    fs::write(root.path().join("stray"), "left alone").unwrap();
    fs::create_dir(root.path().join(".creating-x")).unwrap();
    let store = open(root.path());
    assert_eq!(store.get("hurt").unwrap().info().count, 46);
    assert!(root.path().join("hurt/notes.txt").exists() && root.path().join("stray").exists());
    assert!(!root.path().join(".creating-x").exists());
}

#[test]
fn torn_commit_is_dropped_whole_and_the_rest_stays() {
    let root = tempfile::tempdir().unwrap();
    two_indexes(root.path());
    let log = files_of(root.path(), "hurt").pop().unwrap();
    let bytes = fs::read(&log).unwrap();
    for cut in 1..30 {
        fs::write(&log, &bytes[..bytes.len() - cut]).unwrap();
        let hurt = open(root.path()).get("hurt").unwrap();
        assert_eq!((hurt.info().count, hurt.get("last", 0).unwrap()), (45, None), "cut by {cut}");
    }
}

#[test]
fn segment_that_was_never_finished_does_no_harm() {
    let root = tempfile::tempdir().unwrap();
    two_indexes(root.path());
    let folder = root.path().join("hurt");
    let before = files_of(root.path(), "hurt");
    for unfinished in ["segment-00000000000000000009.seg.tmp", "segment-00000000000000000009.seg"] {
        fs::write(folder.join(unfinished), b"half a segm").unwrap();
    }
    assert_eq!(open(root.path()).get("hurt").unwrap().info().count, 46);
    assert_eq!(files_of(root.path(), "hurt"), before);
}

#[test]
fn crash_between_manifest_and_removal_of_the_old_files_replays_nothing_twice() {
    let root = tempfile::tempdir().unwrap();
    two_indexes(root.path());
    let before: Vec<_> = files_of(root.path(), "hurt")
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    {
        let store = open(root.path());
        let hurt = store.get("hurt").unwrap();
        hurt.seal().unwrap();
        hurt.delete(vec!["last".to_owned()]).unwrap();
    }
    let after = files_of(root.path(), "hurt");
    for (path, bytes) in before {
        fs::write(path, bytes).unwrap();
    }
    let hurt = open(root.path()).get("hurt").unwrap();
    assert_eq!((hurt.info().count, hurt.get("last", 0).unwrap()), (45, None));
    assert_eq!(files_of(root.path(), "hurt"), after);
}

#[test]
fn index_of_an_earlier_format_is_refused_by_name_of_the_format() {
    let root = tempfile::tempdir().unwrap();
    two_indexes(root.path());
    for path in files_of(root.path(), "hurt") {
        fs::remove_file(path).unwrap();
    }
    let old = root.path().join("hurt/segment-00000000000000000001.seg");
    fs::write(&old, b"LHVECSEG\x01\0\0\0 and so on").unwrap();
    fs::write(root.path().join("hurt/wal-00000000000000000001.log"), b"LHVECWAL\x01\0\0\0").unwrap();
    let Err(Error::Quarantined { reason, .. }) = open(root.path()).get("hurt") else { panic!("it opened") };
    assert!(reason.contains("format 1 is not the format 2"), "{reason}");
    assert!(old.exists(), "nothing is removed from what is not understood");
}
