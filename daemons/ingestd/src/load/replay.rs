//! The same request twice: one load, one answer.
//!
//! The answer to a keyed request is kept in two places. The snapshot that holds the rows names the key in its summary,
//! in the very commit that makes the rows visible; the ledger holds the whole answer, for requests whose snapshot has
//! expired since. A crash between the two leaves the first, and that is enough.

use std::collections::HashMap;
use std::sync::Arc;

use lake::TableMetadata;
use ledger::Ledger;
use ledger::idempotency::{self, Seen};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::sync::OwnedMutexGuard;
use wire::ingest::IngestAnswer;

use super::{LoadError, LoadRequest};
use crate::spool::Spool;

/// What the ledger of ingestd is made of, in order.
pub(crate) const MIGRATIONS: &[&str] = &[idempotency::MIGRATION, crate::jobs::MIGRATION];

/// Summary of a snapshot, and property of a table that was made under a key.
const KEY: &str = "lakehouse.idempotency-key";
const FINGERPRINT: &str = "lakehouse.request-sha256";
const ANSWER: &str = "lakehouse.ingest-answer";
/// Rejects are left out of a summary that would be larger: it is read with every version of the table's metadata.
const MAX_SUMMARY_BYTES: usize = 4 << 10;

/// Knows the keys that were used.
pub(crate) struct Replays {
    ledger: Ledger,
    in_progress: Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>,
}

impl Replays {
    pub(super) fn new(ledger: Ledger) -> Self {
        Self { ledger, in_progress: Arc::default() }
    }

    /// Waits until no other request under `key` is in progress, then holds the key.
    ///
    /// # Errors
    /// [`LoadError::Internal`] if the request has no fingerprint.
    pub(super) async fn claim(
        &self,
        key: &str,
        request: &LoadRequest,
        spool: &Spool,
    ) -> Result<Claim<'_>, LoadError> {
        let body = spool.sha256.ok_or_else(|| LoadError::Internal("a keyed body has no hash".to_owned()))?;
        let turn = Arc::clone(self.in_progress.lock().entry(key.to_owned()).or_default());
        let turn = turn.lock_owned().await;
        Ok(Claim { replays: self, key: key.to_owned(), fingerprint: fingerprint(request, body), _turn: turn })
    }
}

/// A key that is held while its request is served.
pub(super) struct Claim<'a> {
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
    pub(super) async fn known_answer(&self) -> Result<Option<IngestAnswer>, LoadError> {
        let (key, fingerprint) = (self.key.clone(), self.fingerprint);
        let seen = self.replays.ledger.read(move |connection| {
            idempotency::look_up(connection, &key, &fingerprint).map_err(ledger::Error::from)
        });
        match seen.await? {
            Seen::Never => Ok(None),
            Seen::Other => Err(LoadError::KeyReused),
            Seen::Same(answer) => replayed(&answer).map(Some),
        }
    }

    /// The answer that a snapshot of the table holds; an error if the key came with another request.
    pub(super) fn answer_in(&self, metadata: &TableMetadata) -> Option<Result<IngestAnswer, LoadError>> {
        let has_key =
            |summary: &HashMap<String, String>| summary.get(KEY).is_some_and(|key| *key == self.key);
        let snapshot =
            metadata.snapshots().find(|snapshot| has_key(&snapshot.summary().additional_properties))?;
        let summary = &snapshot.summary().additional_properties;
        if summary.get(FINGERPRINT) != Some(&self.fingerprint_hex()) {
            return Some(Err(LoadError::KeyReused));
        }
        let answer = summary.get(ANSWER).map(|answer| replayed(answer))?;
        Some(answer.map(|answer| IngestAnswer { snapshot_id: Some(snapshot.snapshot_id()), ..answer }))
    }

    /// What the snapshot of `answer` says about this request.
    ///
    /// # Errors
    /// [`LoadError::Internal`] if the answer has no JSON form.
    pub(super) fn summary(&self, answer: &IngestAnswer) -> Result<HashMap<String, String>, LoadError> {
        let mut text = to_json(answer)?;
        if text.len() > MAX_SUMMARY_BYTES {
            text = to_json(&IngestAnswer { rejects: Vec::new(), ..answer.clone() })?;
        }
        let mut summary = HashMap::from_iter(self.table_properties());
        summary.insert(ANSWER.to_owned(), text);
        Ok(summary)
    }

    /// What marks a table as made by this request.
    pub(super) fn table_properties(&self) -> Vec<(String, String)> {
        vec![(KEY.to_owned(), self.key.clone()), (FINGERPRINT.to_owned(), self.fingerprint_hex())]
    }

    /// Whether this request has made the table.
    pub(super) fn has_made(&self, metadata: &TableMetadata) -> bool {
        self.table_properties().iter().all(|(key, value)| metadata.properties().get(key) == Some(value))
    }

    /// Keeps the answer; durable on return.
    ///
    /// # Errors
    /// [`LoadError::Ledger`].
    pub(super) async fn remember(&self, answer: &IngestAnswer) -> Result<(), LoadError> {
        let (key, fingerprint, answer) = (self.key.clone(), self.fingerprint, to_json(answer)?);
        let now_ms = jiff::Timestamp::now().as_millisecond();
        let write = self.replays.ledger.write(move |transaction| {
            idempotency::remember(transaction, &key, &fingerprint, &answer, now_ms)
                .map_err(ledger::Error::from)
        });
        Ok(write.await?)
    }

    fn fingerprint_hex(&self) -> String {
        self.fingerprint.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn to_json(answer: &IngestAnswer) -> Result<String, LoadError> {
    serde_json::to_string(answer).map_err(|error| LoadError::Internal(error.to_string()))
}

fn replayed(answer: &str) -> Result<IngestAnswer, LoadError> {
    let answer: IngestAnswer = serde_json::from_str(answer)
        .map_err(|error| LoadError::Internal(format!("read a stored answer: {error}")))?;
    Ok(IngestAnswer { replayed: true, ..answer })
}

/// Tells one request from another: everything that decides its outcome, and the body.
fn fingerprint(request: &LoadRequest, body: [u8; 32]) -> [u8; 32] {
    let LoadRequest { table, mode, format, on_error, max_errors, .. } = request;
    let mut hash = Sha256::new();
    hash.update(format!("{table}\n{mode:?}\n{format:?}\n{on_error:?}\n{max_errors:?}\n"));
    hash.update(body);
    hash.finalize().into()
}
