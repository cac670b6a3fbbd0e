//! Building a [`Violation`].

use std::ops::Range;

use wire::matrix::{Severity, Violation};

/// The span of a violation that concerns a field as a whole.
pub(crate) const WHOLE: Range<usize> = 0..0;

/// A violation that stops the draft.
pub(crate) fn error(rule: &str, field: &str, span: Range<usize>, message: &str, fix: &str) -> Violation {
    violation(Severity::Error, rule, field, span, message, fix)
}

/// A violation that a person should look at.
pub(crate) fn warning(rule: &str, field: &str, span: Range<usize>, message: &str, fix: &str) -> Violation {
    violation(Severity::Warning, rule, field, span, message, fix)
}

/// A violation of any severity.
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
