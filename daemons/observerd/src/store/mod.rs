//! Events in a [`Ledger`].

mod check;
mod error;
mod events;
mod prune;
mod stats;

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ledger::Ledger;
use wire::observer::{Event, EventsPage, EventsQuery, Recorded, Stats, StatsQuery};

pub(crate) use error::Error;
pub(crate) use prune::Retention;

const MIGRATIONS: [&str; 1] = [include_str!("schema.sql")];
/// What statistics cover when they are not told.
const DEFAULT_STATS_WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// All events; cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    ledger: Ledger,
}

impl Store {
    pub(crate) fn open(path: &Path) -> Result<Self, ledger::Error> {
        Ok(Self { ledger: Ledger::open(path, &MIGRATIONS)? })
    }

    pub(crate) async fn close(&self) {
        self.ledger.close().await;
    }

    /// Records all of `events` or none; durable on return.
    pub(crate) async fn record(&self, events: Vec<Event>) -> Result<Recorded, Error> {
        check::events(&events)?;
        let now = Timestamp::now();
        self.ledger.write(move |tx| events::insert(tx, &events, now)).await
    }

    pub(crate) async fn events(&self, query: EventsQuery) -> Result<EventsPage, Error> {
        let limit = check::limit(query.limit)?;
        self.ledger.read(move |db| events::list(db, &query, limit)).await
    }

    pub(crate) async fn stats(&self, query: StatsQuery) -> Result<Stats, Error> {
        let since = query.since.unwrap_or_else(|| Timestamp::now() - DEFAULT_STATS_WINDOW);
        self.ledger.read(move |db| stats::stats(db, query.kind.as_deref(), since)).await
    }

    /// Deletes what is past `retention`, a slice at a time, so that writers get their turn in between.
    pub(crate) async fn prune(&self, retention: Retention) -> Result<(), Error> {
        loop {
            let now = Timestamp::now();
            let deleted = self.ledger.write(move |tx| prune::slice(tx, retention, now)).await?;
            metrics::counter!("observerd_events_pruned_total").increment(deleted as u64);
            if deleted < prune::SLICE {
                return Ok(());
            }
        }
    }
}

/// Milliseconds in `duration`, as far as SQLite's integers reach.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
