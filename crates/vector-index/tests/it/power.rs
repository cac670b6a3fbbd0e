//! Power failures: of what was not synced, nothing is left.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rand::Rng;
use vector_index::{Collection, Disk, Distance, PlainDisk, Store};

use crate::disk::NoSync;
use crate::support::{graph_settings, index, item, random_vector, rng, wait_until};

const DIMENSION: usize = 4;

type Contents = BTreeMap<String, Vec<f32>>;

/// What a power failure would leave: the names that a sync of their folder has made durable, and of their files what a
/// sync of each has.
#[derive(Default)]
struct Platter {
    /// Files by inode.
    synced: HashMap<u64, Vec<u8>>,
    names: BTreeMap<PathBuf, u64>,
    synced_names: BTreeMap<PathBuf, u64>,
    acknowledged: Contents,
    /// What the index holds if the change under way counts.
    pending: Contents,
    failures: Vec<Failure>,
}

/// A power failure before some step: what is left, and what must be.
struct Failure {
    step: String,
    files: BTreeMap<PathBuf, Vec<u8>>,
    acknowledged: Contents,
    pending: Contents,
}

impl Platter {
    fn holding(folder: &Path) -> Self {
        let mut platter = Self::default();
        for file in fs::read_dir(folder).unwrap() {
            let file = file.unwrap();
            let inode = file.metadata().unwrap().ino();
            platter.synced.insert(inode, fs::read(file.path()).unwrap());
            platter.names.insert(file.path(), inode);
        }
        platter.synced_names = platter.names.clone();
        platter
    }

    fn fail(&mut self, step: String) {
        let files = self.synced_names.iter().map(|(path, inode)| (path.clone(), self.synced[inode].clone()));
        let (acknowledged, pending) = (self.acknowledged.clone(), self.pending.clone());
        self.failures.push(Failure { step, files: files.collect(), acknowledged, pending });
    }
}

struct Spinning(Mutex<Platter>);

impl Spinning {
    fn sync(&self, file: &File, step: &str) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        platter.fail(format!("{step} {file:?}"));
        let inode = file.metadata()?.ino();
        let path = fs::read_link(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file)))?;
        platter.synced.insert(inode, fs::read(path)?);
        Ok(())
    }
}

impl Disk for Spinning {
    fn create(&self, path: &Path) -> io::Result<File> {
        let mut platter = self.0.lock().unwrap();
        platter.fail(format!("create {}", path.display()));
        let file = PlainDisk.create(path)?;
        let inode = file.metadata()?.ino();
        // It may be the inode of a removed file whose removal is not durable: what was superseded may be empty then.
        platter.synced.insert(inode, Vec::new());
        platter.names.insert(path.to_owned(), inode);
        Ok(file)
    }

    fn write_all_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.lock().unwrap().fail(format!("write to {file:?}"));
        PlainDisk.write_all_at(file, bytes, offset)
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        self.sync(file, "sync the log")
    }

    fn sync_all(&self, file: &File) -> io::Result<()> {
        self.sync(file, "sync")
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        platter.fail(format!("rename to {}", to.display()));
        PlainDisk.rename(from, to)?;
        let inode = platter.names.remove(from).unwrap();
        platter.names.insert(to.to_owned(), inode);
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        platter.fail(format!("sync {}", folder.display()));
        platter.synced_names = platter.names.clone();
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        platter.fail(format!("remove {}", path.display()));
        platter.names.remove(path).unwrap();
        PlainDisk.remove(path)
    }
}

fn contents(index: &Collection) -> Contents {
    let everything = index.search(crate::support::query(&[0.0; DIMENSION], 10_000)).unwrap().hits;
    everything
        .iter()
        .map(|hit| (hit.id.to_string(), index.get(&hit.id, 0).unwrap().unwrap().vector))
        .collect()
}

/// Adds two items and deletes one, as one change each.
fn change(index: &Collection, disk: &Spinning, n: u64) {
    let mut rng = rng(n);
    let items: Vec<_> = (0..2)
        .map(|_| item(rng.random_range(0..80_u32).to_string(), &random_vector(&mut rng, DIMENSION)))
        .collect();
    let mut after = disk.0.lock().unwrap().acknowledged.clone();
    after.extend(items.iter().map(|item| (item.id.clone(), item.vector.clone())));
    acknowledge(disk, after.clone(), || index.add(items).unwrap().version);
    let gone = rng.random_range(0..80_u32).to_string();
    after.remove(&gone);
    acknowledge(disk, after, || index.delete(vec![gone]).unwrap().version);
}

fn acknowledge(disk: &Spinning, after: Contents, work: impl FnOnce() -> u64) {
    disk.0.lock().unwrap().pending = after.clone();
    work();
    disk.0.lock().unwrap().acknowledged = after;
}

#[test]
fn power_failure_at_any_step_of_writes_and_seals_leaves_what_was_acknowledged() {
    let root = tempfile::tempdir().unwrap();
    drop(index(&Store::open(root.path(), graph_settings(20)).unwrap(), DIMENSION, Distance::Euclidean));
    let disk = Arc::new(Spinning(Mutex::new(Platter::holding(&root.path().join("t")))));
    {
        let seam: Arc<dyn Disk> = Arc::<Spinning>::clone(&disk);
        let store = Store::open_on(root.path(), graph_settings(20), seam).unwrap();
        let index = store.get("t").unwrap();
        for n in 0..60 {
            change(&index, &disk, n);
            if n % 20 == 10 {
                index.seal().unwrap();
            }
        }
        wait_until("nothing is sealed", || !index.info().is_sealing);
        assert!(index.info().indexed > 0, "{:?}", index.info());
    }
    let failures = std::mem::take(&mut disk.0.lock().unwrap().failures);
    assert!(failures.len() > 200, "{}", failures.len());
    for Failure { step, files, acknowledged, pending } in failures {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("t")).unwrap();
        for (path, bytes) in files {
            fs::write(root.path().join("t").join(path.file_name().unwrap()), bytes).unwrap();
        }
        let store = Store::open_on(root.path(), graph_settings(20), Arc::new(NoSync)).unwrap();
        let index = store.get("t").unwrap_or_else(|refused| panic!("power failure before {step}: {refused}"));
        let left = contents(&index);
        assert!(left == acknowledged || left == pending, "power failure before {step}");
    }
}
