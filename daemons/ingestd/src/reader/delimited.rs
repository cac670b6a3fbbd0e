//! CSV and TSV: a header row, then records. An unquoted empty field is null, a quoted one (`""`) is an empty text.

use std::io::{BufReader, Read};

use arrow::datatypes::{Field, Schema, SchemaRef};

use super::columns::{check_names, positions};
use super::infer::ColumnType;
use super::records::{Fault, Record, Records};
use super::rejects::{Rejects, one_value, whole_row};
use super::text::{self, TextBatch, TextBatches, TextRows};
use super::{Limits, ReadError};

/// Chooses the types of a table's columns from the first rows of `body`.
///
/// # Errors
/// [`ReadError::Malformed`] without a usable header, [`ReadError::Unfit`] without rows.
pub(crate) fn infer<R: Read>(body: R, delimiter: u8, limits: &Limits) -> Result<Schema, ReadError> {
    let mut rows = CsvRows::open(body, delimiter, limits)?;
    let mut types = vec![ColumnType::default(); rows.names.len()];
    let mut good = 0;
    while good < limits.inference_rows && rows.records.read(&mut rows.record)? {
        if rows.whole_row_fault()?.is_some() {
            continue;
        }
        good += 1;
        for (index, column) in types.iter_mut().enumerate() {
            if let Ok(Some(text)) = cell(&rows.record, index) {
                column.observe(text, false);
            }
        }
    }
    if good == 0 {
        return Err(ReadError::unfit(
            "the body has a header and no row that has the header's number of fields",
        ));
    }
    let fields =
        rows.names.into_iter().zip(types).map(|(name, kind)| Field::new(name, kind.data_type(), true));
    Ok(Schema::new(fields.collect::<Vec<_>>()))
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
) -> Result<TextBatches, ReadError> {
    let rows = CsvRows::open(body, delimiter, limits)?;
    let positions = positions(&rows.names, &table)?;
    TextBatches::new(Box::new(rows), &positions, table, limits)
}

struct CsvRows<R> {
    records: Records<BufReader<R>>,
    record: Record,
    names: Vec<String>,
    max_row_bytes: usize,
}

impl<R: Read> CsvRows<R> {
    fn open(body: R, delimiter: u8, limits: &Limits) -> Result<Self, ReadError> {
        let mut records = Records::new(text::open(body)?, delimiter, limits.max_row_bytes);
        let mut record = Record::default();
        if !records.read(&mut record)? {
            return Err(ReadError::malformed("the body has no header row"));
        }
        let names = header(&record)?;
        Ok(Self { records, record, names, max_row_bytes: limits.max_row_bytes })
    }

    /// Why the record that was just read cannot be taken, whatever its values.
    fn whole_row_fault(&self) -> Result<Option<String>, ReadError> {
        let (found, expected) = (self.record.len(), self.names.len());
        Ok(match self.record.fault {
            Some(Fault::UnclosedQuote) => return Err(unclosed_quote(&self.record)),
            Some(Fault::TextAfterQuote) => {
                Some("text follows a closing quote; a quote inside quotes is written twice".to_owned())
            }
            Some(Fault::TooLong) => Some(format!("the row is longer than {} bytes", self.max_row_bytes)),
            None if found != expected => {
                Some(format!("the row has {found} fields, the header has {expected}"))
            }
            None => None,
        })
    }
}

impl<R: Read + Send> TextRows for CsvRows<R> {
    fn fill(&mut self, batch: &mut TextBatch, rejects: &mut Rejects) -> Result<bool, ReadError> {
        while !batch.is_full() {
            if !self.records.read(&mut self.record)? {
                return Ok(false);
            }
            let record = &self.record;
            if let Some(reason) = self.whole_row_fault()? {
                rejects.push(whole_row(record.line, reason))?;
            } else if let Some((index, reason)) = unreadable_cell(record) {
                let value = String::from_utf8_lossy(record.field(index).0);
                rejects.push(one_value(record.line, &self.names[index], Some(&value), reason))?;
            } else {
                batch.push(record.line, (0..record.len()).map(|index| cell(record, index).ok().flatten()));
            }
        }
        Ok(true)
    }
}

/// The first field that is no text, and why.
fn unreadable_cell(record: &Record) -> Option<(usize, &'static str)> {
    (0..record.len()).find_map(|index| cell(record, index).err().map(|reason| (index, reason)))
}

/// The value of field `index`; none if it is empty and was not quoted.
fn cell(record: &Record, index: usize) -> Result<Option<&str>, &'static str> {
    let (bytes, is_quoted) = record.field(index);
    if bytes.is_empty() && !is_quoted {
        return Ok(None);
    }
    if memchr::memchr(0, bytes).is_some() {
        return Err("contains a NUL byte");
    }
    std::str::from_utf8(bytes).map(Some).map_err(|_| "is not UTF-8")
}

fn header(record: &Record) -> Result<Vec<String>, ReadError> {
    match record.fault {
        Some(Fault::UnclosedQuote) => return Err(unclosed_quote(record)),
        Some(_) => {
            return Err(ReadError::malformed("the header row is broken: too long, or text behind a quote"));
        }
        None => {}
    }
    let name = |index| {
        let text = cell(record, index)
            .map_err(|reason| ReadError::malformed(format!("the header row {reason}: is the body text?")))?;
        Ok(text.unwrap_or_default().trim().to_owned())
    };
    let names = (0..record.len()).map(name).collect::<Result<Vec<_>, ReadError>>()?;
    check_names(&names)?;
    Ok(names)
}

fn unclosed_quote(record: &Record) -> ReadError {
    ReadError::malformed(format!(
        "a quote in the row of line {} is never closed, so nothing behind it can be read",
        record.line
    ))
}
