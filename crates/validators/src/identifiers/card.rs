//! Payment card numbers: ISO/IEC 7812-1, an issuer's prefix, a length that the issuer uses, and the check digit.

use std::ops::Range;

use wire::matrix::Severity;

use crate::context::{self, Label};
use crate::leaks::{Finding, Rule};
use crate::numbers::{Run, Separator};

static RULE: Rule = Rule {
    id: "card_number",
    severity: Severity::Warning,
    message: "these digits are valid as a payment card number",
    fix: "remove the number; a card is never given in a message (PCI DSS, requirement 4.2)",
};

/// How card numbers are grouped on cards and in forms.
const GROUPINGS: [&[usize]; 4] = [&[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4], &[4, 4, 4, 4, 3]];

/// Finds the card numbers of a run.
pub(super) fn judge(text: &str, run: &Run, findings: &mut Vec<Finding>) {
    let mut start = 0;
    while start < run.len() {
        start = match card_at(text, run, start) {
            Some(window) => {
                findings.push(Finding { rule: &RULE, span: run.span(&window) });
                window.end
            }
            None => start + 1,
        };
    }
}

fn card_at(text: &str, run: &Run, start: usize) -> Option<Range<usize>> {
    let fits = |window: &Range<usize>| {
        let is_whole = match run.separator_within(window) {
            Some(separator @ (Separator::Space | Separator::Dash | Separator::Dot)) => {
                !run.goes_on(window, &run.whole(), separator)
            }
            Some(_) => false,
            None => window.len() == 1,
        };
        is_whole && is_card(run.digits(window))
    };
    let single = start..start + 1;
    let is_long = run.lengths(&single).all(|digits| (13..=19).contains(&digits));
    let window = if is_long && fits(&single) {
        single
    } else {
        let windows = GROUPINGS.iter().map(|lengths| (start..start + lengths.len(), lengths));
        windows
            .filter(|(window, lengths)| window.end <= run.len() && run.is_grouped(window, lengths))
            .map(|(window, _)| window)
            .find(fits)?
    };
    let first = run.span(&window).start;
    let is_part =
        text[..first].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '+' | '$' | '#' | '.'));
    let name = context::name_before(text, first);
    let is_other = name.is_some_and(|name| name.is(Label::Identifier, 2) || name.is(Label::Phone, 1));
    (!is_part && !is_other).then_some(window)
}

/// Whether an issuer gives out numbers of this prefix and length, and the check digit fits.
fn is_card(digits: &[u8]) -> bool {
    let Some(prefix) = digits.get(..4) else { return false };
    let prefix = prefix.iter().fold(0u32, |prefix, digit| prefix * 10 + u32::from(*digit));
    let is_issued = match prefix {
        // Visa
        4000..=4999 => matches!(digits.len(), 13 | 16 | 19),
        // Mastercard
        2221..=2720 | 5100..=5599 => digits.len() == 16,
        // American Express
        3400..=3499 | 3700..=3799 => digits.len() == 15,
        // Diners Club
        3000..=3059 | 3600..=3699 | 3800..=3999 => (14..=19).contains(&digits.len()),
        // JCB, Discover, UnionPay
        3528..=3589 | 6011 | 6440..=6599 | 6200..=6299 => (16..=19).contains(&digits.len()),
        // Maestro
        5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763 => (13..=19).contains(&digits.len()),
        _ => false,
    };
    is_issued && luhn(digits)
}

/// ISO/IEC 7812-1 annex B: every second digit from the right is doubled, the digits are summed, the sum ends in 0.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) => digit * 2 / 10 + digit * 2 % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}
