//! The failures of the predecessor, each of which once cost its users the learning loop.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::Rng;
use vector_index::{Collection, Distance, Item, Settings, Store};

use crate::disk::NoSync;
use crate::support::{ids, index, item, random_vector, rng, scanned_and_with_graphs, search, with_graphs};

#[test]
fn index_survives_losing_its_only_item() {
    for settings in scanned_and_with_graphs() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path(), settings.clone()).unwrap();
        let index = index(&store, 2, Distance::Cosine);
        for id in ["a", "b", "c"] {
            index.add(vec![item(id, &[1.0, 0.0])]).unwrap();
            index.seal().unwrap();
            assert_eq!(ids(&search(&index, &[1.0, 0.0], 5)), [id], "{settings:?}");
            assert_eq!(index.delete(vec![id.to_owned()]).unwrap().deleted, 1);
            assert!(search(&index, &[1.0, 0.0], 5).is_empty(), "{settings:?}");
            index.seal().unwrap();
            assert!(search(&index, &[1.0, 0.0], 5).is_empty(), "{settings:?}");
        }
        index.add(vec![item("last", &[0.0, 1.0])]).unwrap();
        assert_eq!(ids(&search(&index, &[1.0, 0.0], 5)), ["last"], "{settings:?}");
    }
}

#[test]
fn every_order_of_deleting_up_to_eight_points_leaves_the_others_findable() {
    check_all_orders_of_deleting_up_to(8, Settings::default());
}

/// Of six points, which is a sixtieth of the work: a graph over what is left is built again and again meanwhile.
#[test]
fn every_order_of_deleting_up_to_six_points_from_a_graph_leaves_the_others_findable() {
    for settings in with_graphs(0) {
        check_all_orders_of_deleting_up_to(6, settings);
    }
}

fn check_all_orders_of_deleting_up_to(most: i16, settings: Settings) {
    let root = tempfile::tempdir().unwrap();
    // Up to 125,000 deletions: their order is the point here, not their durability.
    let store = Store::open_on(root.path(), settings, Arc::new(NoSync)).unwrap();
    let index = index(&store, 2, Distance::Cosine);
    let points: Vec<_> =
        (0..most).map(|i| item(i.to_string(), &[f32::from(i).cos(), f32::from(i).sin()])).collect();
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
    for settings in scanned_and_with_graphs() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path(), settings.clone()).unwrap();
        let index = index(&store, 16, Distance::Cosine);
        let mut rng = rng(1);
        let vectors: Vec<_> = (0..128).map(|_| random_vector(&mut rng, 16)).collect();
        index.add(vectors.iter().enumerate().map(|(i, v)| item(i.to_string(), v)).collect()).unwrap();
        index.seal().unwrap();
        index.delete((0..128).step_by(2).map(|i| i.to_string()).collect()).unwrap();
        for round in ["over the graph of all", "over the graph of the survivors"] {
            for i in (1..128).step_by(2) {
                assert_eq!(ids(&search(&index, &vectors[i], 1)), [i.to_string()], "{round}, {settings:?}");
            }
            index.seal().unwrap();
        }
    }
}

#[test]
fn fifty_inserts_and_forty_deletes_leave_ten_every_time() {
    for settings in with_graphs(20) {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open_on(root.path(), settings.clone(), Arc::new(NoSync)).unwrap();
        let index = index(&store, 8, Distance::Euclidean);
        let mut rng = rng(2);
        for round in 0..1000 {
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
                assert_eq!((hits.len(), hits[0].id.as_ref()), (10, id.as_str()), "{round}, {settings:?}");
            }
        }
    }
}

#[test]
fn distant_points_are_found_behind_a_crowd_of_near_duplicates() {
    for settings in scanned_and_with_graphs() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path(), settings.clone()).unwrap();
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
            assert_eq!(ids(&search(&index, vector, 1)), [expected.as_str()], "{settings:?}");
        }
    }
}

#[test]
fn thousands_of_identical_vectors_do_not_hide_the_distinct_ones() {
    with_graphs(1000).iter().for_each(check_identical_vectors_beside_distinct_ones);
}

fn check_identical_vectors_beside_distinct_ones(settings: &Settings) {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path(), settings.clone()).unwrap();
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
        assert_eq!(ids(&search(&index, vector, 1)), [expected.as_str()], "{settings:?}");
    }
    let twins = search(&index, &same, 3300);
    assert_eq!(twins.len(), 3300);
    assert!(twins.iter().all(|hit| hit.distance == 0.0 && hit.id.starts_with("same-")));
    assert_eq!(ids(&search(&index, &same, 2)), ["same-0000", "same-0001"], "ties are broken by id");
}
