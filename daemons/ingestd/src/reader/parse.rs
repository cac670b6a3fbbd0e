//! Texts to typed values, strictly: a text that a type cannot hold exactly is an error with a reason, never a guess.

use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, BooleanBuilder, PrimitiveBuilder, StringBuilder};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};

type Reason = &'static str;

/// One value of a column that its type does not hold.
pub(crate) struct Misfit {
    /// Position in the batch.
    pub row: usize,
    /// Why.
    pub reason: Reason,
}

/// Whether text can be parsed to `target` at all.
pub(crate) fn is_supported(target: &DataType) -> bool {
    matches!(
        target,
        DataType::Boolean
            | DataType::Int32
            | DataType::Int64
            | DataType::Float32
            | DataType::Float64
            | DataType::Date32
            | DataType::Timestamp(TimeUnit::Microsecond, _)
            | DataType::Decimal128(..)
            | DataType::Utf8
    )
}

/// Parses `texts` to `target`, for which [`is_supported`] holds. A value that does not fit becomes null and a misfit.
pub(crate) fn column<'t>(
    texts: impl Iterator<Item = Option<&'t str>>,
    target: &DataType,
    misfits: &mut Vec<Misfit>,
) -> ArrayRef {
    match target {
        DataType::Boolean => booleans(texts, misfits),
        DataType::Int32 => primitives::<Int32Type>(texts, target, misfits, int),
        DataType::Int64 => primitives::<Int64Type>(texts, target, misfits, long),
        DataType::Float32 => primitives::<Float32Type>(texts, target, misfits, float),
        DataType::Float64 => primitives::<Float64Type>(texts, target, misfits, double),
        DataType::Date32 => primitives::<Date32Type>(texts, target, misfits, date),
        DataType::Timestamp(_, None) => {
            primitives::<TimestampMicrosecondType>(texts, target, misfits, timestamp)
        }
        DataType::Timestamp(_, Some(_)) => {
            primitives::<TimestampMicrosecondType>(texts, target, misfits, timestamp_tz)
        }
        DataType::Decimal128(precision, scale) => {
            primitives::<Decimal128Type>(texts, target, misfits, |text| decimal(text, *precision, *scale))
        }
        _ => {
            let mut values = StringBuilder::new();
            texts.for_each(|text| values.append_option(text));
            Arc::new(values.finish())
        }
    }
}

fn primitives<'t, T: ArrowPrimitiveType>(
    texts: impl Iterator<Item = Option<&'t str>>,
    target: &DataType,
    misfits: &mut Vec<Misfit>,
    parse: impl Fn(&str) -> Result<T::Native, Reason>,
) -> ArrayRef {
    let mut values = PrimitiveBuilder::<T>::with_capacity(texts.size_hint().0).with_data_type(target.clone());
    for (row, text) in texts.enumerate() {
        match text.map(|text| parse(text.trim())) {
            None => values.append_null(),
            Some(Ok(value)) => values.append_value(value),
            Some(Err(reason)) => {
                values.append_null();
                misfits.push(Misfit { row, reason });
            }
        }
    }
    Arc::new(values.finish())
}

fn booleans<'t>(texts: impl Iterator<Item = Option<&'t str>>, misfits: &mut Vec<Misfit>) -> ArrayRef {
    let mut values = BooleanBuilder::with_capacity(texts.size_hint().0);
    for (row, text) in texts.enumerate() {
        let value = text.map(|text| boolean(text.trim())).transpose();
        values.append_option(value.unwrap_or_else(|reason| {
            misfits.push(Misfit { row, reason });
            None
        }));
    }
    Arc::new(values.finish())
}

/// Whether `text` is a number as JSON writes it (RFC 8259 section 6): no leading zeros, no `+`, no `inf`.
pub(crate) fn is_number(text: &str) -> bool {
    let rest = text.as_bytes();
    let rest = rest.strip_prefix(b"-").unwrap_or(rest);
    let (whole, rest) = digits(rest);
    if whole == 0 || (whole > 1 && text.trim_start_matches('-').starts_with('0')) {
        return false;
    }
    let rest = match rest.strip_prefix(b".").map(digits) {
        Some((0, _)) => return false,
        Some((_, rest)) => rest,
        None => rest,
    };
    match rest {
        [] => true,
        [b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..] => {
            matches!(digits(exponent), (1.., []))
        }
        _ => false,
    }
}

/// How many digits `text` begins with, and what follows them.
fn digits(text: &[u8]) -> (usize, &[u8]) {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count, &text[count..])
}

/// Why `text`, which is no number for [`is_number`], is none.
fn why_no_number(text: &str, expected: Reason) -> Reason {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let has_leading_zeros =
        digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    if has_leading_zeros { "as a number it would lose its leading zeros" } else { expected }
}

fn integer<T: std::str::FromStr>(text: &str, out_of_range: Reason) -> Result<T, Reason> {
    const EXPECTED: Reason = "not an integer";
    if !is_number(text) {
        return Err(why_no_number(text, EXPECTED));
    }
    if text.contains(['.', 'e', 'E']) {
        return Err(EXPECTED);
    }
    text.parse().map_err(|_| out_of_range)
}

/// A 32-bit integer.
pub(crate) fn int(text: &str) -> Result<i32, Reason> {
    integer(text, "does not fit in 32 bits")
}

/// A 64-bit integer.
pub(crate) fn long(text: &str) -> Result<i64, Reason> {
    match short_integer(text) {
        Some(value) => Ok(value),
        None => integer(text, "does not fit in 64 bits"),
    }
}

/// The usual integer: few digits and nothing else.
fn short_integer(text: &str) -> Option<i64> {
    const MAX_DIGITS: usize = 18;
    let bytes = text.as_bytes();
    let unsigned = bytes.strip_prefix(b"-").unwrap_or(bytes);
    if !(1..=MAX_DIGITS).contains(&unsigned.len()) || (unsigned[0] == b'0' && unsigned.len() > 1) {
        return None;
    }
    let mut value = 0;
    for byte in unsigned {
        value = value * 10 + i64::from(byte.is_ascii_digit().then(|| byte - b'0')?);
    }
    Some(if unsigned.len() < bytes.len() { -value } else { value })
}

/// A 32-bit float that is the number as it is written: either exactly, or as the shortest way to write it.
pub(crate) fn float(text: &str) -> Result<f32, Reason> {
    let exact = double(text)?;
    let value = exact as f32;
    if !value.is_finite() {
        return Err("does not fit in a 32-bit float");
    }
    let is_same = f64::from(value) == exact || value.to_string().parse() == Ok(exact);
    if is_same { Ok(value) } else { Err("has more digits than a 32-bit float holds") }
}

/// A 64-bit float.
pub(crate) fn double(text: &str) -> Result<f64, Reason> {
    if !is_number(text) {
        return Err(why_no_number(text, "not a number"));
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err("does not fit in a 64-bit float"),
    }
}

/// `true` or `false`, in any case.
pub(crate) fn boolean(text: &str) -> Result<bool, Reason> {
    if text.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if text.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err("not true or false")
    }
}

/// A calendar date, `2025-05-31`: days since 1970-01-01.
pub(crate) fn date(text: &str) -> Result<i32, Reason> {
    const EXPECTED: Reason = "not a date (YYYY-MM-DD)";
    // Not a date with a time, whose time would be forgotten.
    if text.len() != 10 {
        return Err(EXPECTED);
    }
    days(text.as_bytes()).ok_or(EXPECTED)
}

/// Days from 1970-01-01 to the date that `text` begins with.
fn days(text: &[u8]) -> Option<i32> {
    let date = text.get(..10).filter(|date| date[4] == b'-' && date[7] == b'-')?;
    let (year, month, day) = (number(&date[..4])?, number(&date[5..7])?, number(&date[8..])?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of_month = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return None,
    };
    if !(1..=days_of_month).contains(&day) {
        return None;
    }
    // Days of the proleptic Gregorian calendar, in years that begin in March: Hinnant, "chrono-Compatible Low-Level Date
    // Algorithms", days_from_civil.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468)
}

/// The number that `text`, a few digits, is.
fn number(text: &[u8]) -> Option<i32> {
    text.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i32::from(byte - b'0')))
}

/// A date and time of day without an offset, `2025-05-31T10:00:00`: microseconds since 1970-01-01T00:00:00.
pub(crate) fn timestamp(text: &str) -> Result<i64, Reason> {
    const EXPECTED: Reason = "not a date and time (YYYY-MM-DDTHH:MM:SS)";
    if let Some(seconds) = whole_seconds(text.as_bytes()) {
        return Ok(seconds * 1_000_000);
    }
    if !begins_with_date(text) {
        return Err(EXPECTED);
    }
    if has_offset(text) {
        return Err("has a UTC offset, the column has none");
    }
    let civil: jiff::civil::DateTime = text.parse().map_err(|_| EXPECTED)?;
    let instant = civil.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| EXPECTED)?.timestamp();
    microseconds(instant)
}

/// The usual `2025-05-31T10:00:00`: seconds since 1970-01-01T00:00:00.
fn whole_seconds(text: &[u8]) -> Option<i64> {
    let [.., b'T' | b' ', _, _, b':', _, _, b':', _, _] = text else { return None };
    if text.len() != 19 {
        return None;
    }
    let (hour, minute, second) = (number(&text[11..13])?, number(&text[14..16])?, number(&text[17..])?);
    let is_time = hour < 24 && minute < 60 && second < 60;
    is_time.then_some(i64::from(days(text)?) * 86_400 + i64::from(hour * 3_600 + minute * 60 + second))
}

/// An instant, `2025-05-31T10:00:00Z` or with an offset: microseconds since the Unix epoch.
pub(crate) fn timestamp_tz(text: &str) -> Result<i64, Reason> {
    const EXPECTED: Reason = "not a date and time with an offset (YYYY-MM-DDTHH:MM:SSZ)";
    if !begins_with_date(text) {
        return Err(EXPECTED);
    }
    if !has_offset(text) {
        return Err("has no UTC offset, the column needs one");
    }
    microseconds(text.parse().map_err(|_| EXPECTED)?)
}

fn microseconds(instant: jiff::Timestamp) -> Result<i64, Reason> {
    if instant.subsec_nanosecond() % 1_000 != 0 {
        return Err("is finer than a microsecond");
    }
    Ok(instant.as_microsecond())
}

fn begins_with_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 10
        && bytes[..10]
            .iter()
            .enumerate()
            .all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() })
}

/// Whether a date and time ends in `Z` or an offset. Call it on a text that begins with a date.
fn has_offset(text: &str) -> bool {
    text.get(10..).is_some_and(|time| time.contains(['Z', 'z', '+', '-', '[']))
}

/// A decimal of `precision` digits, `scale` of them behind the point: the unscaled value.
pub(crate) fn decimal(text: &str, precision: u8, scale: i8) -> Result<i128, Reason> {
    const EXPECTED: Reason = "not a decimal number";
    let scale = usize::try_from(scale).map_err(|_| EXPECTED)?;
    if !is_number(text) || text.contains(['e', 'E']) {
        return Err(why_no_number(text, EXPECTED));
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > scale {
        return Err("has more decimal places than the column");
    }
    let digits = format!("{whole}{fraction:0<scale$}");
    let too_large = "has more digits than the column";
    let unscaled: i128 = digits.parse().map_err(|_| too_large)?;
    if unscaled.unsigned_abs() < 10u128.pow(u32::from(precision)) { Ok(unscaled) } else { Err(too_large) }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;

    use super::*;

    #[test]
    fn numbers_are_those_of_json() {
        for good in ["0", "-0", "7", "-12", "0.5", "1e3", "1E-3", "12.50"] {
            assert!(is_number(good), "{good}");
        }
        for bad in ["", "-", "00", "01", "+1", ".5", "5.", "1e", "inf", "NaN", "0x1", "1_000", "1,000", "١"]
        {
            assert!(!is_number(bad), "{bad}");
        }
    }

    #[test]
    fn integer_is_never_rounded_wrapped_or_stripped() {
        assert_eq!(long("-9223372036854775808"), Ok(i64::MIN));
        for bad in ["9223372036854775808", "1.0", "1e3", "007", "x"] {
            assert!(long(bad).is_err(), "{bad}");
        }
        assert_eq!(long("007"), Err("as a number it would lose its leading zeros"));
        assert!(int("2147483648").is_err());
    }

    #[test]
    fn float_is_the_number_that_is_written_or_refused() {
        for (good, value) in
            [("0.1", 0.1), ("16777216", 16_777_216.0), ("0.10000000149011612", 0.1), ("-2.5e3", -2500.0)]
        {
            assert_eq!(float(good), Ok(value), "{good}");
        }
        for bad in ["16777217", "3.14159265358979", "1e39", "x"] {
            assert!(float(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn date_is_counted_from_the_epoch_and_never_cut_from_a_time() {
        assert_eq!(date("1970-01-01"), Ok(0));
        assert_eq!(date("2025-05-31"), Ok(20_239));
        assert_eq!(date("1969-12-31"), Ok(-1));
        for bad in ["2025-05-31T10:00", "2025-02-30", "20250531", "31.05.2025", "2025-5-1"] {
            assert!(date(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn dates_of_four_centuries_and_times_are_those_of_a_calendar_library() {
        let epoch = jiff::civil::date(1970, 1, 1);
        let mut day = jiff::civil::date(0, 1, 1);
        for _ in 0..(2_400 * 366) / 5 {
            let expected = day.since((jiff::Unit::Day, epoch)).unwrap().get_days();
            assert_eq!(date(&day.to_string()), Ok(expected), "{day}");
            let expected = i64::from(expected) * 86_400_000_000 + 45_296_000_000;
            assert_eq!(timestamp(&format!("{day} 12:34:56")), Ok(expected), "{day}");
            day = day.checked_add(jiff::Span::new().days(5)).unwrap();
        }
        for bad in
            ["2025-02-29", "1900-02-29", "2025-04-31", "2025-00-01", "2025-13-01", "2025-01-00", "2025-1a-01"]
        {
            assert!(date(bad).is_err(), "{bad}");
        }
        for bad in ["2025-01-01T24:00:00", "2025-01-01T00:60:00", "2025-01-01T00:00:0x"] {
            assert!(timestamp(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn offset_is_neither_dropped_nor_made_up() {
        assert_eq!(timestamp_tz("1970-01-01T02:00:00+02:00"), Ok(0));
        assert_eq!(timestamp_tz("1970-01-01 00:00:01Z"), Ok(1_000_000));
        assert_eq!(timestamp("1970-01-01T00:00:00.000001"), Ok(1));
        assert!(timestamp("1970-01-01T00:00:00Z").is_err());
        assert!(timestamp("1970-01-01T00:00:00-05").is_err());
        assert!(timestamp_tz("1970-01-01T00:00:00").is_err());
        assert!(timestamp("1970-01-01T00:00:00.0000001").is_err());
    }

    #[test]
    fn decimal_keeps_every_digit_or_refuses() {
        assert_eq!(decimal("12.5", 5, 2), Ok(1250));
        assert_eq!(decimal("-0.05", 5, 2), Ok(-5));
        assert_eq!(decimal("1.500", 5, 2), Ok(150));
        for bad in ["1.234", "1000", "1e2", "x", "007"] {
            assert!(decimal(bad, 5, 2).is_err(), "{bad}");
        }
    }

    #[test]
    fn misfit_becomes_null_and_is_reported_by_position() {
        let texts = [Some("1"), Some("x"), None, Some(" 4 ")];
        let mut misfits = Vec::new();
        let longs = column(texts.into_iter(), &DataType::Int64, &mut misfits);
        assert_eq!(
            longs.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(),
            [Some(1), None, None, Some(4)]
        );
        assert_eq!(misfits.iter().map(|misfit| misfit.row).collect::<Vec<_>>(), [1]);
    }
}
