//! Random operations beside an oracle: a map and brute force.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;
use vector_index::{Collection, Distance, Error, Hit, Item, Query, Settings, Store};

use crate::disk::NoSync;
use crate::support::{
    assert_well_formed, brute_force, graph_settings, ids, index, item, query, random_vector, rng,
    true_distance,
};

const DIMENSION: usize = 6;
const IDS: u32 = 120;

/// What the index must hold under an id.
#[derive(Clone, PartialEq)]
struct Expected {
    vector: Vec<f32>,
    expires_ms: Option<u64>,
}

struct Model {
    root: TempDir,
    settings: Settings,
    distance: Distance,
    /// `None` while restarting.
    store: Option<Store>,
    oracle: BTreeMap<String, Expected>,
    version: u64,
    now_ms: u64,
    rng: ChaCha8Rng,
}

impl Model {
    fn new(seed: u64, distance: Distance, exact_below: usize) -> Self {
        let root = tempfile::tempdir().unwrap();
        let settings = graph_settings(exact_below);
        let oracle = BTreeMap::new();
        let mut model =
            Self { root, settings, distance, store: None, oracle, version: 0, now_ms: 1, rng: rng(seed) };
        model.open();
        model
    }

    fn open(&mut self) {
        // Many steps: their logic is the point here, not their durability.
        let store = Store::open_on(self.root.path(), self.settings.clone(), Arc::new(NoSync));
        self.store = Some(store.unwrap());
    }

    fn index(&self) -> Arc<Collection> {
        index(self.store.as_ref().unwrap(), DIMENSION, self.distance)
    }

    fn vector(&mut self) -> Vec<f32> {
        // A coarse grid, so that equal vectors and equal distances are common.
        let mut vector: Vec<f32> =
            random_vector(&mut self.rng, DIMENSION).iter().map(|x| (x * 2.0).round() / 2.0).collect();
        vector[0] += 3.0; // never zero
        vector
    }

    fn step(&mut self) {
        self.now_ms += 1;
        match self.rng.random_range(0..100) {
            0..43 => self.upsert(),
            43..63 => self.delete(),
            63..94 => self.search(),
            94..96 => self.expire(),
            96 => self.index().seal().unwrap(),
            97 => self.restart(),
            98 => self.archive_and_restore(),
            _ => self.refused(),
        }
        let info = self.index().info();
        assert_eq!((info.count, info.version), (self.oracle.len(), self.version));
    }

    fn upsert(&mut self) {
        let batch: BTreeMap<String, Expected> = (0..self.rng.random_range(1..8))
            .map(|_| {
                let id = self.rng.random_range(0..IDS).to_string();
                let life_ms = self.rng.random_range(0..100);
                let expires_ms = self.rng.random_bool(0.2).then_some(self.now_ms + life_ms);
                (id, Expected { vector: self.vector(), expires_ms })
            })
            .collect();
        let items = batch.iter().map(|(id, Expected { vector, expires_ms })| Item {
            expires_ms: *expires_ms,
            ..item(id.clone(), vector)
        });
        let changed = self.index().add(items.collect()).unwrap();
        let updated = batch.keys().filter(|id| self.oracle.contains_key(*id)).count();
        assert_eq!((changed.added, changed.updated), (batch.len() - updated, updated));
        self.oracle.extend(batch);
        self.version += 1;
    }

    fn delete(&mut self) {
        let ids: Vec<String> =
            (0..self.rng.random_range(1..6)).map(|_| self.rng.random_range(0..IDS).to_string()).collect();
        let deleted = self.index().delete(ids.clone()).unwrap().deleted;
        let expected = ids.iter().filter(|id| self.oracle.remove(*id).is_some()).count();
        assert_eq!(deleted, expected);
        self.version += 1;
    }

    fn has_expired(&self, expected: &Expected) -> bool {
        expected.expires_ms.is_some_and(|expires_ms| expires_ms <= self.now_ms)
    }

    fn expire(&mut self) {
        let (now_ms, before) = (self.now_ms, self.oracle.len());
        let deleted = self.index().expire(now_ms).unwrap().deleted;
        self.oracle.retain(|_, expected| expected.expires_ms.is_none_or(|expires_ms| expires_ms > now_ms));
        assert_eq!(deleted, before - self.oracle.len());
        self.version += u64::from(deleted > 0);
    }

    fn search(&mut self) {
        let (vector, k) = (self.vector(), self.rng.random_range(1..20));
        let excluded: Vec<String> =
            (0..self.rng.random_range(0..4)).map(|_| self.rng.random_range(0..IDS).to_string()).collect();
        let asked = Query {
            exclude_ids: excluded.clone(),
            exact: self.rng.random(),
            now_ms: self.now_ms,
            ..query(&vector, k)
        };
        let is_exact = asked.exact || self.oracle.len() <= self.settings.exact_below;
        let hits = self.index().search(asked.clone()).unwrap().hits;
        self.search_within(&asked, &hits);
        let eligible: BTreeMap<String, Vec<f32>> = (self.oracle.iter())
            .filter(|(id, expected)| !excluded.contains(id) && !self.has_expired(expected))
            .map(|(id, expected)| (id.clone(), expected.vector.clone()))
            .collect();

        assert_well_formed(&hits, k);
        assert_eq!(hits.len(), k.min(eligible.len()), "k results while there are k items");
        for hit in &hits {
            let stored = eligible.get(hit.id.as_ref()).expect("a live item that was not excluded");
            assert!((f64::from(hit.distance) - true_distance(self.distance, &vector, stored)).abs() < 1e-5);
        }
        if is_exact {
            for (hit, (_, expected)) in hits.iter().zip(brute_force(&eligible, self.distance, &vector, k)) {
                assert!((f64::from(hit.distance) - expected).abs() < 1e-5, "{hit:?} instead of {expected}");
            }
        }
    }

    /// With a greatest distance, the same search finds the same, up to there.
    fn search_within(&mut self, asked: &Query, all: &[Hit]) {
        let Some(last) = all.get(self.rng.random_range(0..all.len().max(1))) else { return };
        let limits = [last.distance, last.distance - f32::EPSILON * last.distance.abs(), f32::NEG_INFINITY];
        for limit in limits {
            let within = Query { max_distance: Some(limit), ..asked.clone() };
            let found = self.index().search(within).unwrap().hits;
            let expected: Vec<&str> =
                all.iter().filter(|hit| hit.distance <= limit).map(|hit| hit.id.as_ref()).collect();
            assert_eq!(ids(&found), expected, "within {limit} of {all:?}");
        }
    }

    fn restart(&mut self) {
        drop(self.store.take());
        self.open();
        self.check_all();
    }

    fn archive_and_restore(&mut self) {
        let mut archive = Vec::new();
        self.index().export(&mut archive).unwrap();
        let store = self.store.as_ref().unwrap();
        store.drop_index("t").unwrap();
        store.import("t", &mut archive.as_slice()).unwrap();
        self.check_all();
    }

    fn check_all(&self) {
        for (id, expected) in &self.oracle {
            let stored = self.index().get(id, 0).unwrap().expect("an acknowledged item");
            assert!(true_distance(Distance::Cosine, &stored.vector, &expected.vector).abs() < 1e-6);
            assert_eq!(stored.expires_ms, expected.expires_ms);
            assert_eq!(self.index().get(id, self.now_ms).unwrap().is_none(), self.has_expired(expected));
        }
    }

    fn refused(&mut self) {
        let bad = vec![item("good", &self.vector()), item("bad", &[f32::NAN; DIMENSION])];
        assert!(matches!(self.index().add(bad), Err(Error::Invalid(_))));
    }
}

/// `LAKEHOUSE_MODEL_STEPS` says how many steps each model takes.
#[expect(clippy::print_stdout, reason = "a failure is repeated by its seed")]
fn run(distance: Distance, exact_below: usize) {
    let steps = std::env::var("LAKEHOUSE_MODEL_STEPS").map_or(700, |steps| steps.parse().unwrap());
    for seed in 0..3 {
        println!("{steps} steps of seed {seed} under {distance}, exact below {exact_below}");
        let mut model = Model::new(seed, distance, exact_below);
        (0..steps).for_each(|_| model.step());
    }
}

#[test]
fn random_operations_agree_with_brute_force_under_cosine() {
    run(Distance::Cosine, 4096);
}

#[test]
fn random_operations_agree_with_brute_force_under_dot() {
    run(Distance::Dot, 4096);
}

#[test]
fn random_operations_agree_with_brute_force_under_euclidean() {
    run(Distance::Euclidean, 4096);
}

#[test]
fn random_operations_with_a_graph_return_live_distinct_sorted_items() {
    for distance in [Distance::Cosine, Distance::Dot, Distance::Euclidean] {
        run(distance, 16);
    }
}
