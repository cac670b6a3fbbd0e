//! Individual Taxpayer Identification Numbers: nine digits, the first a 9, the fourth and fifth 50-65, 70-88, 90-92 or
//! 94-99 (IRS, Publication 4757, "What is an ITIN?").

use std::ops::Range;

use wire::matrix::Severity;

use crate::context::{self, Label};
use crate::leaks::{Finding, Rule};
use crate::numbers::{Run, Separator};
use crate::ssn;

static RULE: Rule = Rule {
    id: "itin",
    severity: Severity::Warning,
    message: "these nine digits may be an individual taxpayer identification number",
    fix: "remove the number; ask for it through the onboarding portal, never by message",
};

/// How many words may stand between `ITIN` and the number.
const REACH: usize = 4;

/// The ITIN that begins at group `start`.
pub(super) fn at(text: &str, run: &Run, groups: &Range<usize>, start: usize) -> Option<Finding> {
    let window = run.window(start, groups.end, 9).filter(|window| is_itin(run.digits(window)))?;
    let span = run.span(&window);
    let name = context::name_before(text, span.start);
    let is_named = name.is_some_and(|name| name.is(Label::Tax, REACH) || name.is(Label::Ssn, REACH));
    let separator = run.separator_within(&window);
    let is_whole = separator.is_none_or(|separator| !run.goes_on(&window, groups, separator));
    let is_formatted = separator.is_some()
        && separator != Some(Separator::List)
        && is_whole
        && (run.is_grouped(&window, &[3, 2, 4])
            || (run.is_grouped(&window, &[3, 6]) && separator != Some(Separator::Dot)));
    let is_alone = window.len() == 1 && ssn::stands_alone(text, run, &window);
    let is_found = is_named || (name.is_none() && (is_formatted || is_alone));
    is_found.then_some(Finding { rule: &RULE, span })
}

fn is_itin(digits: &[u8]) -> bool {
    matches!(digits, [9, _, _, tens, units, ..] if digits.len() == 9
        && matches!(tens * 10 + units, 50..=65 | 70..=88 | 90..=92 | 94..=99))
}
