//! Other numbers that identify a person or an account: payment cards, bank accounts, ITINs, passports, driver's
//! licences. They are warnings: none of them stops a draft, since only words or check digits tell them apart from
//! numbers that may well be sent.

mod bank;
mod card;
mod document;
mod itin;

use std::ops::Range;

use crate::context;
use crate::leaks::Finding;
use crate::numbers::Run;

/// Judges a run before anything is set aside: the digits of a card, or of an account whose name or routing number stands
/// before it, may read as a phone number.
pub(crate) fn judge_whole(text: &str, run: &Run, findings: &mut Vec<Finding>) {
    card::judge(text, run, findings);
    bank::judge_beside_routing_numbers(text, run, findings);
    let first = 0..1;
    if run.lengths(&first).all(|digits| digits >= 10) {
        findings.extend(named(text, run, &first));
    }
}

/// Judges `groups`, a stretch of a run that holds neither phone number nor date.
pub(crate) fn judge(text: &str, run: &Run, groups: &Range<usize>, findings: &mut Vec<Finding>) {
    findings.extend(named(text, run, groups));
    findings.extend(groups.clone().filter_map(|start| itin::at(text, run, groups, start)));
}

/// What only its name gives away, which stands right before it: so it is the first thing in `groups`.
fn named(text: &str, run: &Run, groups: &Range<usize>) -> Option<Finding> {
    const FEWEST_DIGITS: usize = 5;
    let digits: usize = run.lengths(groups).sum();
    if digits < FEWEST_DIGITS {
        return None;
    }
    let at = run.span(groups).start;
    let first = at - letters_before(text, at);
    let name = context::name_before(text, first)?;
    bank::named(run, groups, name).or_else(|| document::named(text, run, groups, first, name))
}

/// How many bytes of letters right before byte `at` belong to the number there, as in `D1234567`: up to three, which
/// are a word of their own.
fn letters_before(text: &str, at: usize) -> usize {
    let letters = text[..at].bytes().rev().take(4).take_while(u8::is_ascii_alphabetic).count();
    let is_word = letters <= 3 && !text[..at - letters].ends_with(char::is_alphanumeric);
    if is_word { letters } else { 0 }
}
