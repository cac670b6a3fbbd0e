//! Checks of an SMS draft.

use wire::matrix::{MessageKind, Severity, SmsDraft, ValidationReport, Violation};

use crate::segments::{Segmentation, segment};
use crate::violation::{WHOLE, error, in_order, violation, warning};
use crate::{language, leaks, placeholder, plain, report};

/// The most characters of a draft, whatever its encoding.
pub const MAX_CHARACTERS: usize = 160;
/// The fields of a draft, in their order.
const FIELDS: [&str; 3] = ["to", "body", "sender"];
/// Words that every carrier takes as an opt-out (CTIA, Messaging Principles and Best Practices, 2023, section 5.1.3), and
/// that 47 CFR 64.1200(a)(10) takes as a revocation of consent.
const OPT_OUT_WORDS: [&str; 7] = ["STOP", "END", "CANCEL", "UNSUBSCRIBE", "QUIT", "REVOKE", "OPTOUT"];
/// Before an opt-out word in any case, they make it an instruction: "reply stop", "text END to".
const INSTRUCTIONS: [&str; 7] = ["reply", "text", "txt", "send", "answer", "with", "word"];

/// Judges a draft.
pub fn validate(draft: &SmsDraft) -> ValidationReport {
    let mut violations = Vec::new();
    violations.extend(check_recipient(&draft.to));
    violations.extend(check_length(&draft.body));
    violations.extend(check_segments(&segment(&draft.body)));
    violations.extend(check_opt_out(draft));
    violations.extend(check_sender(draft));
    violations.extend(placeholder::check("sms_placeholder", "body", &draft.body));
    violations.extend(language::check("body", &draft.body));
    violations.extend(leaks::check("body", &draft.body));
    report(in_order(violations, &FIELDS))
}

/// Advertising by text needs prior consent that can be revoked (47 CFR 64.1200(a)(2) and (a)(10)); a message about work may
/// go without, and a person decides.
const fn severity(kind: MessageKind) -> Severity {
    match kind {
        MessageKind::Transactional => Severity::Warning,
        MessageKind::Commercial => Severity::Error,
    }
}

/// The CTIA asks that a recurring message says how to end it; carriers block senders whose messages do not.
fn check_opt_out(draft: &SmsDraft) -> Option<Violation> {
    if draft.body.trim().is_empty() || says_how_to_opt_out(&draft.body) {
        return None;
    }
    let message = "nothing says how to opt out (CTIA Messaging Principles 5.1.3, 47 CFR 64.1200(a)(10))";
    let fix = "end with: Reply STOP to opt out";
    Some(violation(severity(draft.kind), "sms_opt_out", "body", WHOLE, message, fix))
}

/// An opt-out word in capitals amid other text, or in any case after an instruction; "opt out" in words.
fn says_how_to_opt_out(body: &str) -> bool {
    let is_shouted = !body.chars().any(char::is_lowercase);
    let words = body.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut before = "";
    for word in words {
        let is_opt_out = OPT_OUT_WORDS.iter().any(|known| known.eq_ignore_ascii_case(word));
        let is_capital = word.chars().all(char::is_uppercase) && !is_shouted;
        let is_instructed = INSTRUCTIONS.iter().any(|known| known.eq_ignore_ascii_case(before));
        let is_in_words = before.eq_ignore_ascii_case("opt") && word.eq_ignore_ascii_case("out");
        if (is_opt_out && (is_capital || is_instructed))
            || is_in_words
            || word.eq_ignore_ascii_case("unsubscribe")
        {
            return true;
        }
        before = word;
    }
    false
}

/// The recipient must see who writes (CTIA Messaging Principles 5.1.1; for advertising 47 CFR 64.1200(d)(4)). Without a
/// `sender` there is nothing to look for, which only a commercial draft may not do.
fn check_sender(draft: &SmsDraft) -> Option<Violation> {
    let fix = "name the firm in `sender` and in the text: Acme Staffing: …";
    match draft.sender.as_deref().map(str::trim).filter(|sender| !sender.is_empty()) {
        Some(sender) => {
            let is_named = draft.body.to_lowercase().contains(&sender.to_lowercase());
            let message = "the text does not name its sender";
            (!is_named).then(|| violation(severity(draft.kind), "sms_sender", "body", WHOLE, message, fix))
        }
        None => {
            let message = "a commercial message gives its sender";
            (draft.kind == MessageKind::Commercial)
                .then(|| error("sms_sender", "sender", WHOLE, message, fix))
        }
    }
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
        let (name, substitute) = plain::describe(*c);
        let message = format!(
            "U+{:04X} ({name}) is not in the GSM alphabet: a segment now holds 70 characters instead of 160",
            u32::from(*c)
        );
        let fix = match substitute {
            Some("") => "leave it out".to_owned(),
            Some(substitute) => format!("write {substitute} instead"),
            None => "replace it by a plain character, or accept the cost".to_owned(),
        };
        let fix = match found.outside {
            1 => fix,
            outside => format!("{fix}; {} more such characters follow", outside - 1),
        };
        violations.push(warning("sms_unicode", "body", span.clone(), &message, &fix));
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
        let body = format!("{body} Reply STOP to opt out.");
        rules_of(&SmsDraft { to: to.into(), body, ..SmsDraft::default() })
    }

    fn rules_of(draft: &SmsDraft) -> Vec<String> {
        validate(draft).violations.into_iter().map(|violation| violation.rule).collect()
    }

    const TO: &str = "+1 415 555 0132";

    #[test]
    fn draft_with_a_phone_number_passes() {
        let body = "Hi Ana, night shift at Dock 4 tomorrow 22:00. Questions? (415) 555-0132";
        assert_eq!(rules(TO, body), [""; 0]);
    }

    #[test]
    fn length_is_counted_in_characters_not_bytes() {
        let of = |length: usize| "é".repeat(length - " Reply STOP to opt out.".len());
        assert_eq!(rules(TO, &of(160)), [""; 0]);
        assert_eq!(rules(TO, &of(161)), ["sms_too_long", "sms_segments"]);
    }

    #[test]
    fn character_that_flips_the_encoding_is_named_with_its_plain_substitute() {
        let draft = |body: &str| SmsDraft {
            to: TO.into(),
            body: format!("{body} STOP ends it"),
            ..SmsDraft::default()
        };
        let report = validate(&draft("it’s on"));
        assert!(report.ok);
        let found = &report.violations[0];
        assert_eq!(
            (found.rule.as_str(), found.span, found.fix.as_str()),
            ("sms_unicode", [2, 5], "write ' instead")
        );
        assert!(found.message.contains("U+2019 (typographic apostrophe)"));
        let report = validate(&draft("it’s “on”"));
        assert_eq!(report.violations[0].fix, "write ' instead; 2 more such characters follow");
        assert_eq!(validate(&draft("on 😀")).violations[0].fix, "leave it out");
    }

    #[test]
    fn opt_out_is_an_instruction_and_not_a_word_of_the_text() {
        let passes = |body: &str| {
            rules_of(&SmsDraft { to: TO.into(), body: body.into(), ..SmsDraft::default() }).is_empty()
        };
        for good in [
            "Hi. Reply STOP to end",
            "Hi, text stop to leave",
            "Hi. STOP=end",
            "Hi, reply with \"cancel\"",
            "Hi. To opt-out call",
            "HI. REPLY QUIT",
        ] {
            assert!(passes(good), "{good:?}");
        }
        for bad in ["Hi", "stop by at the end of the shift", "STOP BY AT THE DOCK", "Don't cancel"] {
            assert!(!passes(bad), "{bad:?}");
        }
    }

    #[test]
    fn commercial_draft_must_name_its_sender_and_how_to_opt_out() {
        let draft =
            SmsDraft { to: TO.into(), body: "Hire now".into(), kind: MessageKind::Commercial, sender: None };
        assert_eq!(rules_of(&draft), ["sms_opt_out", "sms_sender"]);
        assert!(!validate(&draft).ok);
        let good = SmsDraft {
            body: "Acme: hire now. STOP to end".into(),
            sender: Some("ACME".into()),
            ..draft.clone()
        };
        assert_eq!(rules_of(&good), [""; 0]);
        let unnamed = SmsDraft { sender: Some("Other".into()), ..good.clone() };
        assert!(rules_of(&unnamed) == ["sms_sender"] && !validate(&unnamed).ok);
        let transactional = SmsDraft { kind: MessageKind::Transactional, ..draft };
        assert!(rules_of(&transactional) == ["sms_opt_out"] && validate(&transactional).ok);
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
        let empty = SmsDraft { to: TO.into(), body: " \n".into(), ..SmsDraft::default() };
        assert_eq!(rules_of(&empty), ["sms_empty"]);
        assert_eq!(rules(TO, "Hi {name}"), ["sms_placeholder"]);
        assert_eq!(rules(TO, "your SSN 123-45-6789"), ["ssn_labelled"]);
    }
}
