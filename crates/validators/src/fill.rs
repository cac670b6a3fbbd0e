//! Checks of a proposal to fill a job with workers.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use wire::matrix::{FillProposal, Job, ValidationReport, Violation};

use crate::report;
use crate::schedule::{self, Interval};
use crate::violation::{WHOLE, error, warning};

/// What is known of a worker; an absent fact raises a warning where it matters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkerFacts {
    /// The occupation.
    pub role: Option<String>,
    /// Certifications held.
    pub certifications: Vec<String>,
    /// Where the worker works.
    pub location: Option<String>,
    /// The shift that the worker takes.
    pub shift: Option<String>,
}

/// Judges a proposal. `workers` holds the facts of every proposed worker that exists; `today` is the date at the job.
pub fn validate(
    proposal: &FillProposal,
    workers: &BTreeMap<String, WorkerFacts>,
    today: Date,
) -> ValidationReport {
    let mut violations = check_job(&proposal.job, today);
    let schedule = check_schedule(&proposal.job, &mut violations);
    violations.extend(check_headcount(proposal));
    let mut seen = BTreeSet::new();
    for (position, id) in proposal.worker_ids.iter().enumerate() {
        let field = format!("worker_ids[{position}]");
        if !seen.insert(id) {
            let message = "this worker is proposed twice";
            violations.push(error("fill_duplicate_worker", &field, WHOLE, message, "propose another worker"));
            continue;
        }
        match workers.get(id) {
            Some(facts) => violations.extend(check_worker(&field, &proposal.job, facts)),
            None => {
                let message = "no worker has this id";
                violations.push(error(
                    "fill_unknown_worker",
                    &field,
                    WHOLE,
                    message,
                    "take an id from a search",
                ));
            }
        }
    }
    violations.extend(check_assignments(proposal, schedule));
    report(violations)
}

fn check_job(job: &Job, today: Date) -> Vec<Violation> {
    let mut violations = Vec::new();
    if job.role.trim().is_empty() {
        let message = "the job names no role";
        violations.push(error("fill_role_missing", "job.role", WHOLE, message, "name the occupation"));
    }
    if job.pay_rate.is_some_and(|rate| !rate.is_finite() || rate < 0.0) {
        let message = "the pay rate is negative or no number";
        violations.push(error("fill_pay_rate", "job.pay_rate", WHOLE, message, "give US dollars an hour"));
    }
    let midnight = schedule::start(&today.to_string());
    let starts = job.start.as_deref().and_then(schedule::start);
    if starts.zip(midnight).is_some_and(|(starts, midnight)| starts < midnight) {
        let message = "the job starts in the past";
        violations.push(warning("fill_job_in_past", "job.start", WHOLE, message, "check the date"));
    }
    violations
}

/// The time that the job takes, if it says so rightly.
fn check_schedule(job: &Job, violations: &mut Vec<Violation>) -> Option<Interval> {
    let start = read_time("job.start", job.start.as_deref()?, schedule::start, violations);
    let end = read_time("job.end", job.end.as_deref()?, schedule::end, violations);
    let (start, end) = (start?, end?);
    let interval = Interval::new(start, end);
    if interval.is_none() {
        let message = "the job ends before it starts";
        violations.push(error("fill_time_range", "job.end", WHOLE, message, "give an end after the start"));
    }
    interval
}

fn read_time(
    field: &str,
    text: &str,
    read: impl Fn(&str) -> Option<jiff::Timestamp>,
    violations: &mut Vec<Violation>,
) -> Option<jiff::Timestamp> {
    let time = read(text);
    if time.is_none() {
        let message = "this is no date or time that exists";
        let fix = "write 2026-12-01, 2026-12-01T07:00 or 2026-12-01T07:00-05:00";
        violations.push(error("fill_time_format", field, 0..text.len(), message, fix));
    }
    time
}

fn check_headcount(proposal: &FillProposal) -> Option<Violation> {
    let (asked, distinct) =
        (proposal.job.headcount, proposal.worker_ids.iter().collect::<BTreeSet<_>>().len());
    let proposed = u32::try_from(distinct).unwrap_or(u32::MAX);
    if asked == 0 {
        let message = "the job asks for nobody";
        return Some(error("fill_headcount", "job.headcount", WHOLE, message, "ask for one worker or more"));
    }
    let message = format!("the job asks for {asked} workers, {proposed} are proposed");
    let fix = if proposed < asked { "propose more workers" } else { "propose fewer workers" };
    (proposed != asked).then(|| error("fill_headcount", "worker_ids", WHOLE, &message, fix))
}

fn check_worker(field: &str, job: &Job, facts: &WorkerFacts) -> Vec<Violation> {
    let mut violations = Vec::new();
    match &facts.role {
        Some(role) if !is_same(role, &job.role) => {
            let message = "the worker's role is not the job's";
            violations.push(error(
                "fill_role_mismatch",
                field,
                WHOLE,
                message,
                "propose a worker of that role",
            ));
        }
        Some(_) => {}
        None => {
            let message = "no role is on record for the worker";
            violations.push(warning("fill_role_unknown", field, WHOLE, message, "look at the worker's file"));
        }
    }
    for (position, required) in job.required_certifications.iter().enumerate() {
        if !facts.certifications.iter().any(|held| is_same(held, required)) {
            let message = format!("the worker does not hold job.required_certifications[{position}]");
            let fix = "propose a worker who holds it, or get the proof on record";
            violations.push(error("fill_missing_certification", field, WHOLE, &message, fix));
        }
    }
    let places = [
        ("fill_shift_mismatch", "shift", &job.shift, &facts.shift),
        ("fill_location_mismatch", "location", &job.location, &facts.location),
    ];
    for (rule, what, asked, known) in places {
        if asked.as_ref().zip(known.as_ref()).is_some_and(|(asked, known)| !is_same(asked, known)) {
            let message = format!("the worker's {what} is not the job's");
            violations.push(warning(rule, field, WHOLE, &message, "ask the worker first"));
        }
    }
    violations
}

/// Nobody is in two places at once.
fn check_assignments(proposal: &FillProposal, job: Option<Interval>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (position, assignment) in proposal.assignments.iter().enumerate() {
        let field = format!("assignments[{position}]");
        let start = read_time(&format!("{field}.start"), &assignment.start, schedule::start, &mut violations);
        let end = read_time(&format!("{field}.end"), &assignment.end, schedule::end, &mut violations);
        let Some((start, end)) = start.zip(end) else { continue };
        let Some(taken) = Interval::new(start, end) else {
            let message = "the assignment ends before it starts";
            violations.push(error("fill_time_range", &field, WHOLE, message, "give an end after the start"));
            continue;
        };
        let proposed = proposal.worker_ids.iter().position(|id| *id == assignment.worker_id);
        if let (Some(worker), Some(job)) = (proposed, job)
            && job.overlaps(&taken)
        {
            let message = format!("{field} takes the worker at the time of the job");
            let worker = format!("worker_ids[{worker}]");
            let fix = "propose a worker who is free";
            violations.push(error("fill_overlapping_assignment", &worker, WHOLE, &message, fix));
        }
    }
    violations
}

/// Equal but for case and surrounding white space.
fn is_same(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use wire::matrix::Assignment;

    use super::*;

    fn workers() -> BTreeMap<String, WorkerFacts> {
        let facts = WorkerFacts {
            role: Some("Forklift Operator".into()),
            certifications: vec!["OSHA 10".into(), "Forklift".into()],
            location: Some("Tulsa, OK".into()),
            shift: Some("night".into()),
        };
        ["w1", "w2"].into_iter().map(|id| (id.to_owned(), facts.clone())).collect()
    }

    fn proposal() -> FillProposal {
        FillProposal {
            job: Job {
                id: "j1".into(),
                role: " forklift operator".into(),
                location: Some("Tulsa, OK".into()),
                shift: Some("Night".into()),
                start: Some("2026-12-01T22:00".into()),
                end: Some("2026-12-02T06:00".into()),
                pay_rate: Some(21.5),
                headcount: 2,
                required_certifications: vec!["forklift".into()],
            },
            worker_ids: vec!["w1".into(), "w2".into()],
            ..FillProposal::default()
        }
    }

    #[track_caller]
    fn assert_rules(change: impl FnOnce(&mut FillProposal), ok: bool, expected: &[&str]) {
        let mut proposal = proposal();
        change(&mut proposal);
        let report = validate(&proposal, &workers(), jiff::civil::date(2026, 11, 22));
        let rules: Vec<&str> = report.violations.iter().map(|violation| violation.rule.as_str()).collect();
        assert_eq!((report.ok, rules.as_slice()), (ok, expected));
    }

    fn assignment(start: &str, end: &str) -> Assignment {
        Assignment { worker_id: "w1".into(), start: start.into(), end: end.into() }
    }

    #[test]
    fn fitting_proposal_passes() {
        assert_rules(|_| (), true, &[]);
    }

    #[test]
    fn unknown_and_repeated_workers_are_refused() {
        assert_rules(|p| p.worker_ids[1] = "w9".into(), false, &["fill_unknown_worker"]);
        assert_rules(|p| p.worker_ids.push("w1".into()), false, &["fill_duplicate_worker"]);
        assert_rules(|p| p.worker_ids[1] = "w1".into(), false, &["fill_headcount", "fill_duplicate_worker"]);
    }

    #[test]
    fn headcount_is_met_exactly() {
        assert_rules(|p| p.job.headcount = 3, false, &["fill_headcount"]);
        assert_rules(|p| p.job.headcount = 1, false, &["fill_headcount"]);
        assert_rules(|p| p.job.headcount = 0, false, &["fill_headcount"]);
    }

    #[test]
    fn role_and_certifications_must_match() {
        let rules = ["fill_role_mismatch", "fill_role_mismatch"];
        assert_rules(|p| p.job.role = "CNC Operator".into(), false, &rules);
        let rules = ["fill_missing_certification", "fill_missing_certification"];
        assert_rules(|p| p.job.required_certifications.push("Hazmat".into()), false, &rules);
        assert_rules(
            |p| p.job.role = " ".into(),
            false,
            &["fill_role_missing", "fill_role_mismatch", "fill_role_mismatch"],
        );
    }

    #[test]
    fn worker_is_never_in_two_places_at_once() {
        let busy = |from: &str, to: &str| vec![assignment(from, to)];
        let rules = ["fill_overlapping_assignment"];
        assert_rules(|p| p.assignments = busy("2026-12-02T05:00", "2026-12-02T09:00"), false, &rules);
        assert_rules(|p| p.assignments = busy("2026-12-02T06:00", "2026-12-02T09:00"), true, &[]);
        assert_rules(|p| p.assignments = busy("2026-12-01", "2026-12-01"), false, &rules);
    }

    #[test]
    fn times_that_make_no_sense_are_refused() {
        assert_rules(|p| p.job.end = Some("2026-12-01T21:00".into()), false, &["fill_time_range"]);
        assert_rules(|p| p.job.start = Some("12/01/2026".into()), false, &["fill_time_format"]);
        assert_rules(
            |p| p.assignments = vec![assignment("soon", "later")],
            false,
            &["fill_time_format", "fill_time_format"],
        );
    }

    #[test]
    fn pay_is_a_number_of_dollars() {
        assert_rules(|p| p.job.pay_rate = Some(0.0), true, &[]);
        assert_rules(|p| p.job.pay_rate = Some(-0.01), false, &["fill_pay_rate"]);
        assert_rules(|p| p.job.pay_rate = Some(f64::NAN), false, &["fill_pay_rate"]);
    }

    #[test]
    fn other_shift_place_or_a_past_date_is_a_warning() {
        let shift = ["fill_shift_mismatch", "fill_shift_mismatch"];
        assert_rules(|p| p.job.shift = Some("day".into()), true, &shift);
        let location = ["fill_location_mismatch", "fill_location_mismatch"];
        assert_rules(|p| p.job.location = Some("Dallas, TX".into()), true, &location);
        assert_rules(|p| p.job.start = Some("2026-11-21".into()), true, &["fill_job_in_past"]);
    }

    #[test]
    fn report_never_repeats_what_it_judges() {
        let mut proposal = proposal();
        proposal.worker_ids[1] = "123-45-6789".into();
        let report = validate(&proposal, &workers(), jiff::civil::date(2026, 11, 22));
        assert!(!format!("{report:?}").contains("6789"));
    }
}
