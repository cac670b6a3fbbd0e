//! The arithmetic of the learning loop, as pure functions: which recordings count for a query ([`choose`], or
//! [`Evidence`]), how far they draw an answer nearer ([`boost`]), what the list is then ([`rank`]), and whether it is
//! better for it ([`judge`], [`compare`]).
//!
//! The specification is `DESIGN.md`, "Learning loop"; the predecessor's shapes A (boost) and B (inject) are two cases of
//! one rule here: every chosen answer gets the same new distance, whether or not it was found without the playbook.

mod entry;
mod evaluation;
mod evidence;
mod rank;
mod role;

pub use entry::{AnswerKey, Chosen, Entry, choose};
pub use evaluation::{Comparison, compare, judge};
pub use evidence::{Evidence, Verdict};
pub use rank::{Candidate, Ranked, Ranking, rank};
pub use role::role_key;

/// How much of a distance the best score takes away.
pub const BOOST_WEIGHT: f64 = 0.5;

/// The distance of an answer that worked with `score` (0 to 1) for a similar query: `base * (1 - 0.5 * score)`.
///
/// It draws nearer only where distances are not negative: cosine and euclidean, never dot.
pub fn boost(base: f32, score: f64) -> f32 {
    (f64::from(base) * (1.0 - BOOST_WEIGHT * score)) as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn perfect_score_halves_the_distance() {
        assert_eq!(boost(0.4449, 1.0), 0.22245);
        assert_eq!(boost(0.4449, 0.0), 0.4449);
        assert_eq!(boost(0.8, 0.5), 0.6);
    }

    proptest! {
        #[test]
        fn better_score_never_means_a_larger_distance(base in 0.0..2.0f32, a in 0.0..=1.0f64, b in 0.0..=1.0f64) {
            let (low, high) = if a <= b { (a, b) } else { (b, a) };
            prop_assert!(boost(base, high) <= boost(base, low));
            prop_assert!(boost(base, low) <= base && boost(base, high) >= base / 2.0);
        }
    }
}
