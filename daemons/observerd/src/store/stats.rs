//! Counts and scores, computed from the index over time.

use jiff::Timestamp;
use rusqlite::{Connection, Row};
use wire::observer::{Group, Hour, Score, Stats};

use super::Error;

const HOUR_US: i64 = 3_600_000_000;

const GROUPS: &str = "
    SELECT kind, role, count(*) AS count, count(score), avg(score), min(score), max(score) FROM event
    WHERE time_us >= ?1 AND (?2 IS NULL OR kind = ?2)
    GROUP BY kind, role ORDER BY count DESC, kind, role LIMIT 1000";

/// Rounds down also before 1970, where SQLite's division rounds up.
const HOURS: &str = "
    SELECT time_us - ((time_us % ?3) + ?3) % ?3 AS start, count(*) FROM event
    WHERE time_us >= ?1 AND (?2 IS NULL OR kind = ?2)
    GROUP BY start ORDER BY start";

pub(super) fn stats(db: &Connection, kind: Option<&str>, since: Timestamp) -> Result<Stats, Error> {
    let since_us = since.as_microsecond();
    let groups =
        db.prepare_cached(GROUPS)?.query_map((since_us, kind), group)?.collect::<Result<Vec<_>, _>>()?;
    let hours = db
        .prepare_cached(HOURS)?
        .query_map((since_us, kind, HOUR_US), hour)?
        .collect::<Result<Vec<_>, _>>()?;
    let total = hours.iter().map(|hour| hour.count).sum();
    Ok(Stats { since, total, groups, hours })
}

fn group(row: &Row<'_>) -> rusqlite::Result<Group> {
    let score = match row.get(3)? {
        0 => None,
        count => Some(Score { count, mean: row.get(4)?, min: row.get(5)?, max: row.get(6)? }),
    };
    Ok(Group { kind: row.get(0)?, role: row.get(1)?, count: row.get(2)?, score })
}

fn hour(row: &Row<'_>) -> rusqlite::Result<Hour> {
    // All that was ever stored came from a timestamp, so the fallback is for a damaged file only.
    let start = Timestamp::from_microsecond(row.get(0)?).unwrap_or_default();
    Ok(Hour { start, count: row.get(1)? })
}
