use ledger::{Error, Ledger};

use crate::{NOTES, add, ids, open};

#[tokio::test]
async fn reopened_database_holds_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    add(&ledger, 7).await.unwrap();
    ledger.close().await;
    assert_eq!(ids(&open(folder.path())).await, [7]);
}

#[tokio::test]
async fn writer_syncs_at_every_commit_and_enforces_foreign_keys() {
    let folder = tempfile::tempdir().unwrap();
    let settings = open(folder.path())
        .write(|tx| {
            let number = |pragma: &str| tx.query_row(pragma, (), |row| row.get::<_, i64>(0));
            let journal: String = tx.query_row("PRAGMA journal_mode", (), |row| row.get(0))?;
            Ok::<_, Error>((journal, number("PRAGMA synchronous")?, number("PRAGMA foreign_keys")?))
        })
        .await
        .unwrap();
    let full = 2;
    assert_eq!(settings, ("wal".to_owned(), full, 1));
}

#[tokio::test]
async fn later_migration_is_applied_once_on_top_of_existing_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    let ledger = open(folder.path());
    add(&ledger, 7).await.unwrap();
    ledger.close().await;
    let migrations =
        [NOTES, "ALTER TABLE note ADD COLUMN author TEXT; INSERT INTO note (id, text) VALUES (8, 'y');"];
    for _ in 0..2 {
        let ledger = Ledger::open(&path, &migrations).unwrap();
        assert_eq!(ids(&ledger).await, [7, 8]);
        ledger.close().await;
    }
}

#[test]
fn failing_migration_leaves_the_previous_version_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    let broken = "CREATE TABLE other (id INTEGER) STRICT; THIS IS NOT SQL;";
    assert!(Ledger::open(&path, &[NOTES, broken]).is_err());
    let fixed = "CREATE TABLE other (id INTEGER) STRICT;";
    assert!(Ledger::open(&path, &[NOTES, fixed]).is_ok());
}

#[test]
fn database_of_a_later_release_is_refused_naming_both_versions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    let three = [NOTES, "CREATE TABLE b (id INTEGER);", "CREATE TABLE c (id INTEGER);"];
    drop(Ledger::open(&path, &three).unwrap());
    let Err(error) = Ledger::open(&path, &[NOTES]) else { panic!("must be refused") };
    assert!(matches!(error, Error::Newer { found: 3, known: 1, .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.contains("version 3") && message.contains("up to 1"), "{message}");
}

#[test]
fn file_that_is_no_database_is_refused_by_name_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    let garbage = vec![0x5a; 8192];
    std::fs::write(&path, &garbage).unwrap();
    let Err(error) = Ledger::open(&path, &[NOTES]) else { panic!("must be refused") };
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().contains("notes.db"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), garbage);
}

#[tokio::test]
async fn damaged_page_is_found_when_the_database_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    let ledger = open(folder.path());
    for id in 0..500 {
        add(&ledger, id).await.unwrap();
    }
    ledger.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    let second_page = 4096;
    bytes[second_page..second_page + 64].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let Err(error) = Ledger::open(&path, &[NOTES]) else { panic!("must be refused") };
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    assert_eq!(error.code(), wire::ErrorCode::DataCorrupt);
}

#[test]
fn missing_folder_is_an_error_that_names_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let Err(error) = Ledger::open(&folder.path().join("absent/notes.db"), &[NOTES]) else {
        panic!("must fail")
    };
    assert!(matches!(error, Error::Open { .. }), "{error:?}");
    assert!(error.to_string().contains("absent/notes.db"));
}
