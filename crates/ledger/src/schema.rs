//! Opening a database: settings, integrity, migrations.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::Error;

/// How long a connection waits for a lock that another process holds (a backup, a curious operator).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// A log that one large transaction has grown is cut back to this size, bytes.
const WAL_LIMIT_BYTES: i64 = 64 << 20;

/// Opens or creates the database for writing, at the newest version of its schema.
pub(crate) fn open(path: &Path, migrations: &[&str]) -> Result<Connection, Error> {
    let is_new = !path.exists();
    let connection = connect(path).map_err(|error| Error::at(path, error))?;
    if is_new {
        // SQLite syncs the folder for its journals but not for the database itself.
        sync_folder_of(path).map_err(|error| Error::open(path, error))?;
    }
    check(path, &connection)?;
    migrate(path, connection, migrations)
}

/// Opens a connection that can only read.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "journal_size_limit", WAL_LIMIT_BYTES)?;
    Ok(connection)
}

fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

/// Reads every page once. `quick_check` leaves out only the comparison of indexes with their tables.
fn check(path: &Path, connection: &Connection) -> Result<(), Error> {
    let finding: String = connection
        .query_row("PRAGMA quick_check(1)", (), |row| row.get(0))
        .map_err(|error| Error::at(path, error))?;
    if finding == "ok" {
        return Ok(());
    }
    Err(Error::Corrupt { path: path.to_owned(), detail: finding })
}

fn migrate(path: &Path, mut connection: Connection, migrations: &[&str]) -> Result<Connection, Error> {
    let found: u32 = connection
        .query_row("PRAGMA user_version", (), |row| row.get(0))
        .map_err(|error| Error::at(path, error))?;
    let known = migrations.len() as u32;
    if found > known {
        return Err(Error::Newer { path: path.to_owned(), found, known });
    }
    for (version, sql) in (1..).zip(migrations).skip(found as usize) {
        apply(&mut connection, version, sql).map_err(|error| Error::at(path, error))?;
    }
    Ok(connection)
}

fn apply(connection: &mut Connection, version: u32, sql: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(sql)?;
    transaction.pragma_update(None, "user_version", version)?;
    transaction.commit()
}
