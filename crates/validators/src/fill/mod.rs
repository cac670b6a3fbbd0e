//! Checks of a proposal to fill a job with workers.

mod hours;
mod pay;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use wire::matrix::{Assignment, FillProposal, Job, ValidationReport, Violation};

pub use self::hours::HoursPolicy;
pub use self::pay::MarketRange;
use crate::report;
use crate::schedule::{self, Interval};
use crate::violation::{WHOLE, capped, error, warning};

/// So many certifications are held against each worker; no job order has more.
const MAX_CERTIFICATIONS: usize = 100;

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

/// What a proposal is held against.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The facts of every proposed worker that exists.
    pub workers: &'a BTreeMap<String, WorkerFacts>,
    /// What the job's occupation earns in the job's area; `None`, which nothing is held against, if it is not known.
    pub market: Option<MarketRange>,
    /// The date at the job.
    pub today: Date,
    /// Rest and hours.
    pub hours: HoursPolicy,
}

/// Judges a proposal.
pub fn validate(proposal: &FillProposal, known: &Known<'_>) -> ValidationReport {
    let mut violations = check_job(&proposal.job, known);
    let schedule = check_schedule(&proposal.job, &mut violations);
    violations.extend(check_headcount(proposal));
    let excluded: BTreeSet<&String> = proposal.excluded_worker_ids.iter().collect();
    let mut seen = BTreeSet::new();
    for (position, id) in proposal.worker_ids.iter().enumerate() {
        let field = format!("worker_ids[{position}]");
        if !seen.insert(id) {
            let message = "this worker is proposed twice";
            violations.push(error("fill_duplicate_worker", &field, WHOLE, message, "propose another worker"));
            continue;
        }
        if excluded.contains(id) {
            let message = "this worker is excluded from the job";
            violations.push(error("fill_excluded_worker", &field, WHOLE, message, "propose another worker"));
        }
        match known.workers.get(id) {
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
    violations.extend(capped(check_assignments(proposal, schedule, known.hours).into_iter()));
    report(violations)
}

fn check_job(job: &Job, known: &Known<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    if job.role.trim().is_empty() {
        let message = "the job names no role";
        violations.push(error("fill_role_missing", "job.role", WHOLE, message, "name the occupation"));
    }
    violations.extend(pay::check(job, known.market));
    if job.required_certifications.len() > MAX_CERTIFICATIONS {
        let message = format!("a job asks for {MAX_CERTIFICATIONS} certifications at most");
        let field = "job.required_certifications";
        violations.push(error("fill_certifications", field, WHOLE, &message, "name those that matter"));
    }
    let midnight = schedule::start(&known.today.to_string());
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
    for (position, required) in job.required_certifications.iter().take(MAX_CERTIFICATIONS).enumerate() {
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

/// Nobody is in two places at once, or works without rest.
fn check_assignments(proposal: &FillProposal, job: Option<Interval>, policy: HoursPolicy) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut shifts = BTreeMap::<usize, Vec<Interval>>::new();
    let mut positions = BTreeMap::new();
    for (position, id) in proposal.worker_ids.iter().enumerate() {
        positions.entry(id).or_insert(position);
    }
    for (position, assignment) in proposal.assignments.iter().enumerate() {
        let field = format!("assignments[{position}]");
        let Some(taken) = read_interval(&field, assignment, &mut violations) else { continue };
        let (Some(worker), Some(job)) = (positions.get(&assignment.worker_id), job) else { continue };
        shifts.entry(*worker).or_default().push(taken);
        let worker = format!("worker_ids[{worker}]");
        if job.overlaps(&taken) {
            let message = format!("{field} takes the worker at the time of the job");
            let fix = "propose a worker who is free";
            violations.push(error("fill_overlapping_assignment", &worker, WHOLE, &message, fix));
        } else {
            violations.extend(hours::check_rest(policy, &worker, &field, job, taken));
        }
    }
    let Some(job) = job else { return violations };
    let alone = hours::check_totals(policy, "job.end", job, &[]);
    if alone.is_empty() {
        for (worker, shifts) in shifts {
            violations.extend(hours::check_totals(policy, &format!("worker_ids[{worker}]"), job, &shifts));
        }
    }
    violations.extend(alone);
    violations
}

/// The time that an assignment takes, if it says so rightly.
fn read_interval(field: &str, assignment: &Assignment, violations: &mut Vec<Violation>) -> Option<Interval> {
    let start = read_time(&format!("{field}.start"), &assignment.start, schedule::start, violations);
    let end = read_time(&format!("{field}.end"), &assignment.end, schedule::end, violations);
    let (start, end) = (start?, end?);
    let taken = Interval::new(start, end);
    if taken.is_none() {
        let message = "the assignment ends before it starts";
        violations.push(error("fill_time_range", field, WHOLE, message, "give an end after the start"));
    }
    taken
}

/// Equal but for case and surrounding white space.
fn is_same(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
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

    fn judge(proposal: &FillProposal) -> ValidationReport {
        let today = jiff::civil::date(2026, 11, 22);
        let hours = HoursPolicy::default();
        validate(proposal, &Known { workers: &workers(), market: None, today, hours })
    }

    #[track_caller]
    fn assert_rules(change: impl FnOnce(&mut FillProposal), ok: bool, expected: &[&str]) {
        let mut proposal = proposal();
        change(&mut proposal);
        let report = judge(&proposal);
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
    fn worker_without_rest_is_refused_and_long_hours_are_a_warning() {
        let busy = |from: &str, to: &str| vec![assignment(from, to)];
        assert_rules(
            |p| p.assignments = busy("2026-12-02T08:00", "2026-12-02T16:00"),
            false,
            &["fill_short_rest", "fill_daily_hours"],
        );
        assert_rules(
            |p| p.assignments = busy("2026-12-02T14:00", "2026-12-02T22:00"),
            true,
            &["fill_daily_hours"],
        );
        assert_rules(|p| p.job.start = Some("2026-12-01T16:00".into()), true, &["fill_daily_hours"]);
        let week = |p: &mut FillProposal| {
            for day in 3..=7 {
                let (from, to) = (format!("2026-12-{day:02}T08:00"), format!("2026-12-{day:02}T16:00"));
                p.assignments.push(assignment(&from, &to));
            }
        };
        assert_rules(week, true, &["fill_weekly_hours"]);
    }

    #[test]
    fn excluded_worker_is_refused() {
        let excluded = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        assert_rules(|p| p.excluded_worker_ids = excluded(&["w9", "w2"]), false, &["fill_excluded_worker"]);
        assert_rules(|p| p.excluded_worker_ids = excluded(&["w9"]), true, &[]);
    }

    #[test]
    fn pay_below_the_law_is_refused_and_below_the_market_a_warning() {
        assert_rules(|p| p.job.pay_rate = Some(7.0), false, &["fill_below_minimum_wage"]);
        let (today, hours) = (jiff::civil::date(2026, 11, 22), HoursPolicy::default());
        let market = Some(MarketRange { p10: Some(22.0), p90: Some(30.0) });
        let report = validate(&proposal(), &Known { workers: &workers(), market, today, hours });
        assert!(report.ok);
        assert_eq!(report.violations[0].rule, "fill_pay_below_market");
    }

    #[test]
    fn very_many_assignments_and_certifications_are_judged_in_a_moment() {
        let all = |p: &mut FillProposal| {
            p.job.required_certifications = vec!["forklift".into(); 100_000];
            p.assignments = vec![assignment("2026-12-02T05:00", "2026-12-02T09:00"); 100_000];
        };
        let mut long = proposal();
        all(&mut long);
        let report = judge(&long);
        assert_eq!((report.ok, report.violations.len()), (false, 1 + crate::violation::MAX_OF_A_RULE));
        assert_eq!(report.violations[0].rule, "fill_certifications");
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
        let report = judge(&proposal);
        assert!(!format!("{report:?}").contains("6789"));
    }
}
