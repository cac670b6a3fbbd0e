//! Workers as CSV, NDJSON or Parquet.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::Worker;

/// Workers held in memory at a time, for Parquet.
const BATCH_LEN: usize = 8192;

pub(super) fn csv(workers: impl Iterator<Item = Worker>, output: impl Write) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(output);
    for worker in workers {
        writer.serialize(worker)?;
    }
    writer.flush()?;
    Ok(())
}

pub(super) fn ndjson(workers: impl Iterator<Item = Worker>, mut output: impl Write) -> anyhow::Result<()> {
    for worker in workers {
        serde_json::to_writer(&mut output, &worker)?;
        output.write_all(b"\n")?;
    }
    output.flush()?;
    Ok(())
}

pub(super) fn parquet(
    mut workers: impl Iterator<Item = Worker>,
    output: impl Write + Send,
) -> anyhow::Result<()> {
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    // The first batch, empty or not, gives the schema.
    let mut rows: Vec<Worker> = workers.by_ref().take(BATCH_LEN).collect();
    let first = batch(&rows)?;
    let mut writer = ArrowWriter::try_new(output, first.schema(), Some(properties))?;
    writer.write(&first)?;
    while rows.len() == BATCH_LEN {
        rows = workers.by_ref().take(BATCH_LEN).collect();
        writer.write(&batch(&rows)?)?;
    }
    writer.into_inner()?.flush()?;
    Ok(())
}

/// The columns in the order of the fields of [`Worker`].
fn batch(rows: &[Worker]) -> anyhow::Result<RecordBatch> {
    let text = |of: fn(&Worker) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let number = |of: fn(&Worker) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(rows.iter().map(of)))
    };
    let years: ArrayRef = Arc::new(Int32Array::from_iter_values(rows.iter().map(|w| w.years.into())));
    Ok(RecordBatch::try_from_iter_with_nullable([
        ("worker_id", text(|w| &w.worker_id), false),
        ("name", text(|w| &w.name), false),
        ("role", text(|w| w.role), false),
        ("occupation", text(|w| &w.occupation), false),
        ("soc_code", text(|w| &w.soc_code), false),
        ("area", text(|w| &w.area), false),
        ("area_code", text(|w| &w.area_code), false),
        ("state", text(|w| w.state), false),
        ("zip", text(|w| &w.zip), false),
        ("years", years, false),
        ("shift", text(|w| w.shift), false),
        ("availability", text(|w| w.availability), false),
        ("skills", text(|w| &w.skills), false),
        ("certifications", text(|w| &w.certifications), false),
        ("hourly_pay", number(|w| w.hourly_pay), false),
        ("reliability", number(|w| w.reliability), false),
        ("email", text(|w| &w.email), false),
        ("phone", text(|w| &w.phone), false),
    ])?)
}
