//! A warehouse in a temporary folder and a catalogue in memory that fails on demand.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use lake::maintenance::{self, CompactionPolicy, ExpiryPolicy};
use lake::rest::CreateTable;
use lake::{TableChange, TableMetadata, VersionedMetadata, Warehouse};
use ledger::Ledger;
use parking_lot::Mutex;
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;
use wire::ingest::{DeletedRows, IngestAnswer, IngestFormat, OnError, UpsertAnswer};
use wire::{CallContext, DaemonName, ErrorCode, Problem};

use crate::catalogue::Catalogue;
use crate::deletion::{Deleter, Which};
use crate::load::{LoadError, LoadRequest, Loader, MIGRATIONS, Replays};
use crate::rejected::RejectStore;
use crate::spool::{Encoding, Spool};
use crate::table_name::TableName;
use crate::upsert::{UpsertRequest, Upserter};

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

/// A change on its way; requirements and updates travel as JSON.
#[derive(Debug, Clone, PartialEq)]
struct Change {
    table: String,
    json: String,
    key: Option<String>,
}

#[derive(Default)]
struct Catalog {
    tables: BTreeMap<String, VersionedMetadata>,
    faults: VecDeque<Fault>,
    late: Option<Change>,
    /// The keys under which something was committed, with what it was.
    keys: BTreeMap<String, Change>,
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
    /// Applies a change as catalogd would.
    #[expect(
        clippy::result_large_err,
        reason = "it fails as the client does, whose calls are all asynchronous"
    )]
    fn apply(&self, state: &mut Catalog, change: &Change) -> client::Result<()> {
        let before = change.key.as_ref().and_then(|key| state.keys.get(key));
        if let Some(before) = before {
            return if before == change { Ok(()) } else { Err(problem(ErrorCode::Unprocessable)) };
        }
        let commit: lake::rest::CommitTable = serde_json::from_str(&change.json).unwrap();
        let current = state.tables.get(&change.table).ok_or_else(|| problem(ErrorCode::NotFound))?;
        match lake::commit(&self.warehouse, current, &commit.requirements, commit.updates) {
            Ok(next) => {
                state.tables.insert(change.table.clone(), next);
                state.keys.extend(change.key.clone().map(|key| (key, change.clone())));
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

    async fn commit(
        &self,
        _: &CallContext,
        table: &TableName,
        change: &TableChange,
        key: Option<&str>,
    ) -> client::Result<()> {
        let (table, json) = (table.to_string(), serde_json::to_string(change).unwrap());
        let change = Change { table, json, key: key.map(str::to_owned) };
        let mut state = self.state.lock();
        match state.faults.pop_front() {
            None => self.apply(&mut state, &change),
            Some(Fault::Conflict) => Err(problem(ErrorCode::Conflict)),
            Some(Fault::Refused(code)) => Err(problem(code)),
            Some(Fault::AnswerLost) => {
                self.apply(&mut state, &change)?;
                Err(no_answer())
            }
            Some(Fault::StillOnItsWay) => {
                state.late = Some(change);
                Err(no_answer())
            }
            Some(Fault::EarlierOneArrives) => {
                let late = state.late.take().unwrap();
                self.apply(&mut state, &late)?;
                self.apply(&mut state, &change)
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

fn ctx() -> CallContext {
    CallContext::root(Duration::from_secs(60))
}

/// An upsert of CSV into `table` by `key`, with nothing special asked for.
pub(crate) fn upsert_request(table: &str, key: &str) -> UpsertRequest {
    UpsertRequest {
        table: table.parse().unwrap(),
        key: key.split(',').map(str::to_owned).collect(),
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
    upserter: Upserter,
}

fn replays(folder: &Path) -> Replays {
    let name = format!("{}.sqlite", uuid::Uuid::new_v4());
    Replays::new(Ledger::open(&folder.join(name), MIGRATIONS).unwrap())
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let warehouse =
            Warehouse::open(&format!("file://{}", folder.path().join("warehouse").display())).unwrap();
        let catalogue = Arc::new(FakeCatalogue { warehouse: warehouse.clone(), state: Mutex::default() });
        Self::over(folder, warehouse, catalogue)
    }

    /// The same tables, with a ledger that knows nothing.
    pub(crate) fn with_new_ledger(&self) -> Self {
        Self::over(self.folder.clone(), self.warehouse.clone(), self.catalogue.clone())
    }

    fn over(folder: Arc<TempDir>, warehouse: Warehouse, catalogue: Arc<FakeCatalogue>) -> Self {
        let (replays, config) = (replays(folder.path()), crate::Config::default());
        let (limits, max_rows) = (config.limits(), config.max_upsert_rows);
        let rejected = RejectStore::open(folder.path().join("rejects"), &config).unwrap();
        let loader = Loader::new(warehouse.clone(), catalogue.clone(), replays.clone(), rejected, &config);
        let upserter = Upserter::new(warehouse.clone(), catalogue.clone(), replays, limits, max_rows);
        Self { folder, warehouse, catalogue, loader, upserter }
    }

    pub(crate) async fn load(&self, request: &LoadRequest, body: &str) -> Result<IngestAnswer, LoadError> {
        self.loader.load(&ctx(), request, self.spool(body).await).await
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
        self.loader.load(&ctx(), &request, self.spool(body).await).await
    }

    pub(crate) async fn upsert(
        &self,
        request: &UpsertRequest,
        body: &str,
    ) -> Result<UpsertAnswer, LoadError> {
        self.upserter.upsert(&ctx(), request, self.spool(body).await).await
    }

    pub(crate) async fn delete(&self, table: &str, which: &Which) -> Result<DeletedRows, LoadError> {
        let deleter = Deleter::new(self.warehouse.clone(), self.catalogue.clone());
        deleter.delete(&ctx(), &table.parse().unwrap(), which, false).await
    }

    pub(crate) async fn spool(&self, body: impl AsRef<[u8]>) -> Arc<Spool> {
        let chunks = futures::stream::iter([Ok::<_, Infallible>(Bytes::copy_from_slice(body.as_ref()))]);
        let spool = Spool::receive(chunks, Encoding::Identity, self.folder.path(), 1 << 30, true);
        Arc::new(spool.await.unwrap())
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

    pub(crate) fn metadata(&self, table: &str) -> TableMetadata {
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

    /// What a reader of the table would find: each row as the texts of its columns, sorted.
    pub(crate) async fn contents(&self, table: &str) -> Vec<Vec<String>> {
        let metadata = self.metadata(table);
        let files = lake::data_files(&self.warehouse, &metadata, None).await.unwrap();
        let batches = lake::rows(&self.warehouse, &metadata, &files, None).unwrap();
        let batches: Vec<RecordBatch> = batches.try_collect().await.unwrap();
        let mut rows = Vec::new();
        for batch in batches {
            let formatters = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column, &FormatOptions::default()).unwrap());
            let formatters: Vec<_> = formatters.collect();
            let row = |row| formatters.iter().map(|formatter| formatter.value(row).to_string()).collect();
            rows.extend((0..batch.num_rows()).map(row));
        }
        rows.sort();
        rows
    }

    /// The rows of all files of the table in one.
    pub(crate) async fn compact(&self, table: &str) {
        let (warehouse, metadata) = (&self.warehouse, self.metadata(table));
        let policy = CompactionPolicy { min_files: 2, ..CompactionPolicy::default() };
        let plan = maintenance::plan_compaction(warehouse, &metadata, policy).await.unwrap();
        if plan.groups.is_empty() {
            return;
        }
        let rewrite = maintenance::compact(warehouse, &metadata, &plan).await.unwrap();
        let change = rewrite.change(warehouse, &metadata).await.unwrap();
        self.catalogue.commit(&ctx(), &table.parse().unwrap(), &change, None).await.unwrap();
    }

    /// All snapshots but the current one go, and the files that only they need.
    pub(crate) async fn expire(&self, table: &str) {
        let policy = ExpiryPolicy { older_than_ms: i64::MAX, retain_last: 1 };
        let planned = maintenance::plan_expiry(&self.warehouse, &self.metadata(table), policy).await.unwrap();
        let Some(expiry) = planned else { return };
        let json = serde_json::to_string(&expiry.commit).unwrap();
        let change = Change { table: table.to_owned(), json, key: None };
        self.catalogue.apply(&mut self.catalogue.state.lock(), &change).unwrap();
        maintenance::delete_files(&self.warehouse, expiry.files.locations().map(str::to_owned).collect())
            .await;
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
