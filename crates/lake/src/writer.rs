//! Rows to durable Parquet files.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use iceberg::io::FileIO;
use iceberg::spec::{DataFile, DataFileFormat, TableMetadata};
use iceberg::writer::CurrentFileStatus;
use iceberg::writer::file_writer::location_generator::{
    DefaultFileNameGenerator, DefaultLocationGenerator, FileNameGenerator, LocationGenerator,
};
use iceberg::writer::file_writer::{FileWriter, FileWriterBuilder, ParquetWriter, ParquetWriterBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use uuid::Uuid;

use crate::{Error, Result, Warehouse, arrow_schema, conform};

/// Where a data file ends and the next begins, unless [`TableWriter::with_target_file_bytes`] says otherwise:
/// 128 MiB, large enough that a scan is not spent opening files.
pub const DEFAULT_TARGET_FILE_BYTES: usize = 128 << 20;
/// A row group ends here, which also bounds what a writer buffers.
const ROW_GROUP_BYTES: usize = 32 << 20;
/// Level 1 takes about half the time of level 3 and costs a few percent of size.
const ZSTD_LEVEL: i32 = 1;

/// Writes rows as the data files of one table: Parquet, zstd, with field ids and column statistics.
///
/// The files are no part of the table until a [`crate::append`] or [`crate::overwrite`] of them is committed. A
/// writer that is dropped without [`finish`](Self::finish) or [`abort`](Self::abort) leaves unreferenced files.
pub struct TableWriter {
    file_io: FileIO,
    schema: SchemaRef,
    parquet: ParquetWriterBuilder,
    locations: DefaultLocationGenerator,
    names: DefaultFileNameGenerator,
    target_file_bytes: usize,
    open: Option<OpenFile>,
    finished: Vec<DataFile>,
}

struct OpenFile {
    location: String,
    writer: ParquetWriter,
}

impl TableWriter {
    /// A writer of rows for the table that `metadata` describe.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a partitioned table.
    pub fn new(warehouse: &Warehouse, metadata: &TableMetadata) -> Result<Self> {
        refuse_partitioned(metadata)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default()))
            .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
            .build();
        Ok(Self {
            file_io: warehouse.file_io(),
            schema: arrow_schema(metadata)?,
            parquet: ParquetWriterBuilder::new(properties, metadata.current_schema().clone()),
            locations: DefaultLocationGenerator::new(metadata)?,
            names: DefaultFileNameGenerator::new(Uuid::now_v7().to_string(), None, DataFileFormat::Parquet),
            target_file_bytes: DEFAULT_TARGET_FILE_BYTES,
            open: None,
            finished: Vec::new(),
        })
    }

    /// Begins a new file once the current one has `bytes` bytes.
    #[must_use]
    pub fn with_target_file_bytes(mut self, bytes: usize) -> Self {
        self.target_file_bytes = bytes;
        self
    }

    /// The schema that rows are brought into by [`crate::conform`].
    pub fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    /// Adds rows; columns match by name.
    ///
    /// # Errors
    /// As [`crate::conform`], and [`Error::Iceberg`] if the store fails. After the latter the writer is of no use:
    /// [`abort`](Self::abort) it.
    pub async fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let rows = conform(rows, &self.schema)?;
        let file = match self.open.take() {
            Some(file) => file,
            None => self.open_file().await?,
        };
        let file = self.open.insert(file);
        file.writer.write(&rows).await?;
        if file.writer.current_written_size() >= self.target_file_bytes {
            self.close_file().await?;
        }
        Ok(())
    }

    /// Completes the last file. All returned files are durable.
    ///
    /// # Errors
    /// [`Error::Iceberg`] if the store fails; the files that were complete are deleted then.
    pub async fn finish(mut self) -> Result<Vec<DataFile>> {
        match self.close_file().await {
            Ok(()) => Ok(self.finished),
            Err(error) => {
                self.abort().await;
                Err(error)
            }
        }
    }

    /// Deletes everything written so far, as far as the store lets it: what remains is referenced by no table.
    pub async fn abort(self) {
        let Self { file_io, open, finished, .. } = self;
        let open_location = open.map(|file| file.location);
        let locations = finished.iter().map(|file| file.file_path().to_owned()).chain(open_location);
        for location in locations {
            if let Err(error) = file_io.delete(&location).await {
                tracing::warn!(%location, %error, "an aborted data file remains");
            }
        }
    }

    async fn open_file(&mut self) -> Result<OpenFile> {
        let location = self.locations.generate_location(None, &self.names.generate_file_name());
        let output = self.file_io.new_output(&location)?;
        Ok(OpenFile { location, writer: self.parquet.build(output).await? })
    }

    async fn close_file(&mut self) -> Result<()> {
        let Some(file) = self.open.take() else { return Ok(()) };
        for data_file in file.writer.close().await? {
            let data_file = data_file
                .build()
                .map_err(|error| Error::Invalid(format!("describing a data file: {error}")))?;
            self.finished.push(data_file);
        }
        Ok(())
    }
}

/// Writing to a partitioned table needs a fan-out of files per partition, which is not built yet.
pub(crate) fn refuse_partitioned(metadata: &TableMetadata) -> Result<()> {
    if metadata.default_partition_spec().is_unpartitioned() {
        return Ok(());
    }
    Err(Error::Unsupported("writing to a partitioned table is not supported yet".to_owned()))
}
