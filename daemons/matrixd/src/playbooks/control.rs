//! The control slice: does the learning loop help in production, too?
//!
//! A share of all queries (`playbook.holdout`), chosen by a digest of role and text so that every replica and every
//! repetition agrees, is answered without playbooks. When an outcome is recorded for one of them, the rank that its
//! answer had is measured, and so it is for as large a slice of the others. The two means are comparable, because nothing
//! but the digest tells the slices apart; `/metrics` has both.

use std::time::Instant;

use playbook::role_key;
use sha2::{Digest, Sha256};
use wire::CallContext;
use wire::matrix::SearchRequest;
use wire::playbooks::RecordRequest;

use crate::matrix::Matrix;
use crate::query_vectors::QueryVector;
use crate::search::Query;

/// How deep the answer of an outcome is looked for.
const DEPTH: usize = 10;

/// Which part of the experiment a query is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arm {
    /// Answered without playbooks.
    Control,
    /// Answered with them, and measured.
    Treated,
    /// Answered with them.
    Unobserved,
}

impl Arm {
    /// The arm of a query when `share` of all are held out.
    pub(crate) fn of(share: f64, role: Option<&str>, query_text: &str) -> Self {
        if share <= 0.0 {
            return Self::Unobserved;
        }
        let mut digest = Sha256::new();
        digest.update(role_key(role));
        digest.update([0]);
        digest.update(query_text);
        let digest = digest.finalize();
        let at = u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]]);
        let at = f64::from(at) / (f64::from(u32::MAX) + 1.0);
        if at < share {
            Self::Control
        } else if at < 2.0 * share {
            Self::Treated
        } else {
            Self::Unobserved
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Treated => "treated",
            Self::Unobserved => "unobserved",
        }
    }
}

impl Matrix {
    /// Measures where the answer of an outcome stands in what its query finds, if the query is in a slice. What fails
    /// here is not measured, and fails nothing else.
    pub(super) async fn observe_outcome(
        &self,
        ctx: &CallContext,
        outcome: &RecordRequest,
        vector: &QueryVector,
    ) {
        let arm = Arm::of(self.config.playbook.holdout, outcome.role.as_deref(), &outcome.query_text);
        if arm == Arm::Unobserved {
            return;
        }
        let request = SearchRequest {
            corpora: vec![outcome.corpus.clone()],
            k: DEPTH,
            role: outcome.role.clone(),
            use_playbook: arm == Arm::Treated,
            ..SearchRequest::default()
        };
        let policy = self.config.playbook.policy;
        let query = Query::new(vector, false, Instant::now());
        let Ok(gathered) = self.gather(ctx, &request, &query, policy).await else { return };
        let results = gathered.rank(DEPTH).results;
        let rank = results.iter().position(|ranked| ranked.candidate.key.id == outcome.answer_id);
        let reciprocal_rank = rank.map_or(0.0, |rank| 1.0 / (rank + 1) as f64);
        metrics::histogram!("matrixd_outcome_reciprocal_rank", "arm" => arm.name()).record(reciprocal_rank);
        metrics::histogram!("matrixd_outcome_score", "arm" => arm.name()).record(outcome.score);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_have_their_share_and_nothing_is_held_out_without_one() {
        let arms = |share: f64| -> Vec<Arm> {
            (0..20_000).map(|n| Arm::of(share, Some("Welder"), &format!("query {n}"))).collect()
        };
        let count = |arms: &[Arm], arm: Arm| arms.iter().filter(|held| **held == arm).count();
        let drawn = arms(0.05);
        // Four standard deviations around a thousand.
        for arm in [Arm::Control, Arm::Treated] {
            assert!((877..1124).contains(&count(&drawn, arm)), "{arm:?}: {}", count(&drawn, arm));
        }
        assert_eq!(count(&arms(0.0), Arm::Unobserved), 20_000);
        assert_eq!(count(&arms(1.0), Arm::Control), 20_000);
    }

    #[test]
    fn same_query_is_always_in_the_same_arm() {
        for n in 0..100 {
            let text = format!("query {n}");
            assert_eq!(Arm::of(0.3, Some(" welder"), &text), Arm::of(0.3, Some("WELDER "), &text));
        }
    }
}
