//! Chooses a column's type from the texts in it, so that no text changes its meaning.
//!
//! A number becomes a number only if writing it back gives an equal text's value: digits that carry meaning (`00123`,
//! card and account numbers, telephone numbers) stay text.

use arrow::datatypes::{DataType, TimeUnit};

use super::parse;

/// Integers with more digits are identifiers, and would not survive a reader that holds numbers as f64.
const MAX_NUMBER_DIGITS: usize = 15;

/// What one text could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Boolean,
    Long,
    Double,
    Date,
    Timestamp,
    TimestampTz,
    Text,
}

/// What the texts of one column could be together.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ColumnType {
    kind: Option<Kind>,
    has_other_than_phone: bool,
}

impl ColumnType {
    /// Takes one value into account. `is_text` says that the format itself calls it text (a JSON string): it may
    /// still be a date, never a number.
    pub(crate) fn observe(&mut self, value: &str, is_text: bool) {
        if self.kind == Some(Kind::Text) {
            return;
        }
        let kind = match classify(value.trim()) {
            Kind::Boolean | Kind::Long | Kind::Double if is_text => Kind::Text,
            kind => kind,
        };
        self.has_other_than_phone |= !is_phone_number(value.trim());
        self.kind = Some(self.kind.map_or(kind, |so_far| join(so_far, kind)));
    }

    /// The narrowest type that holds every value seen; text if there was none.
    pub(crate) fn data_type(self) -> DataType {
        match self.kind {
            Some(Kind::Boolean) => DataType::Boolean,
            Some(Kind::Long) if self.has_other_than_phone => DataType::Int64,
            Some(Kind::Double) => DataType::Float64,
            Some(Kind::Date) => DataType::Date32,
            Some(Kind::Timestamp) => DataType::Timestamp(TimeUnit::Microsecond, None),
            Some(Kind::TimestampTz) => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
            Some(Kind::Long | Kind::Text) | None => DataType::Utf8,
        }
    }
}

/// Whether `text` is an integer whose digits carry no other meaning than its value.
pub(crate) fn is_counting_number(text: &str) -> bool {
    classify(text) == Kind::Long
}

fn classify(text: &str) -> Kind {
    if parse::is_number(text) {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        return match (digits <= MAX_NUMBER_DIGITS, parse::long(text).is_ok()) {
            (true, true) => Kind::Long,
            (false, true) => Kind::Text,
            (_, false) if digits <= MAX_NUMBER_DIGITS + 2 && parse::double(text).is_ok() => Kind::Double,
            (_, false) => Kind::Text,
        };
    }
    if parse::boolean(text).is_ok() {
        Kind::Boolean
    } else if parse::date(text).is_ok() {
        Kind::Date
    } else if parse::timestamp(text).is_ok() {
        Kind::Timestamp
    } else if parse::timestamp_tz(text).is_ok() {
        Kind::TimestampTz
    } else {
        Kind::Text
    }
}

/// The kind that holds values of both.
fn join(a: Kind, b: Kind) -> Kind {
    match (a, b) {
        _ if a == b => a,
        (Kind::Long, Kind::Double) | (Kind::Double, Kind::Long) => Kind::Double,
        _ => Kind::Text,
    }
}

/// Ten digits as the North American Numbering Plan has them: neither area code nor exchange begins with 0 or 1.
fn is_phone_number(text: &str) -> bool {
    let digits = text.as_bytes();
    digits.len() == 10 && digits.iter().all(u8::is_ascii_digit) && digits[0] >= b'2' && digits[3] >= b'2'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infer(values: &[&str]) -> DataType {
        let mut column = ColumnType::default();
        values.iter().for_each(|value| column.observe(value, false));
        column.data_type()
    }

    #[test]
    fn digits_that_carry_meaning_stay_text() {
        for values in [
            &["00123", "4"][..],
            &["12", "007"],
            &["4111111111111111"],
            &["+15550100"],
            &["2025550100", "9725550199"],
            &["1e999"],
            &["0.123456789012345678901"],
        ] {
            assert_eq!(infer(values), DataType::Utf8, "{values:?}");
        }
    }

    #[test]
    fn plain_values_get_their_types() {
        for (values, expected) in [
            (&["0", "-7", "123456"][..], DataType::Int64),
            (&["2025550100", "12"], DataType::Int64),
            (&["1", "2.5", "-1e3"], DataType::Float64),
            (&["true", "FALSE"], DataType::Boolean),
            (&["2025-05-01"], DataType::Date32),
            (&["2025-05-01T10:00:00", "2025-05-01 10:00"], DataType::Timestamp(TimeUnit::Microsecond, None)),
            (
                &["2025-05-01T10:00:00Z", "2025-05-01T10:00:00+02:00"],
                DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
            ),
            (&["1", "x"], DataType::Utf8),
            (&["2025-05-01", "2025-05-01T10:00:00"], DataType::Utf8),
            (&[], DataType::Utf8),
        ] {
            assert_eq!(infer(values), expected, "{values:?}");
        }
    }

    #[test]
    fn json_string_of_digits_stays_text() {
        let mut column = ColumnType::default();
        column.observe("12", true);
        assert_eq!(column.data_type(), DataType::Utf8);
    }
}
