//! What an index holds of a table: which snapshot it reflects, and of every row a digest.
//!
//! While a job changes the index, the snapshot is not known (`NULL`), and the job that does so is named: only that one goes
//! on from where it stood. Whoever comes next compares all rows with their digests, which embeds only those that differ.

use ledger::Error;
use ledger::rusqlite::{OptionalExtension, Transaction};

use super::store::{Round, Store, StoredJob, count, into_sql};

/// What a row was when it was indexed: half of the SHA-256 of the model, its text and its metadata.
pub(super) type Digest = [u8; 16];

/// A table in an index.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub source_id: i64,
    /// How its rows become items.
    pub settings: String,
    /// The model that made the vectors; empty before the first.
    pub model: String,
    /// The snapshot that the index reflects, if it is known.
    pub snapshot_id: Option<i64>,
    /// The version of the index when it did.
    pub index_version: u64,
    /// The job that is changing the index.
    pub job_id: Option<String>,
}

/// What a part of a round has done, in the order of the rows.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Rows looked at.
    pub rows: u64,
    pub added: u64,
    pub updated: u64,
    pub unchanged: u64,
    /// The digests of those that were indexed.
    pub digests: Vec<(String, Digest)>,
}

impl Store {
    /// The source for `table` in `index`; made if there is none.
    pub(super) async fn source(&self, table: String, index: String) -> Result<Source, Error> {
        self.write(move |transaction| {
            let insert =
                "INSERT INTO index_sources (table_name, index_name) VALUES (?, ?) ON CONFLICT DO NOTHING";
            transaction.execute(insert, (&table, &index))?;
            let select = "SELECT * FROM index_sources WHERE table_name = ? AND index_name = ?";
            transaction.query_row(select, (table, index), |row| {
                Ok(Source {
                    source_id: row.get("source_id")?,
                    settings: row.get("settings")?,
                    model: row.get("model")?,
                    snapshot_id: row.get("snapshot_id")?,
                    index_version: count(row, "index_version")?,
                    job_id: row.get("job_id")?,
                })
            })
        })
        .await
    }

    /// Whether `index` has been filled from `table` before.
    pub(super) async fn has_source(&self, table: String, index: String) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM index_sources WHERE table_name = ? AND index_name = ?";
        self.read(move |connection| {
            Ok(connection.query_row(sql, (table, index), |_| Ok(())).optional()?.is_some())
        })
        .await
    }

    /// Begins a round: from here on the index reflects no snapshot. With `forgets`, nothing of the table is in it.
    pub(super) async fn begin(&self, job: &StoredJob, source: &Source, forgets: bool) -> Result<(), Error> {
        let (job_id, round, source) = (job.job_id.clone(), job.round.clone(), source.clone());
        self.write(move |transaction| {
            if forgets {
                transaction.execute("DELETE FROM indexed_rows WHERE source_id = ?", [source.source_id])?;
            }
            let sql = "UPDATE index_sources SET settings = ?2, snapshot_id = NULL, job_id = ?3 WHERE source_id = ?1";
            transaction.execute(sql, (source.source_id, &source.settings, &job_id))?;
            write_round(transaction, &job_id, &round)
        })
        .await
    }

    /// The model has changed: all rows are looked at.
    pub(super) async fn widen(&self, job: &StoredJob, source: &Source, model: String) -> Result<(), Error> {
        let (job_id, round, source_id) = (job.job_id.clone(), job.round.clone(), source.source_id);
        self.write(move |transaction| {
            transaction
                .execute("UPDATE index_sources SET model = ?2 WHERE source_id = ?1", (source_id, model))?;
            write_round(transaction, &job_id, &round)
        })
        .await
    }

    /// Counts what is done; `rate` is rows per second since the round last started.
    pub(super) async fn progress(
        &self,
        job_id: String,
        source_id: i64,
        progress: Progress,
        rate: f64,
    ) -> Result<(), Error> {
        self.write(move |transaction| {
            let sql = "INSERT OR REPLACE INTO indexed_rows (source_id, id, digest) VALUES (?, ?, ?)";
            let mut insert = transaction.prepare_cached(sql)?;
            for (id, digest) in &progress.digests {
                insert.execute((source_id, id, digest))?;
            }
            let sql = "UPDATE index_jobs SET done = done + ?2, added = added + ?3, updated = updated + ?4,
                       unchanged = unchanged + ?5, rate = ?6 WHERE job_id = ?1";
            let Progress { rows, added, updated, unchanged, .. } = progress;
            let counts = [rows, added, updated, unchanged].map(into_sql);
            let [rows, added, updated, unchanged] = counts;
            transaction.prepare_cached(sql)?.execute((job_id, rows, added, updated, unchanged, rate))?;
            Ok(())
        })
        .await
    }

    /// Items that are no longer in the index.
    pub(super) async fn forget(&self, job_id: String, source_id: i64, ids: Vec<String>) -> Result<(), Error> {
        self.write(move |transaction| {
            let mut deleted = 0;
            let mut delete =
                transaction.prepare_cached("DELETE FROM indexed_rows WHERE source_id = ? AND id = ?")?;
            for id in &ids {
                deleted += delete.execute((source_id, id))?;
            }
            let sql = "UPDATE index_jobs SET deleted = deleted + ?2 WHERE job_id = ?1";
            transaction.execute(sql, (job_id, into_sql(deleted as u64)))?;
            Ok(())
        })
        .await
    }

    /// The round is over: the index reflects its target.
    pub(super) async fn complete(&self, job: &StoredJob, source_id: i64, version: u64) -> Result<(), Error> {
        let (job_id, target) = (job.job_id.clone(), job.round.target);
        self.write(move |transaction| {
            let sql = "UPDATE index_sources SET snapshot_id = ?2, index_version = ?3, job_id = NULL WHERE source_id = ?1";
            transaction.execute(sql, (source_id, target, into_sql(version)))?;
            let sql = "UPDATE index_jobs SET behind_since_ms = NULL, error = NULL WHERE job_id = ?";
            transaction.execute(sql, [job_id])?;
            Ok(())
        })
        .await
    }

    /// The digests of rows as they are indexed, for each of `ids`.
    pub(super) async fn digests(
        &self,
        source_id: i64,
        ids: Vec<String>,
    ) -> Result<Vec<Option<Digest>>, Error> {
        self.read(move |connection| {
            let sql = "SELECT digest FROM indexed_rows WHERE source_id = ? AND id = ?";
            let mut select = connection.prepare_cached(sql)?;
            let digest = |id: &String| select.query_row((source_id, id), |row| row.get(0)).optional();
            ids.iter().map(digest).collect()
        })
        .await
    }

    /// The ids in the index behind `after`, in order, at most `limit`.
    pub(super) async fn ids(
        &self,
        source_id: i64,
        after: String,
        limit: usize,
    ) -> Result<Vec<String>, Error> {
        self.read(move |connection| {
            let sql = "SELECT id FROM indexed_rows WHERE source_id = ? AND id > ? ORDER BY id LIMIT ?";
            let mut select = connection.prepare_cached(sql)?;
            select.query_map((source_id, after, limit as i64), |row| row.get(0))?.collect()
        })
        .await
    }
}

fn write_round(transaction: &Transaction<'_>, job_id: &str, round: &Round) -> ledger::rusqlite::Result<()> {
    let sql =
        "UPDATE index_jobs SET state = 'running', snapshot_id = ?2, base_snapshot_id = ?3, is_full = ?4,
               done = ?5, total = ?6, rate = 0, error = NULL
               WHERE job_id = ?1 AND state IN ('queued', 'running', 'following')";
    let Round { target, base, is_full, done, total } = *round;
    transaction.execute(sql, (job_id, target, base, is_full, into_sql(done), into_sql(total)))?;
    Ok(())
}
