//! What the tests share: small stores, items, and a brute force to compare with.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use vector_index::{Collection, Distance, GraphBuilder, Hit, Item, Metadata, Query, Settings, Store};

/// A store that builds graphs early, so that small tests reach them.
pub(crate) fn graph_settings(exact_below: usize) -> Settings {
    Settings { exact_below, build_threads: 2, ..Settings::default() }
}

/// Settings under which more than `exact_below` items get a graph, by each builder.
pub(crate) fn with_graphs(exact_below: usize) -> [Settings; 2] {
    [GraphBuilder::Own, GraphBuilder::HnswRs]
        .map(|graph_builder| Settings { graph_builder, ..graph_settings(exact_below) })
}

/// The same for any number of items, and those under which small indexes are scanned.
pub(crate) fn scanned_and_with_graphs() -> impl Iterator<Item = Settings> {
    [Settings::default()].into_iter().chain(with_graphs(0))
}

pub(crate) fn open(root: &Path) -> Store {
    Store::open(root, Settings::default()).unwrap()
}

/// The index `t` of a store, created if need be.
pub(crate) fn index(store: &Store, dimension: usize, distance: Distance) -> Arc<Collection> {
    store.create("t", dimension, distance).unwrap();
    store.get("t").unwrap()
}

pub(crate) fn item(id: impl Into<String>, vector: &[f32]) -> Item {
    Item { id: id.into(), vector: vector.to_vec(), metadata: Metadata::default(), expires_ms: None }
}

pub(crate) fn tagged(id: impl Into<String>, vector: &[f32], n: u64) -> Item {
    Item { metadata: Metadata::from_map(json!({ "n": n }).as_object().unwrap()), ..item(id, vector) }
}

pub(crate) fn query(vector: &[f32], k: usize) -> Query {
    Query { vector: vector.to_vec(), k, ..Query::default() }
}

pub(crate) fn search(index: &Collection, vector: &[f32], k: usize) -> Vec<Hit> {
    index.search(query(vector, k)).unwrap().hits
}

pub(crate) fn ids(hits: &[Hit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.id.as_ref()).collect()
}

pub(crate) fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

pub(crate) fn random_vector(rng: &mut ChaCha8Rng, dimension: usize) -> Vec<f32> {
    (0..dimension).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// `n` vectors in dense clusters of near-duplicates, as worker texts have them.
pub(crate) fn clustered(rng: &mut ChaCha8Rng, n: usize, dimension: usize, clusters: usize) -> Vec<Vec<f32>> {
    let centres: Vec<_> = (0..clusters).map(|_| random_vector(rng, dimension)).collect();
    (0..n)
        .map(|i| centres[i % clusters].iter().map(|x| x + rng.random_range(-0.05..0.05)).collect())
        .collect()
}

/// Distances by the definitions of the wire contract, in f64.
pub(crate) fn true_distance(distance: Distance, a: &[f32], b: &[f32]) -> f64 {
    let pairs = || a.iter().zip(b).map(|(x, y)| (f64::from(*x), f64::from(*y)));
    let dot: f64 = pairs().map(|(x, y)| x * y).sum();
    let length = |v: &[f32]| v.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    match distance {
        Distance::Cosine => 1.0 - dot / (length(a) * length(b)),
        Distance::Dot => -dot,
        Distance::Euclidean => pairs().map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt(),
    }
}

/// The `k` smallest distances by brute force.
pub(crate) fn brute_force(
    oracle: &BTreeMap<String, Vec<f32>>,
    distance: Distance,
    vector: &[f32],
    k: usize,
) -> Vec<(String, f64)> {
    let mut all: Vec<_> =
        oracle.iter().map(|(id, v)| (id.clone(), true_distance(distance, vector, v))).collect();
    all.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
    all.truncate(k);
    all
}

/// Sorted by distance then id, each id once, at most `k`.
pub(crate) fn assert_well_formed(hits: &[Hit], k: usize) {
    assert!(hits.len() <= k);
    for pair in hits.windows(2) {
        let order = pair[0].distance.total_cmp(&pair[1].distance).then_with(|| pair[0].id.cmp(&pair[1].id));
        assert!(order.is_lt(), "{pair:?} are out of order or the same");
    }
}

/// Waits until `is_so`, for at most a minute.
pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited a minute until {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}
