//! Reading pathways by id, version and page.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, ToSql};
use uuid::Uuid;
use wire::pathways::{Content, History, ListQuery, Page, Pathway, State};

use super::{Error, fold};

/// A page ends before it grows beyond this, whatever its limit, bytes of stored JSON.
const MAX_PAGE_BYTES: usize = 8 << 20;

/// The columns that [`StoredPathway::read`] takes, of `pathway AS p` joined with `revision AS r`.
pub(super) const COLUMNS: &str =
    "p.id, p.created_ms, r.version, r.updated_ms, r.is_retired, r.reason, r.content";

/// One version as it is stored.
pub(super) struct StoredPathway {
    id: [u8; 16],
    created_ms: i64,
    version: u64,
    updated_ms: i64,
    is_retired: bool,
    reason: Option<String>,
    content: String,
}

impl StoredPathway {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            created_ms: row.get(1)?,
            version: row.get(2)?,
            updated_ms: row.get(3)?,
            is_retired: row.get(4)?,
            reason: row.get(5)?,
            content: row.get(6)?,
        })
    }

    pub(super) fn decode(self) -> Result<Pathway, Error> {
        Ok(Pathway {
            id: Uuid::from_bytes(self.id),
            version: self.version,
            state: if self.is_retired { State::Retired } else { State::Active },
            created: timestamp(self.created_ms),
            updated: timestamp(self.updated_ms),
            reason: self.reason,
            content: decode(&self.content)?,
        })
    }

    pub(super) fn bytes(&self) -> usize {
        self.content.len()
    }
}

pub(super) fn decode(content: &str) -> Result<Content, Error> {
    serde_json::from_str(content).map_err(Error::Json)
}

/// All that was ever stored came from a timestamp, so the fallback is for a damaged file only.
fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or_default()
}

pub(super) fn newest(db: &Connection, id: Uuid) -> Result<Pathway, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM pathway AS p JOIN revision AS r ON r.seq = p.seq AND r.version = p.version
         WHERE p.id = ?"
    );
    let stored = db.prepare_cached(&sql)?.query_row([id.as_bytes()], StoredPathway::read).optional()?;
    stored.ok_or(Error::NotFound(id))?.decode()
}

pub(super) fn history(db: &Connection, id: Uuid, after: Option<u64>, limit: usize) -> Result<History, Error> {
    let seq = seq_of(db, id)?.ok_or(Error::NotFound(id))?;
    let sql = format!(
        "SELECT {COLUMNS} FROM pathway AS p JOIN revision AS r ON r.seq = p.seq
         WHERE p.seq = ?1 AND r.version > ?2 ORDER BY r.version LIMIT ?3"
    );
    let mut statement = db.prepare_cached(&sql)?;
    // SQLite's integers are signed; no version comes near their end.
    let after = i64::try_from(after.unwrap_or(0)).unwrap_or(i64::MAX);
    let rows = statement.query_map((seq, after, limit + 1), StoredPathway::read)?;
    let (stored, is_last) = page(rows, limit, StoredPathway::bytes)?;
    let versions = decode_all(stored)?;
    let next = if is_last { None } else { versions.last().map(|pathway| pathway.version) };
    Ok(History { versions, next })
}

pub(super) fn list(db: &Connection, query: &ListQuery, limit: usize) -> Result<Page, Error> {
    let after = match query.after {
        Some(id) => {
            seq_of(db, id)?.ok_or_else(|| Error::Invalid(format!("after: there is no pathway {id}")))?
        }
        None => 0,
    };
    let role = query.role.as_deref().map(fold);
    let mut sql = format!(
        "SELECT {COLUMNS} FROM pathway AS p JOIN revision AS r ON r.seq = p.seq AND r.version = p.version"
    );
    let limit_plus_one = limit + 1;
    let mut params: Vec<(&str, &dyn ToSql)> = vec![(":after", &after), (":limit", &limit_plus_one)];
    if let Some(tag) = &query.tag {
        sql.push_str(" JOIN tag AS t ON t.seq = p.seq AND t.tag = :tag");
        params.push((":tag", tag));
    }
    sql.push_str(" WHERE p.seq > :after AND NOT p.is_retired");
    if let Some(role) = &role {
        sql.push_str(" AND p.role = :role");
        params.push((":role", role));
    }
    sql.push_str(" ORDER BY p.seq LIMIT :limit");
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map(params.as_slice(), StoredPathway::read)?;
    let (stored, is_last) = page(rows, limit, StoredPathway::bytes)?;
    let pathways = decode_all(stored)?;
    let next = if is_last { None } else { pathways.last().map(|pathway| pathway.id) };
    Ok(Page { pathways, next })
}

fn seq_of(db: &Connection, id: Uuid) -> Result<Option<i64>, Error> {
    let mut statement = db.prepare_cached("SELECT seq FROM pathway WHERE id = ?")?;
    Ok(statement.query_row([id.as_bytes()], |row| row.get(0)).optional()?)
}

fn decode_all(stored: Vec<StoredPathway>) -> Result<Vec<Pathway>, Error> {
    stored.into_iter().map(StoredPathway::decode).collect()
}

/// Takes rows up to `limit` and [`MAX_PAGE_BYTES`], at least one, and says whether those were all.
pub(super) fn page<T>(
    rows: impl Iterator<Item = rusqlite::Result<T>>,
    limit: usize,
    bytes_of: impl Fn(&T) -> usize,
) -> Result<(Vec<T>, bool), Error> {
    let (mut taken, mut bytes) = (Vec::new(), 0);
    for row in rows {
        let row = row?;
        bytes += bytes_of(&row);
        if taken.len() == limit || (bytes > MAX_PAGE_BYTES && !taken.is_empty()) {
            return Ok((taken, false));
        }
        taken.push(row);
    }
    Ok((taken, true))
}
