//! What a request may ask for, and what it is told otherwise.

use serde_json::json;
use vector_index::{Created, Distance, Error, Filter, Invalid, Query, Settings, Store};

use crate::support::{
    clustered, graph_settings, ids, index, item, open, query, random_vector, rng, search, tagged, wait_until,
};

#[test]
fn one_bad_item_keeps_the_whole_request_out() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let index = index(&store, 2, Distance::Cosine);
    for (bad, expected) in [
        (item("b", &[1.0]), "2 numbers, this one has 1"),
        (item("b", &[1.0, f32::NAN]), "finite"),
        (item("b", &[f32::NEG_INFINITY, 1.0]), "finite"),
        (item("b", &[0.0, 0.0]), "zeros"),
        (item("", &[1.0, 0.0]), "1 to 512 bytes"),
        (item("a\nb", &[1.0, 0.0]), "control characters"),
    ] {
        let refused = index.add(vec![item("a", &[1.0, 0.0]), bad]).unwrap_err();
        assert!(matches!(&refused, Error::Invalid(Invalid::Item { position: 1, .. })), "{refused:?}");
        assert!(refused.to_string().contains(expected), "{refused}");
    }
    assert_eq!((index.info().count, index.info().version), (0, 0));
}

#[test]
fn search_out_of_bounds_is_told_what_the_bounds_are() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let index = index(&store, 2, Distance::Cosine);
    let refused = |query: Query| index.search(query).unwrap_err().to_string();
    assert!(refused(query(&[1.0, 0.0], 0)).contains("1 to 10000"));
    assert!(refused(query(&[1.0, 0.0], 10_001)).contains("1 to 10000"));
    assert!(refused(query(&[1.0, 0.0, 0.0], 1)).contains("2 numbers, this one has 3"));
    assert!(refused(query(&[0.0, 0.0], 1)).contains("zeros"));
    assert!(refused(Query { ef: Some(0), ..query(&[1.0, 0.0], 1) }).contains("ef must be"));
}

#[test]
fn creating_twice_is_fine_and_creating_differently_is_not() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    assert_eq!(store.create("w", 3, Distance::Dot).unwrap(), Created::New);
    assert_eq!(store.create("w", 3, Distance::Dot).unwrap(), Created::Existing);
    assert!(matches!(store.create("w", 4, Distance::Dot), Err(Error::Exists { dimension: 3, .. })));
    assert!(matches!(store.create("w", 3, Distance::Cosine), Err(Error::Exists { .. })));
    for (name, dimension) in [("../w", 3), ("", 3), (".w", 3), ("ok", 0), ("ok", 16_385)] {
        assert!(matches!(store.create(name, dimension, Distance::Dot), Err(Error::Invalid(_))), "{name}");
    }
    assert!(matches!(store.get("nobody"), Err(Error::NotFound { .. })));
}

#[test]
fn upsert_counts_replaces_and_raises_the_version() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let index = index(&store, 2, Distance::Euclidean);
    let first = index.add(vec![tagged("a", &[1.0, 0.0], 1), tagged("b", &[2.0, 0.0], 1)]).unwrap();
    assert_eq!((first.added, first.updated, first.version), (2, 0, 1));
    let second = index.add(vec![tagged("b", &[9.0, 0.0], 2), tagged("c", &[3.0, 0.0], 2)]).unwrap();
    assert_eq!((second.added, second.updated, second.version), (1, 1, 2));
    let b = index.get("b", 0).unwrap().unwrap();
    assert_eq!((b.vector, b.metadata.parse()["n"].clone()), (vec![9.0, 0.0], json!(2)));
    let gone = index.delete(vec!["a".to_owned(), "nobody".to_owned()]).unwrap();
    assert_eq!((gone.deleted, gone.version), (1, 3));
    assert!(index.get("a", 0).unwrap().is_none());
    let answer = index.search(query(&[0.0, 0.0], 10)).unwrap();
    assert_eq!((ids(&answer.hits), answer.version.changes), (vec!["c", "b"], 3));
}

#[test]
fn dropped_index_takes_no_more_writes_and_comes_back_empty() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let old = index(&store, 2, Distance::Cosine);
    old.add(vec![item("a", &[1.0, 0.0])]).unwrap();
    store.drop_index("t").unwrap();
    assert!(matches!(old.add(vec![item("b", &[1.0, 0.0])]), Err(Error::NotFound { .. })));
    assert!(matches!(store.drop_index("t"), Err(Error::NotFound { .. })));
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    let new = index(&store, 5, Distance::Dot);
    old.seal().unwrap(); // a seal that was under way must not write into the new folder
    drop((old, new, store));
    assert_eq!(open(root.path()).get("t").unwrap().info().count, 0);
}

#[test]
fn filters_and_exclusions_keep_k_results_with_and_without_a_graph() {
    for exact_below in [10_000, 300] {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path(), graph_settings(exact_below)).unwrap();
        let index = index(&store, 12, Distance::Cosine);
        let mut rng = rng(5);
        let vectors: Vec<_> = (0..3000).map(|_| random_vector(&mut rng, 12)).collect();
        let items = vectors.iter().enumerate().map(|(i, v)| tagged(i.to_string(), v, i as u64));
        index.add(items.collect()).unwrap();
        index.seal().unwrap();
        // Keeping 50%, 20%, 1% and three items.
        for (filter, survivors) in [
            (json!({"n": {"lt": 1500}}), 1500),
            (json!({"n": {"gte": 2400}}), 600),
            (json!({"any": [{"n": {"lt": 15}}, {"n": {"gte": 2985}}]}), 30),
            (json!({"n": {"in": [7, 8, 9]}}), 3),
        ] {
            let parsed = Filter::parse(&filter).unwrap();
            for vector in vectors.iter().step_by(300) {
                let plain = Query { filter: Some(parsed.clone()), ..query(vector, 20) };
                let hits = index.search(plain.clone()).unwrap().hits;
                assert_eq!(hits.len(), survivors.min(20), "{filter}, exact below {exact_below}");
                assert!(hits.iter().all(|hit| parsed.matches(&hit.metadata.parse())));

                let first: Vec<String> = hits.iter().take(5).map(|hit| hit.id.to_string()).collect();
                let without = Query { exclude_ids: first.clone(), ..plain };
                let others = index.search(without).unwrap().hits;
                assert_eq!(others.len(), (survivors - first.len()).min(20));
                assert!(others.iter().all(|hit| first.iter().all(|id| **id != *hit.id)));
            }
        }
    }
}

#[test]
fn empty_requests_change_nothing_and_cost_no_log() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let index = index(&store, 2, Distance::Cosine);
    let before = index.info();
    index.add(Vec::new()).unwrap();
    index.delete(Vec::new()).unwrap();
    assert_eq!(index.info(), before);
    assert!(search(&index, &[1.0, 0.0], 3).is_empty());
}

#[test]
fn default_settings_are_within_their_own_bounds() {
    Settings::default().check().unwrap();
    assert!(Settings { graph_links: 1, ..Settings::default() }.check().unwrap_err().contains("graph_links"));
}

#[test]
fn search_with_a_greatest_distance_finds_the_same_up_to_there() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path(), graph_settings(16)).unwrap();
    // So many numbers that scans read codes first.
    let index = index(&store, 64, Distance::Cosine);
    let vectors = clustered(&mut rng(12), 1500, 64, 30);
    let items = vectors.iter().enumerate().map(|(n, vector)| item(format!("{n:04}"), vector));
    index.add(items.collect()).unwrap();
    wait_until("there is a graph", || index.info().indexed > 0);
    for (exact, k, place) in [(true, 64, 9), (true, 10, 0), (false, 64, 9), (false, 10, 9), (false, 64, 63)] {
        let asked = Query { exact, ..query(&vectors[7], k) };
        let all = index.search(asked.clone()).unwrap().hits;
        let limit = all[place].distance;
        let found = index.search(Query { max_distance: Some(limit), ..asked }).unwrap().hits;
        let within: Vec<_> = all.into_iter().filter(|hit| hit.distance <= limit).collect();
        assert_eq!(ids(&found), ids(&within), "exact: {exact}, k {k}, place {place}");
    }
}

#[test]
fn search_among_known_ids_gives_their_true_distances_and_passes_over_the_dead() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path(), graph_settings(16)).unwrap();
    let index = index(&store, 8, Distance::Cosine);
    let mut rng = rng(11);
    let vectors: Vec<_> = (0..200).map(|_| random_vector(&mut rng, 8)).collect();
    let items = vectors.iter().enumerate().map(|(n, vector)| item(format!("{n:03}"), vector));
    index.add(items.collect()).unwrap();
    index.delete(vec!["003".into()]).unwrap();
    let everything = index.search(Query { exact: true, ..query(&vectors[0], 200) }).unwrap().hits;
    let among = ["007", "150", "003", "nobody", "042", "007"].map(str::to_owned).to_vec();
    let asked = Query { only_ids: Some(among), exclude_ids: vec!["042".into()], ..query(&vectors[0], 10) };
    let found = index.search(asked).unwrap().hits;
    assert_eq!(found.len(), 2);
    for hit in &found {
        let same = everything.iter().find(|other| other.id == hit.id).unwrap();
        assert_eq!(hit.distance, same.distance, "{}", hit.id);
    }
    let none = Query { only_ids: Some(Vec::new()), ..query(&vectors[0], 10) };
    assert!(index.search(none).unwrap().hits.is_empty());
}
