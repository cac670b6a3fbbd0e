//! Deleting events that are past their retention.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Transaction;

use super::{Error, millis};

/// The most events deleted in one transaction: it bounds how long writers wait.
pub(super) const SLICE: usize = 5000;

/// How long events are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    /// How many; the oldest arrivals go first.
    pub(crate) max_events: u64,
    /// How long after their arrival.
    pub(crate) max_age: Duration,
}

/// Deletes one slice of what is past `retention` at `now`, and says how many events that were.
pub(super) fn slice(tx: &Transaction<'_>, retention: Retention, now: Timestamp) -> Result<usize, Error> {
    let count: u64 = tx.query_row("SELECT count(*) FROM event", (), |row| row.get(0))?;
    let surplus = usize::try_from(count.saturating_sub(retention.max_events)).unwrap_or(SLICE).min(SLICE);
    let before_ms = now.as_millisecond().saturating_sub(millis(retention.max_age));
    // The oldest arrivals have the lowest numbers, so neither condition looks beyond the slice.
    let deleted = tx
        .prepare_cached(
            "DELETE FROM event WHERE seq IN (
                 SELECT seq FROM (SELECT seq, received_ms FROM event ORDER BY seq LIMIT ?1)
                 WHERE received_ms < ?2 OR seq IN (SELECT seq FROM event ORDER BY seq LIMIT ?3)
             )",
        )?
        .execute((SLICE, before_ms, surplus))?;
    Ok(deleted)
}
