//! Rows into tables and tables into vector indexes: `POST /ingest`, `/tables/{table}/…`, `/index-jobs`.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How many rejected rows an answer shows; all are counted.
pub const MAX_REJECTS_SHOWN: usize = 100;

/// Query string of `POST /ingest`. The body is the data; `Content-Type` or `format` says how to read it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct IngestParams {
    /// The table, `namespace.name`.
    pub table: String,
    /// What to do with the table; absent: `append` where it exists, else `create`.
    pub mode: Option<IngestMode>,
    /// How the body is written; overrides `Content-Type`.
    pub format: Option<IngestFormat>,
    /// What a row that does not fit does to the request.
    #[serde(default)]
    pub on_error: OnError,
    /// With `on_error=skip`: give up, and write nothing, beyond this many rejected rows; absent: no bound.
    pub max_errors: Option<u64>,
    /// Read and check everything, write nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// What an ingest does with its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IngestMode {
    /// Adds the rows to a table that exists (404 else).
    Append,
    /// Makes the table with types taken from the body (409 if it exists).
    Create,
    /// Replaces all rows of the table in one commit, keeping its columns; makes it where it does not exist.
    Overwrite,
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IngestFormat {
    /// Comma-separated with a header row: RFC 4180.
    Csv,
    /// The same with tabs.
    Tsv,
    /// One JSON object a line.
    Ndjson,
    /// An array of JSON objects, or one object.
    Json,
    /// Apache Parquet.
    Parquet,
}

/// Query string of `POST /tables/{table}/upsert`. The body is the data, as `POST /ingest` takes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UpsertParams {
    /// The columns that name a row, comma-separated: `worker_id` or `year,area_code`. Not null, and no key twice.
    pub key: String,
    /// How the body is written; overrides `Content-Type`.
    pub format: Option<IngestFormat>,
    /// What a row that does not fit does to the request.
    #[serde(default)]
    pub on_error: OnError,
    /// With `on_error=skip`: give up, and write nothing, beyond this many rejected rows; absent: no bound.
    pub max_errors: Option<u64>,
    /// Read and check everything, write nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// Answer of `POST /tables/{table}/upsert`: what a 2xx says is on disk (unless it was a dry run).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UpsertAnswer {
    /// The table, `namespace.name`.
    pub table: String,
    /// The Iceberg snapshot that holds the rows; absent after a dry run.
    pub snapshot_id: Option<i64>,
    /// Rows found in the body.
    pub rows_read: u64,
    /// Rows whose key the table did not have.
    pub rows_inserted: u64,
    /// Rows that took the place of those with the same key.
    pub rows_updated: u64,
    /// Rows not taken: `rows_read - rows_inserted - rows_updated`.
    pub rows_rejected: u64,
    /// The first [`MAX_REJECTS_SHOWN`] of them.
    pub rejects: Vec<Reject>,
    /// Whether this is the stored answer to an earlier request with the same `Idempotency-Key`.
    pub replayed: bool,
}

/// The most keys that one deletion takes.
pub const MAX_DELETED_KEYS: usize = 100_000;

/// Body of `POST /tables/{table}/delete`: a condition or keys.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteRows {
    /// Which rows, in the words of filters: `{"worker_id": {"in": ["000007"]}}`. Never empty. Dates, times and decimals are
    /// written as texts.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub condition: Option<serde_json::Value>,
    /// Which rows, by their keys: `[{"worker_id": "000007"}, …]`, all with the same columns, at most 100,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub keys: Option<Vec<serde_json::Map<String, serde_json::Value>>>,
    /// Whether to say only how many there are.
    #[serde(default)]
    pub dry_run: bool,
}

/// Answer of `POST /tables/{table}/delete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeletedRows {
    /// The table, `namespace.name`.
    pub table: String,
    /// Rows that went, or would go.
    pub rows_deleted: u64,
    /// Data files that held some, and were written anew or dropped.
    pub files_rewritten: usize,
    /// The snapshot without them; absent if none were there, and after a dry run. Older snapshots have the rows until they
    /// expire.
    pub snapshot_id: Option<i64>,
}

/// What a row that does not fit the table does to the request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// 422 at the first such row, nothing is written.
    #[default]
    Abort,
    /// The row is reported among `rejects`, the others are written.
    Skip,
}

/// A row that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reject {
    /// Where the row begins: the line of the body, from 1 (Parquet: the row, from 1).
    pub line: u64,
    /// The column at fault; absent when the whole row is.
    pub column: Option<String>,
    /// The value at fault as it was written, shortened to 200 characters.
    pub value: Option<String>,
    /// What is wrong with it.
    pub reason: String,
}

/// A column that became wider: `int` to `long`, `float` to `double`, `decimal(P, S)` to more digits before the point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SchemaChange {
    /// The column.
    pub column: String,
    /// The Iceberg type that it had.
    pub from: String,
    /// The one that it has now.
    pub to: String,
}

/// Answer of `POST /ingest`: what a 2xx says is on disk (unless it was a dry run).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IngestAnswer {
    /// The table, `namespace.name`.
    pub table: String,
    /// The Iceberg snapshot that holds the rows; absent after a dry run.
    pub snapshot_id: Option<i64>,
    /// Rows found in the body.
    pub rows_read: u64,
    /// Rows written (dry run: that would be).
    pub rows_written: u64,
    /// Rows not taken: `rows_read - rows_written`.
    pub rows_rejected: u64,
    /// The first [`MAX_REJECTS_SHOWN`] of them.
    pub rejects: Vec<Reject>,
    /// Where all of them can be had for `ingestd.rejects_hours`, one [`Reject`] a line (NDJSON); absent if there are none.
    #[serde(default)]
    pub rejects_url: Option<String>,
    /// How many are there: `rows_rejected`, or the first that `ingestd.max_rejects_bytes` hold.
    #[serde(default)]
    pub rejects_kept: u64,
    /// Columns that became wider in the same commit (dry run: that would), because rows of this body needed it.
    #[serde(default)]
    pub schema_changes: Vec<SchemaChange>,
    /// Whether this is the stored answer to an earlier request with the same `Idempotency-Key`.
    pub replayed: bool,
}

/// Request of `POST /index-jobs`: embed the rows of a table and put them into a vector index. Only rows are embedded that the
/// index does not have as they are; those that are gone from the table leave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IndexJobRequest {
    /// The table, `namespace.name`.
    pub table: String,
    /// The column whose value becomes the item's id: unique, never null.
    pub id_column: String,
    /// The text to embed, with columns in braces: `{occupation} in {area}`; `{{` and `}}` are literal braces.
    pub text_template: String,
    /// Columns that travel along as the item's metadata.
    #[serde(default)]
    pub metadata_columns: Vec<String>,
    /// The vector index; made, with cosine distance, where it does not exist.
    pub index: String,
    /// Keep the index up to date: after every commit to the table, until the job is deleted. It takes the place of another
    /// that follows the same table for the same index.
    #[serde(default)]
    pub follow: bool,
}

/// Answer of `POST /index-jobs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexJobAccepted {
    /// Under which `GET /index-jobs/{job_id}` reports.
    pub job_id: String,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IndexJobState {
    /// Accepted, waits for its turn.
    Queued,
    /// Under way; after a restart of the daemon it goes on from the last batch it had finished.
    Running,
    /// Up to date, and waits for the table to change; with an `error`, for the time to try again.
    Following,
    /// The index holds the rows of the snapshot, and no others of the table.
    Succeeded,
    /// Stopped; `error` says why. What was indexed until then stays.
    Failed,
    /// Ended by `DELETE`, or by another job that follows the table. What was indexed until then stays.
    Cancelled,
}

impl IndexJobState {
    /// Whether the job will do nothing more.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// One job in `GET /index-jobs/{job_id}` and in the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IndexJob {
    /// Names the job.
    pub job_id: String,
    /// The table it reads.
    pub table: String,
    /// The index it fills.
    pub index: String,
    /// Whether it follows the table.
    #[serde(default)]
    pub follow: bool,
    /// Where it stands.
    pub state: IndexJobState,
    /// The snapshot that is being indexed, or was last.
    #[serde(default)]
    pub snapshot_id: Option<i64>,
    /// Rows that have been looked at on the way to that snapshot.
    pub done: u64,
    /// Rows to look at: those of files that the index does not reflect yet.
    pub total: u64,
    /// Rows that joined the index, since the job began.
    #[serde(default)]
    pub added: u64,
    /// Rows whose text or metadata had changed, since the job began.
    #[serde(default)]
    pub updated: u64,
    /// Rows that were gone, and left the index, since the job began.
    #[serde(default)]
    pub deleted: u64,
    /// Rows that were looked at and found as they are indexed, since the job began.
    #[serde(default)]
    pub unchanged: u64,
    /// Rows per second since the job last (re)started; 0 until the first batch is done.
    pub rate: f64,
    /// Seconds left at that rate; absent while unknown.
    pub eta_s: Option<f64>,
    /// How long ago the oldest commit was that the index does not reflect, seconds; 0 if it reflects all that the job
    /// knows of. Of a job that follows only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_s: Option<f64>,
    /// Why it failed, or what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Answer of `GET /index-jobs`, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IndexJobs {
    /// The jobs.
    pub jobs: Vec<IndexJob>,
}
