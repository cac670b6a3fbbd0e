//! Disks that are full, fail, or are not waited for.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use vector_index::{Disk, Distance, Error, PlainDisk, Settings, Store};

use crate::support::{ids, index, item, open, search};

/// For tests of logic, not of durability.
pub(crate) struct NoSync;

impl Disk for NoSync {
    fn sync_data(&self, _: &File) -> io::Result<()> {
        Ok(())
    }

    fn sync_all(&self, _: &File) -> io::Result<()> {
        Ok(())
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Default)]
struct FailingDisk {
    is_full: AtomicBool,
    sync_fails: AtomicBool,
    syncs: AtomicUsize,
}

impl Disk for FailingDisk {
    fn write_all_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.is_full.load(Relaxed) {
            PlainDisk.write_all_at(file, &bytes[..bytes.len() / 2], offset)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        PlainDisk.write_all_at(file, bytes, offset)
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        self.syncs.fetch_add(1, Relaxed);
        if self.sync_fails.load(Relaxed) {
            Err(io::Error::other("medium error"))
        } else {
            PlainDisk.sync_data(file)
        }
    }
}

fn store_on(disk: &Arc<FailingDisk>, root: &Path) -> Store {
    let disk: Arc<dyn Disk> = Arc::<FailingDisk>::clone(disk);
    Store::open_on(root, Settings::default(), disk).unwrap()
}

#[test]
fn full_disk_refuses_writes_while_searches_go_on() {
    let root = tempfile::tempdir().unwrap();
    let disk = Arc::new(FailingDisk::default());
    let store = store_on(&disk, root.path());
    let index = index(&store, 2, Distance::Cosine);
    index.add(vec![item("before", &[1.0, 0.0])]).unwrap();
    disk.is_full.store(true, Relaxed);
    assert!(matches!(index.add(vec![item("refused", &[1.0, 0.0])]), Err(Error::DiskFull)));
    assert!(matches!(index.delete(vec!["before".to_owned()]), Err(Error::DiskFull)));
    assert_eq!(ids(&search(&index, &[1.0, 0.0], 9)), ["before"]);
    disk.is_full.store(false, Relaxed);
    index.add(vec![item("after", &[0.0, 1.0])]).unwrap();
    drop((index, store));
    let again = open(root.path()).get("t").unwrap();
    assert_eq!(ids(&search(&again, &[1.0, 0.0], 9)), ["before", "after"]);
}

#[test]
fn failed_sync_is_never_acknowledged_and_stops_writes_until_reopened() {
    let root = tempfile::tempdir().unwrap();
    let disk = Arc::new(FailingDisk::default());
    let store = store_on(&disk, root.path());
    let index = index(&store, 2, Distance::Cosine);
    index.add(vec![item("before", &[1.0, 0.0])]).unwrap();
    disk.sync_fails.store(true, Relaxed);
    assert!(matches!(index.add(vec![item("unknown", &[1.0, 0.0])]), Err(Error::Poisoned { .. })));
    disk.sync_fails.store(false, Relaxed);
    let refused = index.add(vec![item("refused", &[1.0, 0.0])]).unwrap_err();
    assert!(
        matches!(&refused, Error::Poisoned { reason, .. } if reason.contains("medium error")),
        "{refused}"
    );
    assert_eq!(ids(&search(&index, &[1.0, 0.0], 9)), ["before"], "what was not acknowledged is not shown");
    drop((index, store));
    let store = open(root.path());
    let again = store.get("t").unwrap();
    again.add(vec![item("after", &[0.0, 1.0])]).unwrap();
    assert!(again.get("before", 0).unwrap().is_some() && again.get("refused", 0).unwrap().is_none());
}

#[test]
fn every_acknowledged_write_has_been_synced() {
    let root = tempfile::tempdir().unwrap();
    let disk = Arc::new(FailingDisk::default());
    let store = store_on(&disk, root.path());
    let index = index(&store, 2, Distance::Cosine);
    let before = disk.syncs.load(Relaxed);
    index.add(vec![item("a", &[1.0, 0.0])]).unwrap();
    assert_eq!(disk.syncs.load(Relaxed) - before, 1);
    index.delete(vec!["a".to_owned()]).unwrap();
    assert_eq!(disk.syncs.load(Relaxed) - before, 2);
}
