//! What a load did to one index, and whether what was seen of it can be true.
//!
//! Every acknowledged write has a version of the index, and so has every search answer. So the order of all writes is
//! known, and what an answer had to show as well. Only of the writes that nobody answered, because the daemon died, it is
//! unknown whether they happened, and when.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, ensure};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Names one version of one item; its vector follows from it.
pub(crate) type Token = u64;
/// Which items an index holds, by id.
pub(crate) type Items = BTreeMap<String, Token>;
/// What a write makes of its ids: a new item, or none.
pub(crate) type Changes = BTreeMap<String, Option<Token>>;

/// Distances are computed in another order here.
const TOLERANCE: f64 = 1e-3;

/// The vector of a token: the same in every process.
pub(crate) fn vector(token: Token, dimension: usize) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(token);
    (0..dimension).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// A search and its answer.
#[derive(Debug)]
pub(crate) struct Search {
    /// Its vector is that of a token.
    pub(crate) token: Token,
    pub(crate) k: usize,
    pub(crate) is_exact: bool,
    pub(crate) version: u64,
    /// `(id, token, distance)`
    pub(crate) hits: Vec<(String, Token, f64)>,
}

/// What an index held and what came then.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) dimension: usize,
    /// The items before, at version [`History::version`].
    pub(crate) before: Items,
    pub(crate) version: u64,
    /// Acknowledged writes, by the version that each led to.
    pub(crate) acknowledged: BTreeMap<u64, Changes>,
    /// Writes that the daemon died over.
    pub(crate) unanswered: Vec<Changes>,
    pub(crate) searches: Vec<Search>,
}

impl History {
    pub(crate) fn acknowledge(&mut self, version: u64, changes: Changes) -> anyhow::Result<()> {
        ensure!(
            version > self.version,
            "a write led to version {version}, which is not after {}",
            self.version
        );
        let other = self.acknowledged.insert(version, changes);
        ensure!(other.is_none(), "two writes led to version {version}");
        Ok(())
    }

    /// Ids of which the unanswered writes may have made something.
    fn uncertain(&self) -> BTreeSet<&str> {
        self.unanswered.iter().flat_map(|changes| changes.keys().map(String::as_str)).collect()
    }

    /// Fails unless every answer shows the index as it was at the version that the answer names.
    pub(crate) fn check_searches(&self) -> anyhow::Result<()> {
        let (uncertain, vectors) = (self.uncertain(), self.vectors());
        let mut items = self.before.clone();
        let mut writes = self.acknowledged.iter().peekable();
        let mut searches: Vec<_> = self.searches.iter().collect();
        searches.sort_by_key(|search| search.version);
        for search in searches {
            while let Some((_, changes)) = writes.next_if(|(version, _)| **version <= search.version) {
                apply(changes, &mut items);
            }
            self.check_search(search, &items, &uncertain, &vectors).with_context(|| {
                format!("an answer at version {}, exact: {}", search.version, search.is_exact)
            })?;
        }
        Ok(())
    }

    /// The vectors of all items that there ever were.
    fn vectors(&self) -> HashMap<Token, Vec<f32>> {
        let written = self.acknowledged.values().flat_map(|changes| changes.values().flatten());
        self.before.values().chain(written).map(|token| (*token, vector(*token, self.dimension))).collect()
    }

    fn check_search(
        &self,
        search: &Search,
        items: &Items,
        uncertain: &BTreeSet<&str>,
        vectors: &HashMap<Token, Vec<f32>>,
    ) -> anyhow::Result<()> {
        let query = vector(search.token, self.dimension);
        let distance_of = |token: &Token| distance(&query, &vectors[token]);
        let is_certain = |id: &String| !uncertain.contains(id.as_str());
        let certain = items.keys().filter(|id| is_certain(id)).count();
        let hits = &search.hits;
        ensure!(hits.len() <= search.k && hits.len() >= search.k.min(certain), "{} hits", hits.len());
        ensure!(hits.is_sorted_by(|a, b| a.2 <= b.2), "not sorted: {hits:?}");
        let distinct: BTreeSet<_> = hits.iter().map(|(id, ..)| id).collect();
        ensure!(distinct.len() == hits.len(), "an id is there twice: {hits:?}");
        let hits: Vec<_> = hits.iter().filter(|(id, ..)| is_certain(id)).collect();
        for (id, token, shown) in &hits {
            let live = items.get(id);
            ensure!(live == Some(token), "{id} is shown with {token}, where {live:?} was written last");
            ensure!((shown - distance_of(token)).abs() < TOLERANCE, "{id} is shown at distance {shown}");
        }
        if search.is_exact {
            let certain = items.iter().filter(|(id, _)| is_certain(id));
            let mut nearest: Vec<f64> = certain.map(|(_, token)| distance_of(token)).collect();
            nearest.sort_by(f64::total_cmp);
            let is_nearest =
                |((_, _, shown), best): (&&(String, Token, f64), &f64)| (shown - best).abs() < TOLERANCE;
            ensure!(hits.iter().zip(&nearest).all(is_nearest), "{hits:?} are not the nearest");
        }
        Ok(())
    }

    /// Fails if `found`, which a restart came up with at `version`, lacks an acknowledged write.
    pub(crate) fn check_survival(&self, found: &Items, version: u64) -> anyhow::Result<()> {
        let last = self.acknowledged.keys().next_back().copied().unwrap_or(self.version);
        let latest = self.version + (self.acknowledged.len() + self.unanswered.len()) as u64;
        ensure!(
            (last..=latest).contains(&version),
            "at version {version} after {last} was acknowledged; at most {latest} can have been reached"
        );
        let mut expected = self.before.clone();
        self.acknowledged.values().for_each(|changes| apply(changes, &mut expected));
        let ids: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
        let lost: Vec<String> = ids
            .into_iter()
            .filter(|id| !self.may_be(id, expected.get(*id), found.get(*id)))
            .map(|id| format!("{id} is {:?} instead of {:?}", found.get(id), expected.get(id)))
            .collect();
        ensure!(lost.is_empty(), "{} acknowledged writes are lost: {lost:#?}", lost.len());
        Ok(())
    }

    /// Whether an id may be found like this: as acknowledged last, or as an unanswered write would have it.
    fn may_be(&self, id: &str, expected: Option<&Token>, found: Option<&Token>) -> bool {
        let unanswered = self.unanswered.iter().filter_map(|changes| changes.get(id));
        expected == found || unanswered.into_iter().any(|token| token.as_ref() == found)
    }
}

fn apply(changes: &Changes, items: &mut Items) {
    for (id, token) in changes {
        match token {
            Some(token) => items.insert(id.clone(), *token),
            None => items.remove(id),
        };
    }
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(id: &str, token: Token) -> Changes {
        Changes::from([(id.to_owned(), Some(token))])
    }

    fn gone(id: &str) -> Changes {
        Changes::from([(id.to_owned(), None)])
    }

    fn history() -> History {
        let mut history = History { dimension: 2, ..History::default() };
        for (version, changes) in [(1, put("a", 1)), (2, put("b", 2)), (3, gone("a")), (4, put("b", 4))] {
            history.acknowledge(version, changes).unwrap();
        }
        history
    }

    fn items(items: &[(&str, Token)]) -> Items {
        items.iter().map(|(id, token)| ((*id).to_owned(), *token)).collect()
    }

    #[test]
    fn lost_and_undone_writes_are_told_from_unanswered_ones() {
        let mut history = history();
        history.check_survival(&items(&[("b", 4)]), 4).unwrap();
        for (what, found, version) in [
            ("a lost upsert", items(&[("b", 2)]), 4),
            ("a lost item", items(&[]), 4),
            ("a deleted item that is back", items(&[("a", 1), ("b", 4)]), 4),
            ("an item of nobody", items(&[("b", 4), ("c", 9)]), 4),
            ("a version that is behind", items(&[("b", 4)]), 3),
            ("a version of nobody", items(&[("b", 4)]), 5),
        ] {
            assert!(history.check_survival(&found, version).is_err(), "{what}");
        }
        history.unanswered = vec![gone("b"), put("c", 9)];
        for found in [items(&[("b", 4)]), items(&[]), items(&[("b", 4), ("c", 9)])] {
            history.check_survival(&found, 5).unwrap();
        }
        assert!(history.check_survival(&items(&[("b", 2)]), 5).is_err(), "nobody wrote that again");
    }

    #[test]
    fn answers_that_do_not_show_their_version_are_noticed() {
        let hit = |id: &str, token| (id.to_owned(), token, distance(&vector(1, 2), &vector(token, 2)));
        let answer = |version, hits| Search { token: 1, k: 2, is_exact: true, version, hits };
        let check = |search| History { searches: vec![search], ..history() }.check_searches();
        check(answer(2, vec![hit("a", 1), hit("b", 2)])).unwrap();
        check(answer(4, vec![hit("b", 4)])).unwrap();
        for (what, wrong) in [
            ("a deleted item", answer(3, vec![hit("a", 1), hit("b", 2)])),
            ("a missing item", answer(2, vec![hit("a", 1)])),
            ("a replaced item", answer(4, vec![hit("b", 2)])),
            ("an item from the future", answer(1, vec![hit("a", 1), hit("b", 2)])),
            ("the wrong order", answer(2, vec![hit("b", 2), hit("a", 1)])),
            ("an item twice", answer(2, vec![hit("a", 1), hit("a", 1)])),
        ] {
            assert!(check(wrong).is_err(), "{what}");
        }
    }
}
