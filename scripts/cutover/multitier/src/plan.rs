//! What the users of a run search for, and whom they write to: the same for the same seed.

use std::collections::BTreeSet;

use anyhow::Context;
use lakectl::corpus::Worker;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

use crate::Args;

/// The corpus that everything searches.
pub(crate) const CORPUS: &str = "workers";
/// Draws, for each query wanted, after which a small corpus is taken not to have more distinct ones.
const MAX_DRAWS: usize = 20;

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
    /// One plain search in so many is compared with the exact answer.
    pub(crate) recall_every: u64,
    /// Tells this run from all others, whose recordings may be in the same playbook memory.
    pub(crate) run_id: String,
}

impl Plan {
    /// A plan over `workers`.
    ///
    /// # Errors
    /// When there are none.
    pub(crate) fn new(workers: Vec<Worker>, args: &Args) -> anyhow::Result<Self> {
        let (seed, wanted) = (args.seed, usize::try_from(args.queries)?);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut queries = BTreeSet::new();
        for _ in 0..MAX_DRAWS * wanted {
            let worker = workers.choose(&mut rng).context("there are no workers")?;
            queries.insert(query(worker, &mut rng));
            if queries.len() == wanted {
                break;
            }
        }
        let queries = queries.into_iter().collect();
        let recall_every = args.recall_every;
        Ok(Self { workers, queries, seed, recall_every, run_id: Uuid::now_v7().simple().to_string() })
    }

    /// A query like the others that nobody has asked before, for nobody else has its `mark`.
    pub(crate) fn fresh(&self, rng: &mut impl Rng, mark: &str) -> Query {
        let worker = &self.workers[rng.random_range(0..self.workers.len())];
        let Query { text, role } = query(worker, rng);
        Query { text: format!("{text}, within reach of {}, order {mark}", worker.zip), role }
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
    use clap::Parser;

    use super::*;

    const QUERIES: usize = 200;

    fn plan(seed: u64) -> Plan {
        let args = ["multitier", "--seed", &seed.to_string(), "--queries", &QUERIES.to_string()];
        Plan::new(lakectl::corpus::workers(500, 1).unwrap().collect(), &Args::parse_from(args)).unwrap()
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
    fn fresh_query_is_none_of_the_plan_and_none_that_was_made_before() {
        let plan = plan(1);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut asked: BTreeSet<String> = plan.queries.iter().map(|query| query.text.clone()).collect();
        for number in 0..1000 {
            let query = plan.fresh(&mut rng, &format!("0-{number}"));
            assert!(plan.workers.iter().any(|worker| worker.role == query.role), "{query:?}");
            assert!(asked.insert(query.text.clone()), "{query:?}");
        }
    }

    #[test]
    fn runs_of_the_same_seed_do_not_meet_each_others_recordings() {
        assert_ne!(plan(1).run_id, plan(1).run_id);
    }
}
