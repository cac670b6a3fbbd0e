//! Rest between shifts, and hours worked in a day and a week.
//!
//! No federal law limits the hours of adults in general industry or sets a rest between shifts; OSHA's guidance on
//! extended and unusual work shifts calls more than eight hours in a row with less than eight of rest a hazard. So the figures are house
//! policy, and arguments. Drivers, nurses and minors have rules of their own (49 CFR 395, state law, 29 CFR 570).

use wire::matrix::Violation;

use crate::schedule::Interval;
use crate::violation::{WHOLE, error, warning};

/// What the house asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoursPolicy {
    /// Hours of rest between two shifts that are not one day's work; 0: any.
    pub min_rest_h: u32,
    /// Hours that a day's work takes at most, breaks between its parts included; also the most in any 24 hours.
    pub max_day_h: u32,
    /// The most hours in any seven days; beyond 40 in a workweek, overtime is due (29 U.S.C. 207(a)(1)).
    pub max_week_h: u32,
}

impl Default for HoursPolicy {
    fn default() -> Self {
        Self { min_rest_h: 8, max_day_h: 12, max_week_h: 40 }
    }
}

const HOUR_S: i64 = 3600;
const DAY_S: i64 = 24 * HOUR_S;
const WEEK_S: i64 = 7 * DAY_S;

/// Whether `job` leaves too little rest after or before `other`; neither overlaps the other. Two that together last no longer
/// than a day's work are a split shift.
pub(super) fn check_rest(
    policy: HoursPolicy,
    field: &str,
    assignment: &str,
    job: Interval,
    other: Interval,
) -> Option<Violation> {
    let (gap, together) = (job.gap_s(&other), job.hull_s(&other));
    let is_too_short = job.is_shift()
        && other.is_shift()
        && gap < i64::from(policy.min_rest_h) * HOUR_S
        && together > i64::from(policy.max_day_h) * HOUR_S;
    let message =
        format!("{assignment} leaves less than {} hours of rest before or after the job", policy.min_rest_h);
    let fix = "propose a worker who is rested, or move the job";
    is_too_short.then(|| error("fill_short_rest", field, WHOLE, &message, fix))
}

/// What a worker with these `shifts` would work with the job, in its day and its week.
pub(super) fn check_totals(
    policy: HoursPolicy,
    field: &str,
    job: Interval,
    shifts: &[Interval],
) -> Vec<Violation> {
    let worked = Worked::new(shifts.iter().copied().chain([job]).filter(Interval::is_shift));
    if !job.is_shift() {
        return Vec::new();
    }
    let mut violations = Vec::new();
    if worked.most_within(DAY_S, job) > i64::from(policy.max_day_h) * HOUR_S {
        let message = format!("with the job, this is more than {} hours of work within 24", policy.max_day_h);
        violations.push(warning(
            "fill_daily_hours",
            field,
            WHOLE,
            &message,
            "propose a worker with fewer hours",
        ));
    }
    if worked.most_within(WEEK_S, job) > i64::from(policy.max_week_h) * HOUR_S {
        let message = format!(
            "with the job, this is more than {} hours within seven days; beyond 40 in a workweek overtime is due \
             (29 U.S.C. 207(a)(1), 29 CFR 778.105)",
            policy.max_week_h
        );
        let fix = "propose a worker with fewer hours, or plan for overtime";
        violations.push(warning("fill_weekly_hours", field, WHOLE, &message, fix));
    }
    violations
}

/// Time worked, whichever of its stretches overlap.
struct Worked {
    /// Disjoint and in order, as seconds of the Unix epoch.
    stretches: Vec<(i64, i64)>,
    /// Seconds worked before each stretch.
    before: Vec<i64>,
}

impl Worked {
    fn new(shifts: impl Iterator<Item = Interval>) -> Self {
        let mut sorted: Vec<(i64, i64)> = shifts.map(|shift| shift.seconds()).collect();
        sorted.sort_unstable();
        let mut stretches = Vec::<(i64, i64)>::with_capacity(sorted.len());
        for (start, end) in sorted {
            match stretches.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => stretches.push((start, end)),
            }
        }
        let before = stretches.iter().scan(0, |total, (start, end)| {
            let before = *total;
            *total += end - start;
            Some(before)
        });
        let before = before.collect();
        Self { stretches, before }
    }

    /// Seconds worked until `time`.
    fn until(&self, time: i64) -> i64 {
        match self.stretches.partition_point(|(start, _)| *start < time).checked_sub(1) {
            Some(last) => self.before[last] + self.stretches[last].1.min(time) - self.stretches[last].0,
            None => 0,
        }
    }

    /// The most seconds worked in any `length_s` that contain the job. A window that holds the most can be moved until it begins
    /// where a stretch does, or ends with the job.
    fn most_within(&self, length_s: i64, job: Interval) -> i64 {
        let (start, end) = job.seconds();
        let (first, last) = (end - length_s, start);
        let begins =
            self.stretches.iter().map(|(start, _)| *start).filter(|begin| (first..=last).contains(begin));
        let most = begins.chain([first]).map(|begin| self.until(begin + length_s) - self.until(begin)).max();
        most.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule;

    fn shift(start: &str, end: &str) -> Interval {
        Interval::new(schedule::start(start).unwrap(), schedule::end(end).unwrap()).unwrap()
    }

    fn day(day: u32, from: u32, to: u32) -> Interval {
        shift(&format!("2026-12-{day:02}T{from:02}:00"), &format!("2026-12-{day:02}T{to:02}:00"))
    }

    fn totals(job: Interval, shifts: &[Interval]) -> Vec<String> {
        let found = check_totals(HoursPolicy::default(), "worker_ids[0]", job, shifts);
        found.into_iter().map(|violation| violation.rule).collect()
    }

    #[test]
    fn rest_is_eight_hours_unless_both_are_one_days_work() {
        let job = shift("2026-12-01T22:00", "2026-12-02T06:00");
        let is_short = |start: &str, end: &str| {
            check_rest(HoursPolicy::default(), "w", "a", job, shift(start, end)).is_some()
        };
        assert!(
            is_short("2026-12-02T13:59", "2026-12-02T20:00")
                && !is_short("2026-12-02T14:00", "2026-12-02T20:00")
        );
        assert!(
            is_short("2026-12-01T09:00", "2026-12-01T14:01")
                && !is_short("2026-12-01T09:00", "2026-12-01T14:00")
        );
        // A split shift of 12 hours from the first start to the last end, and one of a minute more.
        assert!(
            !is_short("2026-12-02T08:00", "2026-12-02T10:00")
                && is_short("2026-12-02T08:00", "2026-12-02T10:01")
        );
        // Of whole days nobody knows when the work ends.
        assert!(!is_short("2026-12-03", "2026-12-03") && !is_short("2026-11-01", "2026-12-01T21:00"));
        let policy = HoursPolicy { min_rest_h: 0, ..HoursPolicy::default() };
        assert_eq!(check_rest(policy, "w", "a", job, shift("2026-12-02T07:00", "2026-12-02T15:00")), None);
    }

    #[test]
    fn hours_of_a_day_and_a_week_count_wherever_the_job_lies_in_them() {
        assert_eq!(totals(day(7, 8, 16), &[]), [""; 0]);
        assert_eq!(totals(day(7, 0, 12), &[]), [""; 0]);
        assert_eq!(totals(day(7, 0, 13), &[]), ["fill_daily_hours"]);
        assert_eq!(totals(day(7, 8, 16), &[day(7, 17, 22)]), ["fill_daily_hours"]);
        for job in 1..=6 {
            let others: Vec<Interval> = (1..=6).filter(|n| *n != job).map(|n| day(n, 8, 16)).collect();
            assert_eq!(totals(day(job, 8, 16), &others), ["fill_weekly_hours"], "day {job}");
            assert_eq!(totals(day(job, 8, 16), &others[1..]), [""; 0], "day {job}");
        }
        // Seven days apart is another week, and the same shift entered twice is worked once.
        let others: Vec<Interval> = (8..=12).map(|n| day(n, 8, 16)).collect();
        assert_eq!(totals(day(1, 8, 16), &others), [""; 0]);
        assert_eq!(totals(day(1, 8, 16), &[day(1, 8, 16); 6]), [""; 0]);
    }

    #[test]
    fn very_many_short_shifts_are_summed_in_a_moment() {
        let minute = |n: u32| {
            let start =
                schedule::start("2026-12-01").unwrap() + jiff::SignedDuration::from_secs(i64::from(n) * 2);
            Interval::new(start, start + jiff::SignedDuration::from_secs(1)).unwrap()
        };
        let shifts: Vec<Interval> = (0..200_000).map(minute).collect();
        assert_eq!(totals(day(3, 8, 9), &shifts), ["fill_daily_hours", "fill_weekly_hours"]);
    }
}
