//! What an audit counts.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// The names of the metrics, in the order of the stages: evidence (p2), scores (p3), exports (p4).
pub const METRICS: [&str; 10] = [
    "p2_evidence_rows",
    "p2_evidence_skips",
    "p3_accepted",
    "p3_partial",
    "p3_rejected",
    "p3_human",
    "p4_rag_rows",
    "p4_sft_rows",
    "p4_pref_pairs",
    "p4_total_quarantined",
];

/// A count for each of [`METRICS`], as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Metrics([Option<u64>; METRICS.len()]);

impl Metrics {
    /// All ten, in the order of [`METRICS`].
    pub fn new(counts: [u64; METRICS.len()]) -> Self {
        Self(counts.map(Some))
    }

    /// The metrics that an entry of whatever writer has: beside its other members, or in a member `metrics`. What is no count is
    /// not known.
    pub(crate) fn of(entry: &Map<String, Value>) -> Self {
        let inner = entry.get("metrics").and_then(Value::as_object);
        let value = |name: &str| entry.get(name).or_else(|| inner?.get(name));
        Self(METRICS.map(|name| count(value(name)?)))
    }

    /// Names and counts, in the order of [`METRICS`].
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Option<u64>)> {
        METRICS.into_iter().zip(self.0)
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

impl Serialize for Metrics {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().filter(|(_, count)| count.is_some()))
    }
}

impl<'de> Deserialize<'de> for Metrics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(|entry| Self::of(&entry))
    }
}

/// Writers spell numbers as they like: 12, 12.0 and 1.2e1 are the same count.
fn count(value: &Value) -> Option<u64> {
    let exact = value.as_u64();
    // Up to 2^53 every whole number is a number of its own.
    let whole = || value.as_f64().filter(|x| x.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(x));
    exact.or_else(|| whole().map(|x| x as u64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(value: &Value) -> Metrics {
        Metrics::of(value.as_object().unwrap())
    }

    #[test]
    fn counts_are_found_however_they_are_spelled_and_wherever_they_stand() {
        let known =
            |metrics: Metrics| metrics.iter().filter_map(|(name, n)| Some((name, n?))).collect::<Vec<_>>();
        let flat = of(&json!({"p2_evidence_rows": 12, "p3_human": 1.2e1, "p4_sft_rows": 12.0, "other": 1}));
        assert_eq!(known(flat), [("p2_evidence_rows", 12), ("p3_human", 12), ("p4_sft_rows", 12)]);
        assert_eq!(known(of(&json!({"metrics": {"p3_partial": 0}}))), [("p3_partial", 0)]);
        for nothing in [json!(-1), json!(0.5), json!("12"), json!(null), json!(1e300)] {
            assert!(of(&json!({"p3_human": nothing})).is_empty(), "{nothing}");
        }
    }
}
