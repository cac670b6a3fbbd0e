//! The client for `observerd`.

use wire::observer::{EventsPage, EventsQuery, Record, Recorded, Stats, StatsQuery};
use wire::{CallContext, DaemonName};

use crate::query::with_query;
use crate::{Peer, Peers, Result};

/// The client for `observerd`: events and their statistics.
#[derive(Debug, Clone)]
pub struct Observerd(Peer);

impl Peers {
    /// The client for `observerd`.
    pub fn observerd(&self) -> Observerd {
        Observerd(self.peer(DaemonName::Observerd))
    }
}

impl Observerd {
    /// Records events, all of them or none; on disk when this returns. Retried: an id counts once.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error).
    pub async fn record(&self, ctx: &CallContext, record: &Record) -> Result<Recorded> {
        self.0.post_idempotent(ctx, "/observer/events", record).await
    }

    /// Events in the order of their arrival, one page.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error).
    pub async fn events(&self, ctx: &CallContext, query: &EventsQuery) -> Result<EventsPage> {
        let parameters = [
            ("kind", query.kind.clone()),
            ("after", query.after.map(|position| position.to_string())),
            ("limit", query.limit.map(|limit| limit.to_string())),
        ];
        self.0.get(ctx, &with_query("/observer/events", parameters)).await
    }

    /// Counts and scores.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error).
    pub async fn stats(&self, ctx: &CallContext, query: &StatsQuery) -> Result<Stats> {
        let parameters = [("kind", query.kind.clone()), ("since", query.since.map(|time| time.to_string()))];
        self.0.get(ctx, &with_query("/observer/stats", parameters)).await
    }
}
