//! Rows of a snapshot as items to index: id, text, metadata.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use lake::{PlannedFile, Warehouse};
use parquet::arrow::async_reader::ParquetObjectReader;
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::errors::ParquetError;
use serde_json::{Map, Value};
use wire::ingest::IndexJobRequest;
use wire::metadata::RawObject;
use wire::names::check_id;

use super::template::Template;

/// A row on its way into an index.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub id: String,
    pub text: String,
    pub metadata: RawObject,
}

/// The rows of `files` behind the first `skip`, in batches of at most `batch_rows` that hold the columns of `names`.
pub(super) fn batches(
    warehouse: &Warehouse,
    files: Vec<PlannedFile>,
    names: Vec<String>,
    mut skip: u64,
    batch_rows: usize,
) -> BoxStream<'static, Result<RecordBatch, ParquetError>> {
    let mut rest = Vec::new();
    for file in files {
        if skip < file.record_count {
            rest.push((file, skip));
            skip = 0;
        } else {
            skip -= file.record_count;
        }
    }
    let store = warehouse.store();
    stream::iter(rest)
        .then(move |(file, offset)| {
            let reader = ParquetObjectReader::new(store.clone(), file.path).with_file_size(file.size_bytes);
            let names = names.clone();
            async move {
                let builder = ParquetRecordBatchStreamBuilder::new(reader).await?;
                // A column that was added to the table later is not in the file: it reads as null.
                let mask =
                    ProjectionMask::columns(builder.parquet_schema(), names.iter().map(String::as_str));
                let offset = usize::try_from(offset).unwrap_or(usize::MAX);
                builder.with_projection(mask).with_offset(offset).with_batch_size(batch_rows).build()
            }
        })
        .try_flatten()
        .boxed()
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
