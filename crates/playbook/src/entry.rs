//! Which recordings count for a query.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

/// Where an answer lives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnswerKey {
    /// The corpus.
    pub corpus: String,
    /// The item's id in it.
    pub id: String,
}

/// A recording that came back as a neighbour of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Id of the recording.
    pub playbook_id: String,
    /// What it was recorded for: see [`role_key`](crate::role_key).
    pub role_key: String,
    /// The answer that was acted upon.
    pub answer: AnswerKey,
    /// How well it worked, 0 to 1.
    pub score: f64,
    /// Cosine distance of the recorded query to this one.
    pub distance: f32,
    /// Who says so: each voter has one vote on an answer.
    pub voter: String,
    /// The recorded query: equal for equal ones.
    pub query: String,
    /// How long ago it was recorded, seconds.
    pub age_s: i64,
}

/// What counts for one answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// What its distance is drawn nearer by, 0 to 1.
    pub score: f64,
    /// The recording that it is most owed to.
    pub playbook_id: String,
}

/// The recordings that count for a query of `role_key` under policy `direct`: same role, within `max_distance`, and with a score that moves
/// something. Several for one answer count once: the one with the highest score, of several the nearest, of those the first.
pub fn choose(
    entries: impl IntoIterator<Item = Entry>,
    role_key: &str,
    max_distance: f32,
) -> BTreeMap<AnswerKey, Chosen> {
    let mut chosen: BTreeMap<AnswerKey, (f32, Chosen)> = BTreeMap::new();
    let counts = |entry: &Entry| {
        entry.role_key == role_key
            && entry.distance <= max_distance
            && entry.score > 0.0
            && entry.score <= 1.0
    };
    for entry in entries.into_iter().filter(counts) {
        let offer = (entry.distance, Chosen { score: entry.score, playbook_id: entry.playbook_id });
        match chosen.entry(entry.answer) {
            Slot::Vacant(slot) => {
                slot.insert(offer);
            }
            Slot::Occupied(mut slot) => {
                if is_better(&offer, slot.get()) {
                    slot.insert(offer);
                }
            }
        }
    }
    chosen.into_iter().map(|(answer, (_, chosen))| (answer, chosen)).collect()
}

fn is_better((distance, offer): &(f32, Chosen), (held_distance, held): &(f32, Chosen)) -> bool {
    offer.score.total_cmp(&held.score).then_with(|| held_distance.total_cmp(distance)).is_gt()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::role_key;

    fn entry(playbook_id: &str, role: &str, id: &str, score: f64, distance: f32) -> Entry {
        let answer = AnswerKey { corpus: "workers".into(), id: id.into() };
        let (playbook_id, role_key, nobody) = (playbook_id.into(), role.into(), String::new());
        Entry {
            playbook_id,
            role_key,
            answer,
            score,
            distance,
            voter: nobody.clone(),
            query: nobody,
            age_s: 0,
        }
    }

    fn scores(entries: Vec<Entry>) -> Vec<(String, f64, String)> {
        choose(entries, "welder", 0.35).into_iter().map(|(key, c)| (key.id, c.score, c.playbook_id)).collect()
    }

    #[test]
    fn highest_score_counts_once_and_ties_go_to_the_nearest_and_then_the_first() {
        let entries = vec![
            entry("p3", "welder", "a", 0.9, 0.3),
            entry("p2", "welder", "a", 0.9, 0.1),
            entry("p0", "welder", "a", 0.9, 0.1),
            entry("p1", "welder", "a", 0.2, 0.0),
        ];
        assert_eq!(scores(entries), [("a".into(), 0.9, "p2".into())]);
    }

    #[test]
    fn limit_of_the_distance_is_included_and_what_lies_beyond_is_not() {
        let entries = vec![entry("p1", "welder", "a", 1.0, 0.35), entry("p2", "welder", "b", 1.0, 0.350_001)];
        assert_eq!(scores(entries), [("a".into(), 1.0, "p1".into())]);
    }

    #[test]
    fn negative_outcome_moves_nothing() {
        assert_eq!(scores(vec![entry("p1", "welder", "a", 0.0, 0.0)]), []);
    }

    #[test]
    fn score_that_is_no_score_moves_nothing() {
        let entries =
            [f64::NAN, -1.0, 1.5, f64::INFINITY].map(|score| entry("p1", "welder", "a", score, 0.0));
        assert_eq!(scores(entries.to_vec()), []);
        assert_eq!(scores(vec![entry("p1", "welder", "a", 1.0, f32::NAN)]), []);
    }

    fn role() -> impl Strategy<Value = Option<String>> {
        prop_oneof![
            Just(None),
            prop::sample::select(vec![
                "",
                " ",
                "Welder",
                "welder ",
                "WELDER",
                "CNC Operator",
                "cnc operator",
                "ß"
            ])
            .prop_map(|role| Some(role.to_owned())),
            "\\PC{0,4}".prop_map(Some),
        ]
    }

    proptest! {
        #[test]
        fn recording_for_another_role_never_counts(
            recorded in prop::collection::vec((role(), 0..5u8, 0.0..=1.0f64, 0.0..1.0f32), 0..20),
            asked in role(),
        ) {
            let key = role_key(asked.as_deref());
            let entries: Vec<Entry> = recorded.iter().enumerate().map(|(n, (role, id, score, distance))| {
                entry(&format!("p{n}"), &role_key(role.as_deref()), &id.to_string(), *score, *distance)
            }).collect();
            let strangers_gone: Vec<Entry> = entries.iter().filter(|entry| entry.role_key == key).cloned().collect();
            prop_assert_eq!(choose(entries, &key, 0.35), choose(strangers_gone, &key, 0.35));
        }
    }
}
