//! Rows of a snapshot as items to index: id, text, metadata.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use wire::ingest::IndexJobRequest;
use wire::metadata::RawObject;
use wire::names::check_id;

use super::sources::Digest;
use super::template::Template;

/// A row on its way into an index.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub id: String,
    pub text: String,
    pub metadata: RawObject,
}

/// The columns that a job reads.
pub(super) fn columns(request: &IndexJobRequest, template: &Template) -> Vec<String> {
    let mut names: Vec<String> = template.columns().map(str::to_owned).collect();
    names.push(request.id_column.clone());
    names.extend(request.metadata_columns.iter().cloned());
    names
}

/// Renders the rows of `batch`. `first_row` is the number of its first row in the snapshot, from 1, for messages.
///
/// # Errors
/// A sentence that names the row whose id cannot be one.
pub(super) fn items(
    batch: &RecordBatch,
    request: &IndexJobRequest,
    template: &Template,
    first_row: u64,
) -> Result<Vec<Item>, String> {
    (0..batch.num_rows())
        .map(|row| {
            let id = text(batch, &request.id_column, row);
            check_id(&id).map_err(|rule| {
                format!("row {}: column {:?} gives no id: {rule}", first_row + row as u64, request.id_column)
            })?;
            let metadata = request.metadata_columns.iter().filter_map(|name| {
                let column = batch.column_by_name(name).filter(|column| column.is_valid(row))?;
                Some((name.clone(), json(column, row)))
            });
            let text = template.render(|name| text(batch, name, row));
            let metadata: Map<String, Value> = metadata.collect();
            Ok(Item { id, text, metadata: metadata.into() })
        })
        .collect()
}

/// The values of column `name` as texts: the ids, as [`items`] makes them.
pub(super) fn texts(batch: &RecordBatch, name: &str) -> Vec<String> {
    (0..batch.num_rows()).map(|row| text(batch, name, row)).collect()
}

/// Half of the SHA-256 of `parts`, each behind its length.
pub(super) fn digest<const N: usize>(parts: [&str; N]) -> Digest {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let mut digest = Digest::default();
    digest.copy_from_slice(&hash.finalize()[..size_of::<Digest>()]);
    digest
}

/// A value as text; null, and a column that the file does not have, are empty.
fn text(batch: &RecordBatch, name: &str, row: usize) -> String {
    batch.column_by_name(name).map(|column| display(column, row)).unwrap_or_default()
}

fn display(column: &ArrayRef, row: usize) -> String {
    let formatter = ArrayFormatter::try_new(column, &FormatOptions::default());
    formatter.ok().and_then(|formatter| formatter.value(row).try_to_string().ok()).unwrap_or_default()
}

/// A value as metadata: numbers, booleans and texts as such, everything else (dates, decimals) as its text.
fn json(column: &ArrayRef, row: usize) -> Value {
    match column.data_type() {
        DataType::Boolean => column.as_boolean().value(row).into(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).into(),
        // By way of text, so that 0.1 stays 0.1 and does not become the nearest double of the nearest float.
        DataType::Float32 => {
            let value = column.as_primitive::<Float32Type>().value(row);
            value.to_string().parse::<f64>().map_or(Value::Null, Value::from)
        }
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).into(),
        _ => display(column, row).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Date32Array, Float32Array, Int64Array, StringArray};
    use serde_json::json;

    use super::*;

    fn request() -> IndexJobRequest {
        IndexJobRequest {
            table: "hr.people".into(),
            id_column: "id".into(),
            text_template: "{role} since {since}{late}".into(),
            metadata_columns: ["role", "years", "pay", "since"].map(str::to_owned).to_vec(),
            index: "people".into(),
            follow: false,
        }
    }

    fn people(ids: Vec<Option<&str>>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable(vec![
            ("id", Arc::new(StringArray::from(ids)) as ArrayRef, true),
            ("role", Arc::new(StringArray::from(vec![Some("Welder"), None])) as _, true),
            ("years", Arc::new(Int64Array::from(vec![5, 7])) as _, true),
            ("pay", Arc::new(Float32Array::from(vec![0.1, 22.5])) as _, true),
            ("since", Arc::new(Date32Array::from(vec![20_239, 0])) as _, true),
        ])
        .unwrap()
    }

    #[test]
    fn row_becomes_id_text_and_metadata() {
        let template = Template::parse(&request().text_template).unwrap();
        let items = items(&people(vec![Some("007"), Some("b")]), &request(), &template, 1).unwrap();
        assert_eq!(items[0].id, "007");
        assert_eq!(items[0].text, "Welder since 2025-05-31");
        let metadata = json!({"role": "Welder", "years": 5, "pay": 0.1, "since": "2025-05-31"});
        assert_eq!(items[0].metadata.parse::<Value>().unwrap(), metadata);
        let metadata = json!({"years": 7, "pay": 22.5, "since": "1970-01-01"});
        assert_eq!(items[1].metadata.parse::<Value>().unwrap(), metadata);
    }

    #[test]
    fn row_without_an_id_is_named() {
        let template = Template::parse("{role}").unwrap();
        let error = items(&people(vec![Some("a"), None]), &request(), &template, 11).unwrap_err();
        assert!(error.starts_with("row 12: column \"id\""), "{error}");
    }
}
