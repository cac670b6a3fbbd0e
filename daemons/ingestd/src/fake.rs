//! A warehouse in a temporary folder and a catalogue in memory that fails on demand.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch};
use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use lake::rest::CreateTable;
use lake::{TableChange, TableMetadata, VersionedMetadata, Warehouse};
use ledger::Ledger;
use parking_lot::Mutex;
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;
use wire::ingest::{IngestAnswer, IngestFormat, OnError};
use wire::{CallContext, DaemonName, ErrorCode, Problem};

use crate::catalogue::Catalogue;
use crate::load::{LoadError, LoadRequest, Loader, MIGRATIONS};
use crate::rejected::RejectStore;
use crate::spool::{Encoding, Spool};
use crate::table_name::TableName;

/// How a commit fails.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// Somebody else's commit came first.
    Conflict,
    /// It is refused for good, with this code.
    Refused(ErrorCode),
    /// It happens, but its answer does not arrive.
    AnswerLost,
    /// No answer arrives, and it has not happened yet.
    StillOnItsWay,
    /// The commit that was still on its way happens now, just before this one.
    EarlierOneArrives,
}

#[derive(Default)]
struct Catalog {
    tables: BTreeMap<String, VersionedMetadata>,
    faults: VecDeque<Fault>,
    late: Option<(String, String)>,
    is_down: bool,
}

pub(crate) struct FakeCatalogue {
    warehouse: Warehouse,
    state: Mutex<Catalog>,
}

fn problem(code: ErrorCode) -> client::Error {
    let problem = Problem::new(code, "as the test asked for", "r1");
    client::Error::Problem { peer: DaemonName::Catalogd, problem, retry_after_s: None }
}

fn no_answer() -> client::Error {
    client::Error::DeadlineExceeded { peer: DaemonName::Catalogd }
}

impl FakeCatalogue {
    /// Applies a change as catalogd would; requirements and updates travel as JSON.
    #[expect(
        clippy::result_large_err,
        reason = "it fails as the client does, whose calls are all asynchronous"
    )]
    fn apply(&self, state: &mut Catalog, table: &str, change: &str) -> client::Result<()> {
        let change: lake::rest::CommitTable = serde_json::from_str(change).unwrap();
        let current = state.tables.get(table).ok_or_else(|| problem(ErrorCode::NotFound))?;
        match lake::commit(&self.warehouse, current, &change.requirements, change.updates) {
            Ok(next) => {
                state.tables.insert(table.to_owned(), next);
                Ok(())
            }
            Err(lake::Error::Conflict(_)) => Err(problem(ErrorCode::Conflict)),
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[async_trait]
impl Catalogue for FakeCatalogue {
    async fn load(&self, _: &CallContext, table: &TableName) -> client::Result<Option<TableMetadata>> {
        let state = self.state.lock();
        if state.is_down {
            return Err(no_answer());
        }
        Ok(state.tables.get(&table.to_string()).map(|version| version.metadata.clone()))
    }

    async fn create(
        &self,
        _: &CallContext,
        table: &TableName,
        create: CreateTable,
    ) -> client::Result<TableMetadata> {
        let mut state = self.state.lock();
        if state.tables.contains_key(&table.to_string()) {
            return Err(problem(ErrorCode::AlreadyExists));
        }
        let version = lake::create(&self.warehouse, std::slice::from_ref(&table.namespace), create).unwrap();
        state.tables.insert(table.to_string(), version.clone());
        Ok(version.metadata)
    }

    async fn commit(&self, _: &CallContext, table: &TableName, change: &TableChange) -> client::Result<()> {
        let (table, change) = (table.to_string(), serde_json::to_string(change).unwrap());
        let mut state = self.state.lock();
        match state.faults.pop_front() {
            None => self.apply(&mut state, &table, &change),
            Some(Fault::Conflict) => Err(problem(ErrorCode::Conflict)),
            Some(Fault::Refused(code)) => Err(problem(code)),
            Some(Fault::AnswerLost) => {
                self.apply(&mut state, &table, &change)?;
                Err(no_answer())
            }
            Some(Fault::StillOnItsWay) => {
                state.late = Some((table, change));
                Err(no_answer())
            }
            Some(Fault::EarlierOneArrives) => {
                let (late_table, late_change) = state.late.take().unwrap();
                self.apply(&mut state, &late_table, &late_change)?;
                self.apply(&mut state, &table, &change)
            }
        }
    }
}

/// CSV into `table`, with nothing special asked for.
pub(crate) fn request(table: &str) -> LoadRequest {
    LoadRequest {
        table: table.parse().unwrap(),
        mode: None,
        format: IngestFormat::Csv,
        on_error: OnError::Abort,
        max_errors: None,
        dry_run: false,
        idempotency_key: None,
    }
}

/// Everything around a loader.
pub(crate) struct World {
    pub(crate) folder: Arc<TempDir>,
    pub(crate) warehouse: Warehouse,
    pub(crate) catalogue: Arc<FakeCatalogue>,
    loader: Loader,
}

fn loader(folder: &Path, warehouse: &Warehouse, catalogue: Arc<FakeCatalogue>) -> Loader {
    let name = format!("{}.sqlite", uuid::Uuid::new_v4());
    let ledger = Ledger::open(&folder.join(name), MIGRATIONS).unwrap();
    let config = crate::Config::default();
    let rejected = RejectStore::open(folder.join("rejects"), &config).unwrap();
    Loader::new(warehouse.clone(), catalogue, ledger, rejected, &config)
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let warehouse =
            Warehouse::open(&format!("file://{}", folder.path().join("warehouse").display())).unwrap();
        let catalogue = Arc::new(FakeCatalogue { warehouse: warehouse.clone(), state: Mutex::default() });
        let loader = loader(folder.path(), &warehouse, catalogue.clone());
        Self { folder, warehouse, catalogue, loader }
    }

    /// The same tables, with a ledger that knows nothing.
    pub(crate) fn with_new_ledger(&self) -> Self {
        let loader = loader(self.folder.path(), &self.warehouse, self.catalogue.clone());
        Self {
            folder: self.folder.clone(),
            warehouse: self.warehouse.clone(),
            catalogue: self.catalogue.clone(),
            loader,
        }
    }

    pub(crate) async fn load(&self, request: &LoadRequest, body: &str) -> Result<IngestAnswer, LoadError> {
        self.load_bytes(request, Bytes::copy_from_slice(body.as_bytes())).await
    }

    /// The same with a Parquet body of these columns.
    pub(crate) async fn load_parquet(
        &self,
        request: &LoadRequest,
        columns: Vec<(&str, ArrayRef)>,
    ) -> Result<IngestAnswer, LoadError> {
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let mut body = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut body, rows.schema(), None).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
        let request = LoadRequest { format: IngestFormat::Parquet, ..request.clone() };
        self.load_bytes(&request, body.into()).await
    }

    async fn load_bytes(&self, request: &LoadRequest, body: Bytes) -> Result<IngestAnswer, LoadError> {
        let chunks = futures::stream::iter([Ok::<_, Infallible>(body)]);
        let spool = Spool::receive(chunks, Encoding::Identity, self.folder.path(), 1 << 30, true);
        let spool = spool.await.unwrap();
        let ctx = CallContext::root(Duration::from_secs(60));
        self.loader.load(&ctx, request, Arc::new(spool)).await
    }

    pub(crate) fn fail_commits(&self, faults: Vec<Fault>) {
        self.catalogue.state.lock().faults = faults.into();
    }

    pub(crate) fn go_down(&self) {
        self.catalogue.state.lock().is_down = true;
    }

    pub(crate) fn tables(&self) -> Vec<String> {
        self.catalogue.state.lock().tables.keys().cloned().collect()
    }

    fn metadata(&self, table: &str) -> TableMetadata {
        self.catalogue.state.lock().tables[table].metadata.clone()
    }

    pub(crate) fn snapshot_id(&self, table: &str) -> Option<i64> {
        self.metadata(table).current_snapshot_id()
    }

    /// How many times the table's metadata have changed.
    pub(crate) fn versions(&self, table: &str) -> usize {
        self.metadata(table).metadata_log().len()
    }

    /// Rows that a reader of the table would find.
    pub(crate) async fn rows(&self, table: &str) -> u64 {
        let files = lake::data_files(&self.warehouse, &self.metadata(table), None).await.unwrap();
        for file in &files {
            object_store::ObjectStoreExt::head(&self.warehouse.store(), &file.path).await.unwrap();
        }
        files.iter().map(|file| file.record_count).sum()
    }

    /// All data files that there are, whether a table refers to them or not.
    pub(crate) async fn files(&self) -> Vec<String> {
        let objects: Vec<_> = self.warehouse.store().list(None).try_collect().await.unwrap();
        let mut paths: Vec<String> = objects.into_iter().map(|object| object.location.to_string()).collect();
        paths.retain(|path| path.ends_with(".parquet"));
        paths.sort();
        paths
    }
}
