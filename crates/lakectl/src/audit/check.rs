//! The checks that an audit requires.

use serde::Serialize;

/// What an audit does, in its order.
pub(super) const PHASES: [&str; 8] =
    ["environment", "tests", "evidence", "scoring", "exports", "receipts", "acceptance", "replay"];

/// The phase of each required check, and its name.
pub(super) const REQUIRED: [(usize, &str); 12] = [
    (0, STACK_READY),
    (0, BASELINES_WHOLE),
    (1, TESTS_PASS),
    (2, EVIDENCE_COUNTED),
    (2, RECORDS_ACCOUNTED_FOR),
    (3, VERDICTS_FOLLOW_THE_RULES),
    (4, EXPORTS_TELL_NOBODYS_NUMBER),
    (4, UNFIT_ROWS_STAY_OUT),
    (5, RECEIPT_MATCHES_FILES),
    (5, RERUN_GIVES_THE_SAME_BYTES),
    (6, GOLDEN_CASES_HOLD),
    (7, RECORDED_SEARCHES_ANSWERED),
];

/// Every daemon is ready, unimpaired, and of this version.
pub(super) const STACK_READY: &str = "stack_ready";
/// The log of baselines can be read to its end.
pub(super) const BASELINES_WHOLE: &str = "baselines_whole";
/// The tests pass.
pub(super) const TESTS_PASS: &str = "tests_pass";
/// Rows of evidence, the metric, the receipt and the collector's summary agree.
pub(super) const EVIDENCE_COUNTED: &str = "evidence_counted";
/// Every record became a row, a skip, or was there already; every row has the id of its content.
pub(super) const RECORDS_ACCOUNTED_FOR: &str = "records_accounted_for";
/// Every row has the one verdict that the rules give it.
pub(super) const VERDICTS_FOLLOW_THE_RULES: &str = "verdicts_follow_the_rules";
/// No text that would be given away holds what the validators stop.
pub(super) const EXPORTS_TELL_NOBODYS_NUMBER: &str = "exports_tell_nobodys_number";
/// What worked is either exported or in quarantine, and nothing is both.
pub(super) const UNFIT_ROWS_STAY_OUT: &str = "unfit_rows_stay_out";
/// Every file is as the receipt says, and there is no other.
pub(super) const RECEIPT_MATCHES_FILES: &str = "receipt_matches_files";
/// The stages, run again over the inputs, give the same bytes.
pub(super) const RERUN_GIVES_THE_SAME_BYTES: &str = "rerun_gives_the_same_bytes";
/// The stack answers the golden cases as it should.
pub(super) const GOLDEN_CASES_HOLD: &str = "golden_cases_hold";
/// The stack still answers what it answered when the run was collected.
pub(super) const RECORDED_SEARCHES_ANSWERED: &str = "recorded_searches_answered";

/// One check and how it went.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Check {
    pub(super) phase: usize,
    pub(super) name: &'static str,
    pub(super) passed: bool,
    /// What was seen, or what is wrong.
    pub(super) detail: String,
}

impl Check {
    /// A check passes with what was seen, or fails with what is wrong.
    pub(super) fn of(name: &'static str, result: &anyhow::Result<String>) -> Self {
        let phase = REQUIRED.iter().find(|(_, required)| *required == name).map_or(0, |(phase, _)| *phase);
        let detail = match result {
            Ok(seen) => seen.clone(),
            Err(error) => format!("{error:#}"),
        };
        Self { phase, name, passed: result.is_ok(), detail }
    }
}

/// Whether every required check was made, and passed.
pub(super) fn all_passed(checks: &[Check]) -> bool {
    REQUIRED.iter().all(|(_, name)| checks.iter().any(|check| check.name == *name && check.passed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed() -> Vec<Check> {
        REQUIRED.iter().map(|(_, name)| Check::of(name, &Ok("fine".to_owned()))).collect()
    }

    #[test]
    fn audit_passes_only_with_every_required_check() {
        assert!(all_passed(&passed()));
        for missing in 0..REQUIRED.len() {
            let mut checks = passed();
            checks.remove(missing);
            assert!(!all_passed(&checks), "without {}", REQUIRED[missing].1);
            let mut checks = passed();
            checks[missing].passed = false;
            assert!(!all_passed(&checks), "{} failed", REQUIRED[missing].1);
        }
    }

    #[test]
    fn every_phase_has_a_check_and_no_name_stands_twice() {
        let phases: Vec<usize> = REQUIRED.iter().map(|(phase, _)| *phase).collect();
        assert!(phases.is_sorted() && (0..PHASES.len()).all(|phase| phases.contains(&phase)));
        let names: std::collections::BTreeSet<_> = REQUIRED.iter().map(|(_, name)| name).collect();
        assert_eq!(names.len(), REQUIRED.len());
    }
}
