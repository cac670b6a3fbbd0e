//! Merging base results with the answers of playbooks.

use std::collections::{BTreeMap, BTreeSet};

use crate::{AnswerKey, Chosen, boost};

/// A live item with its true distance to the query, and whatever travels with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate<T> {
    /// Which item.
    pub key: AnswerKey,
    /// Its true distance.
    pub base_distance: f32,
    /// Carried through untouched.
    pub payload: T,
}

/// A candidate in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked<T> {
    /// The item.
    pub candidate: Candidate<T>,
    /// What it is ranked by.
    pub distance: f32,
    /// Among the base results, and drawn nearer.
    pub boosted: bool,
    /// Not among the base results.
    pub injected: bool,
    /// The recording that moved it.
    pub playbook_id: Option<String>,
}

/// The final list.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking<T> {
    /// At most k, nearest first, ties by corpus and id.
    pub results: Vec<Ranked<T>>,
    /// How many of `results` are boosted.
    pub boosted: usize,
    /// How many of `results` are injected.
    pub injected: usize,
}

/// Ranks the candidates.
///
/// The base results are the `k` nearest of `found`. An answer that is chosen and among them is boosted; one that is
/// chosen, but only further down in `found` or in `fetched`, is injected. What is neither is left out.
pub fn rank<T>(
    found: Vec<Candidate<T>>,
    fetched: Vec<Candidate<T>>,
    chosen: &BTreeMap<AnswerKey, Chosen>,
    k: usize,
) -> Ranking<T> {
    let mut base = distinct(found);
    base.sort_by(|a, b| nearer(a.base_distance, &a.key, b.base_distance, &b.key));
    let rest = base.split_off(k.min(base.len()));
    let in_base: BTreeSet<AnswerKey> = base.iter().map(|candidate| candidate.key.clone()).collect();
    let others = distinct(rest.into_iter().chain(fetched).collect());
    let injectable = others.into_iter().filter(|c| chosen.contains_key(&c.key) && !in_base.contains(&c.key));

    let injected = injectable.map(|candidate| place(candidate, chosen, true));
    let mut results: Vec<Ranked<T>> = injected.collect();
    results.extend(base.into_iter().map(|candidate| place(candidate, chosen, false)));
    results.sort_by(|a, b| nearer(a.distance, &a.candidate.key, b.distance, &b.candidate.key));
    results.truncate(k);
    let boosted = results.iter().filter(|ranked| ranked.boosted).count();
    let injected = results.iter().filter(|ranked| ranked.injected).count();
    Ranking { results, boosted, injected }
}

fn place<T>(candidate: Candidate<T>, chosen: &BTreeMap<AnswerKey, Chosen>, is_new: bool) -> Ranked<T> {
    match chosen.get(&candidate.key) {
        Some(by) => Ranked {
            distance: boost(candidate.base_distance, by.score),
            candidate,
            boosted: !is_new,
            injected: is_new,
            playbook_id: Some(by.playbook_id.clone()),
        },
        None => Ranked {
            distance: candidate.base_distance,
            candidate,
            boosted: false,
            injected: false,
            playbook_id: None,
        },
    }
}

/// The first candidate of each item.
fn distinct<T>(candidates: Vec<Candidate<T>>) -> Vec<Candidate<T>> {
    let mut seen = BTreeSet::new();
    candidates.into_iter().filter(|candidate| seen.insert(candidate.key.clone())).collect()
}

fn nearer(a: f32, a_key: &AnswerKey, b: f32, b_key: &AnswerKey) -> std::cmp::Ordering {
    a.total_cmp(&b).then_with(|| a_key.cmp(b_key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(id: &str) -> AnswerKey {
        AnswerKey { corpus: "workers".into(), id: id.into() }
    }

    fn candidate(id: &str, base_distance: f32) -> Candidate<()> {
        Candidate { key: key(id), base_distance, payload: () }
    }

    fn chosen(entries: &[(&str, f64)]) -> BTreeMap<AnswerKey, Chosen> {
        let choose =
            |(id, score): &(&str, f64)| (key(id), Chosen { score: *score, playbook_id: format!("p-{id}") });
        entries.iter().map(choose).collect()
    }

    fn ids(ranking: &Ranking<()>) -> Vec<&str> {
        ranking.results.iter().map(|ranked| ranked.candidate.key.id.as_str()).collect()
    }

    #[test]
    fn boosted_answer_moves_up_and_is_counted() {
        let found = vec![candidate("a", 0.3), candidate("b", 0.4), candidate("c", 0.5)];
        let ranking = rank(found, vec![], &chosen(&[("c", 1.0)]), 3);
        assert_eq!((ids(&ranking), ranking.boosted, ranking.injected), (vec!["c", "a", "b"], 1, 0));
        assert_eq!((ranking.results[0].distance, ranking.results[0].candidate.base_distance), (0.25, 0.5));
    }

    #[test]
    fn injected_answer_pushes_the_last_one_out() {
        let found = vec![candidate("a", 0.3), candidate("b", 0.4)];
        let ranking = rank(found, vec![candidate("z", 0.7)], &chosen(&[("z", 1.0)]), 2);
        assert_eq!((ids(&ranking), ranking.boosted, ranking.injected), (vec!["a", "z"], 0, 1));
    }

    #[test]
    fn injected_answer_that_stays_too_far_is_not_counted() {
        let found = vec![candidate("a", 0.1), candidate("b", 0.2)];
        let ranking = rank(found, vec![candidate("z", 0.9)], &chosen(&[("z", 1.0)]), 2);
        assert_eq!((ids(&ranking), ranking.boosted, ranking.injected), (vec!["a", "b"], 0, 0));
    }

    #[test]
    fn answer_found_beyond_the_first_k_is_injected_not_boosted() {
        let found = vec![candidate("a", 0.3), candidate("b", 0.4), candidate("c", 0.5)];
        let ranking = rank(found, vec![], &chosen(&[("c", 1.0)]), 2);
        assert_eq!((ids(&ranking), ranking.boosted, ranking.injected), (vec!["c", "a"], 0, 1));
    }

    #[test]
    fn item_that_is_found_and_fetched_appears_once() {
        let ranking = rank(vec![candidate("a", 0.3)], vec![candidate("a", 0.3)], &chosen(&[("a", 1.0)]), 5);
        assert_eq!((ids(&ranking), ranking.boosted, ranking.injected), (vec!["a"], 1, 0));
    }

    #[test]
    fn equal_distances_are_ordered_by_id() {
        let found = vec![candidate("b", 0.3), candidate("a", 0.3), candidate("c", 0.6)];
        assert_eq!(ids(&rank(found, vec![], &chosen(&[("c", 1.0)]), 3)), ["a", "b", "c"]);
    }

    proptest! {
        #[test]
        fn ranking_equals_boosting_everything_and_sorting(
            distances in prop::collection::vec(0.0..2.0f32, 0..30),
            scores in prop::collection::btree_map(0..30usize, 0.01..=1.0f64, 0..8),
            k in 1..12usize,
            depth in 0..20usize,
        ) {
            let mut all: Vec<Candidate<()>> =
                distances.iter().enumerate().map(|(n, distance)| candidate(&format!("{n:02}"), *distance)).collect();
            all.sort_by(|a, b| nearer(a.base_distance, &a.key, b.base_distance, &b.key));
            let chosen: BTreeMap<AnswerKey, Chosen> = scores.iter().map(|(n, score)| {
                (key(&format!("{n:02}")), Chosen { score: *score, playbook_id: String::new() })
            }).collect();
            // What a search sees: the nearest k or more, and the chosen answers that it fetches by id.
            let found: Vec<_> = all.iter().take(k + depth).cloned().collect();
            let fetched: Vec<_> = all.iter().filter(|c| chosen.contains_key(&c.key)).cloned().collect();
            let ranking = rank(found, fetched, &chosen, k);

            let moved = |c: &Candidate<()>| chosen.get(&c.key).map_or(c.base_distance, |by| boost(c.base_distance, by.score));
            let mut oracle: Vec<(f32, AnswerKey)> = all.iter().map(|c| (moved(c), c.key.clone())).collect();
            oracle.sort_by(|a, b| nearer(a.0, &a.1, b.0, &b.1));
            oracle.truncate(k);
            let got: Vec<(f32, AnswerKey)> = ranking.results.iter().map(|r| (r.distance, r.candidate.key.clone())).collect();
            prop_assert_eq!(got, oracle);
            let base: BTreeSet<&AnswerKey> = all.iter().take(k).map(|c| &c.key).collect();
            for ranked in &ranking.results {
                let is_chosen = chosen.contains_key(&ranked.candidate.key);
                let is_base = base.contains(&ranked.candidate.key);
                prop_assert_eq!((ranked.boosted, ranked.injected), (is_chosen && is_base, is_chosen && !is_base));
            }
            prop_assert_eq!(ranking.boosted + ranking.injected, ranking.results.iter().filter(|r| r.playbook_id.is_some()).count());
        }
    }
}
