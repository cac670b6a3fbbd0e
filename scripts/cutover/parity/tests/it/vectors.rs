//! The vectors probe: faiss and vectord over the same vectors.

use std::fs;
use std::path::{Path, PathBuf};

use axum::http::StatusCode;
use half::f16;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Http, PeerServer, Stack};
use wire::DaemonName;
use wire::packed::pack;

use crate::support::{NOWHERE, answering, numbers, probe, write_npy};

const ROWS: usize = 2000;
const QUERIES: usize = 100;
const DIMENSION: usize = 16;
const K: usize = 10;

/// Vectors, queries and exact answers in a folder, as evaluation data are.
struct Set {
    folder: TempDir,
    base: Vec<f32>,
}

impl Set {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let base = matrix(1, ROWS, &folder.path().join("base.npy"));
        let queries = matrix(2, QUERIES, &folder.path().join("queries.npy"));
        let truth = queries.chunks_exact(DIMENSION).flat_map(|query| nearest(&base, query));
        write_npy(&folder.path().join("truth.npy"), "<i4", K, truth.map(i32::to_le_bytes));
        Self { folder, base }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the probe is told of the set, and of the index that holds it.
    async fn probe(&self, sides: [&str; 2], index: &str) -> (Option<i32>, Value) {
        let [queries, truth] = ["queries.npy", "truth.npy"].map(|name| self.file(name));
        let (queries, truth) = (queries.to_str().unwrap(), truth.to_str().unwrap());
        let arguments = ["--index", index, "--queries", queries, "--truth", truth];
        probe("vectors", sides, self.folder.path(), &arguments).await
    }
}

/// Writes rows of numbers in half precision, and widens them.
fn matrix(seed: u64, rows: usize, file: &Path) -> Vec<f32> {
    let halves: Vec<f16> = numbers(seed).take(rows * DIMENSION).map(f16::from_f32).collect();
    write_npy(file, "<f2", DIMENSION, halves.iter().map(|half| half.to_le_bytes()));
    halves.into_iter().map(f16::to_f32).collect()
}

/// The numbers of the rows that are nearest by cosine.
fn nearest(base: &[f32], query: &[f32]) -> Vec<i32> {
    let dot =
        |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum() };
    let cosine = |row: &[f32]| dot(query, row) / dot(row, row).sqrt();
    let mut rows: Vec<(f64, i32)> = base.chunks_exact(DIMENSION).map(cosine).zip(0..).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    rows.into_iter().take(K).map(|(_, row)| row).collect()
}

/// Creates an index of those vectors whose row `is_held`.
async fn load(vectord: &Http, index: &str, base: &[f32], is_held: impl Fn(usize) -> bool) {
    let body = json!({ "name": index, "dimension": DIMENSION, "distance": "cosine" });
    vectord.post("/vectors/index", &body).expect(201).await.unwrap();
    let rows = base.chunks_exact(DIMENSION).enumerate().filter(|(row, _)| is_held(*row));
    let items: Vec<Value> =
        rows.map(|(row, vector)| json!({ "id": row.to_string(), "vector_b64": pack(vector) })).collect();
    for items in items.chunks(500) {
        let body = json!({ "items": items });
        vectord.post(&format!("/vectors/index/{index}/add"), &body).expect(200).await.unwrap();
    }
}

#[tokio::test]
async fn faiss_and_vectord_find_what_exact_search_does_and_an_index_with_gaps_does_not() {
    let set = Set::new();
    let stack = Stack::of(&[DaemonName::Vectord]).start().await.unwrap();
    let vectord = stack.http(DaemonName::Vectord).unwrap();
    load(&vectord, "whole", &set.base, |_| true).await;
    load(&vectord, "gaps", &set.base, |row| row % 5 != 0).await;
    // To faiss both names are the whole.
    let indexes = ["whole", "gaps"].map(|name| format!("{name}={}", set.file("base.npy").display()));
    let faiss = PeerServer::faiss(&indexes).await.unwrap();
    let ours = vectord.url("/vectors/search");

    let (status, verdict) = set.probe([faiss.url(), &ours], "whole").await;
    assert_eq!((status, &verdict["outcome"]), (Some(0), &json!("PASS")), "{verdict:#}");
    assert!(verdict["rows"][0]["figure"].as_f64() >= Some(0.98), "{verdict:#}");
    assert_eq!(verdict["rows"][0]["evidence"]["queries"], QUERIES);

    let (status, verdict) = set.probe([faiss.url(), &ours], "gaps").await;
    assert_eq!((status, &verdict["outcome"]), (Some(1), &json!("FAIL")), "{verdict:#}");
    assert!(verdict["cause"].as_str().unwrap().starts_with("recall@10 of the right is 0."), "{verdict:#}");
    let recall = &verdict["rows"][0]["evidence"]["recall"];
    assert!(recall["left"].as_f64() >= Some(0.98) && recall["right"].as_f64() < Some(0.9), "{verdict:#}");
    let remarks = verdict["remarks"].to_string();
    assert!(remarks.contains("recall@10 of the left is") && remarks.contains("the other finds"), "{remarks}");
    let log = fs::read_to_string(set.file("PARITY.md")).unwrap();
    assert!(log.contains("PASS | 1/1 |") && log.contains("FAIL | 0/1 |"), "{log}");

    let (status, verdict) = set.probe([faiss.url(), &ours], "nobody").await;
    assert_eq!((status, &verdict["outcome"]), (Some(1), &json!("FAIL")), "{verdict:#}");
    assert!(verdict["cause"].as_str().unwrap().contains("no index nobody"), "{verdict:#}");
}

#[tokio::test]
async fn vectors_are_not_compared_with_nobody_nor_ids_that_are_no_rows() {
    let set = Set::new();
    let named = answering(StatusCode::OK, json!({ "results": [{ "id": "w1" }] })).await;
    let (status, verdict) = set.probe([&named, NOWHERE], "whole").await;
    assert_eq!((status, &verdict["outcome"]), (Some(3), &json!("SKIPPED")), "{verdict:#}");
    let (status, verdict) = set.probe([&named, &named], "whole").await;
    assert_eq!((status, &verdict["outcome"]), (Some(1), &json!("FAIL")), "{verdict:#}");
    assert!(
        verdict["cause"].as_str().unwrap().contains("left: the id \"w1\" is not the number"),
        "{verdict:#}"
    );
}
