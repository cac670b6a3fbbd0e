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

/// How many words may stand between `SSN` and its number.
const SSN_REACH: usize = 6;
/// The same where the number is written as a ZIP+4 or an EIN.
const OTHER_REACH: usize = 2;
/// How many words may stand between `order` or `phone` and a number, so that it is no social security number.
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
    /// Another grouping that leaves the area whole, or goes in small steps.
    Else,
    /// A grouping that is none of a social security number, such as a time of day and a house number (4-5).
    Foreign,
}

/// Finds the social security numbers among `groups`, a stretch of a run in numerals that holds no phone number.
pub(crate) fn judge(text: &str, run: &Run, groups: &Range<usize>, findings: &mut Vec<Finding>) {
    judge_with(run, groups, findings, |window| rule(text, run, window, groups));
}

/// Finds those in number words, alone or mixed with numerals: by their structure, which nothing else has, or else by a
/// name or by being alone. For these, words are joined at one separator or two; which, shows in what comes out.
pub(crate) fn judge_spelled(text: &str, run: &Run, findings: &mut Vec<Finding>) {
    use Separator::{Dash, Dot, List, Space};
    let minors: [&[Separator]; 5] = [&[Space], &[Dash], &[Space, Dash], &[List], &[Dot]];
    let before = findings.len();
    judge_with(run, &run.whole(), findings, |window| structured_rule(text, run, window));
    for minor in minors {
        if findings.len() > before {
            return;
        }
        let joined = run.joined(minor);
        let pieces = set_aside(text, &joined);
        if pieces.is_empty() {
            return;
        }
        for groups in &pieces {
            judge_with(&joined, groups, findings, |window| spelled_rule(text, &joined, window, groups));
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
        Shape::Foreign => false,
    };
    if may_be_named && is_named(text, &span, name) {
        return Some(&LABELLED);
    }
    let name = name.filter(|name| tells(*name));
    let is_part = is_part(run, window, piece);
    match shape {
        Shape::Usual if is_identifier(text, &span, name) => None,
        Shape::Usual if !is_part => Some(&FORMATTED),
        // Numbers beside it, with spaces between: a list, or a number of something else.
        Shape::Usual if name.is_none() && run.separator_within(window) == Some(Separator::Space) => {
            Some(&IRREGULAR)
        }
        Shape::Unusual
            if !is_part
                && name.is_none_or(|name| name.distance > 0)
                && !text[..span.start].ends_with(':') =>
        {
            Some(&IRREGULAR)
        }
        Shape::Bare if name.is_none() && stands_alone(text, run, window) => Some(&UNFORMATTED),
        _ => None,
    }
}

/// The rule that nine digits break some of which are words, and which are grouped 3-2-4.
fn structured_rule(text: &str, run: &Run, window: &Range<usize>) -> Option<&'static Rule> {
    if run.spelled(window) == 0 || run.major_separator(window).is_none() || is_part(run, window, &run.whole())
    {
        return None;
    }
    let span = run.span(window);
    let name = context::name_before(text, span.start);
    if is_named(text, &span, name) {
        return Some(&LABELLED);
    }
    (!is_identifier(text, &span, name)).then_some(&SPELLED)
}

/// The rule that nine digits break some of which are words, if they have a name or are alone.
fn spelled_rule(text: &str, run: &Run, window: &Range<usize>, piece: &Range<usize>) -> Option<&'static Rule> {
    let spelled = run.spelled(window);
    if spelled == 0 {
        return None;
    }
    let span = run.span(window);
    let name = context::name_before(text, span.start);
    let may_be_named = match shape(run, window) {
        Shape::Foreign => false,
        Shape::Bare => true,
        _ => is_start(run, window, piece),
    };
    if may_be_named && is_named(text, &span, name) {
        return Some(&LABELLED);
    }
    let is_alone =
        run.separator_before(window.start).is_none() && run.separator_after(window.end - 1).is_none();
    let is_unnamed = !name.is_some_and(tells);
    (window.len() == 1 && spelled >= MIN_SPELLED && is_alone && is_unnamed).then_some(&SPELLED_UNFORMATTED)
}

/// Whether nine digits are part of something longer, in which the separator between their groups goes on. The items of
/// a list are not, nor are groups that are spelled out with other separators within.
fn is_part(run: &Run, window: &Range<usize>, piece: &Range<usize>) -> bool {
    let is_split = run.separator_within(window).is_none();
    match run.major_separator(window).or(run.separator_within(window)) {
        None | Some(Separator::List) => false,
        Some(Separator::Space) if is_split => false,
        Some(separator) => run.goes_on(window, piece, separator),
    }
}

fn shape(run: &Run, window: &Range<usize>) -> Shape {
    use Separator::{Dash, Dot, Mark, Slash, Space, Underscore};
    if let Some(Dash | Dot | Space | Slash | Underscore) = run.major_separator(window) {
        return Shape::Usual;
    }
    let mut lengths = run.lengths(window);
    let lengths: [usize; 3] = std::array::from_fn(|_| lengths.next().unwrap_or_default());
    match (window.len(), lengths, run.separator_within(window)) {
        (1, ..) => Shape::Bare,
        (3, [3, 2, 4], Some(Mark)) | (2, [3, 6, _], Some(Dash | Space | Underscore)) => Shape::Unusual,
        (2, [5, 4, _] | [2, 7, _], Some(Dash)) => Shape::OtherFormat,
        (2, [5, 4, _], _) | (_, [3, ..], _) => Shape::Else,
        _ if run.lengths(window).all(|digits| digits <= 3) => Shape::Else,
        _ => Shape::Foreign,
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
    fn number_in_words_is_seen_however_it_is_said() {
        for text in [
            "one two three dash four five dash six seven eight nine",
            "One-two-three, forty-five, sixty-seven eighty-nine.",
            "one two three... four five... six seven eight nine",
            "ONE 2 THREE - 4 5 - six 7 8 NINE",
            "one two three\nfour five\nsix seven eight nine",
            "uno dos tres guión cuatro cinco guión seis siete ocho nueve",
            "five oh two, double one, triple seven four",
        ] {
            assert_rules(text, &["ssn_spelled"]);
        }
        for text in [
            "my social is one two three four five six seven eight nine",
            "SSN: one twenty-three forty-five sixty-seven eighty-nine",
            "seguro social número uno dos tres cuatro cinco seis siete ocho nueve",
            "one two three four five six seven eight nine is my SSN",
            "SSN is 1 2 3 4 5 6 7 8 9",
            "SSN 1-2-3-4-5-6-7-8-9",
            "SSN 123;45;6789",
        ] {
            assert_rules(text, &["ssn_labelled"]);
        }
        assert_rules("it is one two three four five six seven eight nine", &["ssn_spelled_unformatted"]);
        assert_rules("1 2 3 - 4 5 - 6 7 8 9", &["ssn_formatted"]);
        for text in [
            "1 2 3 4 5 6 7 8 9",
            "count one two three four five six seven eight nine ten",
            "call four one five, five five five, oh one three two",
            "order one two three dash four five dash six seven eight nine",
            "two of you take twelve 45678 boxes",
        ] {
            assert_rules(text, &[]);
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
            "Lot #123-45-6789",
            "P/N 123-45-6789",
            "S/N 123-45-6789",
            "P.O. 123-45-6789",
            "claim no. 123-45-6789",
            "18+ only, 4 of 123",
            "1-123-45-6789",
            "+49 30 1234567",
            "123e4567-e89b-12d3-a456-426614174000",
            "Never send your SSN by text. Questions? 415-555-0132",
            "Bring your social security card at 0600, 12345 Elm St.",
            "Bring your SSN card on 2026-12-01 6 am",
            "Mail your SSN card to Tulsa, OK 74103-1234",
            "-122.419416",
            "social skills, core 113 08/2018",
            "Social media post 123456789 got likes",
        ] {
            assert_rules(text, &[]);
        }
    }

    #[test]
    fn number_beside_a_phone_is_still_seen() {
        assert_rules("call 415 555 0132 123 45 6789", &["ssn_formatted"]);
        assert_rules("+1 415 555 0132 123-45-6789", &["ssn_formatted"]);
        assert_rules("123 45 6789 415 555 0132", &["ssn_formatted"]);
        assert_rules("ages 18+ 123-45-6789", &["ssn_formatted"]);
        assert_rules("a lot 123-45-6789", &["ssn_formatted"]);
        assert_rules("box 69698 123 45 6789", &["ssn_irregular"]);
        assert_rules("+49 30 1234567 123-45-6789", &["ssn_formatted"]);
        assert_rules("SSN 011-44-2079 12/04/2026", &["ssn_labelled"]);
        assert_rules("123-45-6789, 234-56-7890 and 345-67-8901", &["ssn_formatted"; 3]);
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
