//! JSON: an object is a row; its keys are columns. Nested values are kept as their JSON text.

mod object;
mod pieces;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde_json::value::RawValue;

use super::cells::{Cells, Text};
use super::columns::{MAX_COLUMNS, check_names, unknown_column};
use super::fit::TextFit;
use super::infer::ColumnType;
use super::rejects::{one_value, too_long, whole_row};
use super::widen::{Widening, Width};
use super::{Limits, Opened, Piece, PieceReader, PieceRejects, Pieces, ReadError, RowSpan, parse};

use object::{Object, cell, is_string};
use pieces::{Elements, Lines};

/// The rows of NDJSON.
///
/// # Errors
/// [`ReadError::Malformed`] for an empty body and one that is no text.
pub(crate) fn lines(body: File, limits: &Limits) -> Result<Box<dyn Pieces>, ReadError> {
    Ok(Box::new(Lines::open(body, limits)?))
}

/// The rows of an array of objects, or one object.
///
/// # Errors
/// As [`lines`].
pub(crate) fn elements(body: File, limits: &Limits) -> Result<Box<dyn Pieces>, ReadError> {
    Ok(Box::new(Elements::open(body, limits)?))
}

/// Chooses a table's columns, in order of first appearance, and their types from the first rows.
///
/// # Errors
/// [`ReadError::Malformed`] when none of these rows is an object or a key cannot name a column.
pub(crate) fn infer(mut pieces: Box<dyn Pieces>, limits: &Limits) -> Result<Schema, ReadError> {
    let mut columns: Vec<(String, ColumnType)> = Vec::new();
    let mut positions: HashMap<String, usize> = HashMap::new();
    let mut first_fault = None;
    let rows = first_rows(&mut *pieces, limits, |row| match row {
        Err((line, reason)) => {
            first_fault.get_or_insert_with(|| format!("line {line}: {reason}"));
        }
        Ok((name, raw)) => {
            if columns.len() > MAX_COLUMNS {
                return;
            }
            let position = *positions.entry(name.to_owned()).or_insert_with(|| {
                columns.push((name.to_owned(), ColumnType::default()));
                columns.len() - 1
            });
            if let Ok(Some(text)) = cell(raw) {
                columns[position].1.observe(&text, is_string(raw));
            }
        }
    })?;
    if rows == 0 {
        return Err(ReadError::malformed(first_fault.unwrap_or_else(|| "the body has no rows".to_owned())));
    }
    let (names, types): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    check_names(&names)?;
    let fields = names.into_iter().zip(types).map(|(name, kind)| Field::new(name, kind.data_type(), true));
    Ok(Schema::new(fields.collect::<Vec<_>>()))
}

/// The columns of `table` that are too narrow for the first rows. A number in quotes is a text and makes none wider.
///
/// # Errors
/// Those of reading the pieces.
pub(crate) fn widen(
    mut pieces: Box<dyn Pieces>,
    table: &Schema,
    limits: &Limits,
) -> Result<Vec<Widening>, ReadError> {
    let positions: Vec<usize> = (0..table.fields().len()).collect();
    let mut widths = vec![Width::default(); positions.len()];
    first_rows(&mut *pieces, limits, |row| {
        if let Ok((name, raw)) = row
            && let Ok(position) = table.index_of(name)
            && !is_string(raw)
        {
            widths[position].observe(raw.get(), table.field(position).data_type());
        }
    })?;
    Ok(Width::widenings(&widths, &positions, table))
}

/// Passes the values of the first good rows to `observe`, with their keys, and the faults of the others, with their lines;
/// returns how many good rows there were.
fn first_rows(
    pieces: &mut dyn Pieces,
    limits: &Limits,
    mut observe: impl FnMut(Result<(&str, &RawValue), (u64, String)>),
) -> Result<usize, ReadError> {
    let mut good = 0;
    while let Some(piece) = pieces.next_piece()? {
        let block = match piece {
            Piece::Text(block) => block,
            Piece::TooLong(reject) => {
                observe(Err((reject.line, reject.reason)));
                continue;
            }
            Piece::RowGroup { .. } => continue,
        };
        let text = Text::new(&block.bytes);
        for row in &block.rows {
            if good == limits.inference_rows {
                return Ok(good);
            }
            match object(&text, row, limits.max_row_bytes) {
                Ok(object) => {
                    good += 1;
                    object.0.iter().for_each(|(name, raw)| observe(Ok((name.as_ref(), *raw))));
                }
                Err(reason) => observe(Err((row.line, reason))),
            }
        }
    }
    Ok(good)
}

/// The object that a row is, or why it is none.
fn object<'t>(text: &'t Text<'_>, row: &RowSpan, max_row_bytes: usize) -> Result<Object<'t>, String> {
    if row.end - row.start > max_row_bytes {
        return Err(too_long(max_row_bytes));
    }
    if let Some(reason) = text.fault(row.start..row.end) {
        return Err(format!("the row {reason}"));
    }
    Object::parse(text.get(row.start..row.end))
}

/// Reads rows as those of `table`; a key that is no column of it rejects its row.
///
/// # Errors
/// Those of [`TextFit::new`].
pub(crate) fn open(pieces: Box<dyn Pieces>, table: SchemaRef, limits: &Limits) -> Result<Opened, ReadError> {
    // Columns whose type no text can fill are left out, so that a value for one is an unknown key.
    let is_fillable = |data_type: &DataType| parse::is_supported(data_type);
    let positions: Vec<usize> =
        (0..table.fields().len()).filter(|index| is_fillable(table.field(*index).data_type())).collect();
    let names =
        positions.iter().enumerate().map(|(at, index)| (table.field(*index).name().clone(), at)).collect();
    let rows = JsonRows { names, fit: TextFit::new(&positions, table)?, limits: limits.clone() };
    Ok(Opened { pieces, rows: Arc::new(rows) })
}

/// Reads pieces.
struct JsonRows {
    names: HashMap<String, usize>,
    fit: TextFit,
    limits: Limits,
}

impl PieceReader for JsonRows {
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
        let mut cells = Cells::new(&text, self.names.len());
        let mut bad = Vec::new();
        for rows in block.rows.chunks(self.limits.batch_rows) {
            for row in rows {
                match object(&text, row, self.limits.max_row_bytes) {
                    Err(reason) => bad.push(whole_row(row.line, reason)),
                    Ok(object) => {
                        cells.begin_row(row.line);
                        if let Err((name, raw, reason)) = self.spread(&object, &mut cells) {
                            cells.abandon_row();
                            bad.push(one_value(row.line, name, Some(raw), reason));
                        }
                    }
                }
            }
            let batch = self.fit.batch(&cells, &mut bad)?;
            rejects.push(std::mem::take(&mut bad))?;
            cells.clear();
            if batch.num_rows() > 0 && !take(batch) {
                break;
            }
        }
        Ok(())
    }
}

impl JsonRows {
    /// Puts each value of `object` into the cell of its column; fails with the (key, value, reason) at fault.
    fn spread<'o>(
        &self,
        object: &'o Object<'o>,
        cells: &mut Cells<'_>,
    ) -> Result<(), (&'o str, &'o str, Cow<'static, str>)> {
        for (name, raw) in &object.0 {
            let fault = |reason: Cow<'static, str>| (name.as_ref(), raw.get(), reason);
            let position = self
                .names
                .get(name.as_ref())
                .ok_or_else(|| fault(Cow::Owned(unknown_column(name, self.fit.table()))))?;
            if let Some(text) = cell(raw).map_err(|reason| fault(Cow::Borrowed(reason)))? {
                cells.set_text(*position, &text);
            }
        }
        Ok(())
    }
}
