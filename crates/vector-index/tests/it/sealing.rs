//! What a seal does to the files and slots of an index, and what it leaves when it cannot go on.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;
use vector_index::{Collection, Disk, Distance, Error, PlainDisk, Settings, Store};

use crate::disk::NoSync;
use crate::support::{graph_settings, index, item, open, random_vector, rng, search, tagged, wait_until};

const DIMENSION: usize = 4;

type Oracle = BTreeMap<String, Vec<f32>>;

/// Adds items of these numbers to the index and to what is expected of it.
fn add(index: &Collection, oracle: &mut Oracle, rng: &mut ChaCha8Rng, numbers: std::ops::Range<u64>) {
    let vectors: Vec<_> = numbers.map(|n| (n, random_vector(rng, DIMENSION))).collect();
    index.add(vectors.iter().map(|(n, vector)| tagged(n.to_string(), vector, *n)).collect()).unwrap();
    oracle.extend(vectors.into_iter().map(|(n, vector)| (n.to_string(), vector)));
}

fn delete(index: &Collection, oracle: &mut Oracle, numbers: impl Iterator<Item = u64>) {
    let ids: Vec<String> = numbers.map(|n| n.to_string()).collect();
    ids.iter().for_each(|id| assert!(oracle.remove(id).is_some()));
    index.delete(ids).unwrap();
}

/// The index holds exactly the items of the oracle, and each finds itself, through the graph where there is one.
fn check(index: &Collection, oracle: &Oracle, what: &str) {
    let info = index.info();
    assert_eq!(info.count, oracle.len(), "{what}: {info:?}");
    for (id, vector) in oracle {
        let stored = index.get(id, 0).unwrap().unwrap_or_else(|| panic!("{what}: {id} is gone"));
        assert_eq!(
            (&stored.vector, stored.metadata.parse()["n"].to_string()),
            (vector, id.clone()),
            "{what}"
        );
        let hits = search(index, vector, 1);
        assert_eq!((hits[0].id.as_ref(), hits[0].distance), (id.as_str(), 0.0), "{what}");
    }
}

#[test]
fn seal_drops_the_dead_of_the_buffer_and_keeps_the_numbers_of_sealed_slots() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path(), graph_settings(50)).unwrap();
    let index = index(&store, DIMENSION, Distance::Euclidean);
    let (mut oracle, mut rng) = (Oracle::new(), rng(20));
    add(&index, &mut oracle, &mut rng, 0..200);
    index.seal().unwrap();
    add(&index, &mut oracle, &mut rng, 200..220);
    delete(&index, &mut oracle, (40..45).chain(200..210));
    assert_eq!((index.info().dead, index.info().sealed), (15, 195));
    index.seal().unwrap();

    let info = index.info();
    assert_eq!((info.dead, info.sealed, info.segments), (5, 205, 2), "{info:?}");
    assert_eq!((info.indexed, info.buffered), (200, 10), "the graph over the first slots stays");
    check(&index, &oracle, "after the second seal");
    drop((index, store));
    let store = Store::open(root.path(), graph_settings(50)).unwrap();
    let index = store.get("t").unwrap();
    assert_eq!(index.info(), info);
    check(&index, &oracle, "after a restart");
}

#[test]
fn dead_slots_are_freed_when_they_are_a_fifth() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path(), graph_settings(40)).unwrap();
    let index = index(&store, DIMENSION, Distance::Euclidean);
    let (mut oracle, mut rng) = (Oracle::new(), rng(21));
    for batch in [0..200, 200..250, 250..260] {
        add(&index, &mut oracle, &mut rng, batch);
        index.seal().unwrap();
    }
    delete(&index, &mut oracle, 0..52);
    index.seal().unwrap();
    assert_eq!((index.info().dead, index.info().segments), (52, 3), "a fifth is not more than a fifth");
    delete(&index, &mut oracle, 52..53);
    wait_until("the dead are gone", || index.info().dead == 0);
    let info = index.info();
    assert_eq!((info.segments, info.sealed, info.indexed), (1, 207, 207));
    check(&index, &oracle, "after the vacuum");
    delete(&index, &mut oracle, 53..260);
    index.seal().unwrap();
    assert_eq!((index.info().segments, index.info().dead, index.info().indexed), (0, 0, 0));
    add(&index, &mut oracle, &mut rng, 0..3);
    drop((index, store));
    check(&open(root.path()).get("t").unwrap(), &oracle, "after losing all and a restart");
}

#[test]
fn segments_stay_few_however_often_an_index_is_sealed() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open_on(root.path(), Settings::default(), Arc::new(NoSync)).unwrap();
    let index = index(&store, DIMENSION, Distance::Euclidean);
    let (mut oracle, mut rng) = (Oracle::new(), rng(22));
    for seal in 1..=100_u64 {
        add(&index, &mut oracle, &mut rng, seal * 5..seal * 5 + 5);
        index.seal().unwrap();
        let info = index.info();
        assert!(info.segments <= seal.ilog2() as usize + 1, "{info:?}");
        let files = fs::read_dir(root.path().join("t")).unwrap().count();
        assert_eq!(files, info.segments + 2, "besides the segments a manifest and a log");
    }
    let before = index.info();
    index.seal().unwrap();
    assert_eq!(index.info(), before, "with nothing to seal, nothing is written");
    check(&index, &oracle, "after 100 seals");
}

/// A disk that is shown each step before it is taken, and whose observer may refuse it.
struct Observed<F>(F);

type Step<'a> = (&'static str, &'a Path);

impl<F: Fn(Step<'_>) -> io::Result<()> + Send + Sync> Disk for Observed<F> {
    fn create(&self, path: &Path) -> io::Result<File> {
        (self.0)(("create", path))?;
        PlainDisk.create(path)
    }

    fn write_all_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        (self.0)(("write", Path::new("")))?;
        PlainDisk.write_all_at(file, bytes, offset)
    }

    fn sync_data(&self, _: &File) -> io::Result<()> {
        (self.0)(("sync log", Path::new("")))
    }

    fn sync_all(&self, _: &File) -> io::Result<()> {
        (self.0)(("sync", Path::new("")))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        (self.0)(("rename", to))?;
        PlainDisk.rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        (self.0)(("sync folder", folder))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        (self.0)(("remove", path))?;
        PlainDisk.remove(path)
    }
}

/// An index `t` with two segments, dead slots and a write buffer. [`make_due`] starts a seal that merges segments and
/// builds a graph.
fn almost_due(root: &Path) -> Oracle {
    let store = Store::open_on(root, graph_settings(30), Arc::new(NoSync)).unwrap();
    let index = index(&store, DIMENSION, Distance::Euclidean);
    let (mut oracle, mut rng) = (Oracle::new(), rng(23));
    add(&index, &mut oracle, &mut rng, 0..16);
    index.seal().unwrap();
    add(&index, &mut oracle, &mut rng, 16..22);
    index.seal().unwrap();
    assert_eq!(index.info().segments, 2);
    delete(&index, &mut oracle, 5..8);
    add(&index, &mut oracle, &mut rng, 22..33);
    delete(&index, &mut oracle, 23..25);
    assert!(!index.info().is_sealing);
    oracle
}

fn make_due(index: &Collection, oracle: &mut Oracle) {
    add(index, oracle, &mut rng(26), 40..48);
}

/// Whether this is the thread that seals.
fn is_sealer() -> bool {
    std::thread::current().name() == Some("sealer")
}

fn copied(from: &Path) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("t")).unwrap();
    for file in fs::read_dir(from.join("t")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), root.path().join("t").join(file.file_name())).unwrap();
    }
    root
}

#[test]
fn full_disk_at_any_step_of_a_seal_leaves_the_index_whole() {
    let original = tempfile::tempdir().unwrap();
    let oracle = almost_due(original.path());
    for stays_full in [false, true] {
        let mut refused_steps = Vec::new();
        loop {
            let (root, number) = (copied(original.path()), refused_steps.len());
            match seal_refused_at(root.path(), &mut oracle.clone(), number, stays_full) {
                Some(step) => refused_steps.push(step),
                None => break,
            }
        }
        let count = |wanted| refused_steps.iter().filter(|step| **step == wanted).count();
        let expected = [("create", 4), ("sync", 4), ("rename", 4), ("sync folder", 4), ("sync log", 1)];
        assert_eq!(expected.map(|(step, _)| (step, count(step))), expected, "{refused_steps:?}");
        assert!(count("write") >= 4 && count("remove") >= 4, "{refused_steps:?}");
    }
}

/// Lets an index be sealed while the disk refuses the step of this number, or all from there on, and checks the index
/// then, when there is space again, and after restarts. `None` if the seal takes fewer steps.
fn seal_refused_at(root: &Path, oracle: &mut Oracle, at: usize, stays_full: bool) -> Option<&'static str> {
    let (steps, is_full) = (AtomicUsize::new(0), Arc::new(AtomicBool::new(true)));
    let refused = Arc::new(Mutex::new(None));
    let observer = {
        let (is_full, refused) = (Arc::clone(&is_full), Arc::clone(&refused));
        move |(step, _): Step<'_>| {
            if !is_sealer() || !is_full.load(Relaxed) {
                return Ok(());
            }
            let number = steps.fetch_add(1, Relaxed);
            // A full disk removes files all the same.
            if number == at || (stays_full && number > at && step != "remove") {
                refused.lock().unwrap().get_or_insert(step);
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(())
        }
    };
    let store = Store::open_on(root, graph_settings(30), Arc::new(Observed(observer))).unwrap();
    let index = store.get("t").unwrap();
    make_due(&index, oracle);
    wait_until("the seal has ended", || !index.info().is_sealing);
    is_full.store(false, Relaxed);
    let step = *refused.lock().unwrap();
    let what = format!("refused {step:?} at step {at}");
    check(&index, oracle, &what);
    check(&open(copied(root).path()).get("t").unwrap(), oracle, &format!("{what}, crash"));
    let step = step?;
    if step == "sync log" {
        // What is on the device is unknown then, so that nothing is built upon it.
        assert!(matches!(index.seal(), Err(Error::Poisoned { .. })), "{what}");
        return Some(step);
    }
    add(&index, oracle, &mut rng(24), 200..203);
    index.seal().unwrap();
    check(&index, oracle, &format!("{what}, sealed again"));
    let info = index.info();
    assert_eq!((info.count, info.indexed > 0), (info.sealed, true), "{what}: {info:?}");
    let files = fs::read_dir(root.join("t")).unwrap().count();
    assert_eq!(files, info.segments + 3, "{what}: besides the segments a manifest, a graph and a log");
    drop((index, store));
    check(&open(root).get("t").unwrap(), oracle, &format!("{what}, restart"));
    Some(step)
}

/// What a crash at some point of a seal leaves: before which step, the files, and what has been acknowledged.
type Crash = (String, TempDir, Oracle);

/// Notes what a crash would leave before each step of a seal, and lets a writer go on in between.
struct Crashes {
    root: std::path::PathBuf,
    index: Mutex<Option<Arc<Collection>>>,
    oracle: Mutex<Oracle>,
    seen: Mutex<Vec<Crash>>,
    is_writing: AtomicBool,
}

impl Crashes {
    fn observe(&self, (step, path): Step<'_>) {
        if !is_sealer() || self.is_writing.load(Relaxed) {
            return;
        }
        let (mut oracle, mut seen) = (self.oracle.lock().unwrap(), self.seen.lock().unwrap());
        let n = seen.len() as u64;
        seen.push((format!("{step} {}", path.display()), copied(&self.root), oracle.clone()));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_of_the_log = name.starts_with("wal-");
        if step == "create" && !is_of_the_log {
            let index = self.index.lock().unwrap().clone().unwrap();
            self.is_writing.store(true, Relaxed);
            add(&index, &mut oracle, &mut rng(n), 300 + 2 * n..302 + 2 * n);
            let oldest = oracle.keys().next().unwrap().parse().unwrap();
            delete(&index, &mut oracle, [oldest, 300 + 2 * n].into_iter());
            self.is_writing.store(false, Relaxed);
        }
    }
}

#[test]
fn crash_between_any_two_steps_of_a_seal_loses_nothing_and_repeats_nothing() {
    let root = tempfile::tempdir().unwrap();
    let crashes = Arc::new(Crashes {
        root: root.path().to_owned(),
        index: Mutex::default(),
        oracle: Mutex::new(almost_due(root.path())),
        seen: Mutex::default(),
        is_writing: AtomicBool::new(false),
    });
    let observer = {
        let crashes = Arc::clone(&crashes);
        move |step: Step<'_>| {
            crashes.observe(step);
            Ok(())
        }
    };
    let store = Store::open_on(root.path(), graph_settings(30), Arc::new(Observed(observer))).unwrap();
    let index = store.get("t").unwrap();
    *crashes.index.lock().unwrap() = Some(Arc::clone(&index));
    make_due(&index, &mut crashes.oracle.lock().unwrap());
    wait_until("the seal has ended", || !index.info().is_sealing);
    crashes.index.lock().unwrap().take();
    check(&index, &crashes.oracle.lock().unwrap(), "after the seal");

    let seen = std::mem::take(&mut *crashes.seen.lock().unwrap());
    assert!(seen.len() >= 25, "{}", seen.len());
    for (step, root, oracle) in seen {
        for round in ["once", "twice"] {
            let what = format!("crash before {step}, opened {round}");
            let store = Store::open_on(root.path(), graph_settings(30), Arc::new(NoSync)).unwrap();
            let index = store.get("t").unwrap();
            check(&index, &oracle, &what);
            index.seal().unwrap();
            check(&index, &oracle, &format!("{what}, sealed"));
        }
    }
}

#[test]
fn seal_that_cannot_go_on_is_not_tried_again_with_every_write() {
    let root = tempfile::tempdir().unwrap();
    let seals = Arc::new(AtomicUsize::new(0));
    let observer = {
        let seals = Arc::clone(&seals);
        move |(step, path): Step<'_>| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if step == "create" && name.starts_with("segment-") {
                seals.fetch_add(1, Relaxed);
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(())
        }
    };
    let settings = Settings { max_wal_bytes: 40_000, ..graph_settings(20) };
    let store = Store::open_on(root.path(), settings, Arc::new(Observed(observer))).unwrap();
    let index = index(&store, DIMENSION, Distance::Euclidean);
    let mut rng = rng(25);
    for i in 0..300_u64 {
        index.add(vec![item(i.to_string(), &random_vector(&mut rng, DIMENSION))]).unwrap();
        wait_until("nothing is sealed", || !index.info().is_sealing);
    }
    // About 16,000 bytes of log: three times an eighth of the longest one.
    let tried = seals.load(Relaxed);
    assert!((2..=5).contains(&tried), "tried {tried} times");
    let info = index.info();
    assert!(info.wal_bytes > 12_000 && info.segments == 0, "a restart replays all of it: {info:?}");
}
