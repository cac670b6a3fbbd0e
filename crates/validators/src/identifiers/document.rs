//! Passports and driver's licences, which only their names give away.

use std::ops::Range;

use wire::matrix::Severity;

use crate::context::{Label, Name};
use crate::leaks::{Finding, Rule};
use crate::numbers::{Run, Separator};

static PASSPORT: Rule = Rule {
    id: "passport",
    severity: Severity::Warning,
    message: "the text names a passport and gives its number",
    fix: "remove the number; documents are shown in person or uploaded to the onboarding portal",
};
static LICENCE: Rule = Rule {
    id: "drivers_licence",
    severity: Severity::Warning,
    message: "the text names a driver's licence and gives its number",
    fix: "remove the number; documents are shown in person or uploaded to the onboarding portal",
};

/// How many words may stand between a name and its number, as in `travel document` or `Texas DL`.
const REACH: usize = 1;
/// Letters and digits of a licence number: state formats range from a letter and five digits or seven digits alone to
/// a letter and thirteen (AAMVA, Driver License/Identification Card Design Standard, annex on jurisdictions' formats).
const LICENCE_DIGITS: std::ops::RangeInclusive<usize> = 5..=14;

/// The document number that begins `groups`, with letters from byte `first` on.
pub(super) fn named(
    text: &str,
    run: &Run,
    groups: &Range<usize>,
    first: usize,
    name: Name,
) -> Option<Finding> {
    let start = groups.start;
    let span = run.span(&(start..start + 1));
    let letters = span.start - first;
    if name.is(Label::Passport, REACH) {
        // Nine digits, or a letter and eight of the Next Generation Passport (US Department of State, 2021).
        let is_number = run.is_grouped(&(start..start + 1), &[9 - letters.min(9)]) && letters <= 1;
        let is_whole = !text[span.end..].starts_with(char::is_alphanumeric);
        return (is_number && is_whole).then_some(Finding { rule: &PASSPORT, span: first..span.end });
    }
    if !name.is(Label::Licence, REACH) {
        return None;
    }
    let is_joint = |end: &usize| {
        *end == start + 1 || matches!(run.separator_after(*end - 2), Some(Separator::Dash | Separator::Space))
    };
    let ends = (start + 1..=groups.end).take(*LICENCE_DIGITS.end()).take_while(is_joint);
    let fits = |end: &usize| LICENCE_DIGITS.contains(&run.lengths(&(start..*end)).sum());
    let end = ends.filter(fits).last()?;
    let span = first..run.span(&(start..end)).end;
    Some(Finding { rule: &LICENCE, span })
}
