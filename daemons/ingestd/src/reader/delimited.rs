//! CSV and TSV: a header row, then records. An unquoted empty field is null, a quoted one (`""`) is an empty text.

use std::borrow::Cow;
use std::io::Read;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field as ArrowField, Schema, SchemaRef};

use super::cells::{Cells, Text};
use super::columns::{check_names, positions};
use super::fit::TextFit;
use super::infer::ColumnType;
use super::records::{Fault, Field, Record, Records, Skim};
use super::rejects::{one_value, too_long, whole_row};
use super::source::Source;
use super::widen::{Widening, Width};
use super::{Block, Limits, Opened, Piece, PieceReader, PieceRejects, Pieces, ReadError, lines};

/// Chooses the types of a table's columns from the first rows of `body`.
///
/// # Errors
/// [`ReadError::Malformed`] without a usable header, [`ReadError::Unfit`] without rows.
pub(crate) fn infer<R: Read + Send>(body: R, delimiter: u8, limits: &Limits) -> Result<Schema, ReadError> {
    let mut body = CsvPieces::open(body, delimiter, limits)?;
    let mut types = vec![ColumnType::default(); body.names.len()];
    let rows = body.first_rows(|column, text| types[column].observe(text, false))?;
    if rows == 0 {
        return Err(ReadError::unfit(
            "the body has a header and no row that has the header's number of fields",
        ));
    }
    let fields =
        body.names.into_iter().zip(types).map(|(name, kind)| ArrowField::new(name, kind.data_type(), true));
    Ok(Schema::new(fields.collect::<Vec<_>>()))
}

/// The columns of `table` that are too narrow for the first rows of `body`.
///
/// # Errors
/// As [`open`].
pub(crate) fn widen<R: Read + Send>(
    body: R,
    delimiter: u8,
    table: &Schema,
    limits: &Limits,
) -> Result<Vec<Widening>, ReadError> {
    let mut body = CsvPieces::open(body, delimiter, limits)?;
    let positions = positions(&body.names, table)?;
    let mut widths = vec![Width::default(); positions.len()];
    body.first_rows(|column, text| {
        widths[column].observe(text, table.field(positions[column]).data_type());
    })?;
    Ok(Width::widenings(&widths, &positions, table))
}

/// Reads `body` as rows of `table`.
///
/// # Errors
/// [`ReadError::Malformed`] without a usable header, [`ReadError::Unfit`] when its columns are not the table's.
pub(crate) fn open<R: Read + Send + 'static>(
    body: R,
    delimiter: u8,
    table: SchemaRef,
    limits: &Limits,
) -> Result<Opened, ReadError> {
    let pieces = CsvPieces::open(body, delimiter, limits)?;
    let names = pieces.names.clone();
    let fit = TextFit::new(&positions(&names, &table)?, table)?;
    let rows = CsvRows { delimiter, names, fit, limits: limits.clone() };
    Ok(Opened { pieces: Box::new(pieces), rows: Arc::new(rows) })
}

/// Cuts a body behind its header into pieces.
struct CsvPieces<R> {
    source: Source<R>,
    delimiter: u8,
    names: Vec<String>,
    /// Of the next piece.
    line: u64,
    limits: Limits,
}

impl<R: Read> CsvPieces<R> {
    fn open(body: R, delimiter: u8, limits: &Limits) -> Result<Self, ReadError> {
        let (source, limits) = (Source::open(body)?, limits.clone());
        let max_row_bytes = limits.max_row_bytes;
        let mut pieces = Self { source, delimiter, names: Vec::new(), line: 1, limits };
        let Some(end) = pieces.end_of_rows()? else {
            return Err(ReadError::malformed(format!("the header row is longer than {max_row_bytes} bytes")));
        };
        let text = &pieces.source.pending()[..end];
        let mut records = Records::new(text, delimiter, 1, max_row_bytes);
        let mut record = Record::default();
        if !records.read(&mut record) {
            return Err(ReadError::malformed("the body has no header row"));
        }
        pieces.names = header(&Text::new(text), &record)?;
        let end = records.position();
        pieces.line += lines::count(&text[..end]);
        pieces.source.skip(end);
        Ok(pieces)
    }

    /// Passes the cells of the first good rows to `observe`, with their columns; returns how many rows.
    fn first_rows(&mut self, mut observe: impl FnMut(usize, &str)) -> Result<usize, ReadError> {
        let Limits { inference_rows, max_row_bytes, .. } = self.limits;
        let (mut rows, mut record) = (0, Record::default());
        while let Some(piece) = self.cut()? {
            let Piece::Text(block) = piece else { continue };
            let text = Text::new(&block.bytes);
            let mut records = Records::new(&block.bytes, self.delimiter, block.first_line, max_row_bytes);
            while rows < inference_rows && records.read(&mut record) {
                if whole_row_fault(&record, self.names.len(), max_row_bytes)?.is_some() {
                    continue;
                }
                rows += 1;
                for (column, field) in record.fields.iter().enumerate().filter(|(_, field)| !is_null(field)) {
                    if text.fault(field.range.clone()).is_none() {
                        observe(column, text.get(field.range.clone()));
                    }
                }
            }
            if rows >= inference_rows {
                break;
            }
        }
        Ok(rows)
    }

    fn cut(&mut self) -> Result<Option<Piece>, ReadError> {
        let Some(end) = self.end_of_rows()? else { return self.skip_long_record().map(Some) };
        if end == 0 {
            return Ok(None);
        }
        let bytes = self.source.take(end);
        let first_line = self.line;
        self.line += lines::count(&bytes);
        Ok(Some(Piece::Text(Block { first_line, bytes, rows: Vec::new() })))
    }

    fn end_of_rows(&mut self) -> Result<Option<usize>, ReadError> {
        Ok(self.source.end_of_rows(&self.limits, |text| Skim::last_end(text, self.delimiter))?)
    }

    /// Passes over the record that is pending, without holding it.
    fn skip_long_record(&mut self) -> Result<Piece, ReadError> {
        let is_line_end = |byte: &&u8| matches!(byte, b'\n' | b'\r');
        let blank = self.source.pending().iter().take_while(is_line_end).count();
        self.skip(blank);
        let (line, mut skim) = (self.line, Skim::new(self.delimiter));
        loop {
            // A CRLF is never looked at in halves.
            if self.source.pending().ends_with(b"\r") && !self.source.is_at_end() {
                self.source.read_more(1)?;
            }
            if let Some(end) = skim.first_end(self.source.pending()) {
                self.skip(end);
                break;
            }
            self.skip(self.source.pending().len());
            if self.source.is_at_end() {
                if skim.is_in_quotes() {
                    return Err(unclosed_quote(line));
                }
                break;
            }
            self.source.read_more(self.limits.piece_bytes)?;
        }
        Ok(Piece::TooLong(whole_row(line, too_long(self.limits.max_row_bytes))))
    }

    fn skip(&mut self, end: usize) {
        self.line += lines::count(&self.source.pending()[..end]);
        self.source.skip(end);
    }
}

impl<R: Read + Send> Pieces for CsvPieces<R> {
    fn next_piece(&mut self) -> Result<Option<Piece>, ReadError> {
        self.cut()
    }
}

/// Reads pieces.
struct CsvRows {
    delimiter: u8,
    names: Vec<String>,
    fit: TextFit,
    limits: Limits,
}

impl PieceReader for CsvRows {
    fn read(
        &self,
        piece: Piece,
        rejects: &mut PieceRejects<'_>,
        take: &mut dyn FnMut(RecordBatch) -> bool,
    ) -> Result<(), ReadError> {
        let block = match piece {
            Piece::Text(block) => block,
            Piece::TooLong(reject) => return rejects.push(vec![reject]),
            Piece::RowGroup { .. } => return Ok(()),
        };
        let text = Text::new(&block.bytes);
        let mut records =
            Records::new(&block.bytes, self.delimiter, block.first_line, self.limits.max_row_bytes);
        let mut record = Record::default();
        let mut cells = Cells::new(&text, self.names.len());
        let mut bad = Vec::new();
        loop {
            let is_row = records.read(&mut record);
            if is_row {
                if let Some(reason) = whole_row_fault(&record, self.names.len(), self.limits.max_row_bytes)? {
                    bad.push(whole_row(record.line, reason));
                } else if let Some((index, reason)) = unreadable_cell(&text, &record) {
                    let value = text.shown(record.fields[index].range.clone());
                    bad.push(one_value(record.line, &self.names[index], Some(&value), reason));
                } else {
                    push_row(&mut cells, &text, &record);
                }
            }
            let is_full = cells.rows() >= self.limits.batch_rows || bad.len() >= self.limits.batch_rows;
            if is_full || !is_row {
                let batch = self.fit.batch(&cells, &mut bad)?;
                rejects.push(std::mem::take(&mut bad))?;
                cells.clear();
                let wants_more = batch.num_rows() == 0 || take(batch);
                if !is_row || !wants_more {
                    return Ok(());
                }
            }
        }
    }
}

fn push_row(cells: &mut Cells<'_>, text: &Text<'_>, record: &Record) {
    cells.begin_row(record.line);
    for (column, field) in record.fields.iter().enumerate() {
        if field.has_escapes {
            cells.set_text(column, &content(text, field));
        } else if !is_null(field) {
            cells.set(column, field.range.clone());
        }
    }
}

/// The text of a field, in which a quote is written once.
fn content<'t>(text: &'t Text<'_>, field: &Field) -> Cow<'t, str> {
    let written = text.get(field.range.clone());
    if field.has_escapes { Cow::Owned(written.replace("\"\"", "\"")) } else { Cow::Borrowed(written) }
}

fn is_null(field: &Field) -> bool {
    field.range.is_empty() && !field.is_quoted
}

/// Why the row is rejected whatever its values are.
///
/// # Errors
/// [`ReadError::Malformed`] for an unclosed quote: what follows is not rows.
fn whole_row_fault(
    record: &Record,
    expected: usize,
    max_row_bytes: usize,
) -> Result<Option<String>, ReadError> {
    let found = record.fields.len();
    Ok(match record.fault {
        Some(Fault::UnclosedQuote) => return Err(unclosed_quote(record.line)),
        Some(Fault::TextAfterQuote) => {
            Some("text follows a closing quote; a quote inside quotes is written twice".to_owned())
        }
        Some(Fault::TooLong) => Some(too_long(max_row_bytes)),
        Some(Fault::TooManyFields) => Some(format!("the row has more than {found} fields")),
        None if found != expected => Some(format!("the row has {found} fields, the header has {expected}")),
        None => None,
    })
}

/// The first field that is no text, and why.
fn unreadable_cell(text: &Text<'_>, record: &Record) -> Option<(usize, &'static str)> {
    let mut fields = record.fields.iter().enumerate();
    fields.find_map(|(index, field)| Some((index, text.fault(field.range.clone())?)))
}

fn header(text: &Text<'_>, record: &Record) -> Result<Vec<String>, ReadError> {
    let broken = match record.fault {
        Some(Fault::UnclosedQuote) => return Err(unclosed_quote(record.line)),
        Some(Fault::TextAfterQuote) => Some("has text behind a closing quote".to_owned()),
        Some(Fault::TooManyFields) => Some(format!("has more than {} fields", record.fields.len())),
        Some(Fault::TooLong) => Some("is too long".to_owned()),
        None => None,
    };
    if let Some(broken) = broken {
        return Err(ReadError::malformed(format!("the header row {broken}")));
    }
    let name = |field: &Field| match text.fault(field.range.clone()) {
        Some(reason) => Err(ReadError::malformed(format!("the header row {reason}: is the body text?"))),
        None => Ok(content(text, field).trim().to_owned()),
    };
    let names = record.fields.iter().map(name).collect::<Result<Vec<_>, ReadError>>()?;
    check_names(&names)?;
    Ok(names)
}

fn unclosed_quote(line: u64) -> ReadError {
    ReadError::malformed(format!(
        "a quote in the row of line {line} is never closed, so nothing behind it can be read"
    ))
}
