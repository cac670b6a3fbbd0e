//! Building a [`Violation`].

use std::collections::BTreeMap;
use std::ops::Range;

use wire::matrix::{Severity, Violation};

/// The span of a violation that concerns a field as a whole.
pub(crate) const WHOLE: Range<usize> = 0..0;

/// How many places one rule names in one field: whoever mends a hundred finds the rest in the next report, and a report
/// stays small however long the text is.
pub(crate) const MAX_OF_A_RULE: usize = 100;

/// A violation that stops the draft.
pub(crate) fn error(rule: &str, field: &str, span: Range<usize>, message: &str, fix: &str) -> Violation {
    violation(Severity::Error, rule, field, span, message, fix)
}

/// A violation that a person should look at.
pub(crate) fn warning(rule: &str, field: &str, span: Range<usize>, message: &str, fix: &str) -> Violation {
    violation(Severity::Warning, rule, field, span, message, fix)
}

/// A violation of a severity that depends on the draft.
pub(crate) fn violation(
    severity: Severity,
    rule: &str,
    field: &str,
    span: Range<usize>,
    message: &str,
    fix: &str,
) -> Violation {
    Violation {
        rule: rule.to_owned(),
        severity,
        field: field.to_owned(),
        span: [span.start, span.end],
        message: message.to_owned(),
        fix: fix.to_owned(),
    }
}

/// The first of each rule.
pub(crate) fn capped(violations: impl Iterator<Item = Violation>) -> Vec<Violation> {
    let mut counts = BTreeMap::<String, usize>::new();
    let is_among_the_first = |violation: &Violation| match counts.get_mut(&violation.rule) {
        Some(count) => {
            *count += 1;
            *count <= MAX_OF_A_RULE
        }
        None => counts.insert(violation.rule.clone(), 1).is_none(),
    };
    violations.filter(is_among_the_first).collect()
}

/// In the order of `fields`, then of the spans; what concerns a field as a whole comes after what can be pointed at.
pub(crate) fn in_order(mut violations: Vec<Violation>, fields: &[&str]) -> Vec<Violation> {
    let position = |field: &str| fields.iter().position(|known| *known == field);
    let is_whole = |span: [usize; 2]| span == [WHOLE.start, WHOLE.end];
    violations.sort_by_key(|found| (position(&found.field), is_whole(found.span), found.span));
    violations
}
