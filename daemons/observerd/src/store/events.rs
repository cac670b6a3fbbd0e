//! Writing and listing events.

use jiff::Timestamp;
use rusqlite::{Connection, Row, ToSql, Transaction};
use serde_json::Value;
use wire::observer::{Event, EventsPage, EventsQuery, Recorded};

use super::Error;

pub(super) fn insert(tx: &Transaction<'_>, events: &[Event], now: Timestamp) -> Result<Recorded, Error> {
    let mut insert = tx.prepare_cached(
        "INSERT INTO event (id, kind, time_us, received_ms, role, score, attributes)
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
    )?;
    let mut accepted = 0;
    for event in events {
        let score = event.attributes.get("score").and_then(Value::as_f64);
        let attributes = serde_json::to_string(&event.attributes)?;
        let (time_us, received_ms) = (event.time.as_microsecond(), now.as_millisecond());
        accepted +=
            insert.execute((&event.id, &event.kind, time_us, received_ms, &event.role, score, attributes))?;
    }
    Ok(Recorded { accepted: accepted as u64, duplicates: (events.len() - accepted) as u64 })
}

pub(super) fn list(db: &Connection, query: &EventsQuery, limit: usize) -> Result<EventsPage, Error> {
    // SQLite's integers are signed; no position comes near their end.
    let after = i64::try_from(query.after.unwrap_or(0)).unwrap_or(i64::MAX);
    let mut params: Vec<(&str, &dyn ToSql)> = vec![(":after", &after), (":limit", &limit)];
    let mut filter = "";
    if let Some(kind) = &query.kind {
        filter = " AND kind = :kind";
        params.push((":kind", kind));
    }
    let sql = format!(
        "SELECT seq, id, kind, time_us, role, attributes FROM event
         WHERE seq > :after{filter} ORDER BY seq LIMIT :limit"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params.as_slice())?;
    let (mut events, mut next) = (Vec::new(), None);
    while let Some(row) = rows.next()? {
        next = Some(row.get(0)?);
        events.push(decode(row)?);
    }
    Ok(EventsPage { events, next })
}

fn decode(row: &Row<'_>) -> Result<Event, Error> {
    let attributes: String = row.get(5)?;
    Ok(Event {
        id: row.get(1)?,
        kind: row.get(2)?,
        // All that was ever stored came from a timestamp, so the fallback is for a damaged file only.
        time: Timestamp::from_microsecond(row.get(3)?).unwrap_or_default(),
        role: row.get(4)?,
        attributes: serde_json::from_str(&attributes)?,
    })
}
