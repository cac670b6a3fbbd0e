//! From rows of text, as CSV and NDJSON give them, to batches of the table's types.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, StringBuilder, new_null_array};
use arrow::datatypes::{Schema, SchemaRef};

use super::fit::{Converted, rows_that_fit};
use super::rejects::Rejects;
use super::{Batches, Limits, ReadError, parse};

/// Rows of text, column by column, until there are enough for a batch.
pub(crate) struct TextBatch {
    lines: Vec<u64>,
    columns: Vec<StringBuilder>,
    bytes: usize,
    max_rows: usize,
    max_bytes: usize,
}

impl TextBatch {
    fn new(columns: usize, limits: &Limits) -> Self {
        Self {
            lines: Vec::new(),
            columns: (0..columns).map(|_| StringBuilder::new()).collect(),
            bytes: 0,
            max_rows: limits.batch_rows,
            max_bytes: limits.batch_bytes,
        }
    }

    /// Appends the row that begins on `line`, one cell a column.
    pub(crate) fn push<'a>(&mut self, line: u64, cells: impl IntoIterator<Item = Option<&'a str>>) {
        self.lines.push(line);
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            self.bytes += cell.map_or(0, str::len);
            column.append_option(cell);
        }
    }

    /// Whether a batch should be made of it now.
    pub(crate) fn is_full(&self) -> bool {
        self.lines.len() >= self.max_rows || self.bytes >= self.max_bytes
    }

    fn take(&mut self) -> (Vec<u64>, Vec<StringArray>) {
        self.bytes = 0;
        (std::mem::take(&mut self.lines), self.columns.iter_mut().map(StringBuilder::finish).collect())
    }
}

/// A format whose values are written as text.
pub(crate) trait TextRows: Send {
    /// Appends rows to `batch` until it is full; false once the body has ended.
    ///
    /// # Errors
    /// Any [`ReadError`].
    fn fill(&mut self, batch: &mut TextBatch, rejects: &mut Rejects) -> Result<bool, ReadError>;
}

/// Batches of a table's types made from rows of text.
pub(crate) struct TextBatches {
    rows: Box<dyn TextRows>,
    batch: TextBatch,
    /// For each column of the table, the column of text that fills it.
    sources: Vec<Option<usize>>,
    table: SchemaRef,
    is_at_end: bool,
}

impl TextBatches {
    /// Reads `rows`, whose column `i` fills the table's column `positions[i]`.
    ///
    /// # Errors
    /// [`ReadError::Unfit`] when a column that the body fills has a type that text cannot fill.
    pub(crate) fn new(
        rows: Box<dyn TextRows>,
        positions: &[usize],
        table: SchemaRef,
        limits: &Limits,
    ) -> Result<Self, ReadError> {
        let mut sources = vec![None; table.fields().len()];
        for (source, &position) in positions.iter().enumerate() {
            let field = table.field(position);
            if !parse::is_supported(field.data_type()) {
                let (name, data_type) = (field.name(), field.data_type());
                return Err(ReadError::unfit(format!(
                    "column {name:?} is {data_type}, which text cannot fill"
                )));
            }
            sources[position] = Some(source);
        }
        let batch = TextBatch::new(positions.len(), limits);
        Ok(Self { rows, batch, sources, table, is_at_end: false })
    }
}

impl Batches for TextBatches {
    fn next_batch(&mut self, rejects: &mut Rejects) -> Result<Option<RecordBatch>, ReadError> {
        while !self.is_at_end {
            self.is_at_end = !self.rows.fill(&mut self.batch, rejects)?;
            let (lines, texts) = self.batch.take();
            if lines.is_empty() {
                continue;
            }
            let columns = self.sources.iter().enumerate().map(|(index, source)| {
                convert(source.map(|source| &texts[source]), lines.len(), self.table.as_ref(), index)
            });
            let batch =
                rows_that_fit(&self.table, columns.collect(), lines.len(), |row| lines[row], rejects)?;
            return Ok(Some(batch));
        }
        Ok(None)
    }
}

fn convert(texts: Option<&StringArray>, rows: usize, table: &Schema, index: usize) -> Converted {
    let data_type = table.field(index).data_type();
    let mut misfits = Vec::new();
    match texts {
        Some(texts) => {
            let values = parse::column(texts, data_type, &mut misfits);
            Converted { original: Some(Arc::new(texts.clone()) as ArrayRef), values, misfits }
        }
        None => Converted { original: None, values: new_null_array(data_type, rows), misfits },
    }
}

/// Opens a body as UTF-8 text, behind its byte order mark if it has one.
///
/// # Errors
/// [`ReadError::Malformed`] for an empty body and for one in UTF-16 or UTF-32.
pub(crate) fn open<R: Read>(body: R) -> Result<BufReader<R>, ReadError> {
    const BUFFER_BYTES: usize = 128 << 10;
    let mut input = BufReader::with_capacity(BUFFER_BYTES, body);
    match input.fill_buf()? {
        [] => Err(ReadError::malformed("the body is empty")),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, 0, 0xFE, 0xFF, ..] => {
            Err(ReadError::malformed("the body is UTF-16 or UTF-32; send UTF-8"))
        }
        [0xEF, 0xBB, 0xBF, ..] => {
            input.consume(3);
            Ok(input)
        }
        _ => Ok(input),
    }
}
