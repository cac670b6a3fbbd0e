//! Pathways in a [`Ledger`]: every version in a row, the newest ones indexed by tag, role and word.

mod check;
mod error;
mod read;
mod search;
mod write;

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use ledger::{Ledger, idempotency};
use serde::Serialize;
use uuid::Uuid;
use wire::pathways::{
    Content, Found, History, HistoryQuery, ListQuery, Page, Pathway, Retire, Revise, Search, Written,
};

pub(crate) use error::Error;
use write::KeyedRequest;

const MIGRATIONS: [&str; 2] = [include_str!("schema.sql"), idempotency::MIGRATION];

/// All pathways; cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    ledger: Ledger,
}

/// The result of a write that may have been repeated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Once {
    /// What the write answered, the first time.
    pub(crate) written: Written,
    /// Whether it had been done before, under the same idempotency key.
    pub(crate) is_replay: bool,
}

impl Store {
    pub(crate) fn open(path: &Path) -> Result<Self, ledger::Error> {
        Ok(Self { ledger: Ledger::open(path, &MIGRATIONS)? })
    }

    pub(crate) async fn close(&self) {
        self.ledger.close().await;
    }

    /// Adds a pathway; durable on return.
    pub(crate) async fn add(&self, content: Content, key: Option<String>) -> Result<Once, Error> {
        check::content(&content)?;
        let request = keyed(key, &("add", &content))?;
        let (id, now) = (Uuid::now_v7(), Timestamp::now());
        self.ledger
            .write(move |tx| write::once(tx, request.as_ref(), now, || write::add(tx, id, &content, now)))
            .await
    }

    /// Writes a new version; durable on return.
    pub(crate) async fn revise(&self, id: Uuid, revise: Revise, key: Option<String>) -> Result<Once, Error> {
        check::content(&revise.content)?;
        check::reason(revise.reason.as_deref())?;
        let request = keyed(key, &("revise", id, &revise))?;
        let now = Timestamp::now();
        self.ledger
            .write(move |tx| write::once(tx, request.as_ref(), now, || write::revise(tx, id, &revise, now)))
            .await
    }

    /// Takes a pathway out of lists and searches; durable on return. Harmless when repeated.
    pub(crate) async fn retire(&self, id: Uuid, retire: Retire) -> Result<Written, Error> {
        check::reason(retire.reason.as_deref())?;
        let now = Timestamp::now();
        self.ledger.write(move |tx| write::retire(tx, id, &retire, now)).await
    }

    pub(crate) async fn get(&self, id: Uuid) -> Result<Pathway, Error> {
        self.ledger.read(move |db| read::newest(db, id)).await
    }

    pub(crate) async fn history(&self, id: Uuid, query: HistoryQuery) -> Result<History, Error> {
        let limit = check::limit(query.limit)?;
        self.ledger.read(move |db| read::history(db, id, query.after, limit)).await
    }

    pub(crate) async fn list(&self, query: ListQuery) -> Result<Page, Error> {
        let limit = check::limit(query.limit)?;
        self.ledger.read(move |db| read::list(db, &query, limit)).await
    }

    pub(crate) async fn search(&self, search: Search) -> Result<Found, Error> {
        check::query(&search.query)?;
        let limit = check::limit(search.limit)?;
        self.ledger.read(move |db| search::search(db, &search, limit)).await
    }

    /// Forgets idempotency keys that were first used longer ago than `retention`.
    pub(crate) async fn forget_keys(&self, retention: Duration) -> Result<(), Error> {
        let retention_ms = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
        let before_ms = Timestamp::now().as_millisecond().saturating_sub(retention_ms);
        self.ledger.write(move |tx| Ok(idempotency::forget_before(tx, before_ms).map(drop)?)).await
    }
}

fn keyed(key: Option<String>, request: &impl Serialize) -> Result<Option<KeyedRequest>, Error> {
    let Some(key) = key else { return Ok(None) };
    idempotency::check_key(&key).map_err(Error::Invalid)?;
    let fingerprint = idempotency::fingerprint(request).map_err(Error::Json)?;
    Ok(Some(KeyedRequest { key, fingerprint }))
}

/// The form in which roles are compared.
fn fold(role: &str) -> String {
    role.trim().to_lowercase()
}
