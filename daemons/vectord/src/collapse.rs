//! Of results about the same thing, the one that says most.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use service::{ApiError, Result};
use vector_index::Hit;
use wire::vectors::{Collapse, MAX_COLLAPSE_KEYS};

/// A [`Collapse`] that has been checked.
pub(crate) struct Collapsing {
    /// Those that must be equal, and last the one of the number.
    keys: Vec<String>,
}

impl Collapsing {
    /// # Errors
    /// 400 for too few or too many keys.
    pub(crate) fn new(Collapse { mut keys, keep }: Collapse) -> Result<Self> {
        if !(1..=MAX_COLLAPSE_KEYS).contains(&keys.len()) {
            let got = keys.len();
            return Err(ApiError::invalid(format!("collapse.keys are 1 to {MAX_COLLAPSE_KEYS}, not {got}")));
        }
        keys.push(keep);
        Ok(Self { keys })
    }

    /// Leaves one of `hits` for each thing, in their order, and says how many it took out.
    pub(crate) fn apply(&self, hits: &mut Vec<Hit>) -> usize {
        let mut is_kept = vec![false; hits.len()];
        for place in self.best(hits) {
            is_kept[place] = true;
        }
        let (before, mut is_kept) = (hits.len(), is_kept.into_iter());
        hits.retain(|_| is_kept.next().unwrap_or_default());
        before - hits.len()
    }

    /// The place of the best hit for each thing.
    fn best(&self, hits: &[Hit]) -> Vec<usize> {
        let mut best: BTreeMap<Vec<Option<&str>>, (f64, usize)> = BTreeMap::new();
        for (place, hit) in hits.iter().enumerate() {
            let mut thing = values(hit.metadata.as_str(), &self.keys);
            let number = thing.pop().flatten().and_then(|text| text.parse().ok());
            let number: f64 = number.unwrap_or(f64::NEG_INFINITY);
            let held = best.entry(thing).or_insert((number, place));
            if number > held.0 {
                *held = (number, place);
            }
        }
        best.into_values().map(|(_, place)| place).collect()
    }
}

/// The JSON texts of the values that `object` has under `keys`.
fn values<'a>(object: &'a str, keys: &[String]) -> Vec<Option<&'a str>> {
    let mut deserializer = serde_json::Deserializer::from_str(object);
    // Only texts of objects are ever stored.
    Values(keys).deserialize(&mut deserializer).unwrap_or_else(|_| vec![None; keys.len()])
}

/// Reads of an object the values under these keys.
struct Values<'k>(&'k [String]);

impl<'de> DeserializeSeed<'de> for Values<'_> {
    type Value = Vec<Option<&'de str>>;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = Vec<Option<&'de str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
        let mut values = vec![None; self.0.len()];
        while let Some(Key(key)) = map.next_key()? {
            if !self.0.iter().any(|wanted| *wanted == key) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = map.next_value::<&RawValue>()?.get();
            let places = self.0.iter().zip(&mut values).filter(|(wanted, _)| **wanted == key);
            places.for_each(|(_, place)| *place = Some(value));
        }
        Ok(values)
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};
    use vector_index::Metadata;

    use super::*;

    fn hit(place: usize, metadata: &Map<String, Value>) -> Hit {
        let metadata = Metadata::from_map(metadata);
        Hit { id: format!("{place:02}").into(), distance: place as f32, metadata, expires_ms: None }
    }

    fn collapse(objects: &[Value], keys: &[&str]) -> (Vec<String>, usize) {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let collapsing = Collapsing::new(Collapse { keys, keep: "score".to_owned() }).unwrap();
        let hit = |(place, object): (usize, &Value)| hit(place, object.as_object().unwrap());
        let mut hits = objects.iter().enumerate().map(hit).collect();
        let taken = collapsing.apply(&mut hits);
        (hits.into_iter().map(|hit| hit.id.into()).collect(), taken)
    }

    #[test]
    fn of_results_about_one_thing_the_greatest_number_stays_and_of_several_the_nearest() {
        let objects = [
            json!({"answer": "ana", "score": 0.5}),
            json!({"answer": "bob", "score": 1}),
            json!({"answer": "ana", "score": 0.75}),
            json!({"answer": "ana", "score": 0.75}),
            json!({"answer": "bob", "score": 1.0}),
        ];
        assert_eq!(collapse(&objects, &["answer"]), (vec!["01".into(), "02".into()], 3));
    }

    #[test]
    fn all_keys_tell_things_apart_and_a_missing_one_is_equal_to_a_missing_one() {
        let objects = [
            json!({"a": "x", "b": 1, "score": 1}),
            json!({"a": "x", "b": "1", "score": 1}),
            json!({"a": "x", "score": 1}),
            json!({"b": 1, "a": "x", "score": 1}),
            json!({"a": "x", "score": "high"}),
            json!({}),
        ];
        assert_eq!(collapse(&objects, &["a", "b"]).0, ["00", "01", "02", "05"]);
    }

    #[test]
    fn no_key_and_too_many_are_refused() {
        for keys in [0, MAX_COLLAPSE_KEYS + 1] {
            let collapse = Collapse { keys: vec!["k".to_owned(); keys], keep: "score".to_owned() };
            let refusal = Collapsing::new(collapse).err().unwrap();
            assert!(refusal.detail().contains("1 to 8"), "{}", refusal.detail());
        }
    }

    proptest! {
        #[test]
        fn what_stays_is_what_no_other_of_its_thing_beats(
            drawn in prop::collection::vec((prop::option::of(0..4u8), prop::option::of(-2..3i8)), 0..40),
        ) {
            let object = |(answer, score): &(Option<u8>, Option<i8>)| {
                let fields = [answer.map(|a| ("answer", json!(a))), score.map(|s| ("score", json!(s)))];
                Value::Object(fields.into_iter().flatten().map(|(key, value)| (key.to_owned(), value)).collect())
            };
            let beats = |a: usize, b: usize| {
                drawn[a].0 == drawn[b].0 && (drawn[a].1 > drawn[b].1 || drawn[a].1 == drawn[b].1 && a < b)
            };
            let stays = |place: &usize| !(0..drawn.len()).any(|other| beats(other, *place));
            let expected: Vec<String> = (0..drawn.len()).filter(stays).map(|place| format!("{place:02}")).collect();
            let taken = drawn.len() - expected.len();
            let objects: Vec<Value> = drawn.iter().map(object).collect();
            prop_assert_eq!(collapse(&objects, &["answer"]), (expected, taken));
        }
    }
}
