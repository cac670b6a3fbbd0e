//! Does the learning loop help? Quality of rankings over a judged set, and what a paired comparison says of it.

use std::collections::BTreeMap;

use wire::playbooks::Quality;

use crate::AnswerKey;

/// Judges the first `depth` answers of `ranking` as `trec_eval` does: nDCG with linear gains and a discount of
/// `log2(rank + 1)` (Järvelin and Kekäläinen 2002). Of the grades in `relevant`, 0 is not relevant, higher is better, and
/// what is not judged counts as 0. `None` if nothing is relevant, because nothing could be found.
pub fn judge(ranking: &[AnswerKey], relevant: &BTreeMap<AnswerKey, f64>, depth: usize) -> Option<Quality> {
    let mut ideal: Vec<f64> = relevant.values().copied().filter(|grade| *grade > 0.0).collect();
    ideal.sort_by(|a, b| b.total_cmp(a));
    let most = discounted(ideal.iter().copied().take(depth));
    if most <= 0.0 {
        return None;
    }
    let gains: Vec<f64> = ranking
        .iter()
        .take(depth)
        .map(|answer| relevant.get(answer).copied().unwrap_or(0.0).max(0.0))
        .collect();
    let found = gains.iter().filter(|gain| **gain > 0.0).count();
    let first = gains.iter().position(|gain| *gain > 0.0);
    Some(Quality {
        ndcg: discounted(gains.iter().copied()) / most,
        reciprocal_rank: first.map_or(0.0, |rank| 1.0 / (rank + 1) as f64),
        recall: found as f64 / ideal.len() as f64,
    })
}

fn discounted(gains: impl Iterator<Item = f64>) -> f64 {
    gains.enumerate().map(|(rank, gain)| gain / ((rank + 2) as f64).log2()).sum()
}

/// The same queries asked without playbooks (cold) and with them (warm).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Comparison {
    /// How many queries were judged.
    pub queries: usize,
    /// Means of the cold rankings.
    pub cold: Quality,
    /// Means of the warm ones.
    pub warm: Quality,
    /// Mean gain in nDCG, warm less cold.
    pub uplift: f64,
    /// Bounds of the 95 % interval of `uplift`: percentiles of its bootstrap distribution, queries drawn in pairs
    /// (Efron and Tibshirani 1993, chapter 13).
    pub uplift_95: [f64; 2],
    /// The part of the queries whose nDCG rose.
    pub helped: f64,
    /// The part of the queries whose nDCG fell.
    pub harmed: f64,
}

/// Below this two figures are equal: sums in another order differ by less.
const SAME: f64 = 1e-9;

/// Compares `pairs` of (cold, warm), one a query, by `resamples` bootstrap samples. `draw(n)` gives a whole number below
/// n, uniformly: randomness is the caller's, and so is its seed. `None` without pairs.
pub fn compare(
    pairs: &[(Quality, Quality)],
    resamples: usize,
    mut draw: impl FnMut(usize) -> usize,
) -> Option<Comparison> {
    if pairs.is_empty() {
        return None;
    }
    let gains: Vec<f64> = pairs.iter().map(|(cold, warm)| warm.ndcg - cold.ndcg).collect();
    let mean = |sum: f64| sum / gains.len() as f64;
    let share = |is_so: fn(&f64) -> bool| mean(gains.iter().filter(|gain| is_so(gain)).count() as f64);
    let mut means: Vec<f64> =
        (0..resamples).map(|_| mean((0..gains.len()).map(|_| gains[draw(gains.len())]).sum())).collect();
    means.sort_by(f64::total_cmp);
    let uplift = mean(gains.iter().sum());
    let percentile = |share: f64| {
        let last = means.len().checked_sub(1)?;
        means.get((share * last as f64).round() as usize).copied()
    };
    Some(Comparison {
        queries: pairs.len(),
        cold: average(pairs.iter().map(|(cold, _)| *cold), pairs.len()),
        warm: average(pairs.iter().map(|(_, warm)| *warm), pairs.len()),
        uplift,
        uplift_95: [percentile(0.025).unwrap_or(uplift), percentile(0.975).unwrap_or(uplift)],
        helped: share(|gain| *gain > SAME),
        harmed: share(|gain| *gain < -SAME),
    })
}

fn average(qualities: impl Iterator<Item = Quality>, count: usize) -> Quality {
    let sum = qualities.fold(Quality::default(), |sum, quality| Quality {
        ndcg: sum.ndcg + quality.ndcg,
        reciprocal_rank: sum.reciprocal_rank + quality.reciprocal_rank,
        recall: sum.recall + quality.recall,
    });
    let count = count as f64;
    Quality {
        ndcg: sum.ndcg / count,
        reciprocal_rank: sum.reciprocal_rank / count,
        recall: sum.recall / count,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(id: &str) -> AnswerKey {
        AnswerKey { corpus: "occupations".into(), id: id.into() }
    }

    fn ranking(ids: &str) -> Vec<AnswerKey> {
        ids.chars().map(|id| key(&id.to_string())).collect()
    }

    fn grades(grades: &[(&str, f64)]) -> BTreeMap<AnswerKey, f64> {
        grades.iter().map(|(id, grade)| (key(id), *grade)).collect()
    }

    /// A generator that needs no crate: Marsaglia's xorshift64.
    fn draws(mut state: u64) -> impl FnMut(usize) -> usize {
        move |below| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below as u64) as usize
        }
    }

    fn quality(ndcg: f64) -> Quality {
        Quality { ndcg, ..Quality::default() }
    }

    #[test]
    fn figures_are_those_of_trec_eval() {
        // trec_eval -m ndcg_cut.5 -m recip_rank -m recall.5 over the ranking x a y b z, grades a=3, b=1, c=2.
        let quality = judge(&ranking("xaybz"), &grades(&[("a", 3.0), ("b", 1.0), ("c", 2.0)]), 5).unwrap();
        assert!((quality.ndcg - 0.487_93).abs() < 1e-4, "{quality:?}");
        assert_eq!(quality.reciprocal_rank, 0.5);
        assert!((quality.recall - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn perfect_ranking_has_one_and_a_ranking_without_relevant_answers_nought() {
        let relevant = grades(&[("a", 2.0), ("b", 1.0), ("x", 0.0)]);
        let perfect = Quality { ndcg: 1.0, reciprocal_rank: 1.0, recall: 1.0 };
        assert_eq!(judge(&ranking("abx"), &relevant, 10), Some(perfect));
        assert_eq!(judge(&ranking("xyz"), &relevant, 10), Some(Quality::default()));
        assert_eq!(judge(&[], &relevant, 10), Some(Quality::default()));
    }

    #[test]
    fn what_lies_beyond_the_depth_does_not_count() {
        let relevant = grades(&[("a", 1.0)]);
        assert_eq!(judge(&ranking("xya"), &relevant, 2), Some(Quality::default()));
    }

    #[test]
    fn query_without_relevant_answers_is_not_judged() {
        assert_eq!(judge(&ranking("ab"), &grades(&[("a", 0.0)]), 10), None);
        assert_eq!(judge(&ranking("ab"), &grades(&[]), 10), None);
    }

    #[test]
    fn uplift_harm_and_help_are_those_of_the_pairs() {
        let pairs = [(0.2, 0.4), (0.5, 0.5), (0.9, 0.8), (0.0, 1.0)]
            .map(|(cold, warm)| (quality(cold), quality(warm)));
        let comparison = compare(&pairs, 1000, draws(1)).unwrap();
        assert!((comparison.uplift - 0.275).abs() < 1e-12);
        assert_eq!((comparison.helped, comparison.harmed, comparison.queries), (0.5, 0.25, 4));
        let [low, high] = comparison.uplift_95;
        assert!(low < 0.275 && 0.275 < high && low >= -0.1 && high <= 1.0, "{comparison:?}");
        assert_eq!(compare(&[], 10, draws(1)), None);
    }

    #[test]
    fn interval_covers_the_truth_about_as_often_as_it_says() {
        // Gains of -1 and +1 at even odds: the true uplift is 0.
        let mut coin = draws(7);
        let covered = (0..200).filter(|_| {
            let pairs: Vec<_> =
                (0..60)
                    .map(|_| {
                        if coin(2) == 0 { (quality(0.0), quality(1.0)) } else { (quality(1.0), quality(0.0)) }
                    })
                    .collect();
            compare(&pairs, 300, &mut coin).is_some_and(|c| c.uplift_95[0] <= 0.0 && c.uplift_95[1] >= 0.0)
        });
        let covered = covered.count();
        assert!((175..=199).contains(&covered), "{covered} of 200");
    }

    proptest! {
        #[test]
        fn moving_a_relevant_answer_up_never_lowers_a_figure(
            mut order in Just((0..12u8).collect::<Vec<_>>()).prop_shuffle(),
            relevant in prop::collection::btree_set(0..12u8, 1..6),
        ) {
            let is_out_of_order = |at: &usize| relevant.contains(&order[*at]) && !relevant.contains(&order[at - 1]);
            let Some(at) = (1..order.len()).find(is_out_of_order) else { return Ok(()) };
            let grades = relevant.iter().map(|id| (key(&id.to_string()), 1.0)).collect();
            let keys = |order: &[u8]| order.iter().map(|id| key(&id.to_string())).collect::<Vec<_>>();
            let before = judge(&keys(&order), &grades, 10).unwrap();
            order.swap(at - 1, at);
            let after = judge(&keys(&order), &grades, 10).unwrap();
            prop_assert!(after.ndcg >= before.ndcg && after.recall >= before.recall);
            prop_assert!(after.reciprocal_rank >= before.reciprocal_rank);
        }
    }
}
