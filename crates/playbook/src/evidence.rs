//! The policy that asks for proof: how sure is it, from all outcomes near a query, that an answer works for it?
//!
//! What a voter says of a recorded query near this one is a ballot, which weighs the more the nearer and the younger it
//! is. An answer's share of all ballots is not believed as it stands: the lower bound of what it proves counts, so that
//! one lucky outcome moves little, and many that agree move much. The arithmetic, and the data that its constants are
//! from: decision 0051.

use std::collections::{BTreeMap, BTreeSet};

use crate::{AnswerKey, Candidate, Chosen, Entry, boost};

/// From this score on an outcome speaks for its answer, below it against.
const POSITIVE: f64 = 0.5;

/// The constants of the policy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Cosine distance beyond which a recorded query says nothing about another one.
    pub max_distance: f32,
    /// The distance at which a vote counts `1 / e`; it falls off as a Gaussian does.
    pub bandwidth: f64,
    /// The age at which a vote counts half, seconds.
    pub half_life_s: f64,
    /// How sure the lower bound is: the quantile z of the normal distribution.
    pub z: f64,
    /// No result loses more places than this: answers are moved to so many first places, and to no other.
    pub max_displaced: usize,
    /// So many voters who contradict a recording later, and outnumber those who confirm it, silence it.
    pub quarantine_votes: usize,
}

/// Strength is the lower bound to this power, at most 1 ...
const EXPONENT: f64 = 0.95;
/// ... and times this for an answer that is not among the results by itself, and has further to go.
const INJECTED: f64 = 1.75;

/// What the outcomes near a query prove.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// Answers that may be moved; the score is the strength of the evidence.
    pub chosen: BTreeMap<AnswerKey, Chosen>,
    /// Recordings that later outcomes contradict, by id.
    pub quarantined: BTreeSet<String>,
}

/// What one voter thinks of one answer.
struct Vote<'a> {
    entry: &'a Entry,
    weight: f64,
}

impl Evidence {
    /// Weighs the entries for a query of `role_key`.
    pub fn weigh(&self, entries: &[Entry], role_key: &str) -> Verdict {
        let counts = |entry: &&Entry| {
            entry.role_key == role_key
                && entry.distance <= self.max_distance
                && (0.0..=1.0).contains(&entry.score)
        };
        let entries: Vec<&Entry> = entries.iter().filter(counts).collect();
        let quarantined = self.quarantined(&entries);
        let mut ballots = BTreeMap::<(&str, &str), f64>::new();
        let mut votes = BTreeMap::<&AnswerKey, BTreeMap<&str, Vote<'_>>>::new();
        for &entry in &entries {
            let weight = self.weight(entry);
            let most = ballots.entry((&entry.voter, &entry.query)).or_insert(weight);
            *most = most.max(weight);
            let votes = votes.entry(&entry.answer).or_default();
            if votes.get(entry.voter.as_str()).is_none_or(|held| is_newer(entry, held.entry)) {
                votes.insert(&entry.voter, Vote { entry, weight });
            }
        }
        let all: f64 = ballots.values().sum();
        // Ballots of unequal weight prove less than as many equal ones: Kish's effective sample size (1965, section 11.7).
        let effective = all * all / ballots.values().map(|weight| weight * weight).sum::<f64>();
        let chosen = votes.into_iter().filter_map(|(answer, votes)| {
            let speaks = |vote: &&Vote<'_>| !quarantined.contains(&vote.entry.playbook_id);
            let favour: f64 = votes.values().filter(speaks).map(|vote| vote.weight * vote.entry.score).sum();
            let score = lower_bound(favour / all, effective, self.z).powf(EXPONENT);
            let most_owed =
                votes.values().filter(speaks).filter(|vote| vote.entry.score > 0.0).max_by(|a, b| {
                    a.weight.total_cmp(&b.weight).then_with(|| b.entry.playbook_id.cmp(&a.entry.playbook_id))
                });
            let playbook_id = most_owed?.entry.playbook_id.clone();
            (score > 0.0).then(|| (answer.clone(), Chosen { score, playbook_id }))
        });
        let chosen = chosen.collect();
        Verdict { chosen, quarantined }
    }

    fn weight(&self, entry: &Entry) -> f64 {
        let age = entry.age_s as f64 / self.half_life_s;
        (-(f64::from(entry.distance) / self.bandwidth).powi(2)).exp() * (-age).exp2()
    }

    /// Recordings that speak for an answer, and that later outcomes speak against.
    fn quarantined(&self, entries: &[&Entry]) -> BTreeSet<String> {
        let is_contradicted = |recording: &&&Entry| {
            let later = |speaks_for: bool| {
                let of_it = entries.iter().filter(|entry| {
                    entry.answer == recording.answer
                        && entry.age_s < recording.age_s
                        && (entry.score >= POSITIVE) == speaks_for
                });
                of_it.map(|entry| entry.voter.as_str()).collect::<BTreeSet<_>>().len()
            };
            let against = later(false);
            against >= self.quarantine_votes && against > later(true)
        };
        let recordings = entries.iter().filter(|entry| entry.score >= POSITIVE);
        recordings.filter(is_contradicted).map(|entry| entry.playbook_id.clone()).collect()
    }

    /// Of what is `chosen`, what may move given the true distances: `found`, whose nearest `k` are the results without
    /// playbooks, and `fetched`.
    pub fn hold_back<T>(
        &self,
        chosen: BTreeMap<AnswerKey, Chosen>,
        found: &[Candidate<T>],
        fetched: &[Candidate<T>],
        k: usize,
    ) -> BTreeMap<AnswerKey, Chosen> {
        let mut distances: Vec<(f32, &AnswerKey)> =
            found.iter().map(|candidate| (candidate.base_distance, &candidate.key)).collect();
        distances.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(b.1)));
        let results = &distances[..k.min(distances.len())];
        let known = found.iter().chain(fetched).map(|candidate| (&candidate.key, candidate.base_distance));
        let known: BTreeMap<&AnswerKey, f32> = known.collect();
        let in_results: BTreeSet<&AnswerKey> = results.iter().map(|(_, key)| *key).collect();
        let mut moved: Vec<(f32, AnswerKey, Chosen)> = Vec::new();
        for (key, by) in chosen {
            let Some(&base) = known.get(&key) else { continue };
            let factor = if in_results.contains(&key) { 1.0 } else { INJECTED };
            let by = Chosen { score: (by.score * factor).min(1.0), ..by };
            moved.push((boost(base, by.score), key, by));
        }
        moved.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
        let is_moved: BTreeSet<&AnswerKey> = moved.iter().map(|(_, key, _)| key).collect();
        let unmoved: Vec<f32> = results
            .iter()
            .filter(|(_, key)| !is_moved.contains(key))
            .map(|(distance, _)| *distance)
            .collect();
        let place =
            |at: usize, distance: f32| at + unmoved.iter().filter(|unmoved| **unmoved < distance).count();
        let first = moved
            .iter()
            .enumerate()
            .take_while(|(at, (distance, _, _))| place(*at, *distance) < self.max_displaced);
        let first = first.count();
        moved.truncate(first);
        moved.into_iter().map(|(_, key, by)| (key, by)).collect()
    }
}

/// Whether `entry` was recorded later than `held`, or at the same time for a nearer query.
fn is_newer(entry: &Entry, held: &Entry) -> bool {
    let order = held.age_s.cmp(&entry.age_s).then_with(|| held.distance.total_cmp(&entry.distance));
    order.then_with(|| held.playbook_id.cmp(&entry.playbook_id)).is_gt()
}

/// The lower bound of the score interval for a proportion `p` seen in `n` trials (Wilson 1927).
fn lower_bound(p: f64, n: f64, z: f64) -> f64 {
    if n <= 0.0 {
        return 0.0;
    }
    let p = p.clamp(0.0, 1.0);
    let z2 = z * z;
    let spread = z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    ((p + z2 / (2.0 * n) - spread) / (1.0 + z2 / n)).max(0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY_S: i64 = 86_400;

    fn evidence() -> Evidence {
        Evidence {
            max_distance: 0.6,
            bandwidth: 0.27,
            half_life_s: 180.0 * DAY_S as f64,
            z: 1.1,
            max_displaced: 2,
            quarantine_votes: 2,
        }
    }

    fn key(id: &str) -> AnswerKey {
        AnswerKey { corpus: "workers".into(), id: id.into() }
    }

    /// A recording at distance 0.1, a day old.
    fn entry(id: &str, voter: &str, answer: &str, score: f64) -> Entry {
        Entry {
            playbook_id: id.into(),
            role_key: "welder".into(),
            answer: key(answer),
            score,
            distance: 0.1,
            voter: voter.into(),
            query: "q".into(),
            age_s: DAY_S,
        }
    }

    fn strength(entries: &[Entry], answer: &str) -> f64 {
        evidence().weigh(entries, "welder").chosen.get(&key(answer)).map_or(0.0, |chosen| chosen.score)
    }

    #[test]
    fn lower_bound_is_wilsons() {
        // Wilson 1927 by hand: 8 of 10 at z = 1.96 has the interval 0.490 to 0.943.
        assert!((lower_bound(0.8, 10.0, 1.96) - 0.490_16).abs() < 1e-4);
        assert!((lower_bound(1.0, 1.0, 1.96) - 0.206_54).abs() < 1e-4);
        assert_eq!((lower_bound(0.0, 5.0, 1.96), lower_bound(1.0, 0.0, 1.96)), (0.0, 0.0));
    }

    #[test]
    fn many_voters_who_agree_prove_more_than_one() {
        let voters: Vec<Entry> =
            (0..8).map(|n| entry(&format!("p{n}"), &format!("v{n}"), "a", 1.0)).collect();
        let strengths: Vec<f64> = [1, 2, 8].iter().map(|n| strength(&voters[..*n], "a")).collect();
        assert!(strengths.is_sorted_by(|a, b| a < b), "{strengths:?}");
    }

    #[test]
    fn one_voter_has_one_vote_however_often_it_records() {
        let once = [entry("p0", "ana", "a", 1.0), entry("p1", "bo", "b", 1.0)];
        let often: Vec<Entry> =
            (0..20).map(|n| entry(&format!("q{n}"), "ana", "a", 1.0)).chain(once.clone()).collect();
        assert_eq!(strength(&often, "a"), strength(&once, "a"));
        assert_eq!(strength(&often, "b"), strength(&once, "b"));
    }

    #[test]
    fn last_word_of_a_voter_is_its_vote() {
        let then = Entry { age_s: 9 * DAY_S, ..entry("p0", "ana", "a", 1.0) };
        let now = entry("p1", "ana", "a", 0.0);
        assert_eq!(strength(&[then.clone(), now.clone()], "a"), 0.0);
        assert!(strength(&[Entry { score: 0.0, ..then }, Entry { score: 1.0, ..now }], "a") > 0.0);
    }

    #[test]
    fn outcomes_against_an_answer_weaken_it() {
        let votes = |against: usize| -> Vec<Entry> {
            let vote = |n: usize| {
                entry(&format!("p{n}"), &format!("v{n}"), "a", if n < 6 - against { 1.0 } else { 0.0 })
            };
            (0..6).map(vote).collect()
        };
        let strengths: Vec<f64> = [0, 1, 2].iter().map(|against| strength(&votes(*against), "a")).collect();
        assert!(strengths.is_sorted_by(|a, b| a > b), "{strengths:?}");
    }

    #[test]
    fn old_and_far_votes_count_less_beside_young_and_near_ones() {
        let rival = entry("p1", "bo", "b", 1.0);
        let with = |mine: Entry| strength(&[mine, rival.clone()], "a");
        let near = with(entry("p0", "ana", "a", 1.0));
        assert!(with(Entry { distance: 0.3, ..entry("p0", "ana", "a", 1.0) }) < near);
        assert!(with(Entry { age_s: 400 * DAY_S, ..entry("p0", "ana", "a", 1.0) }) < near);
    }

    #[test]
    fn later_outcomes_against_a_recording_quarantine_it() {
        let old = Entry { age_s: 30 * DAY_S, ..entry("old", "ana", "a", 1.0) };
        let against = |n: usize| entry(&format!("no{n}"), &format!("v{n}"), "a", 0.0);
        let quarantined = |entries: &[Entry]| evidence().weigh(entries, "welder").quarantined;
        assert_eq!(quarantined(&[old.clone(), against(1)]), BTreeSet::new());
        let both = [old.clone(), against(1), against(2)];
        assert_eq!(quarantined(&both), BTreeSet::from(["old".to_owned()]));
        assert_eq!(strength(&both, "a"), 0.0);
        // Those who confirm it later hold it up.
        let confirmed =
            [old, against(1), against(2), entry("y1", "w1", "a", 1.0), entry("y2", "w2", "a", 1.0)];
        assert_eq!(quarantined(&confirmed), BTreeSet::new());
    }

    #[test]
    fn same_voters_repeated_no_is_one_contradiction() {
        let old = Entry { age_s: 30 * DAY_S, ..entry("old", "ana", "a", 1.0) };
        let twice = [old, entry("n1", "bo", "a", 0.0), entry("n2", "bo", "a", 0.0)];
        assert_eq!(evidence().weigh(&twice, "welder").quarantined, BTreeSet::new());
    }

    fn candidate(id: &str, base_distance: f32) -> Candidate<()> {
        Candidate { key: key(id), base_distance, payload: () }
    }

    fn moved(chosen: &[(&str, f64)], found: &[Candidate<()>], fetched: &[Candidate<()>]) -> Vec<String> {
        let by = |score| Chosen { score, playbook_id: String::new() };
        let chosen = chosen.iter().map(|(id, score)| (key(id), by(*score))).collect();
        evidence().hold_back(chosen, found, fetched, 4).into_keys().map(|key| key.id).collect()
    }

    #[test]
    fn only_what_comes_to_the_first_places_is_moved() {
        let found: Vec<_> =
            ["a", "b", "c", "d"].iter().zip([0.4, 0.5, 0.6, 0.65]).map(|(id, d)| candidate(id, d)).collect();
        assert_eq!(moved(&[("d", 0.1)], &found, &[]), [""; 0], "third place would not help enough");
        assert_eq!(moved(&[("d", 0.6)], &found, &[candidate("z", 0.9)]), ["d"]);
        assert_eq!(moved(&[("z", 1.0)], &found, &[candidate("z", 0.9)]), ["z"], "injected");
    }

    #[test]
    fn answer_whose_distance_is_not_known_is_not_moved() {
        assert_eq!(moved(&[("gone", 1.0)], &[candidate("a", 0.4)], &[]), [""; 0]);
    }

    proptest! {
        #[test]
        fn no_result_falls_more_places_than_the_cap(
            distances in prop::collection::vec(0.0..1.5f32, 1..14),
            fetched in prop::collection::vec(0.0..1.5f32, 0..6),
            scores in prop::collection::btree_map(0..20usize, 0.0..=1.0f64, 0..10),
            max_displaced in 0..4usize,
        ) {
            let k = 8;
            let all: Vec<Candidate<()>> = distances.iter().chain(&fetched).enumerate()
                .map(|(n, distance)| candidate(&format!("{n:02}"), *distance)).collect();
            let (found, fetched) = all.split_at(distances.len());
            let by = |score: &f64| Chosen { score: *score, playbook_id: String::new() };
            let chosen = scores.iter().map(|(n, score)| (key(&format!("{n:02}")), by(score))).collect();
            let evidence = Evidence { max_displaced, ..evidence() };
            let chosen = evidence.hold_back(chosen, found, fetched, k);
            let places = |chosen: &BTreeMap<AnswerKey, Chosen>| -> Vec<AnswerKey> {
                let ranking = crate::rank(found.to_vec(), fetched.to_vec(), chosen, k + max_displaced);
                ranking.results.into_iter().map(|ranked| ranked.candidate.key).collect()
            };
            let (cold, warm) = (places(&BTreeMap::new()), places(&chosen));
            for (before, result) in cold.iter().take(k).enumerate() {
                let after = warm.iter().position(|key| key == result);
                prop_assert!(after.is_some_and(|after| after <= before + max_displaced), "{cold:?} {warm:?}");
            }
        }

        #[test]
        fn recording_for_another_role_or_from_afar_never_weighs(
            recorded in prop::collection::vec((0..3u8, 0..4u8, 0..4u8, 0.0..=1.0f64, 0.0..1.0f32, 0..900i64), 0..20),
        ) {
            let entries: Vec<Entry> = recorded.iter().enumerate().map(|(n, (role, voter, answer, score, distance, days))| Entry {
                playbook_id: format!("p{n:02}"),
                role_key: ["welder", "", "cnc operator"][usize::from(*role)].to_owned(),
                answer: key(&answer.to_string()),
                score: *score,
                distance: *distance,
                voter: voter.to_string(),
                query: distance.to_string(),
                age_s: days * DAY_S,
            }).collect();
            let near: Vec<Entry> = entries.iter()
                .filter(|entry| entry.role_key == "welder" && entry.distance <= 0.6).cloned().collect();
            let verdict = evidence().weigh(&entries, "welder");
            prop_assert_eq!(&verdict, &evidence().weigh(&near, "welder"));
            prop_assert!(verdict.chosen.values().all(|chosen| (0.0..=1.0).contains(&chosen.score)));
        }
    }
}
