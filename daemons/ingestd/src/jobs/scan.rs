//! The rows of files in order, in portions of which each holds few rows that must be indexed.

use std::collections::VecDeque;

use arrow::array::RecordBatch;
use futures::TryStreamExt;
use futures::stream::{self, BoxStream, Stream, StreamExt};
use lake::{PlannedFile, TableMetadata, Warehouse};
use wire::ingest::IndexJobRequest;

use super::rows::{self, Item};
use super::sources::Digest;
use super::store::Store;
use super::template::Template;

/// Rows whose digests are looked up at once.
const LOOK_UP_ROWS: usize = 1_024;
/// A portion ends here also if nothing in it must be indexed, so that progress is seen and kept.
const MAX_PORTION_ROWS: u64 = 8_192;

/// Consecutive rows.
#[derive(Debug, Default)]
pub(super) struct Portion {
    /// The number of the first, from 1.
    pub first_row: u64,
    /// How many there are.
    pub rows: u64,
    /// Those that the index does not have, or has otherwise.
    pub changed: Vec<Changed>,
}

/// A row to index.
#[derive(Debug)]
pub(super) struct Changed {
    pub item: Item,
    pub digest: Digest,
    /// Whether the index has no row of this id.
    pub is_new: bool,
}

/// Compares rows with what the index has.
pub(super) struct Comparison {
    pub store: Store,
    pub source_id: i64,
    pub request: IndexJobRequest,
    pub template: Template,
    pub model: String,
    /// The most rows to index in one portion.
    pub max_changed: usize,
}

/// The rows of `files` behind the first `skip`, in portions.
///
/// # Errors
/// A sentence, for whoever submitted the job, also within the stream.
pub(super) fn portions(
    comparison: Comparison,
    warehouse: &Warehouse,
    metadata: &TableMetadata,
    files: &[PlannedFile],
    skip: u64,
) -> Result<impl Stream<Item = Result<Portion, String>> + Send + use<>, String> {
    let names = rows::columns(&comparison.request, &comparison.template);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (files, offset) = behind(files, skip);
    let batches = lake::rows(warehouse, metadata, files, Some(&names)).map_err(|error| read_error(&error))?;
    let scan = Scan {
        batches: batches.map_err(|error| read_error(&error)).boxed(),
        skip: offset,
        next_row: skip + 1,
        next_compared: skip + 1,
        compared: VecDeque::new(),
        comparison,
    };
    Ok(stream::try_unfold(scan, |mut scan| async move {
        Ok(scan.portion().await?.map(|portion| (portion, scan)))
    }))
}

/// The files behind the first `skip` rows, and the rows to skip in the first of them.
fn behind(files: &[PlannedFile], mut skip: u64) -> (&[PlannedFile], u64) {
    let mut rest = files;
    while let Some((first, others)) = rest.split_first()
        && skip >= first.record_count
    {
        skip -= first.record_count;
        rest = others;
    }
    (rest, skip)
}

fn read_error(error: &lake::Error) -> String {
    format!("read the table: {error}")
}

struct Scan {
    batches: BoxStream<'static, Result<RecordBatch, String>>,
    /// Rows of the next batches that have been looked at by an earlier run.
    skip: u64,
    /// The number of the first row of the next portion.
    next_row: u64,
    /// That of the next row to compare.
    next_compared: u64,
    /// Rows that are not in a portion yet; those that need not be indexed are `None`.
    compared: VecDeque<Option<Changed>>,
    comparison: Comparison,
}

impl Scan {
    async fn portion(&mut self) -> Result<Option<Portion>, String> {
        let mut portion = Portion { first_row: self.next_row, ..Portion::default() };
        while portion.changed.len() < self.comparison.max_changed && portion.rows < MAX_PORTION_ROWS {
            let Some(row) = self.compared.pop_front() else {
                if self.compare_more().await? {
                    continue;
                }
                break;
            };
            portion.rows += 1;
            portion.changed.extend(row);
        }
        self.next_row += portion.rows;
        Ok((portion.rows > 0).then_some(portion))
    }

    /// Compares the rows of the next batch; false at the end.
    async fn compare_more(&mut self) -> Result<bool, String> {
        let Some(batch) = self.batches.try_next().await? else { return Ok(false) };
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(batch.num_rows());
        self.skip -= skipped as u64;
        let mut offset = skipped;
        while offset < batch.num_rows() {
            let rows = batch.slice(offset, LOOK_UP_ROWS.min(batch.num_rows() - offset));
            let compared = self.comparison.compare(&rows, self.next_compared).await?;
            self.next_compared += compared.len() as u64;
            self.compared.extend(compared);
            offset += rows.num_rows();
        }
        Ok(true)
    }
}

impl Comparison {
    async fn compare(&self, rows: &RecordBatch, first_row: u64) -> Result<Vec<Option<Changed>>, String> {
        let items = rows::items(rows, &self.request, &self.template, first_row)?;
        let ids = items.iter().map(|item| item.id.clone()).collect();
        let known = self.store.digests(self.source_id, ids).await;
        let known = known.map_err(|error| format!("look up what is indexed: {error}"))?;
        let compared = items.into_iter().zip(known).map(|(item, known)| {
            let digest = self.digest(&item);
            (known != Some(digest)).then(|| Changed { item, digest, is_new: known.is_none() })
        });
        Ok(compared.collect())
    }

    fn digest(&self, item: &Item) -> Digest {
        rows::digest([self.model.as_str(), &item.text, item.metadata.as_str()])
    }
}
