//! The filter index beside its definition: `Filter::matches` of each item.

use std::cell::RefCell;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Filter, FilterIndex, Object};
use crate::bitset::Bitset;

const KEYS: [&str; 3] = ["a", "b", "c"];

/// Values of few kinds and near each other, so that filters hit.
fn scalar() -> impl Strategy<Value = Value> {
    let numbers = vec![
        json!(0),
        json!(-0.0),
        json!(0.0),
        json!(0.1),
        json!(1),
        json!(1.0),
        json!(2),
        json!(2.5),
        json!(-1),
        json!(-1.5),
        json!(9_007_199_254_740_992_u64),
        json!(9_007_199_254_740_993_u64),
        json!(9_007_199_254_740_994_u64),
        json!(9_007_199_254_740_992.0),
        json!(-9_007_199_254_740_993_i64),
        json!(-9_007_199_254_740_992.0),
        json!(u64::MAX),
        json!(u64::MAX - 1),
        json!(18_446_744_073_709_551_615.0),
        json!(i64::MIN),
        json!(-9_223_372_036_854_775_808.0),
        json!(1e300),
        json!(-1e300),
        json!(5e-324),
    ];
    let texts = ["", "1", "a", "aa", "b", "é", "\u{ffff}", "\u{10000}", "2021-03-01", "2021-12-01"];
    let long = prop::sample::select(vec![255, 256, 257, 300]).prop_map(|bytes| json!("a".repeat(bytes)));
    prop_oneof![
        8 => prop::sample::select(numbers),
        8 => prop::sample::select(texts.to_vec()).prop_map(Value::from),
        2 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => long,
    ]
}

fn nested() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::collection::vec(scalar(), 0..2).prop_map(Value::Array),
        prop::collection::vec(scalar(), 0..2).prop_map(|values| json!({ "x": values })),
        scalar().prop_map(|value| json!({ "x": value })),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let element = prop_oneof![6 => scalar().boxed(), 1 => nested().boxed()];
    prop_oneof![
        6 => scalar().boxed(),
        3 => prop::collection::vec(element, 0..4).prop_map(Value::Array).boxed(),
        1 => nested().boxed(),
    ]
}

fn metadata() -> impl Strategy<Value = Object> {
    prop::collection::btree_map(prop::sample::select(&KEYS[..]), value(), 0..=KEYS.len())
        .prop_map(|entries| entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn operators() -> impl Strategy<Value = Value> {
    let operand = || scalar().boxed();
    let ordered =
        || scalar().prop_filter("has an order", |operand| operand.is_number() || operand.is_string());
    let listed = || {
        prop::collection::vec(prop_oneof![5 => scalar().boxed(), 1 => nested().boxed()], 0..4)
            .prop_map(Value::Array)
    };
    let operator = prop_oneof![
        (prop::sample::select(vec!["eq", "ne"]), operand()),
        (prop::sample::select(vec!["in", "nin"]), listed().boxed()),
        (prop::sample::select(vec!["gt", "gte", "lt", "lte"]), ordered().boxed()),
        (Just("exists"), any::<bool>().prop_map(Value::from).boxed()),
    ];
    prop::collection::vec(operator, 1..3).prop_map(|all| {
        Value::Object(all.into_iter().map(|(name, operand)| (name.to_owned(), operand)).collect())
    })
}

fn filter() -> impl Strategy<Value = Value> {
    let keys = prop::sample::select(vec!["a", "b", "c", "absent"]);
    let condition = prop_oneof![1 => scalar().boxed(), 3 => operators().boxed()];
    let flat = prop::collection::btree_map(keys, condition, 0..3).prop_map(|conditions| json!(conditions));
    flat.prop_recursive(3, 12, 3, |inner| {
        (inner.clone(), prop::option::of(inner.clone()), prop::collection::vec(inner, 0..3)).prop_map(
            |(mut filter, not, any)| {
                if let Some(not) = not {
                    filter["not"] = not;
                }
                if !any.is_empty() {
                    filter["any"] = Value::Array(any);
                }
                filter
            },
        )
    })
}

/// Items whose values all differ: enough of them make an index sort its terms, and leave some unsorted.
fn filler(items: usize) -> impl Iterator<Item = Object> {
    (0..items).map(|i| object(json!({ "a": i as f64 * 0.5 - 20.0, "b": i, "c": format!("{i}") })))
}

fn object(json: Value) -> Object {
    let Value::Object(metadata) = json else { panic!("{json} is no object") };
    metadata
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn index_keeps_the_eligible_items_that_match_and_touches_no_others(
        items in prop::collection::vec(metadata(), 1..40),
        filler_items in prop::sample::select(vec![0, 0, 0, 100, 300, 1000]),
        is_finished in any::<bool>(),
        filters in prop::collection::vec(filter(), 1..4),
        first_slot in 0_u32..200,
        ineligible in prop::collection::vec(0_u32..300, 0..100),
    ) {
        let items: Vec<Object> = filler(filler_items).chain(items).collect();
        let mut index = FilterIndex::default();
        items.iter().for_each(|metadata| index.push(metadata));
        if is_finished {
            index.finish();
        }
        let end = first_slot + index.len();
        let mut all: Bitset = (0..end + 70).collect();
        ineligible.iter().for_each(|slot| all.remove(*slot));
        for json in filters {
            let filter = Filter::parse(&json).unwrap();
            let matches = |slot: u32| filter.matches(&items[(slot - first_slot) as usize]);
            let mut eligible = all.clone();
            index.retain_matching(&filter, first_slot, &mut eligible, |slot| {
                assert!(all.contains(slot), "asked about slot {slot}, which is not eligible");
                matches(slot)
            });
            for slot in 0..end + 70 {
                let expected = all.contains(slot) && (!(first_slot..end).contains(&slot) || matches(slot));
                let item = slot.checked_sub(first_slot).and_then(|at| items.get(at as usize));
                prop_assert_eq!(eligible.contains(slot), expected, "{}: slot {}, {:?}", &json, slot, item);
            }
            prop_assert_eq!(eligible.count(), eligible.iter().count());
        }
    }
}

#[test]
fn items_are_looked_at_only_where_a_filter_depends_on_values_that_are_not_indexed() {
    let long = "x".repeat(257);
    let items = [
        json!({"text": "short"}),
        json!({"text": long}),
        json!({"text": ["short", [1]]}),
        json!({"text": {"length": 1}}),
        json!({}),
    ]
    .map(object);
    let index: FilterIndex = items.iter().collect();
    for (filter, expected, expected_looks) in [
        (json!({"text": "short"}), vec![0, 2], vec![]),
        (json!({"text": {"ne": "short"}}), vec![1, 3, 4], vec![]),
        (json!({"text": {"exists": true}}), vec![0, 1, 2, 3], vec![]),
        (json!({"text": {"gte": 1}}), vec![], vec![]),
        (json!({"text": long}), vec![1], vec![1]),
        (json!({"text": {"ne": long}}), vec![0, 2, 3, 4], vec![0, 1, 2, 3, 4]),
        (json!({"text": {"gt": "t"}}), vec![1], vec![1]),
        (json!({"text": {"in": [[1]]}}), vec![2], vec![2, 3]),
        (json!({"text": {"in": [{"length": 1}]}}), vec![3], vec![2, 3]),
    ] {
        let parsed = Filter::parse(&filter).unwrap();
        let looks = RefCell::new(Vec::new());
        let mut eligible: Bitset = (0..index.len()).collect();
        index.retain_matching(&parsed, 0, &mut eligible, |slot| {
            looks.borrow_mut().push(slot);
            parsed.matches(&items[slot as usize])
        });
        assert_eq!(eligible.iter().collect::<Vec<_>>(), expected, "{filter}");
        assert_eq!(looks.into_inner(), expected_looks, "{filter}");
    }
}

#[test]
fn memory_grows_by_tens_of_bytes_for_an_item_whose_values_no_other_has() {
    let items: Vec<Object> = (0..50_000)
        .map(|i| object(json!({ "email": format!("{i:06}@example.com"), "score": f64::from(i) / 7.0 })))
        .collect();
    let index: FilterIndex = items.iter().collect();
    let per_item = index.memory_bytes() / items.len();
    assert!((50..100).contains(&per_item), "{per_item} bytes");
}
