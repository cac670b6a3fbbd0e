//! Archives: what an index gives away and another store takes in.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use vector_index::{Collection, Disk, Distance, Error, Item, PlainDisk, Store};

use crate::disk::NoSync;
use crate::support::{
    clustered, graph_settings, ids, index, item, open, query, random_vector, rng, search, tagged,
};

const DIMENSION: usize = 6;

fn exported(index: &Collection) -> Vec<u8> {
    let mut archive = Vec::new();
    let exported = index.export(&mut archive).unwrap();
    assert_eq!((exported.bytes, exported.count), (archive.len() as u64, index.info().count));
    archive
}

/// An index with a graph, several segments, dead slots, metadata, times, and a write buffer.
fn filled(store: &Store, distance: Distance) -> Arc<Collection> {
    let index = index(store, DIMENSION, distance);
    let mut rng = rng(40);
    let vectors = clustered(&mut rng, 140, DIMENSION, 10);
    let items: Vec<Item> =
        vectors.iter().enumerate().map(|(n, vector)| tagged(n.to_string(), vector, n as u64)).collect();
    index.add(items[..100].to_vec()).unwrap();
    index.seal().unwrap();
    index.add(items[100..130].to_vec()).unwrap();
    index.seal().unwrap();
    index.delete(vec!["3".into(), "104".into()]).unwrap();
    index
        .add(items[130..].iter().map(|item| Item { expires_ms: Some(50), ..item.clone() }).collect())
        .unwrap();
    index
}

fn everything(index: &Collection) -> Vec<Item> {
    let hits = search(index, &[0.5; DIMENSION], 1000);
    let mut items: Vec<Item> = hits.iter().map(|hit| index.get(&hit.id, 0).unwrap().unwrap()).collect();
    items.sort_by(|a, b| a.id.cmp(&b.id));
    items
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn index_comes_back_from_its_archive_in_another_store_under_another_name() {
    for distance in [Distance::Cosine, Distance::Dot, Distance::Euclidean] {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = Store::open(here.path(), graph_settings(50)).unwrap();
        let original = filled(&store, distance);
        let archive = exported(&original);

        let other = Store::open(there.path(), graph_settings(50)).unwrap();
        other.create("different", 3, Distance::Dot).unwrap();
        let info = other.import("copy", &mut archive.as_slice()).unwrap();
        let copy = other.get("copy").unwrap();
        let expected = original.info();
        assert_eq!((info.name.as_str(), info.dimension, info.distance), ("copy", DIMENSION, distance));
        assert_eq!((info.count, info.version, info.indexed), (138, expected.version, expected.indexed));
        assert_eq!((info.sealed, info.segments, info.dead), (138, expected.segments, 2));
        assert_eq!(everything(&copy), everything(&original));
        assert_eq!(copy.get("135", 50).unwrap(), None, "times came along");

        copy.add(vec![item("new", &[9.0; DIMENSION])]).unwrap();
        copy.seal().unwrap();
        let expected = everything(&copy);
        drop((copy, other));
        let other = Store::open(there.path(), graph_settings(50)).unwrap();
        assert_eq!(everything(&other.get("copy").unwrap()), expected);
        assert_eq!(names_in(there.path()), ["copy", "different"]);
    }
}

#[test]
fn archive_of_an_empty_index_is_an_empty_index() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let archive = exported(&index(&store, 3, Distance::Dot));
    let info = store.import("copy", &mut archive.as_slice()).unwrap();
    assert_eq!((info.count, info.dimension, info.distance), (0, 3, Distance::Dot));
    store.get("copy").unwrap().add(vec![item("a", &[1.0, 2.0, 3.0])]).unwrap();
}

#[test]
fn index_that_exists_is_not_replaced_unless_it_is_dropped_first() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let index = index(&store, 2, Distance::Cosine);
    index.add(vec![item("old", &[1.0, 0.0])]).unwrap();
    let archive = exported(&index);
    index.add(vec![item("new", &[1.0, 0.0])]).unwrap();
    assert!(matches!(store.import("t", &mut archive.as_slice()), Err(Error::Exists { .. })));
    assert_eq!(index.info().count, 2);
    assert!(matches!(store.import(".t", &mut archive.as_slice()), Err(Error::Invalid(_))));
    store.drop_index("t").unwrap();
    assert_eq!(store.import("t", &mut archive.as_slice()).unwrap().count, 1);
    assert!(matches!(index.export(&mut Vec::new()), Err(Error::NotFound { .. })), "the dropped one is gone");
    drop((index, store));
    for file in names_in(&root.path().join("t")) {
        fs::write(root.path().join("t").join(file), b"damage").unwrap();
    }
    let store = open(root.path());
    assert!(matches!(store.import("t", &mut archive.as_slice()), Err(Error::Quarantined { .. })));
    store.drop_index("t").unwrap();
    assert_eq!(store.import("t", &mut archive.as_slice()).unwrap().count, 1);
}

fn refusal(store: &Store, root: &Path, mut archive: &[u8], what: &str) -> String {
    match store.import("copy", &mut archive) {
        Err(Error::Archive { reason }) => {
            assert!(matches!(store.get("copy"), Err(Error::NotFound { .. })), "{what}");
            assert_eq!(names_in(root), Vec::<String>::new(), "{what}");
            reason
        }
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn damaged_archive_is_refused_with_a_reason_and_leaves_nothing() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let archive = {
        let store = Store::open(here.path(), graph_settings(50)).unwrap();
        exported(&filled(&store, Distance::Cosine))
    };
    let store = Store::open_on(there.path(), graph_settings(50), Arc::new(NoSync)).unwrap();
    let files = u32::from_le_bytes(archive[12..16].try_into().unwrap()) as usize;
    let bytes_before_files = 20 + 24 * files + 4;
    let is_checksum_of_a_file =
        |reason: &str| reason.ends_with(" fails its checksum") && !reason.contains(':');
    let places = (0..bytes_before_files).chain((bytes_before_files..archive.len()).step_by(97));
    for at in places {
        let mut flipped = archive.clone();
        flipped[at] ^= 1;
        let reason = refusal(&store, there.path(), &flipped, &format!("flipped at {at}"));
        let is_in_a_file = at >= bytes_before_files;
        assert!(!is_in_a_file || is_checksum_of_a_file(&reason), "flipped at {at}: {reason}");
        let reason = refusal(&store, there.path(), &archive[..at], &format!("cut at {at}"));
        assert!(reason.starts_with("it ends inside"), "cut at {at}: {reason}");
    }
    let longer = [archive.as_slice(), b"x"].concat();
    assert!(refusal(&store, there.path(), &longer, "longer").contains("goes on behind its last file"));
    assert!(store.import("copy", &mut archive.as_slice()).is_ok(), "the whole one is taken");
}

/// `archive` with the number at `at` of its header changed, and the checksum of the header made right again.
fn with_header(archive: &[u8], at: usize, value: u32) -> Vec<u8> {
    let mut changed = archive.to_vec();
    changed[at..at + 4].copy_from_slice(&value.to_le_bytes());
    let crc = crc32fast::hash(&changed[..16]);
    changed[16..20].copy_from_slice(&crc.to_le_bytes());
    changed
}

#[test]
fn archive_of_another_kind_or_a_newer_build_is_refused_by_name() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let archive = {
        let store = open(here.path());
        let index = index(&store, 2, Distance::Cosine);
        index.add(vec![item("a", &[1.0, 0.0])]).unwrap();
        exported(&index)
    };
    let store = open(there.path());
    for (archive, expected) in [
        (with_header(&archive, 8, 2), "format 2 is newer than the format 1 of this build"),
        (with_header(&archive, 8, 0), "format 0 is not the format 1 of this build"),
        (with_header(&archive, 12, 101), "101 files are more than an index has"),
        (with_header(&archive, 12, 0), "its list of files fails its checksum"),
        (b"PK\x03\x04 a zip file, which is something else".to_vec(), "does not begin as an archive"),
        (Vec::new(), "it ends inside its header"),
    ] {
        let reason = refusal(&store, there.path(), &archive, expected);
        assert!(reason.contains(expected), "{reason} instead of {expected}");
    }
}

#[test]
fn archive_whose_files_do_not_belong_together_is_refused() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(here.path());
    let mut archives = Vec::new();
    for (name, dimension) in [("one", 2), ("other", 3)] {
        store.create(name, dimension, Distance::Euclidean).unwrap();
        let index = store.get(name).unwrap();
        index.add(vec![item("a", &vec![1.0; dimension])]).unwrap();
        archives.push(exported(&index));
    }
    // A header of 20 bytes; a manifest and a segment listed in 24 bytes each: role, number, bytes, crc; a checksum.
    let list_of = |archive: &[u8]| [archive[20..44].to_vec(), archive[44..68].to_vec()];
    let bytes_of = |listed: &[u8]| u64::from_le_bytes(listed[12..20].try_into().unwrap()) as usize;
    let parts_of = |archive: &[u8]| {
        let [manifest, segment] = list_of(archive);
        let (first, rest) = archive[72..].split_at(bytes_of(&manifest));
        assert_eq!(rest.len(), bytes_of(&segment));
        [(manifest, first.to_vec()), (segment, rest.to_vec())]
    };
    let joined = |parts: &[(Vec<u8>, Vec<u8>)]| {
        let list: Vec<u8> = parts.iter().flat_map(|(listed, _)| listed.clone()).collect();
        let files: Vec<u8> = parts.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        let header = with_header(&archives[0][..20], 12, parts.len() as u32);
        [header, list.clone(), crc32fast::hash(&list).to_le_bytes().to_vec(), files].concat()
    };
    let [[manifest, segment], [_, foreign]] = [parts_of(&archives[0]), parts_of(&archives[1])];
    let there_store = open(there.path());
    for (parts, expected) in [
        (vec![], "it holds no files"),
        (vec![segment.clone(), manifest.clone()], "not that of an index"),
        (vec![manifest.clone(), manifest.clone()], "not that of an index"),
        (vec![manifest.clone(), foreign], "bytes long instead of"),
        (vec![manifest.clone()], "it lacks segment-00000000000000000001.seg"),
    ] {
        let reason = refusal(&there_store, there.path(), &joined(&parts), expected);
        assert!(reason.contains(expected), "{reason} instead of {expected}");
    }
    assert!(there_store.import("copy", &mut joined(&[manifest, segment]).as_slice()).is_ok());
}

/// Runs `work` before each piece that is written.
struct Interrupted<W, F> {
    out: W,
    work: F,
}

impl<W: Write, F: FnMut()> Write for Interrupted<W, F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.work)();
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[test]
fn export_is_of_one_moment_whatever_is_written_sealed_or_dropped_meanwhile() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path(), graph_settings(50)).unwrap();
    let index = filled(&store, Distance::Euclidean);
    let expected = everything(&index);
    let mut pieces = 0;
    let meddle = || {
        pieces += 1;
        if pieces == 4 {
            return store.drop_index("t").unwrap();
        }
        if pieces < 4 {
            let more = (0..300).map(|n| item(format!("more-{n}"), &[pieces as f32 + n as f32; DIMENSION]));
            index.add(more.collect()).unwrap();
            index.delete(vec!["7".into(), "110".into()]).unwrap();
            index.seal().unwrap();
        }
    };
    let mut archive = Interrupted { out: Vec::new(), work: meddle };
    let exported = index.export(&mut archive).unwrap();
    let archive = archive.out;
    assert!(pieces > 4, "{pieces}");
    assert_eq!((exported.count, exported.bytes), (expected.len(), archive.len() as u64));
    store.import("copy", &mut archive.as_slice()).unwrap();
    assert_eq!(everything(&store.get("copy").unwrap()), expected);
}

#[test]
fn exports_while_writers_and_seals_go_on_are_each_complete() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open_on(root.path(), graph_settings(100), Arc::new(NoSync)).unwrap();
    let index = index(&store, 4, Distance::Euclidean);
    let (is_done, allowed) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut rng = rng(41);
            // One item a version; not so many that the exports would not keep up.
            let mut n = 0;
            while !is_done.load(Relaxed) {
                if n < allowed.load(Relaxed) {
                    n += 1;
                    index.add(vec![item(format!("{n:06}"), &random_vector(&mut rng, 4))]).unwrap();
                } else {
                    std::thread::yield_now();
                }
            }
        });
        scope.spawn(|| {
            while !is_done.load(Relaxed) {
                index.seal().unwrap();
            }
        });
        for round in 0..20 {
            allowed.fetch_add(100, Relaxed);
            let before = index.info().version;
            let mut archive = Vec::new();
            let exported = index.export(&mut archive).unwrap();
            assert!((before..=index.info().version).contains(&exported.version));
            let name = format!("copy-{round}");
            let info = store.import(&name, &mut archive.as_slice()).unwrap();
            assert_eq!((info.version, info.count as u64), (exported.version, exported.version));
            let copy = store.get(&name).unwrap();
            assert!((1..=info.version).all(|n| copy.get(&format!("{n:06}"), 0).unwrap().is_some()));
        }
        is_done.store(true, Relaxed);
    });
}

struct FullDisk;

impl Write for FullDisk {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Refuses files above some size.
struct SmallDisk;

impl Disk for SmallDisk {
    fn write_all_at(&self, file: &fs::File, bytes: &[u8], offset: u64) -> io::Result<()> {
        if offset + bytes.len() as u64 > 2000 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        PlainDisk.write_all_at(file, bytes, offset)
    }
}

#[test]
fn export_and_import_on_a_full_disk_say_so_and_leave_nothing() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = Store::open(here.path(), graph_settings(50)).unwrap();
    let index = filled(&store, Distance::Cosine);
    assert!(matches!(index.export(&mut FullDisk), Err(Error::DiskFull)));
    let archive = exported(&index);
    let small = Store::open_on(there.path(), graph_settings(50), Arc::new(SmallDisk)).unwrap();
    assert!(matches!(small.import("copy", &mut archive.as_slice()), Err(Error::DiskFull)));
    assert_eq!(names_in(there.path()), Vec::<String>::new());
}

#[test]
fn export_of_a_file_that_has_changed_on_disk_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path(), graph_settings(50)).unwrap();
    let index = filled(&store, Distance::Cosine);
    index.seal().unwrap();
    let graph = names_in(&root.path().join("t")).into_iter().find(|name| name.starts_with("graph-")).unwrap();
    let path = root.path().join("t").join(graph);
    let mut bytes = fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    fs::write(&path, bytes).unwrap();
    let refused = index.export(&mut Vec::new()).unwrap_err();
    assert!(matches!(&refused, Error::Corrupt { file, .. } if *file == path), "{refused}");
}

/// Calls `work` at the first read.
struct Hooked<'a, F> {
    archive: &'a [u8],
    work: Option<F>,
}

impl<F: FnOnce()> Read for Hooked<'_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(work) = self.work.take() {
            work();
        }
        self.archive.read(buffer)
    }
}

#[test]
fn of_two_that_take_the_same_name_at_once_one_is_told_so() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let index = index(&store, 2, Distance::Cosine);
    index.add(vec![item("a", &[1.0, 0.0])]).unwrap();
    let archive = exported(&index);
    let importing = || {
        let second = store.import("copy", &mut archive.as_slice());
        assert!(matches!(second, Err(Error::BeingImported { .. })), "{second:?}");
    };
    store.import("copy", &mut Hooked { archive: &archive, work: Some(importing) }).unwrap();

    let creating = || assert!(store.create("other", 9, Distance::Dot).is_ok());
    let overtaken = store.import("other", &mut Hooked { archive: &archive, work: Some(creating) });
    assert!(matches!(overtaken, Err(Error::Exists { dimension: 9, .. })), "{overtaken:?}");
    assert_eq!(names_in(root.path()), ["copy", "other", "t"]);
    let copy = store.get("copy").unwrap();
    assert_eq!(ids(&copy.search(query(&[1.0, 0.0], 3)).unwrap().hits), ["a"]);
}
