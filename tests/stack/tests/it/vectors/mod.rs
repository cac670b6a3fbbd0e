//! `vectord` alone, and everything that may happen to it: crashes under load, damaged files, a full disk, ten thousand
//! indexes. Short as tests, long as proofs: see [`proof`].

mod churn;
mod crash;
mod damage;
mod full_disk;
mod history;
mod many_indexes;
mod proof;
mod single_item;

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::{Builder, Http, Stack, wait_for};
use wire::DaemonName;
use wire::vectors::{IndexInfo, IndexStatus};

/// Up to so many live items are scanned: so few that the indexes of these tests have graphs.
const EXACT_BELOW: usize = 64;
/// Bytes of log after which an index is sealed: so few that it is sealed again and again.
const MAX_WAL_BYTES: usize = 256 << 10;

/// `vectord` with settings under which small indexes are sealed, get graphs and are vacuumed all the time.
fn vectord() -> Builder {
    Stack::of(&[DaemonName::Vectord])
        .env("LAKEHOUSE_VECTORD__INDEX__EXACT_BELOW", EXACT_BELOW.to_string())
        .env("LAKEHOUSE_VECTORD__INDEX__MAX_WAL_BYTES", MAX_WAL_BYTES.to_string())
}

/// The same for a report.
fn settings() -> Value {
    json!({"exact_below": EXACT_BELOW, "max_wal_bytes": MAX_WAL_BYTES, "others": "default"})
}

/// The folder of all indexes.
fn indexes_folder(stack: &Stack) -> PathBuf {
    stack.data().join("vectord/indexes")
}

/// The files in the folder of an index, by name.
fn files_of(index_folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let listed = index_folder.read_dir().with_context(|| format!("list {}", index_folder.display()))?;
    let mut files: Vec<_> = listed.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.sort();
    Ok(files)
}

async fn create(http: &Http, name: &str, dimension: usize) -> anyhow::Result<()> {
    let index = json!({"name": name, "dimension": dimension, "distance": "euclidean"});
    let created = http.post("/vectors/index", &index).send().await?;
    ensure!(created.is_success(), "{created}");
    Ok(())
}

async fn info(http: &Http, name: &str) -> anyhow::Result<IndexInfo> {
    let info = http.get(&format!("/vectors/index/{name}")).expect(200).await?;
    Ok(serde_json::from_value(info)?)
}

/// Waits until an index is at rest with a graph, and a log that is shorter than `max_wal_bytes`.
async fn wait_until_sealed(http: &Http, name: &str, max_wal_bytes: u64) -> anyhow::Result<IndexInfo> {
    wait_for("a sealed index with a graph", proof::PATIENCE, async || {
        let info = info(http, name).await?;
        let is_sealed =
            info.status == IndexStatus::Ready && info.indexed > 0 && info.wal_bytes <= max_wal_bytes;
        ensure!(is_sealed, "{info:?}");
        Ok(info)
    })
    .await
}
