//! Jobs in the ledger.

use ledger::rusqlite::{self, OptionalExtension, Row};
use ledger::{Error, Ledger};
use tokio::sync::watch;
use wire::ingest::{IndexJob, IndexJobRequest, IndexJobState};

/// The migration that creates the table of jobs. Ids are UUIDs of version 7, so their order is that of submission.
pub(crate) const MIGRATION: &str = "
    CREATE TABLE index_jobs (
        job_id      TEXT PRIMARY KEY,
        request     TEXT NOT NULL,
        snapshot_id INTEGER NOT NULL,
        state       TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed')),
        done        INTEGER NOT NULL,
        total       INTEGER NOT NULL,
        rate        REAL NOT NULL DEFAULT 0,
        error       TEXT
    ) STRICT, WITHOUT ROWID;
";

/// Jobs that follow their table, and what each index holds of a table: see `sources.rs`.
pub(crate) const MIGRATION_FOLLOWING: &str = "
    ALTER TABLE index_jobs RENAME TO index_jobs_before;
    CREATE TABLE index_jobs (
        job_id           TEXT PRIMARY KEY,
        request          TEXT NOT NULL,
        snapshot_id      INTEGER,
        base_snapshot_id INTEGER,
        is_full          INTEGER NOT NULL DEFAULT 1,
        state            TEXT NOT NULL
            CHECK (state IN ('queued', 'running', 'following', 'succeeded', 'failed', 'cancelled')),
        done             INTEGER NOT NULL,
        total            INTEGER NOT NULL,
        added            INTEGER NOT NULL DEFAULT 0,
        updated          INTEGER NOT NULL DEFAULT 0,
        deleted          INTEGER NOT NULL DEFAULT 0,
        unchanged        INTEGER NOT NULL DEFAULT 0,
        behind_since_ms  INTEGER,
        rate             REAL NOT NULL DEFAULT 0,
        error            TEXT
    ) STRICT, WITHOUT ROWID;
    INSERT INTO index_jobs (job_id, request, snapshot_id, state, done, total, rate, error)
        SELECT job_id, request, snapshot_id, state, done, total, rate, error FROM index_jobs_before;
    DROP TABLE index_jobs_before;
    CREATE TABLE index_sources (
        source_id     INTEGER PRIMARY KEY,
        table_name    TEXT NOT NULL,
        index_name    TEXT NOT NULL,
        settings      TEXT NOT NULL DEFAULT '',
        model         TEXT NOT NULL DEFAULT '',
        snapshot_id   INTEGER,
        index_version INTEGER NOT NULL DEFAULT 0,
        job_id        TEXT,
        UNIQUE (table_name, index_name)
    ) STRICT;
    CREATE TABLE indexed_rows (
        source_id INTEGER NOT NULL,
        id        TEXT NOT NULL,
        digest    BLOB NOT NULL,
        PRIMARY KEY (source_id, id)
    ) STRICT, WITHOUT ROWID;
";

/// The most jobs that a listing shows.
const MAX_LISTED: u32 = 1_000;
/// The states that a job does not leave by itself for good.
const UNFINISHED: &str = "state IN ('queued', 'running', 'following')";

/// What is needed to run a job, or to go on with it.
#[derive(Debug, Clone)]
pub(super) struct StoredJob {
    pub job_id: String,
    pub request: IndexJobRequest,
    /// The round that it is in, or was in last.
    pub round: Round,
}

/// One passage of a job from a snapshot of its table to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Round {
    /// The snapshot that is being indexed, also after the table has moved on; none if the table has none.
    pub target: Option<i64>,
    /// The one that the index reflected before; none if that is not known.
    pub base: Option<i64>,
    /// Whether all rows of the target are looked at, and not only those of files that the base does not have.
    pub is_full: bool,
    /// Rows that have been looked at.
    pub done: u64,
    /// Rows to look at.
    pub total: u64,
}

/// The table of jobs, and those of what they have indexed.
#[derive(Clone)]
pub(super) struct Store {
    ledger: Ledger,
    changes: watch::Sender<()>,
}

impl Store {
    pub(super) fn new(ledger: Ledger) -> Self {
        Self { ledger, changes: watch::Sender::new(()) }
    }

    /// Tells of every change of any job.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Writes a job down, and ends `superseded`.
    pub(super) async fn insert(&self, job: &StoredJob, superseded: Vec<String>) -> Result<(), Error> {
        let (job_id, request, total) = (job.job_id.clone(), job.request.clone(), into_sql(job.round.total));
        self.write(move |transaction| {
            let request = serde_json::to_string(&request).map_err(into_sql_error)?;
            let sql =
                "INSERT INTO index_jobs (job_id, request, state, done, total) VALUES (?, ?, 'queued', 0, ?)";
            transaction.execute(sql, (&job_id, request, total))?;
            for old in superseded {
                end(transaction, &old, "cancelled", Some(&format!("superseded by index job {job_id}")))?;
            }
            Ok(())
        })
        .await
    }

    /// Puts the job back in the queue, and says what it waits for.
    pub(super) async fn wait(&self, job_id: String, reason: &'static str) -> Result<(), Error> {
        let sql = "UPDATE index_jobs SET state = 'queued', rate = 0, error = ?2 WHERE job_id = ?1";
        self.write(move |transaction| transaction.execute(sql, (job_id, reason)).map(drop)).await
    }

    /// Writes down how the job ended.
    pub(super) async fn finish(&self, job_id: String, error: Option<String>) -> Result<(), Error> {
        let state = if error.is_none() { "succeeded" } else { "failed" };
        self.write(move |transaction| end(transaction, &job_id, state, error.as_deref()).map(drop)).await
    }

    /// Ends the job; false if it had ended.
    pub(super) async fn cancel(&self, job_id: String) -> Result<bool, Error> {
        self.write(move |transaction| end(transaction, &job_id, "cancelled", None)).await
    }

    /// The job rests until its table changes; `error` is why its last round failed, which it will repeat.
    pub(super) async fn rest(&self, job_id: String, error: Option<String>) -> Result<(), Error> {
        let sql = "UPDATE index_jobs SET state = 'following', rate = 0, error = ?2
                   WHERE job_id = ?1 AND state IN ('queued', 'running', 'following')";
        self.write(move |transaction| transaction.execute(sql, (job_id, error)).map(drop)).await
    }

    /// Since when the table has had commits that the index does not reflect, Unix milliseconds; none if it reflects all.
    pub(super) async fn behind_since(&self, job_id: String) -> Result<Option<i64>, Error> {
        let sql = "SELECT behind_since_ms FROM index_jobs WHERE job_id = ?";
        self.read(move |connection| connection.prepare_cached(sql)?.query_row([job_id], |row| row.get(0)))
            .await
    }

    /// Notes since when, if it has not been noted.
    pub(super) async fn fall_behind(&self, job_id: String, since_ms: Option<i64>) -> Result<(), Error> {
        let sql = "UPDATE index_jobs SET behind_since_ms = coalesce(behind_since_ms, ?2) WHERE job_id = ?1";
        self.write(move |transaction| transaction.execute(sql, (job_id, since_ms)).map(drop)).await
    }

    /// Runs `work` in the ledger, and then tells of it.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let done = self.ledger.write(move |transaction| work(transaction).map_err(Error::from)).await?;
        self.changes.send_replace(());
        Ok(done)
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.ledger.read(move |connection| work(connection).map_err(Error::from)).await
    }

    pub(super) async fn unfinished(&self) -> Result<Vec<StoredJob>, Error> {
        let sql = format!("SELECT * FROM index_jobs WHERE {UNFINISHED} ORDER BY job_id");
        self.read(move |connection| connection.prepare(&sql)?.query_map([], stored)?.collect()).await
    }

    pub(super) async fn get(&self, job_id: String) -> Result<Option<IndexJob>, Error> {
        let sql = "SELECT * FROM index_jobs WHERE job_id = ?";
        self.read(move |connection| connection.prepare_cached(sql)?.query_row([job_id], shown).optional())
            .await
    }

    pub(super) async fn list(&self) -> Result<Vec<IndexJob>, Error> {
        let sql = "SELECT * FROM index_jobs ORDER BY job_id DESC LIMIT ?";
        self.read(move |connection| connection.prepare_cached(sql)?.query_map([MAX_LISTED], shown)?.collect())
            .await
    }
}

/// Ends a job that has not ended; whether it had not.
fn end(
    transaction: &rusqlite::Transaction<'_>,
    job_id: &str,
    state: &str,
    error: Option<&str>,
) -> rusqlite::Result<bool> {
    let sql = format!(
        "UPDATE index_jobs SET state = ?2, error = ?3, behind_since_ms = NULL WHERE job_id = ?1 AND {UNFINISHED}"
    );
    transaction.execute(&sql, (job_id, state, error)).map(|changed| changed > 0)
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredJob> {
    let round = Round {
        target: row.get("snapshot_id")?,
        base: row.get("base_snapshot_id")?,
        is_full: row.get("is_full")?,
        done: count(row, "done")?,
        total: count(row, "total")?,
    };
    Ok(StoredJob { job_id: row.get("job_id")?, request: request(row)?, round })
}

fn shown(row: &Row<'_>) -> rusqlite::Result<IndexJob> {
    let request = request(row)?;
    let state = match row.get::<_, String>("state")?.as_str() {
        "queued" => IndexJobState::Queued,
        "running" => IndexJobState::Running,
        "following" => IndexJobState::Following,
        "succeeded" => IndexJobState::Succeeded,
        "cancelled" => IndexJobState::Cancelled,
        _ => IndexJobState::Failed,
    };
    let (done, total, rate) = (count(row, "done")?, count(row, "total")?, row.get("rate")?);
    let is_moving = state == IndexJobState::Running && rate > 0.0;
    let behind_since_ms: Option<i64> = row.get("behind_since_ms")?;
    let is_following = request.follow && !state.is_over();
    Ok(IndexJob {
        job_id: row.get("job_id")?,
        table: request.table,
        index: request.index,
        follow: request.follow,
        state,
        snapshot_id: row.get("snapshot_id")?,
        done,
        total,
        added: count(row, "added")?,
        updated: count(row, "updated")?,
        deleted: count(row, "deleted")?,
        unchanged: count(row, "unchanged")?,
        rate,
        eta_s: is_moving.then(|| total.saturating_sub(done) as f64 / rate),
        lag_s: is_following.then(|| lag_s(behind_since_ms)),
        error: row.get("error")?,
    })
}

/// How old the oldest commit is that an index does not reflect, seconds.
pub(super) fn lag_s(behind_since_ms: Option<i64>) -> f64 {
    let now_ms = jiff::Timestamp::now().as_millisecond();
    behind_since_ms.map_or(0.0, |since_ms| (now_ms - since_ms).max(0) as f64 / 1e3)
}

fn request(row: &Row<'_>) -> rusqlite::Result<IndexJobRequest> {
    serde_json::from_str(&row.get::<_, String>("request")?).map_err(into_sql_error)
}

/// SQLite's integers are signed.
pub(super) fn into_sql(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn count(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|count| u64::try_from(count).unwrap_or_default())
}

pub(super) fn into_sql_error(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
}
