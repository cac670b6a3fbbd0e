//! Checks of an e-mail draft.

use wire::matrix::{EmailDraft, ValidationReport, Violation};

use crate::violation::{WHOLE, error, in_order, warning};
use crate::{address, can_spam, language, leaks, links, placeholder, report};

/// Bytes of a line, less those of `Subject: `, beyond which no transport must carry it (RFC 5322 section 2.1.1).
const MAX_SUBJECT_BYTES: usize = 998 - "Subject: ".len();
/// Beyond which a line should not go (RFC 5322 section 2.1.1), and mailboxes cut what they show.
const LONG_SUBJECT_CHARACTERS: usize = 78;
/// So many letters, all of them capitals, are no abbreviation.
const SHOUTED_LETTERS: usize = 10;
/// The fields of a draft, in their order.
const FIELDS: [&str; 4] = ["to", "subject", "body", "sender"];

/// Judges a draft.
pub fn validate(draft: &EmailDraft) -> ValidationReport {
    let mut violations = Vec::new();
    violations.extend(check_recipient(&draft.to));
    violations.extend(check_subject(&draft.subject));
    violations.extend(placeholder::check("email_placeholder", "subject", &draft.subject));
    violations.extend(language::check("subject", &draft.subject));
    violations.extend(leaks::check("subject", &draft.subject));
    violations.extend(check_body(&draft.body));
    violations.extend(placeholder::check("email_placeholder", "body", &draft.body));
    violations.extend(language::check("body", &draft.body));
    violations.extend(links::check("body", &draft.body));
    violations.extend(can_spam::check(draft));
    violations.extend(leaks::check("body", &draft.body));
    report(in_order(violations, &FIELDS))
}

fn check_recipient(to: &str) -> Option<Violation> {
    if let Some(injection) = check_header("to", to) {
        return Some(injection);
    }
    match address::parse(to) {
        Ok(address::Shape::Usual) => None,
        Ok(address::Shape::Unusual(why)) => {
            let message = format!("the address is valid but unusual: {why}");
            Some(warning("email_address_unusual", "to", 0..to.len(), &message, "make sure that it is meant"))
        }
        Err(fault) => {
            let fix = "give one address, local-part@domain, without a display name";
            Some(error("email_address", "to", fault.at..to.len(), &fault.to_string(), fix))
        }
    }
}

fn check_subject(subject: &str) -> Vec<Violation> {
    if let Some(injection) = check_header("subject", subject) {
        return vec![injection];
    }
    if subject.trim().is_empty() {
        let message = "the subject is empty";
        return vec![error("email_subject_empty", "subject", WHOLE, message, "write a subject")];
    }
    [check_subject_length(subject), check_capitals(subject), check_exclamation(subject)]
        .into_iter()
        .flatten()
        .collect()
}

fn check_subject_length(subject: &str) -> Option<Violation> {
    if subject.len() > MAX_SUBJECT_BYTES {
        let span = subject.floor_char_boundary(MAX_SUBJECT_BYTES)..subject.len();
        let message = format!("the subject has {} bytes, a line holds {MAX_SUBJECT_BYTES}", subject.len());
        return Some(error("email_subject_too_long", "subject", span, &message, "shorten the subject"));
    }
    let (at, _) = subject.char_indices().nth(LONG_SUBJECT_CHARACTERS)?;
    let message = format!("mailboxes cut a subject of more than {LONG_SUBJECT_CHARACTERS} characters");
    Some(warning("email_subject_long", "subject", at..subject.len(), &message, "shorten the subject"))
}

fn check_capitals(subject: &str) -> Option<Violation> {
    let letters = subject.chars().filter(|c| c.is_alphabetic()).take(SHOUTED_LETTERS).count();
    let is_shouted = letters == SHOUTED_LETTERS && !subject.chars().any(char::is_lowercase);
    let message = "the subject is in capitals throughout, which filters take for spam";
    let fix = "write it as a sentence";
    is_shouted.then(|| warning("email_subject_capitals", "subject", 0..subject.len(), message, fix))
}

fn check_exclamation(subject: &str) -> Option<Violation> {
    let start = subject.find("!!")?;
    let length = subject[start..].bytes().take_while(|byte| *byte == b'!').count();
    let message = "repeated exclamation marks, which filters take for spam";
    let span = start..start + length;
    Some(warning("email_subject_exclamation", "subject", span, message, "write one, or none"))
}

fn check_body(body: &str) -> Option<Violation> {
    let is_empty = body.trim().is_empty();
    is_empty.then(|| error("email_body_empty", "body", WHOLE, "the body is empty", "write the message"))
}

/// A header field is one line (RFC 5322 section 2.2): a line break in it starts another header, which is how a form
/// is made to send to strangers. No other control character belongs there either.
fn check_header(field: &str, value: &str) -> Option<Violation> {
    let is_forbidden = |c: char| (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}');
    let (at, c) = value.char_indices().find(|(_, c)| is_forbidden(*c))?;
    let message = format!("control character U+{:04X} could start another header", u32::from(c));
    Some(error(
        "email_header_injection",
        field,
        at..at + c.len_utf8(),
        &message,
        "keep the field to one plain line",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> EmailDraft {
        EmailDraft {
            to: "ana@example.com".into(),
            subject: "Night shift at Dock 4".into(),
            body: "Hi Ana,\nare you free tomorrow? Call (415) 555-0132.".into(),
            ..EmailDraft::default()
        }
    }

    fn rules(draft: &EmailDraft) -> Vec<String> {
        validate(draft).violations.into_iter().map(|violation| violation.rule).collect()
    }

    #[test]
    fn draft_with_a_phone_number_passes() {
        assert!(validate(&draft()).ok);
        assert_eq!(rules(&draft()), [""; 0]);
    }

    #[test]
    fn line_break_in_a_header_is_an_injection() {
        for bad in ["ana@example.com\r\nBcc: x@example.com", "ana@example.com\n", "a\0@example.com"] {
            assert_eq!(
                rules(&EmailDraft { to: bad.into(), ..draft() }),
                ["email_header_injection"],
                "{bad:?}"
            );
        }
        for bad in ["Hi\r\nBcc: x@example.com", "Hi\rX: y", "Hi\u{2028}there", "Hi\u{85}there"] {
            assert_eq!(
                rules(&EmailDraft { subject: bad.into(), ..draft() }),
                ["email_header_injection"],
                "{bad:?}"
            );
        }
    }

    #[test]
    fn empty_fields_are_refused() {
        let empty = EmailDraft { subject: " ".into(), body: "\n\t".into(), ..EmailDraft::default() };
        assert_eq!(rules(&empty), ["email_address", "email_subject_empty", "email_body_empty"]);
    }

    #[test]
    fn placeholder_and_ssn_are_found_in_subject_and_body() {
        let bad = EmailDraft {
            subject: "{job} for 123-45-6789".into(),
            body: "Dear {{name}}, is your SSN still 123456789?".into(),
            ..draft()
        };
        assert_eq!(rules(&bad), ["email_placeholder", "ssn_formatted", "email_placeholder", "ssn_labelled"]);
    }

    #[test]
    fn second_recipient_or_display_name_is_refused() {
        for bad in
            ["ana@example.com, bo@example.com", "Ana <ana@example.com>", "ana@example.com;bo@example.com"]
        {
            assert_eq!(rules(&EmailDraft { to: bad.into(), ..draft() }), ["email_address"], "{bad:?}");
        }
    }

    #[test]
    fn subject_that_is_too_long_or_shouts_is_named() {
        for (subject, ok, expected) in [
            ("Night shift!", true, vec![]),
            ("CNC, OSHA 10", true, vec![]),
            ("FORKLIFT NOW 25", true, vec!["email_subject_capitals"]),
            ("Work now!!! Really!", true, vec!["email_subject_exclamation"]),
            (&"é".repeat(78), true, vec![]),
            (&"é".repeat(79), true, vec!["email_subject_long"]),
            (&"é".repeat(500), false, vec!["email_subject_too_long"]),
        ] {
            let draft = EmailDraft { subject: subject.into(), ..draft() };
            assert_eq!(
                (rules(&draft), validate(&draft).ok),
                (expected.iter().map(ToString::to_string).collect(), ok)
            );
        }
    }

    #[test]
    fn links_and_language_are_judged_and_reported_in_the_order_of_the_text() {
        let bad = EmailDraft {
            subject: "{job} for young people".into(),
            body: "No foreigners. <a href=\"https://evil.example\">acme.com</a> for {name}, a waitress."
                .into(),
            ..draft()
        };
        let expected = [
            "email_placeholder",
            "language_age",
            "language_national_origin",
            "email_link_mismatch",
            "email_placeholder",
            "language_sex",
        ];
        assert_eq!(rules(&bad), expected);
    }

    #[test]
    fn commercial_draft_is_held_to_can_spam_and_a_transactional_one_is_not() {
        let commercial = EmailDraft { kind: wire::matrix::MessageKind::Commercial, ..draft() };
        assert!(!validate(&commercial).ok && validate(&draft()).ok);
        assert_eq!(rules(&commercial).last().map(String::as_str), Some("email_can_spam_sender"));
    }
}
