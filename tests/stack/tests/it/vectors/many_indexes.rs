//! Thousands of small indexes: what they cost in memory and at a start.

use std::fs;
use std::time::Instant;

use anyhow::ensure;
use serde_json::json;
use testkit::{Http, Stack};
use wire::DaemonName;

use super::proof::{Proof, parameter};
use super::{create, files_of, indexes_folder};

const DIMENSION: usize = 384;
const VECTORS: usize = 3;
/// The bar: 10,000 of them in 1 GB, and ready in 10 seconds.
const MAX_BYTES_PER_INDEX: u64 = 100_000;
const MAX_START_S: f64 = 10.0;
/// So many in the short test.
const DEFAULT_INDEXES: usize = 500;

/// Its resident memory, bytes.
async fn rss(http: &Http) -> anyhow::Result<u64> {
    let health = http.get("/healthz").expect(200).await?;
    Ok(health["rss_bytes"].as_u64().unwrap_or_default())
}

/// Fills one index. A copy of its folder under another name is another index: so they cost no syncs.
async fn fill(http: &Http, name: &str) -> anyhow::Result<()> {
    create(http, name, DIMENSION).await?;
    for n in 0..VECTORS {
        let vector: Vec<f32> = (0..DIMENSION).map(|i| (i % (n + 2)) as f32).collect();
        let items = json!({"items": [{"id": format!("item {n}"), "vector": vector, "metadata": {"n": n}}]});
        http.post(&format!("/vectors/index/{name}/add"), &items).expect(200).await?;
    }
    Ok(())
}

#[tokio::test]
async fn thousands_of_small_indexes_take_little_memory_and_open_soon() -> anyhow::Result<()> {
    let proof = Proof::begin("vectors-many-indexes");
    let wanted: Option<usize> = parameter("INDEXES")?;
    let indexes = wanted.unwrap_or(DEFAULT_INDEXES);
    let mut stack = Stack::of(&[DaemonName::Vectord]).start().await?;
    let http = stack.http(DaemonName::Vectord)?;
    let rss_before = rss(&http).await?;
    fill(&http, "n0").await?;
    stack.stop().await?;
    let (folder, files) = (indexes_folder(&stack), files_of(&indexes_folder(&stack).join("n0"))?);
    for n in 1..indexes {
        let copy = folder.join(format!("n{n}"));
        fs::create_dir(&copy)?;
        for file in &files {
            fs::copy(file, copy.join(file.file_name().unwrap_or_default()))?;
        }
    }

    let started = Instant::now();
    stack.daemon(DaemonName::Vectord)?.restart().await?;
    let start_s = started.elapsed().as_secs_f64();
    let rss_after = rss(&http).await?;
    let list = http.get("/vectors/index").expect(200).await?;
    ensure!(list["indexes"].as_array().map(Vec::len) == Some(indexes) && list["quarantined"].is_null());
    let info = http.get(&format!("/vectors/index/n{}", indexes - 1)).expect(200).await?;
    ensure!(info["count"] == VECTORS, "{info}");

    let bytes_per_index = rss_after.saturating_sub(rss_before) / indexes as u64;
    let found = json!({
        "indexes": indexes, "start_seconds": start_s, "rss_bytes": rss_after,
        "rss_bytes_without_them": rss_before, "bytes_per_index": bytes_per_index,
    });
    proof.progress(&found.to_string());
    ensure!(bytes_per_index <= MAX_BYTES_PER_INDEX, "an index takes too much memory: {found}");
    // A short run shares the machine with other tests.
    ensure!(wanted.is_none() || start_s <= MAX_START_S, "the start takes too long: {found}");
    stack.stop().await?;
    stack.assert_quiet(&[])?;
    proof.record(&json!({"dimension": DIMENSION, "vectors_per_index": VECTORS}), &found)
}
