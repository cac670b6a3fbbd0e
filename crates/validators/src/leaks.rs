//! What must not leave the house in a message: social security numbers, which stop a draft, and other numbers that
//! identify a person or an account, which a person should look at.
//!
//! [`check`] is the one way to judge a text. It reads it twice from front to back, once for numerals and once for
//! number words, with a bounded look at the words around each number: time is linear in the length of the text, and
//! memory does not depend on it but for what is found.

use std::cmp::Reverse;
use std::ops::Range;

use wire::matrix::{Severity, Violation};

use crate::numbers::{self, Reading};
use crate::violation::violation;
use crate::{identifiers, ssn};

/// The most violations of each severity that are told of one text: a draft with more is refused all the same, and a
/// hostile one cannot make an answer many times its own size.
const MAX_TOLD: usize = 1_000;

/// What is wrong with a number and what to do about it. No text of it holds the number.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: &'static str,
    pub(crate) severity: Severity,
    pub(crate) message: &'static str,
    pub(crate) fix: &'static str,
}

/// A rule broken at a span of the text.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) rule: &'static Rule,
    pub(crate) span: Range<usize>,
}

/// Every number in `text` that must not be sent, as violations of `field`, in the order of the text. Spans do not
/// overlap: where two rules see the same digits, the one with the higher severity speaks, then the guard of social
/// security numbers, then the one that begins first, then the longer span.
pub fn check(field: &str, text: &str) -> Vec<Violation> {
    let mut findings = Vec::new();
    numbers::for_each_run(text, Reading::Numerals, |run| {
        identifiers::judge_whole(text, run, &mut findings);
        for groups in numbers::set_aside(text, run) {
            ssn::judge(text, run, &groups, &mut findings);
            identifiers::judge(text, run, &groups, &mut findings);
        }
    });
    numbers::for_each_run(text, Reading::Words, |run| ssn::judge_spelled(text, run, &mut findings));
    let mut told = [0, 0];
    let mut violations = without_overlaps(findings);
    violations.retain(|finding| {
        let told = &mut told[usize::from(finding.rule.severity == Severity::Error)];
        *told += 1;
        *told <= MAX_TOLD
    });
    let told = violations.into_iter();
    told.map(|Finding { rule, span }| violation(rule.severity, rule.id, field, span, rule.message, rule.fix))
        .collect()
}

fn without_overlaps(mut findings: Vec<Finding>) -> Vec<Finding> {
    let rank = |finding: &Finding| {
        let is_error = finding.rule.severity == Severity::Error;
        (is_error, finding.rule.id.starts_with("ssn"))
    };
    findings.sort_by_key(|finding| (finding.span.start, Reverse((rank(finding), finding.span.len()))));
    let mut kept: Vec<Finding> = Vec::with_capacity(findings.len());
    for finding in findings {
        match kept.last_mut() {
            Some(last) if finding.span.start < last.span.end => {
                if rank(&finding) > rank(last) {
                    *last = finding;
                }
            }
            _ => kept.push(finding),
        }
    }
    kept
}
