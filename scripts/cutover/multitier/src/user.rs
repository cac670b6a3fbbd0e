//! One user: draws, calls, and waits for each answer.

use std::sync::Arc;

use lakectl::corpus::Worker;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wire::matrix::SearchRequest;

use crate::calls::Calls;
use crate::plan::{CORPUS, Plan, Query};

/// How many results a user looks at.
pub(crate) const K: usize = 10;

/// One of the users of a run.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) calls: Calls,
    pub(crate) rng: ChaCha8Rng,
    plan: Arc<Plan>,
    number: u16,
    roles: u64,
}

impl User {
    /// User `number`, whose draws depend on the seed and the number alone.
    pub(crate) fn new(number: u16, plan: Arc<Plan>, calls: Calls) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
        // Stream 0 drew the plan.
        rng.set_stream(u64::from(number) + 1);
        Self { calls, rng, plan, number, roles: 0 }
    }

    /// One of the queries of the plan.
    pub(crate) fn query(&mut self) -> Query {
        self.plan.queries[self.rng.random_range(0..self.plan.queries.len())].clone()
    }

    /// One of the workers of the plan.
    pub(crate) fn worker(&mut self) -> Worker {
        self.plan.workers[self.rng.random_range(0..self.plan.workers.len())].clone()
    }

    /// A role that nobody has used or will use, so that no recording but the user's own counts under it.
    pub(crate) fn unique_role(&mut self) -> String {
        self.roles += 1;
        format!("replay {} {}-{}", self.plan.run_id, self.number, self.roles)
    }
}

/// A search for `query` as its role asks for it.
pub(crate) fn search(query: &Query) -> SearchRequest {
    SearchRequest {
        query_text: Some(query.text.clone()),
        corpora: vec![CORPUS.to_owned()],
        k: K,
        role: Some(query.role.clone()),
        ..SearchRequest::default()
    }
}
