//! A body's rows to durable data files.
//!
//! ```text
//! cut: one thread -> pieces -> read, convert, encode: a thread for each data file
//! ```

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::future::join_all;
use lake::{DataFile, TableMetadata, TableWriter, Warehouse};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use wire::ingest::{IngestAnswer, IngestFormat, Reject};

use super::LoadError;
use crate::reader::{self, Limits, Opened, Piece, PieceReader, Pieces, ReadError, Rejects};
use crate::rejected::RejectedRows;
use crate::spool::Spool;
use crate::table_name::TableName;

/// Looks at rows that fit before they are written; what it refuses ends the reading. Pieces come in any order.
pub(crate) type Inspect = Arc<dyn Fn(&RecordBatch) -> Result<(), ReadError> + Send + Sync>;

/// A body to be read.
pub(crate) struct Source {
    pub spool: Arc<Spool>,
    pub format: IngestFormat,
    pub rejects: Rejects,
    pub limits: Limits,
    /// Threads that read and encode.
    pub threads: usize,
    pub inspect: Option<Inspect>,
}

/// What was found in a body.
pub(crate) struct Read {
    pub rows: u64,
    pub rejected: u64,
    pub rejects: Vec<Reject>,
    /// The rejected rows in a file, if there is one.
    pub kept: Option<RejectedRows>,
}

impl Read {
    /// The answer about these rows, before they have a snapshot.
    pub(super) fn answer(&self, table: &TableName) -> IngestAnswer {
        IngestAnswer {
            table: table.to_string(),
            snapshot_id: None,
            rows_read: self.rows + self.rejected,
            rows_written: self.rows,
            rows_rejected: self.rejected,
            rejects: self.rejects.clone(),
            rejects_url: None,
            rejects_kept: 0,
            schema_changes: Vec::new(),
            replayed: false,
        }
    }
}

/// Reads all rows and writes none.
///
/// # Errors
/// As [`write_rows`].
pub(crate) async fn check_rows(source: Source, schema: SchemaRef) -> Result<Read, LoadError> {
    let writers = (0..source.threads).map(|_| None).collect();
    let (_, read) = read_all(source, schema, writers).await;
    read
}

/// Writes the rows that fit `schema` as data files of the table that `metadata` describe. On failure they are deleted
/// again.
///
/// # Errors
/// [`LoadError::Read`] when the body cannot be read, has more bad rows than allowed or no good ones;
/// [`LoadError::Lake`] when the warehouse fails.
pub(crate) async fn write_rows(
    source: Source,
    schema: SchemaRef,
    warehouse: &Warehouse,
    metadata: &TableMetadata,
) -> Result<(Vec<DataFile>, Read), LoadError> {
    let writers = (0..source.threads).map(|_| TableWriter::new(warehouse, metadata).map(Some));
    let (writers, read) = read_all(source, schema, writers.collect::<lake::Result<_>>()?).await;
    match read {
        Ok(read) => Ok((finish(warehouse, writers).await?, read)),
        Err(error) => {
            join_all(writers.into_iter().map(TableWriter::abort)).await;
            Err(error)
        }
    }
}

/// Completes the files of all writers at the same time, or none.
async fn finish(warehouse: &Warehouse, writers: Vec<TableWriter>) -> Result<Vec<DataFile>, LoadError> {
    let finishing = writers.into_iter().map(|writer| tokio::spawn(writer.finish()));
    let (mut files, mut failure) = (Vec::new(), None);
    for finished in join_all(finishing).await {
        match finished {
            Ok(Ok(written)) => files.extend(written),
            Ok(Err(error)) => failure = Some(error.into()),
            Err(error) => failure = Some(LoadError::Internal(error.to_string())),
        }
    }
    match failure {
        None => Ok(files),
        Some(failure) => {
            super::commit::delete_files(warehouse, &files).await;
            Err(failure)
        }
    }
}

/// Reads `source` to its end, a thread for each writer, and gives the writers back.
async fn read_all(
    source: Source,
    schema: SchemaRef,
    writers: Vec<Option<TableWriter>>,
) -> (Vec<TableWriter>, Result<Read, LoadError>) {
    let Source { spool, format, rejects, limits, inspect, .. } = source;
    let opened = blocking(move || reader::open(spool.open()?, format, schema, &limits)).await;
    let Opened { pieces, rows } = match opened {
        Ok(opened) => opened,
        Err(error) => return (writers.into_iter().flatten().collect(), Err(error)),
    };
    let rejects = Arc::new(rejects);
    let (sender, receiver) = sync_channel(writers.len());
    let receiver = Arc::new(Mutex::new(receiver));
    let runtime = Handle::current();
    let working = writers.into_iter().map(|writer| {
        let (receiver, rows, rejects) = (Arc::clone(&receiver), Arc::clone(&rows), Arc::clone(&rejects));
        let (inspect, runtime) = (inspect.clone(), runtime.clone());
        let mut worker = Worker { rows, rejects, inspect, runtime, writer, written: 0 };
        spawn_blocking(move || {
            let result = worker.run(&receiver);
            (worker.writer, result.map(|()| worker.written))
        })
    });
    let working: Vec<_> = working.collect();
    drop(receiver);
    let cutting = {
        let rejects = Arc::clone(&rejects);
        spawn_blocking(move || cut(pieces, &sender, &rejects))
    };
    let (mut writers, mut read) = (Vec::new(), Ok(0));
    for worker in join_all(working).await {
        let (writer, result) = match worker {
            Ok((writer, result)) => (writer, result),
            Err(panic) => (None, Err(LoadError::Internal(panic.to_string()))),
        };
        writers.extend(writer);
        read = read.and_then(|rows| Ok(rows + result?));
    }
    let cut = cutting.await.map_err(|error| LoadError::Internal(error.to_string()));
    (writers, read.and_then(|rows| cut.and_then(|()| summarise(rows, &rejects))))
}

fn summarise(rows: u64, rejects: &Rejects) -> Result<Read, LoadError> {
    let rejects = rejects.collect()?;
    if rows == 0 {
        return Err(match rejects.shown.first() {
            None => ReadError::unfit("the body has no rows"),
            Some(first) => {
                let first = reader::in_words(first);
                ReadError::unfit(format!("none of the {} rows fits; {first}", rejects.count))
            }
        }
        .into());
    }
    Ok(Read { rows, rejected: rejects.count, rejects: rejects.shown, kept: rejects.kept })
}

/// Sends the pieces of a body until it ends or nobody wants more.
fn cut(mut pieces: Box<dyn Pieces>, sender: &SyncSender<(u64, Piece)>, rejects: &Rejects) {
    let mut number = 0;
    while rejects.admits(number) {
        match pieces.next_piece() {
            Ok(Some(piece)) => {
                if sender.send((number, piece)).is_err() {
                    return;
                }
                number += 1;
            }
            Ok(None) => return,
            Err(error) => return rejects.of_piece(number).finish(Err(error)),
        }
    }
}

/// A thread that reads pieces and writes a data file.
struct Worker {
    rows: Arc<dyn PieceReader>,
    rejects: Arc<Rejects>,
    inspect: Option<Inspect>,
    runtime: Handle,
    /// None for a dry run.
    writer: Option<TableWriter>,
    written: u64,
}

impl Worker {
    /// Reads until there are no more pieces. What is wrong with the body is among the rejects.
    ///
    /// # Errors
    /// [`LoadError::Lake`] when the warehouse fails.
    fn run(&mut self, pieces: &Mutex<Receiver<(u64, Piece)>>) -> Result<(), LoadError> {
        loop {
            // The lock is held while waiting, and released before the piece is read.
            let received = pieces.lock().recv();
            let Ok((number, piece)) = received else { return Ok(()) };
            self.read(number, piece)?;
        }
    }

    fn read(&mut self, number: u64, piece: Piece) -> Result<(), LoadError> {
        let mut rejects = self.rejects.of_piece(number);
        let (writer, written, runtime) = (&mut self.writer, &mut self.written, &self.runtime);
        let (mut refusal, mut failure) = (Ok(()), Ok(()));
        let result = self.rows.read(piece, &mut rejects, &mut |batch| {
            refusal = self.inspect.as_ref().map_or(Ok(()), |inspect| inspect(&batch));
            if refusal.is_err() {
                return false;
            }
            *written += batch.num_rows() as u64;
            if let Some(writer) = writer {
                failure = runtime.block_on(writer.write(&batch));
            }
            failure.is_ok()
        });
        if failure.is_err() {
            self.rejects.stop();
        }
        rejects.finish(refusal.and(result));
        Ok(failure?)
    }
}

/// Runs `work` on a thread that may block.
///
/// # Errors
/// Those of `work`.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, LoadError> {
    let worked = spawn_blocking(work).await.map_err(|error| LoadError::Internal(error.to_string()))?;
    Ok(worked?)
}
