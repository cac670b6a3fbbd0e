use std::sync::mpsc;

use futures::future::join_all;
use ledger::{Error, Ledger};

use crate::{add, ids, open};

/// Holds the writer thread inside a write until the returned sender is dropped, so that a group gathers behind it.
async fn hold_writer(ledger: &Ledger) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel::<()>();
    let (entered, has_entered) = tokio::sync::oneshot::channel();
    let ledger = ledger.clone();
    tokio::spawn(async move {
        let wait = move |_: &ledger::rusqlite::Transaction<'_>| {
            let _ = entered.send(());
            let _ = held.recv();
            Ok::<_, Error>(())
        };
        ledger.write(wait).await.unwrap();
    });
    has_entered.await.unwrap();
    release
}

#[tokio::test]
async fn hundred_concurrent_writers_share_one_commit() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let release = hold_writer(&ledger).await;
    let before = ledger.commits();
    let mut writes = Box::pin(join_all((0..100).map(|id| add(&ledger, id))));
    // One poll puts all of them into the queue.
    assert!(futures::poll!(&mut writes).is_pending());
    drop(release);
    assert!(writes.await.iter().all(Result::is_ok));
    assert_eq!(
        ledger.commits() - before,
        2,
        "one commit for the write that held the thread, one for the rest"
    );
    assert_eq!(ids(&ledger).await.len(), 100);
}

#[tokio::test]
async fn failing_write_undoes_itself_and_nothing_else_of_its_group() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let release = hold_writer(&ledger).await;
    let failing = ledger.write(|tx| {
        tx.execute("INSERT INTO note (id, text) VALUES (50, 'half done')", ())?;
        tx.execute("INSERT INTO note (id, text) VALUES (1, 'again')", ())?;
        Ok::<_, Error>(())
    });
    let mut group = Box::pin(async { tokio::join!(add(&ledger, 1), failing, add(&ledger, 2)) });
    assert!(futures::poll!(&mut group).is_pending());
    drop(release);
    let (first, failed, last) = group.await;
    assert!(first.is_ok() && last.is_ok());
    assert!(matches!(failed, Err(Error::Sqlite(_))), "{failed:?}");
    assert_eq!(ids(&ledger).await, [1, 2]);
}

#[derive(Debug, PartialEq)]
enum Refusal {
    TooMany,
    Ledger,
}

impl From<Error> for Refusal {
    fn from(_: Error) -> Self {
        Self::Ledger
    }
}

#[tokio::test]
async fn error_of_the_callers_own_type_passes_through() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    assert_eq!(ledger.write(|_| Err::<(), _>(Refusal::TooMany)).await, Err(Refusal::TooMany));
    assert_eq!(ledger.read(|_| Err::<(), _>(Refusal::TooMany)).await, Err(Refusal::TooMany));
}

#[tokio::test]
async fn panicking_write_is_undone_and_the_writer_lives_on() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let panicked = ledger
        .write(|tx| {
            tx.execute("INSERT INTO note (id, text) VALUES (1, 'x')", ()).map_err(Error::from)?;
            panic!("a fault of the caller");
            #[expect(unreachable_code)]
            Ok::<_, Error>(())
        })
        .await;
    assert!(matches!(panicked, Err(Error::Panicked)));
    add(&ledger, 2).await.unwrap();
    assert_eq!(ids(&ledger).await, [2]);
}

#[tokio::test]
async fn panicking_read_leaves_the_readers_usable() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    for _ in 0..8 {
        let outcome = ledger.read(|_| -> Result<(), Error> { panic!("a fault of the caller") }).await;
        assert!(matches!(outcome, Err(Error::Panicked)));
    }
    assert_eq!(ids(&ledger).await, [0; 0]);
}

#[tokio::test]
async fn full_disk_fails_the_write_and_the_next_small_one_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    // The nearest thing to a full disk that SQLite offers: a cap on the size of the file, in pages.
    let cap =
        ledger.write(|tx| Ok::<i64, Error>(tx.query_row("PRAGMA max_page_count = 8", (), |row| row.get(0))?));
    assert_eq!(cap.await.unwrap(), 8);
    let large = ledger
        .write(|tx| {
            tx.execute("INSERT INTO note (text) VALUES (?)", ["x".repeat(1 << 20)])?;
            Ok::<_, Error>(())
        })
        .await;
    assert!(matches!(large, Err(Error::DiskFull)), "{large:?}");
    assert_eq!(large.unwrap_err().code(), wire::ErrorCode::InsufficientStorage);
    add(&ledger, 1).await.unwrap();
    assert_eq!(ids(&ledger).await, [1]);
}

#[tokio::test]
async fn transaction_lost_by_one_write_is_never_acknowledged_to_another() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let release = hold_writer(&ledger).await;
    // What SQLite does by itself on some full disks: the whole transaction is gone after a statement.
    let losing = ledger.write(|tx| {
        tx.execute_batch("ROLLBACK")?;
        Ok::<_, Error>(())
    });
    let mut group = Box::pin(async { tokio::join!(add(&ledger, 1), losing, add(&ledger, 2)) });
    assert!(futures::poll!(&mut group).is_pending());
    drop(release);
    let (before, lost, after) = group.await;
    assert!(matches!(before, Err(Error::GroupLost)), "{before:?}");
    assert!(matches!(lost, Err(Error::GroupLost)), "{lost:?}");
    assert!(after.is_ok(), "a write that had not run yet runs in the next transaction: {after:?}");
    assert_eq!(ids(&ledger).await, [2]);
}

#[tokio::test]
async fn reads_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let outcome = ledger.read(|db| Ok::<_, Error>(db.execute("DELETE FROM note", ())?)).await;
    assert!(matches!(outcome, Err(Error::Sqlite(_))), "{outcome:?}");
}

#[tokio::test]
async fn one_read_sees_one_snapshot_while_writers_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    add(&ledger, 1).await.unwrap();
    let (written, wait) = mpsc::channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let counts = ledger.read(move |db| {
        let count = || db.query_row("SELECT count(*) FROM note", (), |row| row.get::<_, i64>(0));
        let before = count()?;
        let _ = begun.send(());
        let _ = wait.recv();
        Ok::<_, Error>((before, count()?))
    });
    let write = async {
        has_begun.await.unwrap();
        add(&ledger, 2).await.unwrap();
        drop(written);
    };
    let (counts, ()) = tokio::join!(counts, write);
    assert_eq!(counts.unwrap(), (1, 1));
    assert_eq!(ids(&ledger).await, [1, 2]);
}

#[tokio::test]
async fn closing_finishes_what_is_queued_and_refuses_what_comes_later() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let release = hold_writer(&ledger).await;
    let mut queued = Box::pin(add(&ledger, 1));
    assert!(futures::poll!(&mut queued).is_pending());
    drop(release);
    ledger.close().await;
    queued.await.unwrap();
    assert!(matches!(add(&ledger, 2).await, Err(Error::Closed)));
    assert_eq!(ids(&open(folder.path())).await, [1]);
}
