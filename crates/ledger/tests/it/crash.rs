//! Crashes: a killed process, and a log that was cut anywhere. That commits reach the disk at all is SQLite's
//! `synchronous=FULL`; the simulated disk that drops unsynced writes (`tests/stack`) checks it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::{add, ids, open};

/// Names the folder in which [`writer_process`] writes; without it that test does nothing.
const FOLDER: &str = "LEDGER_CRASH_FOLDER";

/// Not a promise by itself: the process that [`killed_process_keeps_every_acknowledged_write`] kills.
#[tokio::test]
async fn writer_process() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let ledger = open(folder.as_ref());
    for id in 0.. {
        add(&ledger, id).await.unwrap();
        println!("acknowledged {id}");
    }
}

#[tokio::test]
async fn killed_process_keeps_every_acknowledged_write() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::writer_process", "--nocapture"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let acknowledged = |line: String| line.split("acknowledged ").nth(1)?.parse::<i64>().ok();
    let fiftieth = lines.by_ref().map_while(Result::ok).filter_map(acknowledged).nth(49);
    assert!(fiftieth.is_some(), "the writer stopped by itself");
    child.kill().unwrap();
    child.wait().unwrap();
    let last = lines.map_while(Result::ok).filter_map(acknowledged).last().or(fiftieth).unwrap();
    let kept = ids(&open(folder.path())).await;
    assert!(kept.len() as i64 > last, "{last} was acknowledged, {} rows are left", kept.len());
}

#[tokio::test]
async fn log_cut_at_any_byte_recovers_a_prefix_of_the_writes() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    for id in 0..20 {
        add(&ledger, id).await.unwrap();
    }
    let database = std::fs::read(folder.path().join("notes.db")).unwrap();
    let log = std::fs::read(folder.path().join("notes.db-wal")).unwrap();
    assert!(log.len() > 20_000, "the log holds all writes");
    let mut lengths = std::collections::BTreeSet::new();
    for cut in (0..=log.len()).step_by(1_501).chain([log.len()]) {
        let copy = tempfile::tempdir().unwrap();
        std::fs::write(copy.path().join("notes.db"), &database).unwrap();
        std::fs::write(copy.path().join("notes.db-wal"), &log[..cut]).unwrap();
        let kept = ids(&open(copy.path())).await;
        assert_eq!(kept, (0..kept.len() as i64).collect::<Vec<_>>(), "after a cut at byte {cut}");
        lengths.insert(kept.len());
    }
    assert!(lengths.contains(&20) && lengths.len() > 10, "cuts fell between the writes: {lengths:?}");
}
