//! The daemons: catalogd and ingestd to make the tables, queryd to ask them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use bench_kit::daemon::Daemon;
use bench_kit::http::Client;
use bench_kit::progress::say;
use lake::rest::LoadedTable;
use lake::{TableMetadata, Warehouse};

/// The namespace of the tables: the one that statements may leave out.
const NAMESPACE: &str = query_engine::DEFAULT_NAMESPACE;
/// How long the largest table may take to come in.
const INGEST_PATIENCE: Duration = Duration::from_secs(1200);

/// What all engines get.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Means {
    pub(crate) threads: usize,
    pub(crate) memory_bytes: usize,
}

/// The running daemons and their tables.
#[derive(Debug)]
pub(crate) struct Stack {
    programs: PathBuf,
    folder: PathBuf,
    means: Means,
    catalogd: Daemon,
    /// `None` while it is replaced: two would want the same folder.
    queryd: Option<Daemon>,
    pub(crate) tables: Vec<Table>,
}

/// A table and the files of its snapshot.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) metadata: TableMetadata,
    pub(crate) files: Vec<PathBuf>,
}

impl Stack {
    /// Starts the daemons in `programs`, with all they keep in `folder`, and ingests the Parquet file of each table.
    pub(crate) async fn start(
        programs: PathBuf,
        folder: PathBuf,
        means: Means,
        sources: &[(&'static str, PathBuf)],
    ) -> anyhow::Result<Self> {
        let catalogd =
            daemon(&programs, &folder, "catalogd", [("LAKEHOUSE_LAKE__WAREHOUSE", warehouse_url(&folder))])?;
        let ingestd = daemon(&programs, &folder, "ingestd", peer_settings(&folder, &catalogd))?;
        for (table, file) in sources {
            say(&format!("Ingesting {table}."));
            let body = fs::read(file).with_context(|| format!("read {}", file.display()))?;
            let path = format!("/ingest?table={NAMESPACE}.{table}&mode=create&format=parquet");
            let request = bench_kit::http::post_bytes(&path, "application/vnd.apache.parquet", &body);
            Client::connect_patiently(ingestd.address(), INGEST_PATIENCE)?.send(&request)?;
        }
        ingestd.stop()?;
        let mut tables = Vec::new();
        let warehouse = Warehouse::open(&warehouse_url(&folder))?;
        for (name, _) in sources {
            let path = format!("/iceberg/v1/namespaces/{NAMESPACE}/tables/{name}");
            let loaded: LoadedTable = catalogd.client()?.get(&path)?;
            let planned = lake::data_files(&warehouse, &loaded.metadata, None).await?;
            ensure!(!planned.is_empty(), "{name} has no files");
            let file = |path: &str| warehouse_folder(&folder).join(path);
            let files = planned.iter().map(|planned| file(planned.path.as_ref())).collect();
            tables.push(Table { name, metadata: loaded.metadata, files });
        }
        let queryd = queryd(&programs, &folder, means, &catalogd)?;
        Ok(Self { programs, folder, means, catalogd, queryd: Some(queryd), tables })
    }

    /// The URL of the warehouse.
    pub(crate) fn warehouse_url(&self) -> String {
        warehouse_url(&self.folder)
    }

    /// A folder for what an engine spills.
    pub(crate) fn spill(&self, engine: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join(format!("spill-{engine}"));
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    pub(crate) fn queryd(&self) -> anyhow::Result<&Daemon> {
        self.queryd.as_ref().context("queryd could not be started again")
    }

    /// A queryd that has read nothing yet.
    pub(crate) fn restart_queryd(&mut self) -> anyhow::Result<()> {
        drop(self.queryd.take());
        self.queryd = Some(queryd(&self.programs, &self.folder, self.means, &self.catalogd)?);
        Ok(())
    }
}

fn warehouse_folder(folder: &Path) -> PathBuf {
    folder.join("warehouse")
}

fn warehouse_url(folder: &Path) -> String {
    format!("file://{}", warehouse_folder(folder).display())
}

fn peer_settings(folder: &Path, catalogd: &Daemon) -> Vec<(&'static str, String)> {
    vec![
        ("LAKEHOUSE_LAKE__WAREHOUSE", warehouse_url(folder)),
        ("LAKEHOUSE_PEERS__CATALOGD", format!("http://{}", catalogd.address())),
    ]
}

fn queryd(programs: &Path, folder: &Path, means: Means, catalogd: &Daemon) -> anyhow::Result<Daemon> {
    let mut settings = peer_settings(folder, catalogd);
    settings.push(("LAKEHOUSE_QUERYD__THREADS", means.threads.to_string()));
    settings.push(("LAKEHOUSE_QUERYD__MEMORY_BYTES", means.memory_bytes.to_string()));
    daemon(programs, folder, "queryd", settings)
}

fn daemon(
    programs: &Path,
    folder: &Path,
    name: &str,
    settings: impl IntoIterator<Item = (&'static str, String)>,
) -> anyhow::Result<Daemon> {
    let own = folder.join(name);
    fs::create_dir_all(&own)?;
    Daemon::start(&programs.join(name), &own, settings)
}
