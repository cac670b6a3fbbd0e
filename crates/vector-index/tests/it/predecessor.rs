//! The failures of the predecessor, each of which once cost its users the learning loop.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::Rng;
use vector_index::{Collection, Distance, Item, Settings, Store};

use crate::disk::NoSync;
use crate::support::{graph_settings, ids, index, item, open, random_vector, rng, search};

#[test]
fn index_survives_losing_its_only_item() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let index = index(&store, 2, Distance::Cosine);
    index.add(vec![item("a", &[1.0, 0.0])]).unwrap();
    assert_eq!(index.delete(vec!["a".to_owned()]).unwrap().deleted, 1);
    assert!(search(&index, &[1.0, 0.0], 5).is_empty());
    index.add(vec![item("b", &[0.0, 1.0])]).unwrap();
    assert_eq!(ids(&search(&index, &[1.0, 0.0], 5)), ["b"]);
}

#[test]
fn every_order_of_deleting_up_to_eight_points_leaves_the_others_findable() {
    let root = tempfile::tempdir().unwrap();
    // 125,000 deletions: their order is the point here, not their durability.
    let store = Store::open_on(root.path(), Settings::default(), Arc::new(NoSync)).unwrap();
    let index = index(&store, 2, Distance::Cosine);
    let points: Vec<_> =
        (0..8_i16).map(|i| item(i.to_string(), &[f32::from(i).cos(), f32::from(i).sin()])).collect();
    for n in 1..=points.len() {
        index.add(points[..n].to_vec()).unwrap();
        delete_in_every_order(&index, &points[..n]);
        index.delete((0..n).map(|i| i.to_string()).collect()).unwrap();
    }
}

/// Walks the tree of all orders: deletes each point in turn, then the others in every order, then puts it back.
fn delete_in_every_order(index: &Collection, alive: &[Item]) {
    for gone in 0..alive.len() {
        index.delete(vec![alive[gone].id.clone()]).unwrap();
        let mut left = alive.to_vec();
        left.remove(gone);
        for survivor in &left {
            let hits = search(index, &survivor.vector, 9);
            assert_eq!((hits[0].id.as_ref(), hits.len()), (survivor.id.as_str(), left.len()));
        }
        if left.is_empty() {
            assert!(search(index, &[1.0, 0.0], 9).is_empty());
        }
        delete_in_every_order(index, &left);
        index.add(vec![alive[gone].clone()]).unwrap();
    }
}

#[test]
fn survivors_of_deleting_the_evens_of_128_find_themselves() {
    for exact_below in [4096, 0] {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path(), graph_settings(exact_below)).unwrap();
        let index = index(&store, 16, Distance::Cosine);
        let mut rng = rng(1);
        let vectors: Vec<_> = (0..128).map(|_| random_vector(&mut rng, 16)).collect();
        index.add(vectors.iter().enumerate().map(|(i, v)| item(i.to_string(), v)).collect()).unwrap();
        index.seal().unwrap();
        index.delete((0..128).step_by(2).map(|i| i.to_string()).collect()).unwrap();
        for i in (1..128).step_by(2) {
            assert_eq!(ids(&search(&index, &vectors[i], 1)), [i.to_string()], "exact below {exact_below}");
        }
    }
}

#[test]
fn fifty_inserts_and_forty_deletes_leave_ten_every_time() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path(), graph_settings(20)).unwrap();
    let index = index(&store, 8, Distance::Euclidean);
    let mut rng = rng(2);
    for round in 0..100 {
        let vectors: BTreeMap<String, Vec<f32>> =
            (0..50).map(|i| (format!("{i:02}"), random_vector(&mut rng, 8))).collect();
        index.add(vectors.iter().map(|(id, v)| item(id.clone(), v)).collect()).unwrap();
        let first = rng.random_range(0..10);
        let gone = vectors.keys().skip(first).take(40).cloned().collect();
        index.delete(gone).unwrap();
        let left: Vec<_> =
            vectors.iter().enumerate().filter(|(i, _)| !(first..first + 40).contains(i)).collect();
        assert_eq!(index.info().count, 10);
        for (_, (id, vector)) in left {
            let hits = search(&index, vector, 10);
            assert_eq!((hits.len(), hits[0].id.as_ref()), (10, id.as_str()), "round {round}");
        }
    }
}

#[test]
fn distant_points_are_found_behind_a_crowd_of_near_duplicates() {
    for exact_below in [4096, 0] {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path(), graph_settings(exact_below)).unwrap();
        let index = index(&store, 32, Distance::Cosine);
        let mut rng = rng(3);
        let centre = random_vector(&mut rng, 32);
        let near = (0..60).map(|i| {
            let v: Vec<f32> = centre.iter().map(|x| x + rng.random_range(-1e-4..1e-4)).collect();
            item(format!("near-{i}"), &v)
        });
        index.add(near.collect()).unwrap();
        let far: Vec<_> = (0..20).map(|_| random_vector(&mut rng, 32)).collect();
        index.add(far.iter().enumerate().map(|(i, v)| item(format!("far-{i}"), v)).collect()).unwrap();
        index.seal().unwrap();
        for (i, vector) in far.iter().enumerate() {
            let expected = format!("far-{i}");
            assert_eq!(ids(&search(&index, vector, 1)), [expected.as_str()], "exact below {exact_below}");
        }
    }
}

#[test]
fn thousands_of_identical_vectors_do_not_hide_the_distinct_ones() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path(), graph_settings(1000)).unwrap();
    let index = index(&store, 24, Distance::Cosine);
    let mut rng = rng(4);
    let same = random_vector(&mut rng, 24);
    let distinct: Vec<_> = (0..2700).map(|_| random_vector(&mut rng, 24)).collect();
    index.add((0..3300).map(|i| item(format!("same-{i:04}"), &same)).collect()).unwrap();
    index.add(distinct.iter().enumerate().map(|(i, v)| item(format!("own-{i}"), v)).collect()).unwrap();
    index.seal().unwrap();
    assert_eq!(index.info().indexed, 6000);
    for (i, vector) in distinct.iter().enumerate() {
        let expected = format!("own-{i}");
        assert_eq!(ids(&search(&index, vector, 1)), [expected.as_str()]);
    }
    let twins = search(&index, &same, 3300);
    assert_eq!(twins.len(), 3300);
    assert!(twins.iter().all(|hit| hit.distance == 0.0 && hit.id.starts_with("same-")));
    assert_eq!(ids(&search(&index, &same, 2)), ["same-0000", "same-0001"], "ties are broken by id");
}
