//! Numbers by value.

use std::cmp::Ordering;

/// A number of metadata or of a filter. JSON knows no NaN and no infinity.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    /// -2^63 to 2^64 - 1.
    Whole(i128),
    /// Never -0.0, so that numbers of one value are of one form in bytes.
    Float(f64),
}

impl Number {
    pub(super) fn of(json: &serde_json::Number) -> Option<Self> {
        json.as_i128().map(Self::Whole).or_else(|| json.as_f64().map(|float| Self::Float(float + 0.0)))
    }

    /// Whole numbers exactly: ids above 2^53 differ, although their f64 forms may not. A whole number beside a float is
    /// taken as a float, so that 2^53 + 1 and 2^53 both equal 2^53 as a float: there is no total order of all numbers
    /// that agrees with this, but one of the whole numbers and one of the floats, each of which any number, of
    /// either form, divides into smaller, equal, and greater ones.
    pub(super) fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(&b),
            _ => self.to_f64().total_cmp(&other.to_f64()),
        }
    }

    pub(super) fn to_f64(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Float(float) => float,
        }
    }
}

/// Unsigned numbers that sort as the whole numbers do.
pub(super) fn sortable_from_whole(whole: i128) -> u128 {
    (whole ^ i128::MIN) as u128
}

pub(super) fn whole_from_sortable(sortable: u128) -> i128 {
    sortable as i128 ^ i128::MIN
}

/// Unsigned numbers that sort as the floats do: below zero, a greater magnitude is less.
pub(super) fn sortable_from_float(float: f64) -> u64 {
    let bits = float.to_bits();
    if bits & SIGN == 0 { bits ^ SIGN } else { !bits }
}

pub(super) fn float_from_sortable(sortable: u64) -> f64 {
    f64::from_bits(if sortable & SIGN == 0 { !sortable } else { sortable ^ SIGN })
}

const SIGN: u64 = 1 << 63;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::order;
    use super::super::term::{self, Kind};
    use super::*;

    const BELOW_2_53: i64 = (1 << 53) - 1;

    /// Numbers around which forms, signs and precisions change, and all others.
    fn json_number() -> impl Strategy<Value = serde_json::Number> {
        let whole = prop_oneof![
            (-3..4_i64).prop_map(serde_json::Number::from),
            (BELOW_2_53..BELOW_2_53 + 5).prop_map(serde_json::Number::from),
            (-BELOW_2_53 - 5..-BELOW_2_53).prop_map(serde_json::Number::from),
            (i64::MIN..i64::MIN + 3).prop_map(serde_json::Number::from),
            (u64::MAX - 2048..=u64::MAX).prop_map(serde_json::Number::from),
            any::<i64>().prop_map(serde_json::Number::from),
        ];
        let special = [
            0.0,
            -0.0,
            0.1,
            -0.1,
            1.0,
            2.0,
            2.5,
            5e-324,
            -5e-324,
            1e300,
            -1e300,
            f64::MAX,
            f64::MIN,
            9_007_199_254_740_992.0,
            9_007_199_254_740_994.0,
            -9_007_199_254_740_992.0,
            9_223_372_036_854_775_807.0,
            -9_223_372_036_854_775_808.0,
            18_446_744_073_709_551_615.0,
        ];
        let float = prop_oneof![prop::sample::select(special.to_vec()).boxed(), any::<f64>().boxed()];
        prop_oneof![whole.boxed(), float.prop_filter_map("finite", serde_json::Number::from_f64).boxed()]
    }

    fn term_of(number: Number) -> Vec<u8> {
        let mut bytes = Vec::new();
        term::encode_number(number, &mut bytes);
        bytes
    }

    fn kind_of(number: Number) -> Kind {
        match number {
            Number::Whole(_) => Kind::Whole,
            Number::Float(_) => Kind::Float,
        }
    }

    /// As filters have always compared: the definition, without [`Number`].
    fn defined(a: &serde_json::Number, b: &serde_json::Number) -> Option<Ordering> {
        match (a.as_i128(), b.as_i128()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn numbers_compare_as_defined(a in json_number(), b in json_number()) {
            prop_assert_eq!(order(&Value::Number(a.clone()), &Value::Number(b.clone())), defined(&a, &b));
        }

        #[test]
        fn terms_of_a_kind_sort_and_come_back_as_their_numbers(a in json_number(), b in json_number()) {
            let (a, b) = (Number::of(&a).unwrap(), Number::of(&b).unwrap());
            let back = term::decode_number(kind_of(a), &term_of(a)[1..]);
            prop_assert_eq!(back.compare(a), Ordering::Equal);
            prop_assert_eq!(kind_of(back), kind_of(a));
            if kind_of(a) == kind_of(b) {
                prop_assert_eq!(term_of(a).cmp(&term_of(b)), a.compare(b));
            }
        }

        /// What a binary search among the terms of a kind relies on.
        #[test]
        fn any_number_divides_the_terms_of_a_kind_into_smaller_equal_and_greater(
            operand in json_number(),
            numbers in prop::collection::vec(json_number(), 1..40),
        ) {
            let operand = Number::of(&operand).unwrap();
            for kind in [Kind::Whole, Kind::Float] {
                let of_kind = numbers.iter().filter_map(Number::of).filter(|number| kind_of(*number) == kind);
                let mut terms: Vec<_> = of_kind.map(term_of).collect();
                terms.sort();
                let compared = terms.iter().map(|term| term::decode_number(kind, &term[1..]).compare(operand));
                prop_assert!(compared.is_sorted());
            }
        }
    }
}
