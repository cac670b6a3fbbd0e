//! One snapshot of a table as DataFusion sees it.

use std::any::Any;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result as PlanResult;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use lake::{PlannedFile, TableMetadata, Warehouse};

use crate::evolution::ByFieldId;
use crate::{Result, statistics, views};

/// Under which the engine's runtime knows the store of the warehouse.
pub(crate) const STORE_URL: &str = "lakehouse://warehouse/";

/// The rows of one snapshot: a schema and the files that the manifests list, which may have been written under older
/// schemas ([`ByFieldId`]). Columns that a file does not have read as null.
#[derive(Debug)]
pub(crate) struct SnapshotTable {
    schema: SchemaRef,
    files: Vec<PlannedFile>,
    /// What the manifests say of each file, and of all together.
    file_statistics: Vec<Arc<Statistics>>,
    statistics: Statistics,
    snapshot_id: Option<i64>,
}

impl SnapshotTable {
    /// Plans the files of a snapshot, with the columns of then; of the current one, with those of now, if none is named.
    ///
    /// # Errors
    /// Those of [`lake::data_files`], as [`Error::Lake`](crate::Error::Lake).
    pub(crate) async fn plan(
        warehouse: &Warehouse,
        metadata: &TableMetadata,
        snapshot_id: Option<i64>,
    ) -> Result<Self> {
        let schema = match snapshot_id {
            None => lake::arrow_schema(metadata)?,
            Some(id) => lake::arrow_schema_at(metadata, id)?,
        };
        let files = lake::data_files(warehouse, metadata, snapshot_id).await?;
        let schema = views::read_as_views(&schema);
        let of_file = |file| Arc::new(statistics::of_file(file, &schema));
        let file_statistics: Vec<_> = files.iter().map(of_file).collect();
        let statistics = statistics::of_table(&file_statistics, &schema)?;
        let snapshot_id = snapshot_id.or(metadata.current_snapshot_id());
        Ok(Self { schema, files, file_statistics, statistics, snapshot_id })
    }

    pub(crate) fn snapshot_id(&self) -> Option<i64> {
        self.snapshot_id
    }

    /// The files dealt out to `groups` groups that are read side by side, with what the manifests say of each; large files
    /// are split further by the optimizer.
    fn file_groups(&self, groups: usize) -> Vec<FileGroup> {
        let files = self.files.iter().zip(&self.file_statistics).map(|(file, statistics)| {
            let mut partitioned = PartitionedFile::new("", file.size_bytes);
            partitioned.object_meta.location = file.path.clone();
            partitioned.with_statistics(Arc::clone(statistics))
        });
        FileGroup::new(files.collect()).split_files(groups)
    }
}

#[async_trait]
impl TableProvider for SnapshotTable {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(self.statistics.clone())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Every filter prunes row groups and pages, none is exact: DataFusion keeps its own filter above the scan.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> PlanResult<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    /// Filters reach the Parquet source by the optimizer's filter pushdown, from the filter above the scan.
    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let url = ObjectStoreUrl::parse(STORE_URL)?;
        let runtime = state.runtime_env();
        let footers = runtime.cache_manager.get_file_metadata_cache();
        let reader = CachedParquetFileReaderFactory::new(runtime.object_store(&url)?, footers);
        let source = ParquetSource::new(self.schema())
            .with_table_parquet_options(state.default_table_options().parquet)
            .with_parquet_file_reader_factory(Arc::new(reader));
        let config = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(self.file_groups(state.config().target_partitions()))
            .with_expr_adapter(Some(Arc::new(ByFieldId)))
            .with_statistics(self.statistics.clone())
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
