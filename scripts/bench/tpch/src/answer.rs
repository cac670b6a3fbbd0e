//! Results in a form that does not depend on the engine.
//!
//! The specification asks for two decimals (clause 2.1.3.5); four are compared here. Engines differ in the types of their
//! sums and averages (a decimal here, a double there), and rows that tie under ORDER BY may come in any order: so
//! numbers are rounded, and rows sorted.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::ipc::reader::StreamReader;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wire::sql::SqlAnswer;

const DECIMALS: usize = 4;

/// What stands for a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) rows: usize,
    /// The first 16 hexadecimal digits of SHA-256 of the rows.
    pub(crate) hash: String,
}

impl Answer {
    /// Of batches in memory.
    pub(crate) fn of_batches(batches: &[RecordBatch]) -> anyhow::Result<Self> {
        let mut rows = Vec::new();
        for batch in batches {
            let columns = batch.columns().iter().map(texts).collect::<anyhow::Result<Vec<_>>>()?;
            rows.extend(
                (0..batch.num_rows()).map(|row| {
                    columns.iter().map(|column| column[row].clone()).collect::<Vec<_>>().join("\t")
                }),
            );
        }
        Ok(Self::of_rows(rows))
    }

    /// Of an Arrow stream.
    pub(crate) fn of_arrow(stream: impl Read) -> anyhow::Result<Self> {
        let batches = StreamReader::try_new(stream, None)?.collect::<Result<Vec<_>, _>>()?;
        Self::of_batches(&batches)
    }

    /// Of a file with an Arrow stream.
    pub(crate) fn of_arrow_file(file: &Path) -> anyhow::Result<Self> {
        Self::of_arrow(BufReader::new(File::open(file)?))
    }

    /// Of queryd's JSON.
    pub(crate) fn of_json(json: &[u8]) -> anyhow::Result<Self> {
        let answer: SqlAnswer = serde_json::from_slice(json)?;
        let text = |value: &serde_json::Value, data_type: &str| match value {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) if data_type.starts_with("Decimal") => rounded(text),
            serde_json::Value::String(text) => text.clone(),
            other => rounded(&other.to_string()),
        };
        let rows = answer.rows.iter().map(|row| {
            let texts = row.iter().zip(&answer.columns).map(|(value, column)| text(value, &column.data_type));
            texts.collect::<Vec<_>>().join("\t")
        });
        Ok(Self::of_rows(rows.collect()))
    }

    fn of_rows(mut rows: Vec<String>) -> Self {
        rows.sort_unstable();
        let digest = Sha256::digest(rows.join("\n"));
        let hash = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { rows: rows.len(), hash }
    }
}

fn texts(column: &ArrayRef) -> anyhow::Result<Vec<String>> {
    let is_number = column.data_type().is_numeric();
    let texts = cast(column, &DataType::Utf8)?;
    let texts = texts.as_any().downcast_ref::<StringArray>();
    let texts = texts.into_iter().flat_map(|texts| texts.iter());
    let shown = |text: Option<&str>| match text {
        Some(text) if is_number => rounded(text),
        Some(text) => text.to_owned(),
        None => String::new(),
    };
    Ok(texts.map(shown).collect())
}

/// By way of a double: 15 digits hold every number of these results to far more than four decimals.
fn rounded(number: &str) -> String {
    let Ok(value) = number.parse::<f64>() else { return number.to_owned() };
    let text = format!("{value:.DECIMALS$}");
    if text.trim_start_matches(['-', '0', '.']).is_empty() { "0".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Decimal128Array, Float64Array, Int64Array};

    use super::*;

    fn one(column: ArrayRef) -> Answer {
        Answer::of_batches(&[RecordBatch::try_from_iter([("c", column)]).unwrap()]).unwrap()
    }

    #[test]
    fn same_numbers_are_the_same_answer_whatever_their_type_and_order() {
        let decimal = Decimal128Array::from(vec![1_500_000, 200]).with_precision_and_scale(20, 2).unwrap();
        let decimal = one(Arc::new(decimal));
        assert_eq!(decimal, one(Arc::new(Float64Array::from(vec![2.000_000_000_1, 15000.0]))));
        assert_eq!(decimal, one(Arc::new(Int64Array::from(vec![2, 15000]))));
        let json = br#"{"columns":[{"name":"c","type":"Decimal128(20, 2)"}],"rows":[["15000.00"],["2.00"]],"row_count":2}"#;
        assert_eq!(decimal, Answer::of_json(json).unwrap());
    }

    #[test]
    fn another_value_and_a_missing_row_are_another_answer() {
        let answer = one(Arc::new(Int64Array::from(vec![1, 2])));
        assert_ne!(answer, one(Arc::new(Int64Array::from(vec![1, 3]))));
        assert_ne!(answer, one(Arc::new(Int64Array::from(vec![1]))));
        assert_ne!(answer, one(Arc::new(Int64Array::from(vec![Some(1), Some(2), None]))));
    }
}
