//! Columns that a body needs to be wider, by the promotions that Iceberg allows (specification, "Schema Evolution"): int to
//! long, float to double, and a decimal to one with more digits before the point.
//!
//! Text has no types of its own, so a value decides that the column does not hold and the wider one does. A Parquet body
//! declares its types, and they decide.

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Schema};

use super::{infer, parse};

/// A column of a table that has to become wider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Widening {
    /// Its name.
    pub column: String,
    /// Its type now.
    pub from: DataType,
    /// The type that it needs.
    pub to: DataType,
}

/// How wide the column of a table must be for the texts that were seen.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Width {
    is_too_narrow: bool,
    /// Digits before the point of a decimal number.
    whole_digits: u8,
}

impl Width {
    /// Takes one value into account that shall go into a column of type `column`.
    pub(crate) fn observe(&mut self, text: &str, column: &DataType) {
        let text = text.trim();
        match column {
            // Digits that carry meaning, such as a card's, make no column wider.
            DataType::Int32 => {
                self.is_too_narrow |= parse::int(text).is_err() && infer::is_counting_number(text);
            }
            DataType::Float32 => {
                self.is_too_narrow |= parse::float(text).is_err() && parse::double(text).is_ok();
            }
            DataType::Decimal128(precision, scale) => {
                let widest = DECIMAL128_MAX_PRECISION;
                let is_wider = parse::decimal(text, *precision, *scale).is_err()
                    && parse::decimal(text, widest, *scale).is_ok();
                if is_wider {
                    self.is_too_narrow = true;
                    self.whole_digits = self.whole_digits.max(whole_digits(text));
                }
            }
            _ => {}
        }
    }

    fn needed(self, column: &DataType) -> Option<DataType> {
        if !self.is_too_narrow {
            return None;
        }
        Some(match column {
            DataType::Int32 => DataType::Int64,
            DataType::Float32 => DataType::Float64,
            DataType::Decimal128(_, scale) => {
                DataType::Decimal128(self.whole_digits.saturating_add_signed(*scale), *scale)
            }
            other => other.clone(),
        })
    }

    /// The columns of `table` that must be wider; `widths[i]` is that of the column at `positions[i]`.
    pub(crate) fn widenings(widths: &[Self], positions: &[usize], table: &Schema) -> Vec<Widening> {
        let columns = widths.iter().zip(positions).filter_map(|(width, position)| {
            let field = table.field(*position);
            let to = width.needed(field.data_type())?;
            Some(Widening { column: field.name().clone(), from: field.data_type().clone(), to })
        });
        columns.collect()
    }
}

/// Digits before the point of a number that is a decimal.
fn whole_digits(text: &str) -> u8 {
    let whole = text.trim_start_matches('-').split('.').next().unwrap_or_default();
    u8::try_from(whole.len()).unwrap_or(u8::MAX)
}

/// The type that a column of type `column` must have to hold any value of type `body`, if it can become that.
pub(crate) fn wider(column: &DataType, body: &DataType) -> Option<DataType> {
    match (column, body) {
        (DataType::Int32, DataType::Int64 | DataType::UInt32) => Some(DataType::Int64),
        (DataType::Float32, DataType::Float64) => Some(DataType::Float64),
        (
            DataType::Decimal128(precision, scale),
            DataType::Decimal32(of_body, scale_of_body)
            | DataType::Decimal64(of_body, scale_of_body)
            | DataType::Decimal128(of_body, scale_of_body)
            | DataType::Decimal256(of_body, scale_of_body),
        ) => {
            let needed = of_body.checked_add_signed(scale.checked_sub(*scale_of_body)?)?;
            let is_wider = *precision < needed && needed <= DECIMAL128_MAX_PRECISION;
            is_wider.then_some(DataType::Decimal128(needed, *scale))
        }
        (_, DataType::Dictionary(_, values)) => wider(column, values),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needed(column: &DataType, texts: &[&str]) -> Option<DataType> {
        let mut width = Width::default();
        texts.iter().for_each(|text| width.observe(text, column));
        width.needed(column)
    }

    #[test]
    fn only_a_value_that_the_wider_type_holds_and_the_column_does_not_makes_it_wider() {
        use DataType::{Decimal128, Float32, Float64, Int32, Int64, Utf8};
        let amount = Decimal128(5, 2);
        for (column, texts, expected) in [
            (&Int32, &["1", "-2147483648"][..], None),
            (&Int32, &["1", "3000000000", "x"], Some(Int64)),
            (&Int32, &["4111111111111111", "1.5", "00123"], None),
            (&Float32, &["0.1", "7"], None),
            (&Float32, &["0.1234567890123"], Some(Float64)),
            (&Float32, &["1e999"], None),
            (&amount, &["999.99", "1.234"], None),
            (&amount, &["-12345.5", "1000"], Some(Decimal128(7, 2))),
            (&amount, &["1234567890123456789012345678901234567890"], None),
            (&Utf8, &["3000000000"], None),
        ] {
            assert_eq!(needed(column, texts), expected, "{column} {texts:?}");
        }
    }

    #[test]
    fn declared_type_makes_a_column_wider_where_iceberg_can() {
        use DataType::{Decimal128, Float32, Float64, Int32, Int64, Utf8};
        for (column, body, expected) in [
            (Int32, Int64, Some(Int64)),
            (Int64, Int32, None),
            (Float32, Float64, Some(Float64)),
            (Int32, Float64, None),
            (Decimal128(5, 2), Decimal128(9, 2), Some(Decimal128(9, 2))),
            (Decimal128(5, 2), Decimal128(9, 6), None),
            (Decimal128(5, 2), Decimal128(38, 0), None),
            (Int32, Utf8, None),
        ] {
            assert_eq!(wider(&column, &body), expected, "{column} {body}");
        }
    }
}
