//! Checks what is about to be sent or booked: e-mail and SMS drafts, fill proposals, no social security number in any of
//! them, and no words that choose workers by age, sex or origin.
//!
//! Pure functions: no clock, no I/O. A violation says which rule, where (a byte span in a named field) and what to do;
//! it never repeats the text that broke the rule, because reports end up in logs and tickets.

pub mod address;
mod can_spam;
mod context;
pub mod email;
pub mod fill;
mod identifiers;
pub mod language;
pub mod leaks;
mod links;
mod numbers;
pub mod placeholder;
mod plain;
mod schedule;
pub mod segments;
pub mod sms;
mod ssn;
mod violation;

use wire::matrix::{Severity, ValidationReport, Violation};

/// The verdict over `violations`: a draft passes when none of them is an error.
pub fn report(violations: Vec<Violation>) -> ValidationReport {
    let ok = violations.iter().all(|violation| violation.severity != Severity::Error);
    ValidationReport { ok, violations }
}
