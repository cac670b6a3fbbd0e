//! One user: draws, calls, and waits for each answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use lakectl::corpus::Worker;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wire::matrix::SearchRequest;
use wire::playbooks::{RecordRequest, RecordResponse};

use crate::answer::Found;
use crate::calls::{Calls, Outages};
use crate::failure::{Result, promise};
use crate::load::Phase;
use crate::plan::{CORPUS, Plan, Query};
use crate::progress::Counters;
use crate::tally::{Acknowledged, Sample, Tally};

/// How many results a user looks at.
pub(crate) const K: usize = 10;

/// One of the users of a phase.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) calls: Calls,
    pub(crate) rng: ChaCha8Rng,
    pub(crate) tally: Tally,
    /// When the first search of the scenario at hand was answered.
    pub(crate) searched: Option<Instant>,
    phase: Arc<Phase>,
    plan: Arc<Plan>,
    counters: Arc<Counters>,
    number: u16,
    /// Names and texts made so far that nobody else makes.
    made: u64,
}

impl User {
    /// User `number` of a phase, whose draws depend on the seed, the phase and the number alone.
    ///
    /// # Errors
    /// Those of [`Tally::new`].
    pub(crate) fn new(
        number: u16,
        phase: Arc<Phase>,
        plan: Arc<Plan>,
        counters: Arc<Counters>,
        calls: Calls,
    ) -> anyhow::Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
        // Stream 0 drew the plan.
        rng.set_stream((phase.number << 32) + u64::from(number) + 1);
        let tally = Tally::new()?;
        Ok(Self { calls, rng, tally, searched: None, phase, plan, counters, number, made: 0 })
    }

    /// One of the queries of the plan, or now and then, where the phase wants it, one that nobody has ever asked.
    pub(crate) fn query(&mut self) -> Query {
        if self.phase.fresh_one_in.is_some_and(|one_in| self.rng.random_ratio(1, one_in)) {
            let mark = self.mark();
            return self.plan.fresh(&mut self.rng, &mark);
        }
        self.plan.queries[self.rng.random_range(0..self.plan.queries.len())].clone()
    }

    /// One of the workers of the plan.
    pub(crate) fn worker(&mut self) -> Worker {
        self.plan.workers[self.rng.random_range(0..self.plan.workers.len())].clone()
    }

    /// A role that nobody has used or will use, so that no recording but the user's own counts under it.
    pub(crate) fn unique_role(&mut self) -> String {
        let mark = self.mark();
        format!("replay {} {mark}", self.plan.run_id)
    }

    fn mark(&mut self) -> String {
        self.made += 1;
        format!("{}-{}-{}", self.phase.number, self.number, self.made)
    }

    /// Keeps what a search found that neither filter, exclusion nor playbook touched: one in so many is compared with the
    /// exact answer afterwards.
    pub(crate) fn sample(&mut self, query: &Query, found: &Found<'_>) {
        let number = self.counters.samplable.fetch_add(1, Ordering::Relaxed);
        if number.is_multiple_of(self.plan.recall_every) {
            let distances = found.results.iter().map(|hit| hit.distance).collect();
            self.tally.samples.push(Sample { query_text: query.text.clone(), distances });
        }
    }

    /// Holds the system to what it says of a recording, and remembers it where daemons are killed. Returns whether searches
    /// see it already.
    pub(crate) fn recorded(
        &mut self,
        request: RecordRequest,
        base_distance: f32,
        answer: RecordResponse,
    ) -> Result<bool> {
        let RecordResponse { playbook_id, indexed } = answer;
        promise("a recording is named", !playbook_id.is_empty(), || "the id is empty".to_owned())?;
        self.tally.recorded += 1;
        if self.tolerates_outages() {
            self.tally.unindexed += u64::from(!indexed);
            self.tally.acknowledged.push(Acknowledged { playbook_id, request, base_distance });
            return Ok(indexed);
        }
        promise("a recording is indexed at once", indexed, || format!("{playbook_id} is not"))?;
        Ok(true)
    }

    /// Whether daemons are killed under the users, so that what depends on their memory may be late.
    pub(crate) fn tolerates_outages(&self) -> bool {
        self.phase.outages == Outages::Wait
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
