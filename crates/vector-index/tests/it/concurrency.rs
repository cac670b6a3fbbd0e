//! Many threads on one index.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rand::Rng;
use vector_index::{Collection, Distance, Store};

use crate::support::{
    assert_well_formed, graph_settings, index, item, open, random_vector, rng, scanned_and_with_graphs,
    search, tagged,
};

#[test]
fn eight_threads_upserting_the_same_eight_ids_leave_eight_items() {
    for settings in scanned_and_with_graphs() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path(), settings).unwrap();
        let index = index(&store, 4, Distance::Cosine);
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let index = &index;
                scope.spawn(move || upsert_the_same_eight_ids(index, thread));
            }
        });
        assert_eq!((index.info().count, index.info().version), (8, 8 * 40 * 8));
        let now: Vec<_> = (0..8).map(|id| index.get(&id.to_string(), 0).unwrap().unwrap()).collect();
        drop((index, store));
        let again = open(root.path()).get("t").unwrap();
        assert_eq!((again.info().count, again.info().version), (8, 8 * 40 * 8));
        for item in now {
            assert_eq!(again.get(&item.id, 0).unwrap(), Some(item));
        }
    }
}

fn upsert_the_same_eight_ids(index: &Collection, thread: u64) {
    let mut rng = rng(thread);
    for round in 0..40 {
        for id in 0..8 {
            let vector = random_vector(&mut rng, 4);
            index.add(vec![tagged(id.to_string(), &vector, round)]).unwrap();
        }
        assert_well_formed(&search(index, &random_vector(&mut rng, 4), 10), 8);
    }
}

#[test]
fn writes_during_seals_are_neither_lost_nor_undone() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path(), graph_settings(50)).unwrap();
    let index = index(&store, 8, Distance::Euclidean);
    let is_done = AtomicBool::new(false);
    let expected = std::thread::scope(|scope| {
        let sealing = scope.spawn(|| {
            while !is_done.load(Relaxed) {
                index.seal().unwrap();
            }
        });
        let searching = scope.spawn(|| {
            let mut rng = rng(100);
            while !is_done.load(Relaxed) {
                assert_well_formed(&search(&index, &random_vector(&mut rng, 8), 10), 10);
            }
        });
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let index = &index;
                scope.spawn(move || write_own_ids(index, writer))
            })
            .collect();
        let expected: Vec<_> = writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
        is_done.store(true, Relaxed);
        sealing.join().unwrap();
        searching.join().unwrap();
        expected
    });
    let check = |index: &Collection| {
        for (id, vector) in &expected {
            assert_eq!(index.get(id, 0).unwrap().map(|item| item.vector), *vector, "{id}");
        }
        assert_eq!(index.info().count, expected.iter().filter(|(_, vector)| vector.is_some()).count());
    };
    check(&index);
    drop((index, store));
    check(&open(root.path()).get("t").unwrap());
}

/// Upserts, deletes and re-adds ids that no other writer touches; returns what must be there in the end.
fn write_own_ids(index: &Collection, writer: u64) -> Vec<(String, Option<Vec<f32>>)> {
    let mut rng = rng(writer);
    let mut state = vec![None; 60];
    for _ in 0..300 {
        let n = rng.random_range(0..state.len());
        let id = format!("{writer}-{n}");
        if rng.random_bool(0.3) {
            let deleted = index.delete(vec![id]).unwrap().deleted;
            assert_eq!(deleted, usize::from(state[n].take().is_some()));
        } else {
            let vector = random_vector(&mut rng, 8);
            index.add(vec![item(id, &vector)]).unwrap();
            state[n] = Some(vector);
        }
    }
    state.into_iter().enumerate().map(|(n, vector)| (format!("{writer}-{n}"), vector)).collect()
}
