//! A body's rows to durable data files.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use lake::{DataFile, TableMetadata, TableWriter, Warehouse};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use wire::ingest::{IngestAnswer, IngestFormat, Reject};

use super::LoadError;
use crate::reader::{self, Limits, ReadError, Rejects};
use crate::spool::Spool;
use crate::table_name::TableName;

/// Batches between the thread that reads and the task that writes: both stay busy, memory stays small.
const BATCHES_IN_FLIGHT: usize = 2;

/// A body to be read.
pub(crate) struct Source {
    pub spool: Arc<Spool>,
    pub format: IngestFormat,
    pub rejects: Rejects,
    pub limits: Limits,
}

/// What was found in a body.
pub(crate) struct Read {
    pub rows: u64,
    pub rejected: u64,
    pub rejects: Vec<Reject>,
}

impl Read {
    /// The answer about these rows, before they have a snapshot.
    pub(crate) fn into_answer(self, table: &TableName) -> IngestAnswer {
        IngestAnswer {
            table: table.to_string(),
            snapshot_id: None,
            rows_read: self.rows + self.rejected,
            rows_written: self.rows,
            rows_rejected: self.rejected,
            rejects: self.rejects,
            replayed: false,
        }
    }
}

/// Reads all rows and writes none; `inspect` sees those that fit `schema`, and may refuse them.
///
/// # Errors
/// As [`write_rows`].
pub(crate) async fn check_rows(
    source: Source,
    schema: SchemaRef,
    mut inspect: impl FnMut(&RecordBatch) -> Result<(), ReadError> + Send + 'static,
) -> Result<Read, LoadError> {
    blocking(source.format, move || read(source, schema, |batch| inspect(&batch).map(|()| true))).await
}

/// Writes the rows that fit `schema`, and that `inspect` does not refuse, as data files of the table that `metadata`
/// describe. On failure they are deleted again.
///
/// Reading and encoding both keep a core busy, so each gets a thread outside of the runtime.
///
/// # Errors
/// [`LoadError::Read`] when the body cannot be read, has more bad rows than allowed or no good ones;
/// [`LoadError::Lake`] when the warehouse fails.
pub(crate) async fn write_rows(
    source: Source,
    schema: SchemaRef,
    warehouse: &Warehouse,
    metadata: &TableMetadata,
    inspect: impl FnMut(&RecordBatch) -> Result<(), ReadError> + Send + 'static,
) -> Result<(Vec<DataFile>, Read), LoadError> {
    let (warehouse, metadata, runtime) = (warehouse.clone(), metadata.clone(), Handle::current());
    let writing = move || {
        let writer = TableWriter::new(&warehouse, &metadata)?;
        runtime.block_on(read_and_write(source, schema, writer, inspect))
    };
    spawn_blocking(writing).await.map_err(|error| LoadError::Internal(error.to_string())).flatten()
}

async fn read_and_write(
    source: Source,
    schema: SchemaRef,
    mut writer: TableWriter,
    mut inspect: impl FnMut(&RecordBatch) -> Result<(), ReadError> + Send + 'static,
) -> Result<(Vec<DataFile>, Read), LoadError> {
    let (sender, mut batches) = mpsc::channel::<RecordBatch>(BATCHES_IN_FLIGHT);
    let reading = tokio::spawn(blocking(source.format, move || {
        read(source, schema, |batch| {
            inspect(&batch)?;
            Ok(sender.blocking_send(batch).is_ok())
        })
    }));
    let mut written = Ok(());
    while let Some(batch) = batches.recv().await {
        written = writer.write(&batch).await;
        if written.is_err() {
            break;
        }
    }
    drop(batches);
    let read = reading.await.map_err(|error| LoadError::Internal(error.to_string())).flatten();
    match (written, read) {
        (Ok(()), Ok(read)) => Ok((writer.finish().await?, read)),
        (written, read) => {
            writer.abort().await;
            written?;
            Err(read
                .err()
                .unwrap_or_else(|| LoadError::Internal("reading stopped without a reason".to_owned())))
        }
    }
}

/// Reads `source` to its end, or until `take` wants no more batches.
fn read(
    mut source: Source,
    schema: SchemaRef,
    mut take: impl FnMut(RecordBatch) -> Result<bool, ReadError>,
) -> Result<Read, ReadError> {
    let mut batches = reader::open(source.spool.open()?, source.format, schema, &source.limits)?;
    let mut rows = 0;
    while let Some(batch) = batches.next_batch(&mut source.rejects)? {
        rows += batch.num_rows() as u64;
        if batch.num_rows() > 0 && !take(batch)? {
            break;
        }
    }
    if rows == 0 {
        return Err(no_rows(&source.rejects));
    }
    Ok(Read { rows, rejected: source.rejects.count(), rejects: source.rejects.into_shown() })
}

fn no_rows(rejects: &Rejects) -> ReadError {
    match rejects.first_in_words() {
        None => ReadError::unfit("the body has no rows"),
        Some(first) => ReadError::unfit(format!("none of the {} rows fits; {first}", rejects.count())),
    }
}

/// Runs `work` on a thread that may block. A panic over a Parquet body is the body's fault: its decoder has been seen
/// to panic on files that are damaged in places that have no checksum.
///
/// # Errors
/// Those of `work`.
pub(crate) async fn blocking<T: Send + 'static>(
    format: IngestFormat,
    work: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, LoadError> {
    match spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(_) if format == IngestFormat::Parquet => {
            Err(ReadError::malformed("the Parquet body is damaged: its decoder gave up").into())
        }
        Err(error) => Err(LoadError::Internal(error.to_string())),
    }
}
