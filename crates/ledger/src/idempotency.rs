//! Idempotency keys: a write that is repeated under the same key gets the first answer and happens once.
//!
//! Look the key up and remember it in the same [`Ledger::write`](crate::Ledger::write) as the write that it guards:
//! then both are on disk, or neither is. Keys follow the draft "The Idempotency-Key HTTP Header Field"
//! (IETF httpapi working group): the same key with another request is an error of the caller (422).

use rusqlite::{Connection, OptionalExtension, Transaction};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// A migration that creates the table of keys.
pub const MIGRATION: &str = "
    CREATE TABLE idempotency (
        key         TEXT PRIMARY KEY,
        fingerprint BLOB NOT NULL,
        answer      TEXT NOT NULL,
        created_ms  INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX idempotency_by_age ON idempotency (created_ms);
";

/// The longest key that is taken, bytes.
pub const MAX_KEY_BYTES: usize = 255;

/// What is known about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Never used: do the write, then [`remember`] its answer.
    Never,
    /// Used with the same request: this is what it was answered.
    Same(String),
    /// Used with another request.
    Other,
}

/// Tells one request from another: SHA-256 over its canonical JSON.
///
/// # Errors
/// If `request` has no JSON form, as a map with keys that are not text.
pub fn fingerprint(request: &impl Serialize) -> Result<[u8; 32], serde_json::Error> {
    Ok(Sha256::digest(serde_json::to_vec(request)?).into())
}

/// Checks a key: 1 to 255 printable ASCII characters.
///
/// # Errors
/// A sentence that names the rule, for the `detail` of a 400.
pub fn check_key(key: &str) -> Result<(), String> {
    if key.is_empty() || key.len() > MAX_KEY_BYTES || !key.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
    {
        return Err(format!("an idempotency key has 1 to {MAX_KEY_BYTES} printable ASCII characters"));
    }
    Ok(())
}

/// Whether `key` has been used, and for this request or another.
///
/// # Errors
/// Those of SQLite.
pub fn look_up(connection: &Connection, key: &str, fingerprint: &[u8; 32]) -> rusqlite::Result<Seen> {
    let known = connection
        .prepare_cached("SELECT fingerprint = ?2, answer FROM idempotency WHERE key = ?1")?
        .query_row((key, fingerprint), |row| Ok((row.get::<_, bool>(0)?, row.get(1)?)))
        .optional()?;
    Ok(match known {
        None => Seen::Never,
        Some((true, answer)) => Seen::Same(answer),
        Some((false, _)) => Seen::Other,
    })
}

/// Keeps the answer to the request that came under `key`. `now_ms` is milliseconds since the Unix epoch.
///
/// # Errors
/// Those of SQLite; a key that is there already violates the primary key.
pub fn remember(
    transaction: &Transaction<'_>,
    key: &str,
    fingerprint: &[u8; 32],
    answer: &str,
    now_ms: i64,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("INSERT INTO idempotency (key, fingerprint, answer, created_ms) VALUES (?, ?, ?, ?)")?
        .execute((key, fingerprint, answer, now_ms))?;
    Ok(())
}

/// Forgets keys that were first used before `before_ms`, milliseconds since the Unix epoch, and says how many.
///
/// # Errors
/// Those of SQLite.
pub fn forget_before(transaction: &Transaction<'_>, before_ms: i64) -> rusqlite::Result<usize> {
    transaction.prepare_cached("DELETE FROM idempotency WHERE created_ms < ?")?.execute([before_ms])
}
