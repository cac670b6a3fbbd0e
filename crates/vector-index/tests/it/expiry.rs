//! Items that are there until a time.

use vector_index::{Collection, Distance, Hit, Item, Query, Store};

use crate::support::{graph_settings, ids, index, item, open, query, random_vector, rng};

fn until(id: &str, vector: &[f32], expires_ms: u64) -> Item {
    Item { expires_ms: Some(expires_ms), ..item(id, vector) }
}

fn search_at(index: &Collection, vector: &[f32], k: usize, now_ms: u64) -> Vec<Hit> {
    index.search(Query { now_ms, ..query(vector, k) }).unwrap().hits
}

#[test]
fn item_is_found_until_its_time_and_never_from_then_on() {
    for is_sealed in [false, true] {
        let root = tempfile::tempdir().unwrap();
        let store = open(root.path());
        let index = index(&store, 2, Distance::Euclidean);
        index.add(vec![item("stays", &[5.0, 0.0]), until("goes", &[1.0, 0.0], 1000)]).unwrap();
        if is_sealed {
            index.seal().unwrap();
        }
        assert_eq!(ids(&search_at(&index, &[1.0, 0.0], 9, 999)), ["goes", "stays"]);
        assert_eq!(index.get("goes", 999).unwrap().unwrap(), until("goes", &[1.0, 0.0], 1000));
        assert_eq!(ids(&search_at(&index, &[1.0, 0.0], 9, 1000)), ["stays"]);
        assert_eq!(index.get("goes", 1000).unwrap(), None);
        let named = Query { only_ids: Some(vec!["goes".into()]), now_ms: 1000, ..query(&[1.0, 0.0], 1) };
        assert!(index.search(named).unwrap().hits.is_empty());
        assert_eq!(index.info().count, 2, "counted until it is deleted");
    }
}

#[test]
fn expiry_deletes_exactly_what_is_due_and_replays_the_same() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let index = index(&store, 2, Distance::Euclidean);
    index
        .add(vec![until("a", &[1.0, 0.0], 10), until("b", &[2.0, 0.0], 20), item("c", &[3.0, 0.0])])
        .unwrap();
    index.seal().unwrap();
    index.add(vec![until("d", &[4.0, 0.0], 10), until("e", &[5.0, 0.0], 10)]).unwrap();
    index.add(vec![item("d", &[4.5, 0.0])]).unwrap(); // has no time any more
    let before = index.info();
    let nothing = index.expire(9).unwrap();
    assert_eq!((nothing.deleted, nothing.version), (0, before.version));
    assert_eq!(index.info(), before, "nothing due costs no log");

    let changed = index.expire(10).unwrap();
    assert_eq!((changed.deleted, changed.version), (2, before.version + 1));
    index.add(vec![until("a", &[9.0, 0.0], 15)]).unwrap(); // back after the deletion, with a time that was due at 20
    let everything = |index: &Collection| {
        let hits = search_at(index, &[0.0, 0.0], 9, 0);
        hits.iter().map(|hit| hit.id.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(everything(&index), "b c d a");
    let version = index.info().version;
    drop((index, store));
    let store = open(root.path());
    let index = store.get("t").unwrap();
    assert_eq!((everything(&index).as_str(), index.info().version), ("b c d a", version));
    index.seal().unwrap();
    assert_eq!(index.expire(20).unwrap().deleted, 2);
    assert_eq!(everything(&index), "c d");
}

#[test]
fn k_results_come_back_although_the_nearest_have_expired() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path(), graph_settings(100)).unwrap();
    let index = index(&store, 8, Distance::Cosine);
    let mut rng = rng(30);
    let vectors: Vec<_> = (0..1000).map(|_| random_vector(&mut rng, 8)).collect();
    let items = vectors.iter().enumerate().map(|(n, vector)| until(&n.to_string(), vector, n as u64));
    index.add(items.collect()).unwrap();
    index.seal().unwrap();
    for (n, vector) in vectors.iter().enumerate().step_by(50) {
        let now_ms = n as u64;
        let hits = search_at(&index, vector, 20, now_ms);
        assert_eq!(hits.len(), 20.min(999 - n));
        assert!(hits.iter().all(|hit| hit.id.parse::<u64>().unwrap() > now_ms));
    }
}
