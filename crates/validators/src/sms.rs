//! Checks of an SMS draft.

use wire::matrix::{SmsDraft, ValidationReport, Violation};

use crate::segments::{Segmentation, segment};
use crate::violation::{WHOLE, error, warning};
use crate::{leaks, placeholder, report};

/// The most characters of a draft, whatever its encoding.
pub const MAX_CHARACTERS: usize = 160;

/// Judges a draft.
pub fn validate(draft: &SmsDraft) -> ValidationReport {
    let mut violations = Vec::new();
    violations.extend(check_recipient(&draft.to));
    violations.extend(check_length(&draft.body));
    violations.extend(check_segments(&segment(&draft.body)));
    violations.extend(placeholder::check("sms_placeholder", "body", &draft.body));
    violations.extend(leaks::check("body", &draft.body));
    report(violations)
}

/// A subscriber number of at most 15 digits (ITU-T E.164) or a short code of 3 to 6, with the punctuation people use.
fn check_recipient(to: &str) -> Option<Violation> {
    let digits = to.chars().filter(char::is_ascii_digit).count();
    let is_punctuation = |c: char| matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}');
    let rest = to.strip_prefix('+').unwrap_or(to);
    let is_phone =
        (3..=15).contains(&digits) && rest.chars().all(|c| c.is_ascii_digit() || is_punctuation(c));
    let fix = "give one phone number, best as +, country code and number";
    (!is_phone).then(|| error("sms_recipient", "to", 0..to.len(), "this is not a phone number", fix))
}

fn check_length(body: &str) -> Option<Violation> {
    if body.trim().is_empty() {
        return Some(error("sms_empty", "body", WHOLE, "the message is empty", "write the message"));
    }
    let (at, _) = body.char_indices().nth(MAX_CHARACTERS)?;
    let characters = body.chars().count();
    let message = format!("the message has {characters} characters, {MAX_CHARACTERS} are allowed");
    Some(error("sms_too_long", "body", at..body.len(), &message, "shorten the message"))
}

fn check_segments(found: &Segmentation) -> Vec<Violation> {
    let mut violations = Vec::new();
    if let Some((c, span)) = &found.flip {
        let code = u32::from(*c);
        let message = format!(
            "U+{code:04X} is not in the GSM alphabet: a segment now holds 70 characters instead of 160"
        );
        let fix = "replace it by a plain character, or accept the cost";
        violations.push(warning("sms_unicode", "body", span.clone(), &message, fix));
    }
    if found.segments > 1 {
        let message = format!("the message is sent and paid as {} segments", found.segments);
        violations.push(warning(
            "sms_segments",
            "body",
            WHOLE,
            &message,
            "shorten the message to one segment",
        ));
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(to: &str, body: &str) -> Vec<String> {
        let report = validate(&SmsDraft { to: to.into(), body: body.into() });
        report.violations.into_iter().map(|violation| violation.rule).collect()
    }

    const TO: &str = "+1 415 555 0132";

    #[test]
    fn draft_with_a_phone_number_passes() {
        let body = "Hi Ana, night shift at Dock 4 tomorrow 22:00. Questions? (415) 555-0132";
        assert_eq!(rules(TO, body), [""; 0]);
    }

    #[test]
    fn length_is_counted_in_characters_not_bytes() {
        assert_eq!(rules(TO, &"é".repeat(160)), [""; 0]);
        assert_eq!(rules(TO, &"é".repeat(161)), ["sms_too_long", "sms_segments"]);
    }

    #[test]
    fn character_that_flips_the_encoding_is_named_by_its_code_point() {
        let report = validate(&SmsDraft { to: TO.into(), body: "it’s on".into() });
        assert!(report.ok);
        assert_eq!((report.violations[0].rule.as_str(), report.violations[0].span), ("sms_unicode", [2, 5]));
        assert!(report.violations[0].message.contains("U+2019"));
    }

    #[test]
    fn recipient_must_be_a_phone_number() {
        for good in ["4155550132", "(415) 555-0132", "+49 30 1234567", "40404"] {
            assert_eq!(rules(good, "hi"), [""; 0], "{good}");
        }
        for bad in ["", "ana@example.com", "12", "+1 415 555 0132 0000 1111", "415-555-0132\n", "4155550132x"]
        {
            assert_eq!(rules(bad, "hi"), ["sms_recipient"], "{bad:?}");
        }
    }

    #[test]
    fn empty_unfilled_and_leaking_drafts_are_refused() {
        assert_eq!(rules(TO, " \n"), ["sms_empty"]);
        assert_eq!(rules(TO, "Hi {name}"), ["sms_placeholder"]);
        assert_eq!(rules(TO, "your SSN 123-45-6789"), ["ssn_labelled"]);
    }
}
