//! Bank account numbers: called so, or beside a routing number of the American Bankers Association.

use std::ops::Range;

use wire::matrix::Severity;

use crate::context::{Label, Name};
use crate::leaks::{Finding, Rule};
use crate::numbers::{Run, Separator};

static RULE: Rule = Rule {
    id: "bank_account",
    severity: Severity::Warning,
    message: "this may be the number of a bank account",
    fix: "remove the number; ask for it through the payroll portal, never by message",
};

/// Account numbers at US banks: there is no standard; NACHA's entry detail record has room for 17 characters.
const DIGITS: std::ops::RangeInclusive<usize> = 6..=17;

/// The account number that begins `groups` and is called one.
pub(super) fn named(run: &Run, groups: &Range<usize>, name: Name) -> Option<Finding> {
    if !name.is(Label::Account, 0) {
        return None;
    }
    let start = groups.start;
    let is_joint = |end: &usize| {
        *end == start + 1 || matches!(run.separator_after(*end - 2), Some(Separator::Dash | Separator::Space))
    };
    let ends = (start + 1..=groups.end).take(*DIGITS.end()).take_while(is_joint);
    let fits = |end: &usize| DIGITS.contains(&run.lengths(&(start..*end)).sum());
    let end = ends.filter(fits).last()?;
    Some(Finding { rule: &RULE, span: run.span(&(start..end)) })
}

/// Finds the numbers that stand right behind a routing number.
pub(super) fn judge_beside_routing_numbers(text: &str, run: &Run, findings: &mut Vec<Finding>) {
    for account in 1..run.len() {
        let (routing, account) = (account - 1..account, account..account + 1);
        let is_beside = run.is_grouped(&routing, &[9])
            && is_routing_number(run.digits(&routing))
            && run.lengths(&account).all(|digits| DIGITS.contains(&digits))
            && run.separator_after(routing.start) != Some(Separator::Dot)
            && !text[..run.span(&routing).start].ends_with(['+', '$']);
        if is_beside {
            findings.push(Finding { rule: &RULE, span: run.span(&account) });
        }
    }
}

/// Nine digits whose first two are a Federal Reserve district, a thrift's, an electronic one's or 80 (travellers'
/// cheques), and whose check digit fits: 3, 7, 1 times the digits in turn sum to a multiple of ten (ABA Routing Number
/// Policy).
fn is_routing_number(digits: &[u8]) -> bool {
    let [first, second, ..] = digits else { return false };
    let is_district = matches!(first * 10 + second, 0..=12 | 21..=32 | 61..=72 | 80);
    let sum: u32 =
        digits.iter().zip([3, 7, 1].iter().cycle()).map(|(digit, weight)| u32::from(*digit) * weight).sum();
    is_district && digits.len() == 9 && sum.is_multiple_of(10)
}
