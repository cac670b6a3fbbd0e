//! The SSN guard: finds social security numbers in a text that is about to leave the house.
//!
//! A number is judged by its digits ([`is_issuable`]), by how it is written, and by the words around it. What is
//! written as a phone number, a ZIP+4, an EIN, a date or somebody's order number is set aside first: nearly every real
//! draft carries a phone number, and a guard that cries at those is switched off within a week.

mod digits;
mod label;
mod phone;

use std::ops::Range;

use wire::matrix::Violation;

use self::digits::{Run, Separator};
use self::label::Label;
use crate::violation::{error, warning};

/// Digits of a social security number.
const SSN_DIGITS: usize = 9;
const FIX: &str = "remove the number; ask for it through the onboarding portal, never by message";

/// Numbers that keep the format but were never a person's, or are void because they were printed in advertisements:
/// 078-05-1120 (the wallet insert of 1938) and 219-09-9999 (a pamphlet of 1940).
const ADVERTISED: [u32; 2] = [78_051_120, 219_099_999];

/// Whether the Social Security Administration can have issued these nine digits: no area 000, 666 or 900-999, no group
/// 00, no serial 0000 (SSA, POMS RM 10201.035), and none of the well-known advertised numbers.
pub fn is_issuable(digits: &[u8]) -> bool {
    if digits.len() != SSN_DIGITS {
        return false;
    }
    let number = digits.iter().fold(0u32, |number, digit| number * 10 + u32::from(*digit));
    let (area, group, serial) = (number / 1_000_000, number / 10_000 % 100, number % 10_000);
    !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0 && !ADVERTISED.contains(&number)
}

/// Every social security number in `text`, as violations of `field`, in the order of the text.
pub fn check(field: &str, text: &str) -> Vec<Violation> {
    digits::runs(text)
        .iter()
        .flat_map(|run| phone::set_aside(text, run).into_iter().map(move |groups| (run, groups)))
        .filter_map(|(run, groups)| check_piece(field, text, run, groups))
        .collect()
}

/// Judges one stretch of a run that holds no phone number.
fn check_piece(field: &str, text: &str, run: &Run, groups: Range<usize>) -> Option<Violation> {
    let label = label::before(text, run.span(&groups).start, run.span(&groups).end);
    if label == Label::Ssn {
        let named = labelled_number(run, &groups)?;
        let message = "the text names a social security number and gives it";
        return Some(error("ssn_labelled", field, run.span(&named), message, FIX));
    }
    if let Some(found) = formatted_number(run, &groups, &[3, 2, 4]) {
        if label::is_identifier_prefix(text, run.span(&found).start) {
            return None;
        }
        let message = "the text holds what is written as a social security number (3-2-4 digits)";
        return Some(error("ssn_formatted", field, run.span(&found), message, FIX));
    }
    if label != Label::None {
        return None;
    }
    if let Some(found) = formatted_number(run, &groups, &[3, 6]) {
        let message = "these nine digits may be a social security number, written 3-6";
        return Some(warning("ssn_irregular", field, run.span(&found), message, FIX));
    }
    if run.len() == 1 && is_issuable(run.digits(&groups)) && stands_alone(text, run.span(&groups)) {
        let message = "nine digits without a name may be a social security number";
        let fix = "say what the number is (order, job, invoice …), or remove it";
        return Some(warning("ssn_unformatted", field, run.span(&groups), message, fix));
    }
    None
}

/// Groups of the given lengths with one and the same separator, not part of a longer number.
fn formatted_number(run: &Run, groups: &Range<usize>, lengths: &[usize]) -> Option<Range<usize>> {
    let firsts = groups.start..(groups.end + 1).saturating_sub(lengths.len());
    firsts.map(|first| first..first + lengths.len()).find(|window| {
        let separator = run.separator_after(window.start);
        let is_one_format = run.lengths(window).eq(lengths.iter().copied())
            && window.clone().skip(1).all(|group| run.separator_after(group - 1) == separator)
            && separator != Some(Separator::Parenthesis);
        let goes_on_before =
            window.start > groups.start && run.separator_after(window.start - 1) == separator;
        let goes_on_after = window.end < groups.end && run.separator_after(window.end - 1) == separator;
        is_one_format && !goes_on_before && !goes_on_after && is_issuable(run.digits(window))
    })
}

/// After the words "social security number" any grouping of exactly nine digits counts.
fn labelled_number(run: &Run, groups: &Range<usize>) -> Option<Range<usize>> {
    let mut windows = (groups.start..groups.end)
        .flat_map(|first| (first + 1..=groups.end.min(first + SSN_DIGITS)).map(move |end| first..end));
    windows.find(|window| {
        // A date or a house number after the SSN is no part of it; digits before it would be.
        let is_first = window.start == groups.start || run.lengths(window).eq([3, 2, 4]);
        is_first && is_issuable(run.digits(window))
    })
}

/// Whether a bare number is a word of its own rather than part of an amount, a path, an address or an identifier.
fn stands_alone(text: &str, span: Range<usize>) -> bool {
    let is_joint =
        |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '=' | '@' | '#' | '$' | '€' | '£');
    let before = text[..span.start].chars().next_back();
    let after = text[span.end..].chars().next();
    !before.is_some_and(|c| is_joint(c) || c == '.' || c == ',')
        && !after.is_some_and(|c| is_joint(c) || c == '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<String> {
        check("body", text).into_iter().map(|violation| violation.rule).collect()
    }

    #[track_caller]
    fn assert_rules(text: &str, expected: &[&str]) {
        assert_eq!(rules(text), expected, "in {text:?}");
    }

    #[test]
    fn numbers_never_issued_raise_nothing() {
        let never =
            ["000-12-3456", "666-12-3456", "900-12-3456", "987-65-4321", "123-00-4567", "123-45-0000"];
        for number in never.into_iter().chain(["078-05-1120", "219-09-9999"]) {
            assert_rules(number, &[]);
            assert_rules(&format!("SSN: {number}"), &[]);
        }
    }

    #[test]
    fn every_usual_separator_is_seen() {
        for text in [
            "123-45-6789",
            "123 45 6789",
            "123.45.6789",
            "123/45/6789",
            "123_45_6789",
            "123 - 45 - 6789",
            "123–45–6789",
            "123\u{2011}45\u{2011}6789",
            "123\u{a0}45\u{a0}6789",
            "1\u{200b}23-45-67\u{200b}89",
            "１２３-４５-６７８９",
            "is123-45-6789",
            "(123-45-6789).",
        ] {
            assert_rules(text, &["ssn_formatted"]);
        }
    }

    #[test]
    fn mixed_separators_need_a_name() {
        assert_rules("693-09.4444", &[]);
        assert_rules("SSN 693-09.4444", &["ssn_labelled"]);
        assert_rules("social security number is (693) 09-4444", &["ssn_labelled"]);
    }

    #[test]
    fn named_number_is_seen_however_it_is_grouped() {
        for text in [
            "SSN 123456789",
            "ssn: 123 456 789",
            "SS# 123456789",
            "S.S.N. 123-456789",
            "Her social is 12345-6789",
            "SSN123456789",
            "123456789 is my SSN",
            "social security no. 123 45 6789, born 1980",
        ] {
            assert_rules(text, &["ssn_labelled"]);
        }
    }

    #[test]
    fn nine_bare_digits_are_a_warning_unless_something_names_them() {
        assert_rules("take 123456789 along", &["ssn_unformatted"]);
        for text in [
            "order 123456789",
            "Job ID: 123456789",
            "routing number 123456789",
            "ref #123456789",
            "https://example.com/jobs/123456789",
            "A123456789",
            "1234567890",
            "12345678",
            "$123456789",
            "123456789.50",
            "ZIP 123456789",
            "call 123456789",
            "+376123456789",
        ] {
            assert_rules(text, &[]);
        }
    }

    #[test]
    fn phones_zips_eins_dates_and_ids_raise_nothing() {
        for text in [
            "415-555-0132",
            "(415) 555-0132",
            "1 415 555 0132",
            "+1.415.555.0132",
            "415-555-0132 x1234",
            "call 555-0132 or 4155550132",
            "07805-1121",
            "EIN 12-3456789",
            "2026-11-22 15:30",
            "11/22/2026",
            "order 123-45-6789",
            "JOB-123-45-6789",
            "Invoice number: 123-45-6789",
            "1-123-45-6789",
            "+49 30 1234567",
            "123e4567-e89b-12d3-a456-426614174000",
            "Never send your SSN by text. Questions? 415-555-0132",
        ] {
            assert_rules(text, &[]);
        }
    }

    #[test]
    fn number_beside_a_phone_is_still_seen() {
        assert_rules("call 415 555 0132 123 45 6789", &["ssn_formatted"]);
        assert_rules("+1 415 555 0132 123-45-6789", &["ssn_formatted"]);
        assert_rules("123 45 6789 415 555 0132", &["ssn_formatted"]);
    }

    #[test]
    fn span_covers_the_number_and_the_report_does_not_repeat_it() {
        let text = "é 123-45-6789!";
        let found = check("body", text).remove(0);
        assert_eq!(&text[found.span[0]..found.span[1]], "123-45-6789");
        let told = format!("{} {}", found.message, found.fix);
        assert!(!told.contains("6789"), "{told}");
    }
}
