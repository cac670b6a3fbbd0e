//! The process dies, or the store fails or dawdles, at the points of a commit where it hurts.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use catalogd::{Catalog, CatalogError, Namespace, RequestKey, TableName};
use futures::stream::BoxStream;
use lake::rest::{CommitTable, CreateTable};
use lake::{TableRequirement, TableUpdate, Warehouse};
use ledger::Ledger;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tempfile::TempDir;
use tokio::sync::Notify;

/// What happens to puts and gets from now on.
#[derive(Debug, Default)]
struct Faults {
    /// The put happens, and its caller never hears of it: what a kill right after it looks like.
    hang_after_put: AtomicBool,
    /// Told when a put hangs.
    hanging: Notify,
    /// The put fails.
    fail_put: AtomicBool,
    /// The next get is late.
    hold_get: AtomicBool,
    /// Told when a get is held.
    holding: Notify,
    /// Lets that get go on.
    go_on: Notify,
}

#[derive(Debug)]
struct FaultyStore {
    inner: Arc<dyn ObjectStore>,
    faults: Arc<Faults>,
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        if self.faults.fail_put.load(Ordering::Relaxed) {
            return Err(Error::Generic { store: "FaultyStore", source: "as ordered".into() });
        }
        let stored = self.inner.put_opts(location, payload, opts).await;
        if self.faults.hang_after_put.load(Ordering::Relaxed) {
            self.faults.hanging.notify_one();
            std::future::pending::<()>().await;
        }
        stored
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if self.faults.hold_get.swap(false, Ordering::Relaxed) {
            self.faults.holding.notify_one();
            self.faults.go_on.notified().await;
        }
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// A catalogue with one table, over a store that fails on command.
struct Fixture {
    dir: TempDir,
    faults: Arc<Faults>,
    catalog: Catalog,
}

impl Fixture {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let faults = Arc::new(Faults::default());
        let catalog = open(&dir, &faults);
        let namespace = Namespace::from_path("hr").unwrap();
        catalog.create_namespace(namespace.clone(), BTreeMap::new()).await.unwrap();
        let schema = lake::iceberg_schema(&crate::rows(0..1).schema()).unwrap();
        catalog.create_table(namespace, CreateTable::new("people", schema), None).await.unwrap();
        Self { dir, faults, catalog }
    }

    /// The process is gone; another one opens the same files.
    fn restart(self) -> Self {
        drop(self.catalog);
        let faults = Arc::new(Faults::default());
        let catalog = open(&self.dir, &faults);
        Self { dir: self.dir, faults, catalog }
    }
}

fn open(dir: &TempDir, faults: &Arc<Faults>) -> Catalog {
    let ledger = Ledger::open(&dir.path().join("catalog.db"), catalogd::MIGRATIONS).unwrap();
    let url = format!("file://{}", dir.path().join("lake").display());
    let store = FaultyStore { inner: objects::open(&url).unwrap(), faults: Arc::clone(faults) };
    Catalog::new(ledger, Warehouse::with_store(url, Arc::new(store)))
}

fn people() -> TableName {
    TableName::new(Namespace::from_path("hr").unwrap(), "people".to_owned()).unwrap()
}

fn set_property() -> CommitTable {
    let updates = HashMap::from([("key".to_owned(), "value".to_owned())]);
    CommitTable {
        identifier: None,
        requirements: vec![],
        updates: vec![TableUpdate::SetProperties { updates }],
    }
}

#[tokio::test]
async fn death_between_metadata_file_and_pointer_leaves_the_old_table() {
    let fixture = Fixture::new().await;
    let before = fixture.catalog.load_table(people()).await.unwrap();
    fixture.faults.hang_after_put.store(true, Ordering::Relaxed);
    tokio::select! {
        outcome = fixture.catalog.commit(vec![(people(), set_property())], None) => panic!("{outcome:?}"),
        () = fixture.faults.hanging.notified() => {}
    }
    let restarted = fixture.restart();
    assert_eq!(restarted.catalog.load_table(people()).await.unwrap(), before);
    // And the table goes on from there.
    let after = restarted.catalog.commit(vec![(people(), set_property())], None).await.unwrap();
    assert_eq!(after[0].metadata.properties()["key"], "value");
    assert_eq!(restarted.restart().catalog.load_table(people()).await.unwrap(), after[0]);
}

#[tokio::test]
async fn death_between_metadata_file_and_pointer_of_a_new_table_leaves_no_table() {
    let fixture = Fixture::new().await;
    let schema = lake::iceberg_schema(&crate::rows(0..1).schema()).unwrap();
    let create = async |catalog: &Catalog| {
        let request = CreateTable::new("new", schema.clone());
        catalog.create_table(Namespace::from_path("hr").unwrap(), request, None).await
    };
    fixture.faults.hang_after_put.store(true, Ordering::Relaxed);
    tokio::select! {
        outcome = create(&fixture.catalog) => panic!("{outcome:?}"),
        () = fixture.faults.hanging.notified() => {}
    }
    let restarted = fixture.restart();
    let tables = restarted.catalog.tables(Namespace::from_path("hr").unwrap()).await.unwrap();
    assert_eq!(tables, [people()]);
    create(&restarted.catalog).await.unwrap();
}

#[tokio::test]
async fn store_that_fails_to_take_the_metadata_leaves_the_old_table() {
    let fixture = Fixture::new().await;
    let before = fixture.catalog.load_table(people()).await.unwrap();
    fixture.faults.fail_put.store(true, Ordering::Relaxed);
    let outcome = fixture.catalog.commit(vec![(people(), set_property())], None).await;
    assert!(matches!(outcome, Err(CatalogError::Warehouse(_))), "{outcome:?}");
    assert_eq!(fixture.catalog.load_table(people()).await.unwrap(), before);
    fixture.faults.fail_put.store(false, Ordering::Relaxed);
    fixture.catalog.commit(vec![(people(), set_property())], None).await.unwrap();
}

/// ingestd repeats a commit whose answer is late, and deletes the files of one that is refused.
#[tokio::test]
async fn attempt_that_is_overtaken_by_its_repetition_gets_the_same_answer_and_no_refusal() {
    // Started anew, it has to read the metadata of `people`.
    let fixture = Fixture::new().await.restart();
    let (catalog, faults) = (&fixture.catalog, &fixture.faults);
    let schema = lake::iceberg_schema(&crate::rows(0..1).schema()).unwrap();
    let creation = CommitTable {
        identifier: None,
        requirements: vec![TableRequirement::NotExist],
        updates: vec![TableUpdate::AddSchema { schema }],
    };
    let new = TableName { name: "new".to_owned(), ..people() };
    let attempt = || {
        let changes = vec![(people(), set_property()), (new.clone(), creation.clone())];
        catalog.commit(changes, Some(RequestKey { key: "k".to_owned(), fingerprint: [7; 32] }))
    };
    faults.hold_get.store(true, Ordering::Relaxed);
    let repetition = async {
        faults.holding.notified().await;
        let done = attempt().await;
        faults.go_on.notify_one();
        done
    };
    let (overtaken, repetition) = tokio::join!(attempt(), repetition);
    assert_eq!(overtaken.unwrap(), repetition.unwrap());
}

#[tokio::test]
async fn database_that_fails_at_the_swap_leaves_the_metadata_file_alone() {
    let fixture = Fixture::new().await;
    let database = fixture.dir.path().join("catalog.db");
    let saboteur = ledger::rusqlite::Connection::open(&database).unwrap();
    saboteur
        .execute_batch("CREATE TRIGGER t BEFORE INSERT ON history BEGIN SELECT RAISE(FAIL, 'x'); END")
        .unwrap();
    let outcome = fixture.catalog.commit(vec![(people(), set_property())], None).await;
    assert!(matches!(outcome, Err(CatalogError::CommitStateUnknown(_))), "{outcome:?}");
    saboteur.execute_batch("DROP TRIGGER t").unwrap();
    assert!(fixture.catalog.load_table(people()).await.unwrap().metadata.properties().is_empty());
    fixture.catalog.commit(vec![(people(), set_property())], None).await.unwrap();
}
