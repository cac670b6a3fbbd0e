//! The same request twice: one load, one answer.
//!
//! The answer to a keyed request is kept in two places. The snapshot that holds the rows names the key in its summary,
//! in the very commit that makes the rows visible; the ledger holds the whole answer, for requests whose snapshot has
//! expired since. A crash between the two leaves the first. If that expires before the request is repeated, catalogd
//! still knows: the commit goes under a key too, which it remembers in the transaction that moves the table's pointer.

use std::collections::HashMap;
use std::sync::Arc;

use lake::TableMetadata;
use ledger::Ledger;
use ledger::idempotency::{self, Seen};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tokio::sync::OwnedMutexGuard;
use wire::ingest::{IngestAnswer, UpsertAnswer};

use super::LoadError;
use crate::spool::Spool;

/// What the ledger of ingestd is made of, in order.
pub(crate) const MIGRATIONS: &[&str] =
    &[idempotency::MIGRATION, crate::jobs::MIGRATION, crate::jobs::MIGRATION_FOLLOWING];

/// Summary of a snapshot, and property of a table that was made under a key.
const KEY: &str = "lakehouse.idempotency-key";
const FINGERPRINT: &str = "lakehouse.request-sha256";
const ANSWER: &str = "lakehouse.ingest-answer";
/// Rejects are left out of a summary that would be larger: it is read with every version of the table's metadata.
const MAX_SUMMARY_BYTES: usize = 4 << 10;

/// An answer that can be given again.
pub(crate) trait Answer: Serialize + DeserializeOwned + Clone {
    /// The same as a repetition, from the snapshot that it names itself or else from `snapshot_id`.
    fn replayed(self, snapshot_id: Option<i64>) -> Self;

    /// The same without what takes space.
    fn without_rejects(self) -> Self;
}

impl Answer for IngestAnswer {
    fn replayed(self, snapshot_id: Option<i64>) -> Self {
        Self { replayed: true, snapshot_id: self.snapshot_id.or(snapshot_id), ..self }
    }

    fn without_rejects(self) -> Self {
        Self { rejects: Vec::new(), ..self }
    }
}

impl Answer for UpsertAnswer {
    fn replayed(self, snapshot_id: Option<i64>) -> Self {
        Self { replayed: true, snapshot_id: self.snapshot_id.or(snapshot_id), ..self }
    }

    fn without_rejects(self) -> Self {
        Self { rejects: Vec::new(), ..self }
    }
}

/// Knows the keys that were used; all clones share them.
#[derive(Clone)]
pub(crate) struct Replays {
    ledger: Ledger,
    in_progress: Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>,
}

impl Replays {
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self { ledger, in_progress: Arc::default() }
    }

    /// Waits until no other request under `key` is in progress, then holds the key for the request of `fingerprint`.
    pub(crate) async fn claim(&self, key: &str, fingerprint: [u8; 32]) -> Claim<'_> {
        let turn = Arc::clone(self.in_progress.lock().entry(key.to_owned()).or_default());
        let turn = turn.lock_owned().await;
        Claim { replays: self, key: key.to_owned(), fingerprint, _turn: turn }
    }
}

/// A key that is held while its request is served.
pub(crate) struct Claim<'a> {
    replays: &'a Replays,
    key: String,
    fingerprint: [u8; 32],
    _turn: OwnedMutexGuard<()>,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut in_progress = self.replays.in_progress.lock();
        // Two: the map's and the guard's. More means that somebody waits.
        if in_progress.get(&self.key).is_some_and(|turn| Arc::strong_count(turn) <= 2) {
            in_progress.remove(&self.key);
        }
    }
}

impl Claim<'_> {
    /// The answer that the ledger holds.
    ///
    /// # Errors
    /// [`LoadError::KeyReused`] if the key came with another request.
    pub(crate) async fn known_answer<A: Answer>(&self) -> Result<Option<A>, LoadError> {
        let (key, fingerprint) = (self.key.clone(), self.fingerprint);
        let seen = self.replays.ledger.read(move |connection| {
            idempotency::look_up(connection, &key, &fingerprint).map_err(ledger::Error::from)
        });
        match seen.await? {
            Seen::Never => Ok(None),
            Seen::Other => Err(LoadError::KeyReused),
            Seen::Same(answer) => replayed(&answer, None).map(Some),
        }
    }

    /// The answer that a snapshot of the table holds; an error if the key came with another request.
    pub(crate) fn answer_in<A: Answer>(&self, metadata: &TableMetadata) -> Option<Result<A, LoadError>> {
        let has_key =
            |summary: &HashMap<String, String>| summary.get(KEY).is_some_and(|key| *key == self.key);
        let snapshot =
            metadata.snapshots().find(|snapshot| has_key(&snapshot.summary().additional_properties))?;
        let summary = &snapshot.summary().additional_properties;
        if summary.get(FINGERPRINT) != Some(&self.fingerprint_hex()) {
            return Some(Err(LoadError::KeyReused));
        }
        summary.get(ANSWER).map(|answer| replayed(answer, Some(snapshot.snapshot_id())))
    }

    /// What the snapshot of `answer` says about this request.
    ///
    /// # Errors
    /// [`LoadError::Internal`] if the answer has no JSON form.
    pub(crate) fn summary<A: Answer>(&self, answer: &A) -> Result<HashMap<String, String>, LoadError> {
        let mut text = to_json(answer)?;
        if text.len() > MAX_SUMMARY_BYTES {
            text = to_json(&answer.clone().without_rejects())?;
        }
        let mut summary = HashMap::from_iter(self.table_properties());
        summary.insert(ANSWER.to_owned(), text);
        Ok(summary)
    }

    /// What marks a table as made by this request.
    pub(super) fn table_properties(&self) -> Vec<(String, String)> {
        vec![(KEY.to_owned(), self.key.clone()), (FINGERPRINT.to_owned(), self.fingerprint_hex())]
    }

    /// The key of this request's commit: another for another request, so that what comes again under it is this one.
    pub(crate) fn commit_key(&self) -> String {
        let digest = Sha256::new().chain_update(self.fingerprint).chain_update(&self.key).finalize();
        format!("ingest-{}", hex(&digest))
    }

    /// Whether this request has made the table.
    pub(super) fn has_made(&self, metadata: &TableMetadata) -> bool {
        self.table_properties().iter().all(|(key, value)| metadata.properties().get(key) == Some(value))
    }

    /// Keeps the answer; durable on return.
    ///
    /// # Errors
    /// [`LoadError::Ledger`].
    pub(crate) async fn remember<A: Answer>(&self, answer: &A) -> Result<(), LoadError> {
        let (key, fingerprint, answer) = (self.key.clone(), self.fingerprint, to_json(answer)?);
        let now_ms = jiff::Timestamp::now().as_millisecond();
        let write = self.replays.ledger.write(move |transaction| {
            idempotency::remember(transaction, &key, &fingerprint, &answer, now_ms)
                .map_err(ledger::Error::from)
        });
        Ok(write.await?)
    }

    fn fingerprint_hex(&self) -> String {
        hex(&self.fingerprint)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn to_json(answer: &impl Answer) -> Result<String, LoadError> {
    serde_json::to_string(answer).map_err(|error| LoadError::Internal(error.to_string()))
}

fn replayed<A: Answer>(answer: &str, snapshot_id: Option<i64>) -> Result<A, LoadError> {
    let answer: A = serde_json::from_str(answer)
        .map_err(|error| LoadError::Internal(format!("read a stored answer: {error}")))?;
    Ok(answer.replayed(snapshot_id))
}

/// Tells one request from another by everything that decides its outcome: `words` and the body.
///
/// # Errors
/// [`LoadError::Internal`] if the body was not hashed.
pub(crate) fn fingerprint(words: &str, spool: &Spool) -> Result<[u8; 32], LoadError> {
    let body = spool.sha256.ok_or_else(|| LoadError::Internal("a keyed body has no hash".to_owned()))?;
    let mut hash = Sha256::new();
    hash.update(words);
    hash.update(body);
    Ok(hash.finalize().into())
}
