//! Systems that nobody here wrote, each behind an HTTP endpoint in a process of its own.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;

use crate::child::Process;
use crate::{python, repository, wait_for};

/// How long it may take to listen: it loads much, on a machine that is busy compiling.
const START_LIMIT: Duration = Duration::from_secs(120);

/// A running server: `crates/testkit/<name>/serve.py`, which prints its port once it listens.
#[derive(Debug)]
pub struct PeerServer {
    _process: Process,
    _folder: TempDir,
    url: String,
}

impl PeerServer {
    /// ONNX Runtime with the embedding model in `folder`, under the folder's name. Its endpoint has the predecessor's shape.
    ///
    /// # Errors
    /// When its packages cannot be installed: with what to do; or when it does not start: with what it wrote.
    pub async fn onnx(folder: &Path) -> anyhow::Result<Self> {
        Self::start("onnx-embed", "onnx-embed", [folder], "/ai/embed").await
    }

    /// DuckDB with files as tables, each given as `schema.table=file`. Its endpoint has the shape of `POST /v1/sql`.
    ///
    /// # Errors
    /// See [`PeerServer::onnx`].
    pub async fn duckdb(tables: &[String]) -> anyhow::Result<Self> {
        Self::start("duckdb-sql", "lake-clients", tables, "/query").await
    }

    /// Exact search of faiss over the vectors of `.npy` files, each given as `name=file`; ids are the numbers of rows. Its endpoint has
    /// the shape of `POST /v1/vectors/search`.
    ///
    /// # Errors
    /// See [`PeerServer::onnx`].
    pub async fn faiss(indexes: &[String]) -> anyhow::Result<Self> {
        Self::start("faiss-search", "faiss-search", indexes, "/vectors/search").await
    }

    /// The rows of a CSV or Parquet file, filtered by DuckDB, and exact search among the vectors that they have in a `.npy` file. Its
    /// endpoint has the shape of `POST /v1/matrix/retrieve`, with `query_vector` in place of `query_text`.
    ///
    /// # Errors
    /// See [`PeerServer::onnx`].
    pub async fn exact_retrieve(rows: &Path, id_column: &str, vectors: &Path) -> anyhow::Result<Self> {
        let args = [rows.as_os_str(), OsStr::new(id_column), vectors.as_os_str()];
        Self::start("exact-retrieve", "exact-retrieve", args, "/vectors/hybrid").await
    }

    async fn start<A: AsRef<OsStr>>(
        name: &str,
        packages: &str,
        args: impl IntoIterator<Item = A>,
        path: &str,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("peer-").tempdir()?;
        let [output, log] = ["port", "log"].map(|name| folder.path().join(name));
        let mut command = python(packages)?;
        command.arg(repository().join("crates/testkit").join(name).join("serve.py")).args(args);
        command.stdout(File::create(&output)?).stderr(File::create(&log)?);
        let mut process = Process::spawn(command)?;
        let listening = format!("{name} to listen");
        let port = wait_for(&listening, START_LIMIT, async || {
            if let Some(exit) = process.exit()? {
                return Ok(Err(exit));
            }
            Ok(Ok(fs::read_to_string(&output)?.trim_end().parse::<u16>().context("no port yet")?))
        });
        match port.await? {
            Ok(port) => {
                let url = format!("http://127.0.0.1:{port}{path}");
                Ok(Self { _process: process, _folder: folder, url })
            }
            Err(exit) => {
                anyhow::bail!("{name} ended at its start with {exit}:\n{}", fs::read_to_string(log)?)
            }
        }
    }

    /// Its endpoint.
    pub fn url(&self) -> &str {
        &self.url
    }
}
