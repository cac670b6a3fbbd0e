//! Search above the cut-over.

use rand::Rng;
use vector_index::{Collection, Distance, Query, Store};

use crate::support::{clustered, graph_settings, index, item, query, random_vector, rng, search, wait_until};

/// The part of the true `k` nearest that the graph finds, over `queries`.
fn recall(index: &Collection, queries: &[Vec<f32>], k: usize) -> f64 {
    let mut found = 0;
    for vector in queries {
        let exact = index.search(Query { exact: true, ..query(vector, k) }).unwrap().hits;
        let bound = exact.last().unwrap().distance;
        // By distance, because among equally distant items any is right.
        found += search(index, vector, k).iter().filter(|hit| hit.distance <= bound).count();
    }
    found as f64 / (queries.len() * k) as f64
}

#[test]
fn graph_over_near_duplicates_finds_the_nearest_ten() {
    for distance in [Distance::Cosine, Distance::Dot, Distance::Euclidean] {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path(), graph_settings(1000)).unwrap();
        let index = index(&store, 32, distance);
        let mut rng = rng(7);
        let vectors = clustered(&mut rng, 4000, 32, 100);
        index.add(vectors.iter().enumerate().map(|(i, v)| item(i.to_string(), v)).collect()).unwrap();
        index.seal().unwrap();
        assert_eq!(index.info().indexed, 4000);
        let queries: Vec<Vec<f32>> = (0..100)
            .map(|i| vectors[i * 37].iter().map(|x| x + rng.random_range(-0.05..0.05)).collect())
            .collect();
        let recall = recall(&index, &queries, 10);
        assert!(recall >= 0.95, "recall@10 under {distance} is {recall}");
        println!("recall@10 under {distance}: {recall:.4}, {} unreachable", index.info().unreachable);
    }
}

#[test]
fn every_stored_vector_finds_itself() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path(), graph_settings(1000)).unwrap();
    let index = index(&store, 24, Distance::Cosine);
    let mut rng = rng(8);
    let vectors = clustered(&mut rng, 3000, 24, 60);
    index.add(vectors.iter().enumerate().map(|(i, v)| item(i.to_string(), v)).collect()).unwrap();
    index.seal().unwrap();
    for (i, vector) in vectors.iter().enumerate() {
        assert_eq!(search(&index, vector, 1)[0].id.as_ref(), i.to_string());
    }
}

#[test]
fn graph_comes_by_itself_in_the_background_and_survives_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let mut rng = rng(9);
    let vectors: Vec<_> = (0..600).map(|_| random_vector(&mut rng, 8)).collect();
    {
        let store = Store::open(root.path(), graph_settings(256)).unwrap();
        let index = index(&store, 8, Distance::Cosine);
        index.add(vectors.iter().enumerate().map(|(i, v)| item(i.to_string(), v)).collect()).unwrap();
        wait_until("the graph is built", || index.info().indexed == 600);
        wait_until("the log begins anew", || index.info().wal_bytes < 100);
    }
    let store = Store::open(root.path(), graph_settings(256)).unwrap();
    let index = store.get("t").unwrap();
    assert_eq!(index.info().indexed, 600, "loaded, not built again");
    assert_eq!(search(&index, &vectors[77], 1)[0].id.as_ref(), "77");
}

#[test]
fn writes_after_the_graph_are_seen_at_once() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path(), graph_settings(256)).unwrap();
    let index = index(&store, 8, Distance::Euclidean);
    let mut rng = rng(10);
    let vectors: Vec<_> = (0..500).map(|_| random_vector(&mut rng, 8)).collect();
    index.add(vectors.iter().enumerate().map(|(i, v)| item(i.to_string(), v)).collect()).unwrap();
    index.seal().unwrap();

    index.add(vec![item("new", &vectors[3])]).unwrap();
    index.delete(vec!["3".to_owned()]).unwrap();
    index.add(vec![item("4", &[50.0; 8])]).unwrap();
    assert_eq!(search(&index, &vectors[3], 1)[0].id.as_ref(), "new");
    assert_eq!(search(&index, &[50.0; 8], 1)[0].id.as_ref(), "4");
    assert!(search(&index, &vectors[4], 500).iter().all(|hit| hit.id.as_ref() != "3"));
    assert_eq!(search(&index, &vectors[4], 1000).len(), 500);
}

#[test]
fn graph_is_rebuilt_when_too_much_lies_beside_it() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path(), graph_settings(100)).unwrap();
    let index = index(&store, 8, Distance::Cosine);
    let mut rng = rng(11);
    for round in 0..10 {
        let batch = (0..100).map(|i| item(format!("{round}-{i}"), &random_vector(&mut rng, 8)));
        index.add(batch.collect()).unwrap();
    }
    wait_until("the buffer is small", || index.info().buffered <= 125 && index.info().indexed >= 875);
    let gone = (0..10).flat_map(|round| (0..50).map(move |i| format!("{round}-{i}"))).collect();
    index.delete(gone).unwrap();
    wait_until("the dead are gone", || index.info().dead <= 125);
    assert_eq!(index.info().count, 500);
}
