//! What a search costs more because it asks the playbook memory, once that holds what the run has recorded.

use std::time::{Duration, Instant};

use anyhow::Context;
use bench_kit::progress::say;
use serde::Serialize;
use wire::matrix::SearchRequest;
use wire::playbooks::PLAYBOOK_INDEX;

use crate::calls::{Calls, Outages};
use crate::plan::{Plan, Query};
use crate::session::Session;
use crate::user;

/// How long the state of the memory's index may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Searches without and with playbooks beside each other, one user, nothing else going on.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Warmth {
    /// Recordings that the memory held.
    pub recordings: usize,
    /// Searches of either kind.
    pub searches: usize,
    /// Median without playbooks, milliseconds.
    pub cold_p50_ms: f64,
    /// Median with playbooks.
    pub warm_p50_ms: f64,
    /// Median of what the second took more than the first, of the same query.
    pub extra_p50_ms: f64,
    /// 99th percentile of that.
    pub extra_p99_ms: f64,
}

/// Asks each query of the plan in turn, `searches` in all, without playbooks and with them; which comes first changes.
///
/// # Errors
/// When an answer does not come, or the memory cannot be looked at.
pub(crate) async fn measure(session: &Session, plan: &Plan, searches: usize) -> anyhow::Result<Warmth> {
    say("Searches with playbooks beside searches without, one user.");
    let memory = session.peers.vectord().index(&session.call(PATIENCE), PLAYBOOK_INDEX).await;
    let recordings = memory.context("look at the playbook memory")?.count;
    let mut calls = Calls::new(session.gateway.clone(), Outages::Fail, "warmth".to_owned());
    let (mut cold, mut warm, mut extra) = (Vec::new(), Vec::new(), Vec::new());
    for (number, query) in plan.queries.iter().cycle().take(searches).enumerate() {
        let mut took = [0.0; 2];
        for turn in 0..2 {
            let use_playbook = (number + turn) % 2 == 1;
            took[usize::from(use_playbook)] = search(&mut calls, query, use_playbook).await?;
        }
        cold.push(took[0]);
        warm.push(took[1]);
        extra.push(took[1] - took[0]);
    }
    Ok(Warmth {
        recordings,
        searches,
        cold_p50_ms: quantile(&mut cold, 0.5),
        warm_p50_ms: quantile(&mut warm, 0.5),
        extra_p50_ms: quantile(&mut extra, 0.5),
        extra_p99_ms: quantile(&mut extra, 0.99),
    })
}

/// One search; how long its answer took, milliseconds.
async fn search(calls: &mut Calls, query: &Query, use_playbook: bool) -> anyhow::Result<f64> {
    let request = SearchRequest { use_playbook, ..user::search(query) };
    let asked = Instant::now();
    calls.search(&request).await.with_context(|| format!("search for {:?}", query.text))?;
    Ok(asked.elapsed().as_secs_f64() * 1e3)
}

/// The value that this share of `values` is not above; 0 of none.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((share * last as f64).round() as usize).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let mut values = [3.0, 1.0, 2.0, 5.0, 4.0];
        assert_eq!([0.0, 0.5, 0.99].map(|share| quantile(&mut values, share)), [1.0, 3.0, 5.0]);
        assert_eq!(quantile(&mut [], 0.5), 0.0);
    }
}
