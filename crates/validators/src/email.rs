//! Checks of an e-mail draft.

use wire::matrix::{EmailDraft, ValidationReport, Violation};

use crate::violation::{WHOLE, error, warning};
use crate::{address, leaks, placeholder, report};

/// Judges a draft.
pub fn validate(draft: &EmailDraft) -> ValidationReport {
    let mut violations = Vec::new();
    violations.extend(check_recipient(&draft.to));
    violations.extend(check_subject(&draft.subject));
    violations.extend(placeholder::check("email_placeholder", "subject", &draft.subject));
    violations.extend(leaks::check("subject", &draft.subject));
    violations.extend(check_body(&draft.body));
    violations.extend(placeholder::check("email_placeholder", "body", &draft.body));
    violations.extend(leaks::check("body", &draft.body));
    report(violations)
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

fn check_subject(subject: &str) -> Option<Violation> {
    if let Some(injection) = check_header("subject", subject) {
        return Some(injection);
    }
    let is_empty = subject.trim().is_empty();
    is_empty
        .then(|| error("email_subject_empty", "subject", WHOLE, "the subject is empty", "write a subject"))
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
            worker_id: None,
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
        let empty =
            EmailDraft { to: String::new(), subject: " ".into(), body: "\n\t".into(), worker_id: None };
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
}
