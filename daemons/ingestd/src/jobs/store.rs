//! Jobs in the ledger.

use ledger::rusqlite::{self, OptionalExtension, Row};
use ledger::{Error, Ledger};
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

/// The most jobs that a listing shows.
const MAX_LISTED: u32 = 1_000;

/// What is needed to run a job, or to go on with it.
#[derive(Debug, Clone)]
pub(super) struct StoredJob {
    pub job_id: String,
    pub request: IndexJobRequest,
    /// The snapshot whose rows are indexed, also after the table has moved on.
    pub snapshot_id: i64,
    /// Rows that are in the index.
    pub done: u64,
    /// Rows of the snapshot.
    pub total: u64,
}

/// The table of jobs.
#[derive(Clone)]
pub(super) struct Store(Ledger);

impl Store {
    pub(super) fn new(ledger: Ledger) -> Self {
        Self(ledger)
    }

    pub(super) async fn insert(&self, job: &StoredJob) -> Result<(), Error> {
        let StoredJob { job_id, request, snapshot_id, done, total } = job.clone();
        let (done, total) = (into_sql(done), into_sql(total));
        self.0
            .write(move |transaction| {
                let request = serde_json::to_string(&request).map_err(into_sql_error)?;
                let sql = "INSERT INTO index_jobs (job_id, request, snapshot_id, state, done, total)
                           VALUES (?, ?, ?, 'queued', ?, ?)";
                transaction.execute(sql, (job_id, request, snapshot_id, done, total))?;
                Ok(())
            })
            .await
    }

    /// Counts what is done; `rate` is rows per second since the job last started.
    pub(super) async fn progress(&self, job_id: String, done: u64, rate: f64) -> Result<(), Error> {
        let done = into_sql(done);
        let sql =
            "UPDATE index_jobs SET state = 'running', done = ?2, rate = ?3, error = NULL WHERE job_id = ?1";
        self.update(move |transaction| transaction.prepare_cached(sql)?.execute((job_id, done, rate))).await
    }

    /// Puts the job back in the queue, and says what it waits for.
    pub(super) async fn wait(&self, job_id: String, reason: &'static str) -> Result<(), Error> {
        let sql = "UPDATE index_jobs SET state = 'queued', rate = 0, error = ?2 WHERE job_id = ?1";
        self.update(move |transaction| transaction.execute(sql, (job_id, reason))).await
    }

    /// Writes down how the job ended.
    pub(super) async fn finish(&self, job_id: String, error: Option<String>) -> Result<(), Error> {
        let state = if error.is_none() { "succeeded" } else { "failed" };
        let sql = "UPDATE index_jobs SET state = ?2, error = ?3 WHERE job_id = ?1";
        self.update(move |transaction| transaction.execute(sql, (job_id, state, error))).await
    }

    async fn update(
        &self,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<usize> + Send + 'static,
    ) -> Result<(), Error> {
        self.0.write(move |transaction| work(transaction).map(drop).map_err(Error::from)).await
    }

    pub(super) async fn unfinished(&self) -> Result<Vec<StoredJob>, Error> {
        let sql = "SELECT job_id, request, snapshot_id, done, total FROM index_jobs
                   WHERE state IN ('queued', 'running') ORDER BY job_id";
        self.0
            .read(move |connection| {
                let mut statement = connection.prepare(sql)?;
                let jobs = statement.query_map([], |row| {
                    Ok(StoredJob {
                        job_id: row.get("job_id")?,
                        request: request(row)?,
                        snapshot_id: row.get("snapshot_id")?,
                        done: count(row, "done")?,
                        total: count(row, "total")?,
                    })
                })?;
                Ok(jobs.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    pub(super) async fn get(&self, job_id: String) -> Result<Option<IndexJob>, Error> {
        let sql = "SELECT * FROM index_jobs WHERE job_id = ?";
        self.0
            .read(move |connection| {
                Ok(connection.prepare_cached(sql)?.query_row([job_id], shown).optional()?)
            })
            .await
    }

    pub(super) async fn list(&self) -> Result<Vec<IndexJob>, Error> {
        let sql = "SELECT * FROM index_jobs ORDER BY job_id DESC LIMIT ?";
        self.0
            .read(move |connection| {
                let mut statement = connection.prepare_cached(sql)?;
                let jobs = statement.query_map([MAX_LISTED], shown)?;
                Ok(jobs.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }
}

fn shown(row: &Row<'_>) -> rusqlite::Result<IndexJob> {
    let request = request(row)?;
    let state = match row.get::<_, String>("state")?.as_str() {
        "queued" => IndexJobState::Queued,
        "running" => IndexJobState::Running,
        "succeeded" => IndexJobState::Succeeded,
        _ => IndexJobState::Failed,
    };
    let (done, total, rate) = (count(row, "done")?, count(row, "total")?, row.get("rate")?);
    let is_moving = state == IndexJobState::Running && rate > 0.0;
    Ok(IndexJob {
        job_id: row.get("job_id")?,
        table: request.table,
        index: request.index,
        state,
        done,
        total,
        rate,
        eta_s: is_moving.then(|| total.saturating_sub(done) as f64 / rate),
        error: row.get("error")?,
    })
}

fn request(row: &Row<'_>) -> rusqlite::Result<IndexJobRequest> {
    serde_json::from_str(&row.get::<_, String>("request")?).map_err(into_sql_error)
}

/// SQLite's integers are signed.
fn into_sql(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn count(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|count| u64::try_from(count).unwrap_or_default())
}

fn into_sql_error(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
}
