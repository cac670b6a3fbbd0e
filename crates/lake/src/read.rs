//! The rows of data files, as the table has its columns now.

use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use iceberg::Runtime;
use iceberg::arrow::ArrowReaderBuilder;
use iceberg::scan::FileScanTask;
use iceberg::spec::TableMetadata;

use arrow::array::RecordBatch;

use crate::plan::PlannedFile;
use crate::{Error, Result, Warehouse};

/// The rows of `files`, file after file. Columns are found by field id, so that those that were renamed or added since a
/// file was written come out as the table has them now; with `columns`, only these, in the table's order.
///
/// # Errors
/// [`Error::Invalid`] for a column that the table does not have; [`Error::Iceberg`] if a file cannot be read, also within
/// the stream.
pub fn rows(
    warehouse: &Warehouse,
    metadata: &TableMetadata,
    files: &[PlannedFile],
    columns: Option<&[&str]>,
) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    let schema = Arc::clone(metadata.current_schema());
    if let Some(unknown) = columns.into_iter().flatten().find(|name| schema.field_by_name(name).is_none()) {
        return Err(Error::Invalid(format!("the table has no column {unknown:?}")));
    }
    let is_asked_for = |name: &str| columns.is_none_or(|columns| columns.contains(&name));
    let fields = schema.as_struct().fields().iter().filter(|field| is_asked_for(&field.name));
    let field_ids: Vec<i32> = fields.map(|field| field.id).collect();
    let tasks = files.iter().map(|file| {
        Ok(FileScanTask::builder()
            .with_file_size_in_bytes(file.size_bytes)
            .with_start(0)
            .with_length(file.size_bytes)
            .with_data_file_path(file.location.clone())
            .with_data_file_format(file.data_file.file_format())
            .with_schema(Arc::clone(&schema))
            .with_project_field_ids(field_ids.clone())
            .with_case_sensitive(true)
            .build())
    });
    let tasks: Vec<iceberg::Result<FileScanTask>> = tasks.collect();
    let reader = ArrowReaderBuilder::new(warehouse.file_io(), Runtime::current())
        .with_data_file_concurrency_limit(1)
        .build();
    Ok(reader.read(stream::iter(tasks).boxed())?.stream().map_err(Error::from).boxed())
}
