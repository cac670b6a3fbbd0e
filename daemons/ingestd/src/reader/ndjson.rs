//! NDJSON: one JSON object a line. Nested values are kept as their JSON text.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::columns::{check_names, unknown_column};
use super::infer::ColumnType;
use super::rejects::{Rejects, one_value, whole_row};
use super::text::{self, TextBatch, TextBatches, TextRows};
use super::{Limits, ReadError};

/// Chooses a table's columns, in order of first appearance, and their types from the first rows of `body`.
///
/// # Errors
/// [`ReadError::Malformed`] when none of these lines is an object or a key cannot name a column.
pub(crate) fn infer<R: Read>(body: R, limits: &Limits) -> Result<Schema, ReadError> {
    let mut lines = Lines::open(body, limits)?;
    let mut columns: Vec<(String, ColumnType)> = Vec::new();
    let mut positions: HashMap<String, usize> = HashMap::new();
    let mut first_fault = None;
    let mut good = 0;
    while good < limits.inference_rows && lines.read()? {
        let object = match lines.object() {
            Ok(object) => object,
            Err(reason) => {
                first_fault.get_or_insert_with(|| format!("line {}: {reason}", lines.line));
                continue;
            }
        };
        good += 1;
        for (name, raw) in object.0 {
            let position = *positions.entry(name).or_insert_with_key(|name| {
                columns.push((name.clone(), ColumnType::default()));
                columns.len() - 1
            });
            if let Ok(Some(text)) = cell(raw) {
                columns[position].1.observe(&text, raw.get().starts_with('"'));
            }
        }
    }
    if good == 0 {
        return Err(ReadError::malformed(first_fault.unwrap_or_else(|| "the body has no rows".to_owned())));
    }
    let (names, types): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    check_names(&names)?;
    let fields = names.into_iter().zip(types).map(|(name, kind)| Field::new(name, kind.data_type(), true));
    Ok(Schema::new(fields.collect::<Vec<_>>()))
}

/// Reads `body` as rows of `table`; a key that is no column of it rejects its row.
///
/// # Errors
/// [`ReadError::Malformed`] for an empty body.
pub(crate) fn open<R: Read + Send + 'static>(
    body: R,
    table: SchemaRef,
    limits: &Limits,
) -> Result<TextBatches, ReadError> {
    // Columns whose type no text can fill are left out, so that a value for one is an unknown key.
    let is_fillable = |data_type: &DataType| super::parse::is_supported(data_type);
    let positions: Vec<usize> =
        (0..table.fields().len()).filter(|index| is_fillable(table.field(*index).data_type())).collect();
    let names =
        positions.iter().enumerate().map(|(at, index)| (table.field(*index).name().clone(), at)).collect();
    let rows = NdjsonRows { lines: Lines::open(body, limits)?, names, table: table.clone() };
    TextBatches::new(Box::new(rows), &positions, table, limits)
}

struct NdjsonRows<R> {
    lines: Lines<R>,
    names: HashMap<String, usize>,
    table: SchemaRef,
}

impl<R: Read + Send> TextRows for NdjsonRows<R> {
    fn fill(&mut self, batch: &mut TextBatch, rejects: &mut Rejects) -> Result<bool, ReadError> {
        while !batch.is_full() {
            if !self.lines.read()? {
                return Ok(false);
            }
            let line = self.lines.line;
            let object = match self.lines.object() {
                Ok(object) => object,
                Err(reason) => {
                    rejects.push(whole_row(line, reason))?;
                    continue;
                }
            };
            let mut cells = vec![None; self.names.len()];
            match self.spread(&object, &mut cells) {
                Ok(()) => batch.push(line, cells.iter().map(Option::as_deref)),
                Err((name, raw, reason)) => rejects.push(one_value(line, name, Some(raw), reason))?,
            }
        }
        Ok(true)
    }
}

impl<R> NdjsonRows<R> {
    /// Puts each value of `object` into the cell of its column; fails with the (key, value, reason) at fault.
    fn spread<'o>(
        &self,
        object: &'o Object<'o>,
        cells: &mut [Option<Cow<'o, str>>],
    ) -> Result<(), (&'o str, &'o str, String)> {
        for (name, raw) in &object.0 {
            let fault = |reason: String| (name.as_str(), raw.get(), reason);
            let position = self.names.get(name).ok_or_else(|| fault(unknown_column(name, &self.table)))?;
            cells[*position] = cell(raw).map_err(|reason| fault(reason.to_owned()))?;
        }
        Ok(())
    }
}

/// The text of a value: a string's content, anything else as it is written; none for null.
fn cell(raw: &RawValue) -> Result<Option<Cow<'_, str>>, &'static str> {
    match raw.get() {
        "null" => Ok(None),
        text if text.starts_with('"') => match serde_json::from_str::<String>(text) {
            Ok(text) => Ok(Some(Cow::Owned(text))),
            Err(_) => Err("is not a valid JSON string"),
        },
        text => Ok(Some(Cow::Borrowed(text))),
    }
}

/// An object's keys and values in the order in which they are written.
struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries: Vec<(String, &RawValue)> = Vec::new();
                while let Some(entry) = map.next_entry::<String, &RawValue>()? {
                    entries.push(entry);
                }
                Ok(Object(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl Object<'_> {
    fn repeated_key(&self) -> Option<&str> {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }
}

/// Reads lines that are not blank, keeping at most a limited number of bytes of each.
struct Lines<R> {
    input: BufReader<R>,
    /// The line that was read last, from 1.
    line: u64,
    text: Vec<u8>,
    is_too_long: bool,
    max_bytes: usize,
}

impl<R: Read> Lines<R> {
    fn open(body: R, limits: &Limits) -> Result<Self, ReadError> {
        let max_bytes = limits.max_row_bytes;
        Ok(Self { input: text::open(body)?, line: 0, text: Vec::new(), is_too_long: false, max_bytes })
    }

    fn read(&mut self) -> io::Result<bool> {
        loop {
            self.text.clear();
            self.is_too_long = false;
            if !self.read_line()? {
                return Ok(false);
            }
            self.line += 1;
            if self.is_too_long || !self.text.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    fn read_line(&mut self) -> io::Result<bool> {
        let mut is_begun = false;
        loop {
            let chunk = self.input.fill_buf()?;
            if chunk.is_empty() {
                return Ok(is_begun);
            }
            is_begun = true;
            let end = memchr::memchr(b'\n', chunk);
            let part = &chunk[..end.unwrap_or(chunk.len())];
            if self.text.len() + part.len() > self.max_bytes {
                self.is_too_long = true;
            } else {
                self.text.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

impl<R> Lines<R> {
    /// The line that was read last as an object, or why it is none.
    fn object(&self) -> Result<Object<'_>, String> {
        if self.is_too_long {
            return Err(format!("the row is longer than {} bytes", self.max_bytes));
        }
        let text = std::str::from_utf8(&self.text).map_err(|_| "the row is not UTF-8".to_owned())?;
        let object: Object<'_> =
            serde_json::from_str(text).map_err(|error| format!("not a JSON object on one line: {error}"))?;
        match object.repeated_key() {
            Some(key) => Err(format!("the key {key:?} occurs twice")),
            None => Ok(object),
        }
    }
}
