//! The catalogue's rows in SQLite. Every function is one step of a transaction.

use std::collections::BTreeMap;

use lake::VersionedMetadata;
use ledger::idempotency;
use ledger::rusqlite::{self, Connection, OptionalExtension, Row, Transaction, ffi};

use super::Result;
use crate::{CatalogError, Namespace, TableName};

/// The schema of the catalogue's database, version by version.
pub const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE namespaces (
        name       TEXT PRIMARY KEY,
        properties TEXT NOT NULL,
        created_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE tables (
        namespace  TEXT NOT NULL REFERENCES namespaces (name),
        name       TEXT NOT NULL,
        location   TEXT NOT NULL,
        updated_ms INTEGER NOT NULL,
        PRIMARY KEY (namespace, name)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE history (
        id          INTEGER PRIMARY KEY,
        namespace   TEXT NOT NULL,
        name        TEXT NOT NULL,
        action      TEXT NOT NULL CHECK (action IN ('create', 'commit', 'drop')),
        location    TEXT NOT NULL,
        snapshot_id INTEGER,
        at_ms       INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX history_by_table ON history (namespace, name, id);
",
    "
    CREATE TABLE history_with_more_actions (
        id          INTEGER PRIMARY KEY,
        namespace   TEXT NOT NULL,
        name        TEXT NOT NULL,
        action      TEXT NOT NULL CHECK (action IN ('create', 'register', 'commit', 'rename', 'drop')),
        location    TEXT NOT NULL,
        snapshot_id INTEGER,
        at_ms       INTEGER NOT NULL
    ) STRICT;
    INSERT INTO history_with_more_actions SELECT * FROM history;
    DROP TABLE history;
    ALTER TABLE history_with_more_actions RENAME TO history;
    CREATE INDEX history_by_table ON history (namespace, name, id);
    CREATE TABLE purges (
        location TEXT PRIMARY KEY,
        at_ms    INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    idempotency::MIGRATION,
];

/// What happened to a table's pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Register,
    Commit,
    Rename,
    Drop,
}

impl Action {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Register => "register",
            Self::Commit => "commit",
            Self::Rename => "rename",
            Self::Drop => "drop",
        }
    }
}

/// Where a table's current metadata file is.
#[derive(Debug, Clone)]
pub(super) struct Pointer {
    pub(super) table: TableName,
    pub(super) location: String,
    pub(super) updated_ms: i64,
}

pub(super) fn namespaces(connection: &Connection) -> Result<Vec<Namespace>> {
    let mut select = connection.prepare_cached("SELECT name FROM namespaces ORDER BY name")?;
    let names = select.query_map((), |row| Ok(Namespace::from_stored(&row.get::<_, String>(0)?)))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn properties(connection: &Connection, namespace: &Namespace) -> Result<BTreeMap<String, String>> {
    let stored: Option<String> = connection
        .prepare_cached("SELECT properties FROM namespaces WHERE name = ?")?
        .query_row([namespace.to_string()], |row| row.get(0))
        .optional()?;
    let stored = stored.ok_or_else(|| CatalogError::NoSuchNamespace(namespace.to_string()))?;
    serde_json::from_str(&stored).map_err(|error| conversion(&error.to_string()))
}

pub(super) fn insert_namespace(
    transaction: &Transaction<'_>,
    namespace: &Namespace,
    properties: &BTreeMap<String, String>,
    now_ms: i64,
) -> Result<()> {
    let properties = serde_json::to_string(properties).map_err(|error| conversion(&error.to_string()))?;
    transaction
        .prepare_cached("INSERT INTO namespaces (name, properties, created_ms) VALUES (?, ?, ?)")?
        .execute((namespace.to_string(), properties, now_ms))
        .map_err(|error| match constraint(&error) {
            Some(ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => CatalogError::AlreadyExists(namespace.to_string()),
            _ => error.into(),
        })?;
    Ok(())
}

pub(super) fn delete_namespace(transaction: &Transaction<'_>, namespace: &Namespace) -> Result<()> {
    let name = namespace.to_string();
    // '/' is the character after '.', so this is every name that begins with "name.".
    let has_children: bool = transaction
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM namespaces WHERE name > ?1 || '.' AND name < ?1 || '/')",
        )?
        .query_row([&name], |row| row.get(0))?;
    if has_children {
        return Err(CatalogError::NamespaceNotEmpty(name));
    }
    let deleted = transaction.prepare_cached("DELETE FROM namespaces WHERE name = ?")?.execute([&name]);
    match deleted {
        Ok(0) => Err(CatalogError::NoSuchNamespace(name)),
        Ok(_) => Ok(()),
        Err(error) if constraint(&error) == Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => {
            Err(CatalogError::NamespaceNotEmpty(name))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) fn pointer(connection: &Connection, table: &TableName) -> Result<Pointer> {
    connection
        .prepare_cached(
            "SELECT namespace, name, location, updated_ms FROM tables WHERE namespace = ? AND name = ?",
        )?
        .query_row((table.namespace.to_string(), &table.name), read_pointer)
        .optional()?
        .ok_or_else(|| CatalogError::NoSuchTable(table.to_string()))
}

/// The tables of one namespace, or of all, by name.
pub(super) fn pointers(connection: &Connection, namespace: Option<&Namespace>) -> Result<Vec<Pointer>> {
    let mut select = connection.prepare_cached(
        "SELECT namespace, name, location, updated_ms FROM tables
         WHERE ?1 IS NULL OR namespace = ?1 ORDER BY namespace, name",
    )?;
    let pointers = select.query_map([namespace.map(ToString::to_string)], read_pointer)?;
    Ok(pointers.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn insert_table(
    transaction: &Transaction<'_>,
    table: &TableName,
    version: &VersionedMetadata,
    action: Action,
    now_ms: i64,
) -> Result<()> {
    insert_pointer(transaction, table, &version.location, now_ms)?;
    note(transaction, table, action, version, now_ms)
}

fn insert_pointer(
    transaction: &Transaction<'_>,
    table: &TableName,
    location: &str,
    now_ms: i64,
) -> Result<()> {
    transaction
        .prepare_cached("INSERT INTO tables (namespace, name, location, updated_ms) VALUES (?, ?, ?, ?)")?
        .execute((table.namespace.to_string(), &table.name, location, now_ms))
        .map_err(|error| match constraint(&error) {
            Some(ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => CatalogError::AlreadyExists(table.to_string()),
            Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => {
                CatalogError::NoSuchNamespace(table.namespace.to_string())
            }
            _ => error.into(),
        })?;
    Ok(())
}

/// A table other than `except` whose metadata are in `folder`, or below it, if there is one.
pub(super) fn table_in(
    connection: &Connection,
    folder: &str,
    except: Option<&TableName>,
) -> Result<Option<TableName>> {
    // '0' is the character after '/', so this is every location that begins with "folder/".
    let mut select = connection.prepare_cached(
        "SELECT namespace, name, location, updated_ms FROM tables
         WHERE location > ?1 || '/' AND location < ?1 || '0'",
    )?;
    for pointer in select.query_map([folder], read_pointer)? {
        let table = pointer?.table;
        if Some(&table) != except {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

/// Gives a table another name, in another namespace perhaps. Its files stay where they are.
pub(super) fn rename_table(
    transaction: &Transaction<'_>,
    from: &TableName,
    to: &TableName,
    now_ms: i64,
) -> Result<()> {
    let renamed = pointer(transaction, from)?;
    transaction
        .prepare_cached("DELETE FROM tables WHERE namespace = ? AND name = ?")?
        .execute((from.namespace.to_string(), &from.name))?;
    insert_pointer(transaction, to, &renamed.location, now_ms)?;
    [from, to].into_iter().try_for_each(|table| {
        insert_history(transaction, table, Action::Rename, &renamed.location, None, now_ms)
    })
}

pub(super) fn update_properties(
    transaction: &Transaction<'_>,
    namespace: &Namespace,
    properties: &BTreeMap<String, String>,
) -> Result<()> {
    let properties = serde_json::to_string(properties).map_err(|error| conversion(&error.to_string()))?;
    transaction
        .prepare_cached("UPDATE namespaces SET properties = ? WHERE name = ?")?
        .execute((properties, namespace.to_string()))?;
    Ok(())
}

/// Notes that the files of a dropped table shall go, from the metadata file at `location` on.
pub(super) fn insert_purge(transaction: &Transaction<'_>, location: &str, now_ms: i64) -> Result<()> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO purges (location, at_ms) VALUES (?, ?)")?
        .execute((location, now_ms))?;
    Ok(())
}

pub(super) fn purges(connection: &Connection) -> Result<Vec<String>> {
    let mut select = connection.prepare_cached("SELECT location FROM purges ORDER BY at_ms")?;
    let locations = select.query_map((), |row| row.get(0))?;
    Ok(locations.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn delete_purge(transaction: &Transaction<'_>, location: &str) -> Result<()> {
    transaction.prepare_cached("DELETE FROM purges WHERE location = ?")?.execute([location])?;
    Ok(())
}

/// Moves the pointer from one version to the next, if it still stands on the former.
pub(super) fn move_pointer(
    transaction: &Transaction<'_>,
    table: &TableName,
    from: &VersionedMetadata,
    to: &VersionedMetadata,
    now_ms: i64,
) -> Result<()> {
    let moved = transaction
        .prepare_cached(
            "UPDATE tables SET location = ?, updated_ms = ? WHERE namespace = ? AND name = ? AND location = ?",
        )?
        .execute((&to.location, now_ms, table.namespace.to_string(), &table.name, &from.location))?;
    if moved == 0 {
        return Err(CatalogError::CommitFailed(format!("{table} was changed by another commit")));
    }
    note(transaction, table, Action::Commit, to, now_ms)
}

/// Drops a table; returns where its metadata were.
pub(super) fn delete_table(transaction: &Transaction<'_>, table: &TableName, now_ms: i64) -> Result<String> {
    let dropped = pointer(transaction, table)?;
    transaction
        .prepare_cached("DELETE FROM tables WHERE namespace = ? AND name = ?")?
        .execute((table.namespace.to_string(), &table.name))?;
    insert_history(transaction, table, Action::Drop, &dropped.location, None, now_ms)?;
    Ok(dropped.location)
}

fn note(
    transaction: &Transaction<'_>,
    table: &TableName,
    action: Action,
    version: &VersionedMetadata,
    now_ms: i64,
) -> Result<()> {
    let snapshot_id = version.metadata.current_snapshot_id();
    insert_history(transaction, table, action, &version.location, snapshot_id, now_ms)
}

fn insert_history(
    transaction: &Transaction<'_>,
    table: &TableName,
    action: Action,
    location: &str,
    snapshot_id: Option<i64>,
    now_ms: i64,
) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO history (namespace, name, action, location, snapshot_id, at_ms) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute((table.namespace.to_string(), &table.name, action.as_str(), location, snapshot_id, now_ms))?;
    Ok(())
}

fn read_pointer(row: &Row<'_>) -> rusqlite::Result<Pointer> {
    let namespace = Namespace::from_stored(&row.get::<_, String>(0)?);
    let table = TableName { namespace, name: row.get(1)? };
    Ok(Pointer { table, location: row.get(2)?, updated_ms: row.get(3)? })
}

/// Which constraint of the schema an error reports.
fn constraint(error: &rusqlite::Error) -> Option<i32> {
    error.sqlite_error().map(|error| error.extended_code)
}

fn conversion(text: &str) -> CatalogError {
    rusqlite::Error::ToSqlConversionFailure(text.into()).into()
}
