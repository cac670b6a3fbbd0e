//! The writes: each inside one transaction that the ledger commits.

use std::collections::BTreeSet;

use jiff::Timestamp;
use ledger::idempotency::{self, Seen};
use rusqlite::{OptionalExtension, Transaction};
use serde_json::Value;
use uuid::Uuid;
use wire::pathways::{Content, Retire, Revise, Written};

use super::read::decode;
use super::{Error, Once, fold};

/// A request that came under an idempotency key.
pub(super) struct KeyedRequest {
    pub(super) key: String,
    pub(super) fingerprint: [u8; 32],
}

/// Does `work`, unless the same request has been done under its key: then answers as it was answered.
pub(super) fn once(
    tx: &Transaction<'_>,
    request: Option<&KeyedRequest>,
    now: Timestamp,
    work: impl FnOnce() -> Result<Written, Error>,
) -> Result<Once, Error> {
    let Some(KeyedRequest { key, fingerprint }) = request else {
        return Ok(Once { written: work()?, is_replay: false });
    };
    match idempotency::look_up(tx, key, fingerprint)? {
        Seen::Same(answer) => {
            Ok(Once { written: serde_json::from_str(&answer).map_err(Error::Json)?, is_replay: true })
        }
        Seen::Other => Err(Error::KeyReused(key.clone())),
        Seen::Never => {
            let written = work()?;
            let answer = serde_json::to_string(&written).map_err(Error::Json)?;
            idempotency::remember(tx, key, fingerprint, &answer, now.as_millisecond())?;
            Ok(Once { written, is_replay: false })
        }
    }
}

pub(super) fn add(
    tx: &Transaction<'_>,
    id: Uuid,
    content: &Content,
    now: Timestamp,
) -> Result<Written, Error> {
    tx.prepare_cached(
        "INSERT INTO pathway (id, created_ms, version, is_retired, role) VALUES (?, ?, 1, FALSE, ?)",
    )?
    .execute((id.as_bytes(), now.as_millisecond(), content.role.as_deref().map(fold)))?;
    let row = Row { seq: tx.last_insert_rowid(), version: 1, is_retired: false };
    insert_revision(tx, &row, None, content, now)?;
    index(tx, row.seq, content)?;
    Ok(Written { id, version: 1 })
}

pub(super) fn revise(
    tx: &Transaction<'_>,
    id: Uuid,
    revise: &Revise,
    now: Timestamp,
) -> Result<Written, Error> {
    let row = find(tx, id)?;
    check_version(id, &row, revise.expected_version)?;
    if row.is_retired {
        return Err(Error::Retired(id));
    }
    let row = Row { version: row.version + 1, ..row };
    tx.prepare_cached("UPDATE pathway SET version = ?2, role = ?3 WHERE seq = ?1")?.execute((
        row.seq,
        row.version,
        revise.content.role.as_deref().map(fold),
    ))?;
    insert_revision(tx, &row, revise.reason.as_deref(), &revise.content, now)?;
    unindex(tx, row.seq)?;
    index(tx, row.seq, &revise.content)?;
    Ok(Written { id, version: row.version })
}

pub(super) fn retire(
    tx: &Transaction<'_>,
    id: Uuid,
    retire: &Retire,
    now: Timestamp,
) -> Result<Written, Error> {
    let row = find(tx, id)?;
    if row.is_retired {
        return Ok(Written { id, version: row.version });
    }
    check_version(id, &row, retire.expected_version)?;
    let content: String = tx
        .prepare_cached("SELECT content FROM revision WHERE seq = ? AND version = ?")?
        .query_row((row.seq, row.version), |row| row.get(0))?;
    let row = Row { seq: row.seq, version: row.version + 1, is_retired: true };
    tx.prepare_cached("UPDATE pathway SET version = ?2, is_retired = TRUE WHERE seq = ?1")?
        .execute((row.seq, row.version))?;
    insert_revision(tx, &row, retire.reason.as_deref(), &decode(&content)?, now)?;
    unindex(tx, row.seq)?;
    Ok(Written { id, version: row.version })
}

/// What a write needs to know of a pathway.
struct Row {
    seq: i64,
    version: u64,
    is_retired: bool,
}

fn find(tx: &Transaction<'_>, id: Uuid) -> Result<Row, Error> {
    tx.prepare_cached("SELECT seq, version, is_retired FROM pathway WHERE id = ?")?
        .query_row([id.as_bytes()], |row| {
            Ok(Row { seq: row.get(0)?, version: row.get(1)?, is_retired: row.get(2)? })
        })
        .optional()?
        .ok_or(Error::NotFound(id))
}

fn check_version(id: Uuid, row: &Row, expected: Option<u64>) -> Result<(), Error> {
    match expected {
        Some(expected) if expected != row.version => Err(Error::Stale { id, current: row.version, expected }),
        _ => Ok(()),
    }
}

fn insert_revision(
    tx: &Transaction<'_>,
    row: &Row,
    reason: Option<&str>,
    content: &Content,
    now: Timestamp,
) -> Result<(), Error> {
    let content = serde_json::to_string(content).map_err(Error::Json)?;
    tx.prepare_cached(
        "INSERT INTO revision (seq, version, updated_ms, is_retired, reason, content) VALUES (?, ?, ?, ?, ?, ?)",
    )?
    .execute((row.seq, row.version, now.as_millisecond(), row.is_retired, reason, content))?;
    Ok(())
}

/// Makes a pathway findable by tag and by word.
fn index(tx: &Transaction<'_>, seq: i64, content: &Content) -> Result<(), Error> {
    let tags: BTreeSet<&str> = content.tags.iter().map(String::as_str).collect();
    let mut insert_tag = tx.prepare_cached("INSERT INTO tag (tag, seq) VALUES (?, ?)")?;
    for tag in &tags {
        insert_tag.execute((tag, seq))?;
    }
    let tags: Vec<&str> = tags.into_iter().collect();
    let mut steps = String::new();
    content.steps.iter().for_each(|step| collect_text(step, &mut steps));
    tx.prepare_cached("INSERT INTO words (rowid, goal, tags, steps) VALUES (?, ?, ?, ?)")?.execute((
        seq,
        &content.goal,
        tags.join(" "),
        steps,
    ))?;
    Ok(())
}

fn unindex(tx: &Transaction<'_>, seq: i64) -> Result<(), Error> {
    tx.prepare_cached("DELETE FROM tag WHERE seq = ?")?.execute([seq])?;
    tx.prepare_cached("DELETE FROM words WHERE rowid = ?")?.execute([seq])?;
    Ok(())
}

/// Appends every text inside `value`, keys left out.
fn collect_text(value: &Value, text: &mut String) {
    match value {
        Value::String(part) => {
            text.push_str(part);
            text.push('\n');
        }
        Value::Array(items) => items.iter().for_each(|item| collect_text(item, text)),
        Value::Object(fields) => fields.values().for_each(|item| collect_text(item, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
