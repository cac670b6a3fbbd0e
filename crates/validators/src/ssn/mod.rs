//! The SSN guard: finds social security numbers in a text that is about to leave the house.
//!
//! A number is judged by its digits ([`issuance`]), by how it is written, and by the words around it. What is written as
//! a phone number, a ZIP+4, an EIN, a date or somebody's order number is set aside first: nearly every real draft
//! carries a phone number, and a guard that cries at those is switched off within a week.

mod issuance;

use std::ops::Range;

use wire::matrix::Severity;

use self::issuance::{DIGITS, is_issuable};
use crate::context::{self, Label, Name};
use crate::leaks::{Finding, Rule};
use crate::numbers::{Run, Separator, set_aside};

const FIX: &str = "remove the number; ask for it through the onboarding portal, never by message";
const SAY_WHAT_IT_IS: &str = "say what the number is (order, job, invoice …), or remove it";

static LABELLED: Rule = Rule {
    id: "ssn_labelled",
    severity: Severity::Error,
    message: "the text names a social security number and gives it",
    fix: FIX,
};
static FORMATTED: Rule = Rule {
    id: "ssn_formatted",
    severity: Severity::Error,
    message: "the text holds what is written as a social security number (3-2-4 digits)",
    fix: FIX,
};
static SPELLED: Rule = Rule {
    id: "ssn_spelled",
    severity: Severity::Error,
    message: "the text spells out what reads as a social security number (3-2-4 digits)",
    fix: FIX,
};
static SPELLED_UNFORMATTED: Rule = Rule {
    id: "ssn_spelled_unformatted",
    severity: Severity::Warning,
    message: "nine digits in words may be a social security number",
    fix: SAY_WHAT_IT_IS,
};
static IRREGULAR: Rule = Rule {
    id: "ssn_irregular",
    severity: Severity::Warning,
    message: "these nine digits may be a social security number in an unusual spelling",
    fix: FIX,
};
static UNFORMATTED: Rule = Rule {
    id: "ssn_unformatted",
    severity: Severity::Warning,
    message: "nine digits without a name may be a social security number",
    fix: SAY_WHAT_IT_IS,
};

/// How many words may stand between `SSN` and the number, `order` and the number, `phone` and the number.
const SSN_REACH: usize = 6;
/// The same where the number is written as a ZIP+4 or an EIN.
const OTHER_REACH: usize = 2;
const IDENTIFIER_REACH: usize = 5;
const PHONE_REACH: usize = 3;
/// With fewer words among its nine digits a number without a name is not taken for one that is spelled out.
const MIN_SPELLED: usize = 5;

/// How nine digits are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// 3-2-4, the separator being a usual one.
    Usual,
    /// 3-2-4, the separator being an odd one, or 3-6.
    Unusual,
    /// One group.
    Bare,
    /// 5-4 or 2-7 with a dash: a ZIP+4 or an EIN, unless it is called otherwise.
    OtherFormat,
    Else,
}

/// Finds the social security numbers among `groups`, a stretch of a run in numerals that holds no phone number.
pub(crate) fn judge(text: &str, run: &Run, groups: &Range<usize>, findings: &mut Vec<Finding>) {
    judge_with(run, groups, findings, |window| rule(text, run, window, groups));
}

/// Finds those that are written digit by digit (`1 2 3 - 4 5 - 6 7 8 9`), which only their structure gives away.
pub(crate) fn judge_digit_by_digit(text: &str, run: &Run, findings: &mut Vec<Finding>) {
    if run.len() < DIGITS {
        return;
    }
    for minor in [Separator::Space, Separator::Dash] {
        let joined = run.joined(minor);
        if joined.len() == run.len() {
            continue;
        }
        for groups in set_aside(text, &joined) {
            judge_with(&joined, &groups, findings, |window| {
                let is_usual = window.len() == 3 && shape(&joined, window) == Shape::Usual;
                if is_usual { rule(text, &joined, window, &groups) } else { None }
            });
        }
    }
}

/// Finds those in number words, alone or mixed with numerals. Words are joined where one and the same separator stands
/// between them; which one, shows in what comes out.
pub(crate) fn judge_spelled(text: &str, run: &Run, findings: &mut Vec<Finding>) {
    for minor in [Separator::Space, Separator::Dash, Separator::List, Separator::Dot] {
        let joined = run.joined(minor);
        let pieces = set_aside(text, &joined);
        let before = findings.len();
        for groups in &pieces {
            judge_with(&joined, groups, findings, |window| spelled_rule(text, &joined, window, groups));
        }
        if pieces.is_empty() || findings.len() > before {
            return;
        }
    }
}

/// Tries every window of nine digits that can be somebody's; what is found is not read again.
fn judge_with(
    run: &Run,
    groups: &Range<usize>,
    findings: &mut Vec<Finding>,
    rule: impl Fn(&Range<usize>) -> Option<&'static Rule>,
) {
    let mut start = groups.start;
    while start < groups.end {
        let window = run.window(start, groups.end, DIGITS).filter(|window| is_issuable(run.digits(window)));
        start = match window.and_then(|window| Some((rule(&window)?, window))) {
            Some((rule, window)) => {
                findings.push(Finding { rule, span: run.span(&window) });
                window.end
            }
            None => start + 1,
        };
    }
}

/// The rule that nine digits in numerals break.
fn rule(text: &str, run: &Run, window: &Range<usize>, piece: &Range<usize>) -> Option<&'static Rule> {
    let (span, shape) = (run.span(window), shape(run, window));
    let name = context::name_before(text, span.start);
    let may_be_named = match shape {
        Shape::Usual | Shape::Unusual | Shape::Bare => true,
        Shape::OtherFormat => {
            name.is_none_or(|name| name.label != Label::Ssn || name.distance <= OTHER_REACH)
        }
        Shape::Else => is_start(run, window, piece),
    };
    if may_be_named && is_named(text, &span, name) {
        return Some(&LABELLED);
    }
    let name = name.filter(|name| tells(*name));
    let goes_on = run.separator_within(window).is_some_and(|separator| run.goes_on(window, piece, separator));
    match shape {
        Shape::Usual if goes_on || is_identifier(text, &span, name) => None,
        Shape::Usual => Some(&FORMATTED),
        Shape::Unusual if !goes_on && name.is_none() && !text[..span.start].ends_with(':') => {
            Some(&IRREGULAR)
        }
        Shape::Bare if name.is_none() && stands_alone(text, run, window) => Some(&UNFORMATTED),
        _ => None,
    }
}

/// The rule that nine digits break some of which are words.
fn spelled_rule(text: &str, run: &Run, window: &Range<usize>, piece: &Range<usize>) -> Option<&'static Rule> {
    let spelled = run.spelled(window);
    if spelled == 0 {
        return None;
    }
    let span = run.span(window);
    let name = context::name_before(text, span.start);
    let is_whole = window.len() == 1 || run.is_grouped(window, &[3, 2, 4]);
    if (is_whole || is_start(run, window, piece)) && is_named(text, &span, name) {
        return Some(&LABELLED);
    }
    // A list item, such as `I-9:`, may stand before it.
    let separator = run.separator_within(window);
    let is_inner = |separator| separator != Separator::List && run.goes_on(window, piece, separator);
    if separator.is_some_and(is_inner) {
        return None;
    }
    let name = name.filter(|name| tells(*name));
    if run.is_grouped(window, &[3, 2, 4]) && separator.is_some() {
        return (!is_identifier(text, &span, name)).then_some(&SPELLED);
    }
    let is_alone =
        run.separator_before(window.start).is_none() && run.separator_after(window.end - 1).is_none();
    (window.len() == 1 && spelled >= MIN_SPELLED && is_alone && name.is_none())
        .then_some(&SPELLED_UNFORMATTED)
}

fn shape(run: &Run, window: &Range<usize>) -> Shape {
    use Separator::{Dash, Dot, Mark, Slash, Space, Underscore};
    let mut lengths = run.lengths(window);
    let lengths: [usize; 3] = std::array::from_fn(|_| lengths.next().unwrap_or_default());
    match (window.len(), lengths, run.separator_within(window)) {
        (1, ..) => Shape::Bare,
        (3, [3, 2, 4], Some(Dash | Dot | Space | Slash | Underscore)) => Shape::Usual,
        (3, [3, 2, 4], Some(Mark)) | (2, [3, 6, _], Some(Dash | Space | Underscore)) => Shape::Unusual,
        (2, [5, 4, _] | [2, 7, _], Some(Dash)) => Shape::OtherFormat,
        _ => Shape::Else,
    }
}

/// Whether a number may begin here, however its digits are grouped.
fn is_start(run: &Run, window: &Range<usize>, piece: &Range<usize>) -> bool {
    window.start == piece.start || run.separator_before(window.start) == Some(Separator::List)
}

/// Whether the words around call the number at `span` a social security number; an amount is none.
fn is_named(text: &str, span: &Range<usize>, name: Option<Name>) -> bool {
    let is_amount = text[..span.start].trim_end().ends_with(['$', '€', '£']);
    let is_named = match name {
        Some(name) if name.is(Label::Ssn, SSN_REACH) => true,
        Some(name) if tells(name) && name.distance == 0 && name.label != Label::Id => false,
        _ => context::is_ssn_after(text, span.end),
    };
    is_named && !is_amount
}

/// Whether a name is near enough to say that a number is something else.
fn tells(name: Name) -> bool {
    match name.label {
        Label::Ssn | Label::Tax => false,
        Label::Phone => name.distance <= PHONE_REACH,
        Label::Identifier
        | Label::Id
        | Label::Routing
        | Label::Account
        | Label::Passport
        | Label::Licence => name.distance <= IDENTIFIER_REACH,
    }
}

/// Whether what is written as a social security number is right behind the name of something else.
fn is_identifier(text: &str, span: &Range<usize>, name: Option<Name>) -> bool {
    let is_named_so = |name: Name| {
        matches!(name.label, Label::Identifier | Label::Routing | Label::Account) && name.distance == 0
    };
    name.is_some_and(is_named_so) || context::is_after_prefix(text, span.start)
}

/// Whether a bare number is a word of its own rather than part of an amount, a path, an address or an identifier.
pub(crate) fn stands_alone(text: &str, run: &Run, window: &Range<usize>) -> bool {
    let is_loose =
        |separator: Option<Separator>| matches!(separator, None | Some(Separator::Space | Separator::List));
    let is_joint =
        |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '=' | '@' | '#' | '$' | '€' | '£');
    let span = run.span(window);
    let before = text[..span.start].chars().next_back();
    let mut after = text[span.end..].chars();
    let next = after.next();
    let is_decimal = matches!(next, Some('.' | ',')) && after.next().is_some_and(char::is_numeric);
    is_loose(run.separator_before(window.start))
        && is_loose(run.separator_after(window.end - 1))
        && !before.is_some_and(|c| is_joint(c) || c == '.' || c == ',')
        && !next.is_some_and(|c| is_joint(c) || c == '%')
        && !is_decimal
}

#[cfg(test)]
mod tests {
    use crate::leaks;

    fn rules(text: &str) -> Vec<String> {
        let violations = leaks::check("body", text).into_iter();
        violations.map(|violation| violation.rule).filter(|rule| rule.starts_with("ssn")).collect()
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
        let found = leaks::check("body", text).remove(0);
        assert_eq!(&text[found.span[0]..found.span[1]], "123-45-6789");
        let told = format!("{} {}", found.message, found.fix);
        assert!(!told.contains("6789"), "{told}");
    }
}
