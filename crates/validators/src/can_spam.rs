//! What a commercial e-mail must carry: CAN-SPAM, 15 U.S.C. 7704(a), and the rule of the Federal Trade Commission, 16 CFR 316.
//!
//! Whether a message is commercial is a matter of its primary purpose (16 CFR 316.3), which the caller states. Offers of
//! work to people who are on the books are transactional or relationship messages (15 U.S.C. 7702(17)(A)(iv)): of those
//! the law asks only that they do not lie about who sends them.

use wire::matrix::{EmailDraft, MessageKind, Violation};

use crate::violation::{WHOLE, error, warning};

/// A street and a number, or a box, stand so close before the state and the ZIP code.
const MAX_STREET_BYTES: usize = 120;
/// The two-letter codes of the United States Postal Service (Publication 28, appendix B).
const STATES: &str = "AK AL AR AS AZ CA CO CT DC DE FL GA GU HI IA ID IL IN KS KY LA MA MD ME MI MN MO MP MS MT NC ND NE \
     NH NJ NM NV NY OH OK OR PA PR RI SC SD TN TX UT VA VI VT WA WI WV WY AA AE AP";
const STATE_NAMES: [&str; 51] = [
    "alabama",
    "alaska",
    "arizona",
    "arkansas",
    "california",
    "colorado",
    "connecticut",
    "delaware",
    "district of columbia",
    "florida",
    "georgia",
    "hawaii",
    "idaho",
    "illinois",
    "indiana",
    "iowa",
    "kansas",
    "kentucky",
    "louisiana",
    "maine",
    "maryland",
    "massachusetts",
    "michigan",
    "minnesota",
    "mississippi",
    "missouri",
    "montana",
    "nebraska",
    "nevada",
    "new hampshire",
    "new jersey",
    "new mexico",
    "new york",
    "north carolina",
    "north dakota",
    "ohio",
    "oklahoma",
    "oregon",
    "pennsylvania",
    "rhode island",
    "south carolina",
    "south dakota",
    "tennessee",
    "texas",
    "utah",
    "vermont",
    "virginia",
    "washington",
    "west virginia",
    "wisconsin",
    "wyoming",
];
const OPT_OUT: [&str; 8] = [
    "unsubscribe",
    "opt out",
    "opt-out",
    "opting out",
    "stop receiving",
    "no longer wish to receive",
    "email preferences",
    "remove me",
];
const MECHANISM: [&str; 6] = ["http://", "https://", "href=", "mailto:", "reply", "@"];
const ADVERTISEMENT: [&str; 5] = ["advertisement", "advertising", "solicitation", "promotional", "promotion"];

/// What a commercial draft lacks; nothing for any other.
pub(crate) fn check(draft: &EmailDraft) -> Vec<Violation> {
    if draft.kind != MessageKind::Commercial {
        return Vec::new();
    }
    let body = draft.body.to_lowercase();
    let checks = [
        check_subject(&draft.subject),
        check_sender(draft, &body),
        check_advertisement(&draft.subject, &body),
        check_opt_out(&body),
        check_postal_address(&draft.body),
    ];
    checks.into_iter().flatten().collect()
}

/// A subject that pretends to be an answer misleads about what the message is.
fn check_subject(subject: &str) -> Option<Violation> {
    let start = subject.trim_start().to_lowercase();
    let pretends = ["re:", "fw:", "fwd:"].iter().any(|prefix| start.starts_with(prefix));
    let message = "the subject looks like an answer or a forward; it must not mislead (15 U.S.C. 7704(a)(2))";
    let fix = "take it out, unless the recipient wrote first";
    pretends.then(|| warning("email_can_spam_subject", "subject", WHOLE, message, fix))
}

fn check_sender(draft: &EmailDraft, body: &str) -> Option<Violation> {
    let sender = draft.sender.as_deref().map(str::trim).filter(|sender| !sender.is_empty());
    let Some(sender) = sender else {
        let message = "a commercial e-mail says truly who sends it (15 U.S.C. 7704(a)(1)), and this one gives no sender";
        let fix = "give the firm in `sender`, and name it in the body";
        return Some(error("email_can_spam_sender", "sender", WHOLE, message, fix));
    };
    let message = "the body does not name the firm that sends it (15 U.S.C. 7704(a)(1))";
    let is_named = body.contains(&sender.to_lowercase());
    (!is_named).then(|| error("email_can_spam_sender", "body", WHOLE, message, "sign with the firm's name"))
}

/// 15 U.S.C. 7704(a)(5)(A)(i); with the recipient's prior consent it is not needed (7704(a)(5)(B)), so a warning.
fn check_advertisement(subject: &str, body: &str) -> Option<Violation> {
    let subject = subject.to_lowercase();
    let is_said = ADVERTISEMENT.iter().any(|word| body.contains(word) || subject.contains(word));
    let message = "nothing says that this is an advertisement (15 U.S.C. 7704(a)(5)(A)(i))";
    let fix = "say so, unless the recipient has agreed to such e-mails beforehand";
    (!is_said).then(|| warning("email_can_spam_advertisement", "body", WHOLE, message, fix))
}

/// 15 U.S.C. 7704(a)(3)(A) and (a)(5)(A)(ii); by 16 CFR 316.5 one reply or one page suffices, without fee or log-in.
fn check_opt_out(body: &str) -> Option<Violation> {
    let has_any = |words: &[&str]| words.iter().any(|word| body.contains(word));
    let message = match (has_any(&OPT_OUT), has_any(&MECHANISM)) {
        (true, true) => return None,
        (true, false) => "the opt-out has no link, address or reply to do it with (15 U.S.C. 7704(a)(3)(A))",
        (false, _) => "nothing says how to opt out of further e-mails (15 U.S.C. 7704(a)(5)(A)(ii))",
    };
    let fix =
        "add a line such as: Unsubscribe: https://… (one page, no log-in, honoured within 10 business days)";
    Some(error("email_can_spam_opt_out", "body", WHOLE, message, fix))
}

/// 15 U.S.C. 7704(a)(5)(A)(iii); by 16 CFR 316.2(p) a street address, a box of the USPS or a registered private mailbox.
fn check_postal_address(body: &str) -> Option<Violation> {
    let message = "no postal address in the United States is found (15 U.S.C. 7704(a)(5)(A)(iii))";
    let fix = "add street and number or P.O. Box, city, state and ZIP code";
    let is_absent = !zip_codes(body).any(|at| is_address_before(body, at));
    is_absent.then(|| error("email_can_spam_postal_address", "body", WHOLE, message, fix))
}

/// Where five digits stand that are no part of a longer number.
fn zip_codes(text: &str) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let start = at + bytes[at..].iter().position(u8::is_ascii_digit)?;
            at = start + bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if at - start == 5 {
                return Some(start);
            }
        }
        None
    })
}

/// Whether a state, and before it a number, stand before byte `zip`.
fn is_address_before(text: &str, zip: usize) -> bool {
    let window = &text[text.floor_char_boundary(zip.saturating_sub(MAX_STREET_BYTES))..zip];
    let before = window.trim_end_matches([' ', ',', '\n', '\r', '\u{a0}']);
    let word = before.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    let is_code = word.len() == 2 && STATES.split(' ').any(|state| state == word);
    let lower = before.to_lowercase();
    let has_state = is_code || STATE_NAMES.iter().any(|name| lower.ends_with(name));
    has_state && before.contains(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commercial(body: &str) -> EmailDraft {
        EmailDraft {
            to: "ana@example.com".into(),
            subject: "Hire faster".into(),
            body: body.into(),
            kind: MessageKind::Commercial,
            sender: Some("Acme Staffing".into()),
            ..EmailDraft::default()
        }
    }

    const FOOTER: &str = "Acme Staffing, 12 Main St, Tulsa, OK 74103. This is an advertisement. \
                          Unsubscribe: https://acme.example/out";

    fn rules(draft: &EmailDraft) -> Vec<String> {
        check(draft).into_iter().map(|violation| violation.rule).collect()
    }

    #[test]
    fn commercial_draft_with_all_that_the_law_asks_for_passes() {
        assert_eq!(rules(&commercial(FOOTER)), [""; 0]);
        let other = "An ACME STAFFING promotion. Reply with \"opt out\" to end it.\nP.O. Box 77\nAlbany, New York  12207-1234";
        assert_eq!(rules(&commercial(other)), [""; 0]);
    }

    #[test]
    fn what_a_commercial_draft_lacks_is_named() {
        let all = [
            "email_can_spam_sender",
            "email_can_spam_advertisement",
            "email_can_spam_opt_out",
            "email_can_spam_postal_address",
        ];
        assert_eq!(rules(&commercial("Call us.")), all);
        let without = |part: &str| rules(&commercial(&FOOTER.replace(part, "x")));
        assert_eq!(without("Acme Staffing"), ["email_can_spam_sender"]);
        assert_eq!(without("advertisement"), ["email_can_spam_advertisement"]);
        assert_eq!(without("Unsubscribe"), ["email_can_spam_opt_out"]);
        assert_eq!(without("https://acme.example/out"), ["email_can_spam_opt_out"]);
        for part in ["12 Main", "OK", "74103"] {
            assert_eq!(without(part), ["email_can_spam_postal_address"], "{part}");
        }
        let anonymous = EmailDraft { sender: Some(" ".into()), ..commercial(FOOTER) };
        assert_eq!(rules(&anonymous), ["email_can_spam_sender"]);
        let reply = EmailDraft { subject: "Re: your call".into(), ..commercial(FOOTER) };
        assert_eq!(rules(&reply), ["email_can_spam_subject"]);
    }

    #[test]
    fn order_numbers_and_wages_are_no_postal_address() {
        for text in ["order 74103", "12 men OK 741030", "call 4155550132 in OK", "ok 74103", "é OK 74103"] {
            assert!(check_postal_address(text).is_some(), "{text}");
        }
    }

    #[test]
    fn transactional_draft_needs_none_of_it() {
        assert_eq!(
            rules(&EmailDraft { kind: MessageKind::Transactional, ..commercial("Call us.") }),
            [""; 0]
        );
    }
}
