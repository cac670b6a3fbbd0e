//! What the users of a run search for, and whom they write to: the same for the same seed.

use std::collections::BTreeSet;

use anyhow::Context;
use lakectl::corpus::Worker;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

/// The corpus that everything searches.
pub(crate) const CORPUS: &str = "workers";
/// Bodies that searches are drawn from: bounded, so that caches of query vectors act as they do in production.
const QUERIES: usize = 200;
/// Draws after which a small corpus is taken not to have more distinct queries.
const MAX_DRAWS: usize = 20 * QUERIES;

/// A search as a dispatcher types it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Query {
    pub(crate) text: String,
    /// The role asked for; at least one worker has it.
    pub(crate) role: String,
}

/// What a run draws from; there is at least one of each.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) workers: Vec<Worker>,
    pub(crate) queries: Vec<Query>,
    pub(crate) seed: u64,
    /// Tells this run from all others, whose recordings may be in the same playbook memory.
    pub(crate) run_id: String,
}

impl Plan {
    /// A plan over `workers`.
    ///
    /// # Errors
    /// When there are none.
    pub(crate) fn new(workers: Vec<Worker>, seed: u64) -> anyhow::Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut queries = BTreeSet::new();
        for _ in 0..MAX_DRAWS {
            let worker = workers.choose(&mut rng).context("there are no workers")?;
            queries.insert(query(worker, &mut rng));
            if queries.len() == QUERIES {
                break;
            }
        }
        let queries = queries.into_iter().collect();
        Ok(Self { workers, queries, seed, run_id: Uuid::now_v7().simple().to_string() })
    }
}

/// Somebody like `worker` is looked for.
fn query(worker: &Worker, rng: &mut impl Rng) -> Query {
    let Worker { role, area, shift, years, skills, .. } = worker;
    let skill = skills.split(", ").next().unwrap_or_default();
    let text = match rng.random_range(0..4) {
        0 => format!("{role} in {area}, {shift} shift"),
        1 => format!("{role} near {area} with {skill}"),
        2 => format!("experienced {role}, {years} years or more, {shift} shift"),
        _ => format!("reliable {role} for a {shift} shift in {area}, skilled in {skill}"),
    };
    Query { text, role: (*role).to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(seed: u64) -> Plan {
        Plan::new(lakectl::corpus::workers(500, 1).unwrap().collect(), seed).unwrap()
    }

    #[test]
    fn same_seed_gives_the_same_queries_and_another_seed_others() {
        assert_eq!(plan(1).queries, plan(1).queries);
        assert_ne!(plan(1).queries, plan(2).queries);
    }

    #[test]
    fn queries_are_bounded_distinct_and_answerable() {
        let plan = plan(1);
        assert_eq!(plan.queries.len(), QUERIES);
        for query in &plan.queries {
            assert!(plan.workers.iter().any(|worker| worker.role == query.role), "{query:?}");
        }
    }

    #[test]
    fn runs_of_the_same_seed_do_not_meet_each_others_recordings() {
        assert_ne!(plan(1).run_id, plan(1).run_id);
    }
}
