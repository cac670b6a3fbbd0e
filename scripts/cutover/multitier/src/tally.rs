//! What was counted and timed, by scenario.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;
use wire::playbooks::RecordRequest;

use crate::calls::Waits;
use crate::failure::Failure;
use crate::scenario::Scenario;

/// How many failures are kept with their details; all are counted.
pub(crate) const MAX_DETAILS: usize = 20;
/// Longer than any scenario can take, microseconds.
const LONGEST_US: u64 = 120_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

/// One failure in full.
#[derive(Debug, Clone, Serialize)]
pub struct Detail {
    /// Of which scenario.
    pub scenario: Scenario,
    /// [`Failure::kind`].
    pub kind: &'static str,
    /// What was found, in words.
    pub detail: String,
    /// The id under which the logs of every hop know the call that failed.
    pub request_id: String,
    /// Seconds from the start of the run.
    pub after_s: f64,
}

/// What a plain search found.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) query_text: String,
    pub(crate) distances: Vec<f32>,
}

/// A recording that was acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct Acknowledged {
    pub(crate) playbook_id: String,
    pub(crate) request: RecordRequest,
    /// The answer's true distance to the query.
    pub(crate) base_distance: f32,
}

/// Counts and times of one scenario.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) failed: u64,
    /// Whole scenarios, failed ones included, in microseconds.
    pub(crate) times_us: Histogram<u64>,
}

/// Counts and times of a user, or of all.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// In the order of [`Scenario::ALL`].
    lines: [Line; 6],
    /// How often which promise was broken or which error code came.
    pub(crate) failure_kinds: BTreeMap<&'static str, u64>,
    /// The first failures.
    pub(crate) details: Vec<Detail>,
    /// From the start of `cold_search_email` to the answer of its search, microseconds.
    pub(crate) cold_search_us: Histogram<u64>,
    /// How often which rule refused a fault that was planted for it.
    pub(crate) planted: BTreeMap<&'static str, u64>,
    /// Searches to be compared with the exact answer.
    pub(crate) samples: Vec<Sample>,
    /// Recordings acknowledged.
    pub(crate) recorded: u64,
    /// Recordings that must never be lost; kept only where daemons are killed.
    pub(crate) acknowledged: Vec<Acknowledged>,
    /// Those of them that were to be indexed later.
    pub(crate) unindexed: u64,
    /// Answers with 503 and Retry-After that were waited out.
    pub(crate) waits: Waits,
    /// Calls sent.
    pub(crate) requests: u64,
}

impl Tally {
    /// # Errors
    /// None in practice: the bounds are valid.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let times_us = Histogram::new_with_bounds(1, LONGEST_US, SIGNIFICANT_DIGITS)?;
        let lines = std::array::from_fn(|_| Line { failed: 0, times_us: times_us.clone() });
        Ok(Self {
            lines,
            failure_kinds: BTreeMap::new(),
            details: Vec::new(),
            cold_search_us: times_us,
            planted: BTreeMap::new(),
            samples: Vec::new(),
            recorded: 0,
            acknowledged: Vec::new(),
            unindexed: 0,
            waits: Waits::default(),
            requests: 0,
        })
    }

    pub(crate) fn line(&self, scenario: Scenario) -> &Line {
        &self.lines[scenario as usize]
    }

    /// Scenarios played.
    pub(crate) fn played(&self) -> u64 {
        self.lines.iter().map(|line| line.times_us.len()).sum()
    }

    /// Those of them that failed.
    pub(crate) fn failed(&self) -> u64 {
        self.lines.iter().map(|line| line.failed).sum()
    }

    pub(crate) fn record(&mut self, scenario: Scenario, took: Duration) {
        self.lines[scenario as usize].times_us.saturating_record(micros(took));
    }

    pub(crate) fn record_cold_search(&mut self, took: Duration) {
        self.cold_search_us.saturating_record(micros(took));
    }

    /// A fault that was planted for `rule` was refused by it.
    pub(crate) fn planted(&mut self, rule: &'static str) {
        *self.planted.entry(rule).or_default() += 1;
    }

    pub(crate) fn record_failure(
        &mut self,
        scenario: Scenario,
        failure: &Failure,
        request_id: &str,
        after: Duration,
    ) {
        self.lines[scenario as usize].failed += 1;
        *self.failure_kinds.entry(failure.kind()).or_default() += 1;
        if self.details.len() < MAX_DETAILS {
            self.details.push(Detail {
                scenario,
                kind: failure.kind(),
                detail: failure.to_string(),
                request_id: request_id.to_owned(),
                after_s: after.as_secs_f64(),
            });
        }
    }

    /// Adds what another user counted.
    ///
    /// # Errors
    /// None in practice: all histograms have the same bounds.
    pub(crate) fn add(&mut self, other: Self) -> anyhow::Result<()> {
        for (line, theirs) in self.lines.iter_mut().zip(other.lines) {
            line.failed += theirs.failed;
            line.times_us.add(theirs.times_us)?;
        }
        for (kind, count) in other.failure_kinds {
            *self.failure_kinds.entry(kind).or_default() += count;
        }
        for (rule, count) in other.planted {
            *self.planted.entry(rule).or_default() += count;
        }
        self.cold_search_us.add(other.cold_search_us)?;
        self.requests += other.requests;
        self.samples.extend(other.samples);
        self.recorded += other.recorded;
        self.acknowledged.extend(other.acknowledged);
        self.unindexed += other.unindexed;
        self.waits.add(other.waits);
        self.details.extend(other.details);
        self.details.sort_by(|a, b| a.after_s.total_cmp(&b.after_s));
        self.details.truncate(MAX_DETAILS);
        Ok(())
    }
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(LONGEST_US)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> Failure {
        Failure::Broken { promise: "p", found: "f".into() }
    }

    #[test]
    fn scenarios_are_counted_apart() {
        let mut tally = Tally::new().unwrap();
        for scenario in Scenario::ALL {
            for _ in 0..scenario.weight() {
                tally.record(scenario, Duration::from_millis(scenario.weight().into()));
            }
        }
        for scenario in Scenario::ALL {
            let times = &tally.line(scenario).times_us;
            assert_eq!(times.len(), u64::from(scenario.weight()));
            assert!(times.max().abs_diff(u64::from(scenario.weight()) * 1000) < 100);
        }
    }

    #[test]
    fn all_failures_are_counted_and_the_first_ones_kept() {
        let mut all = Tally::new().unwrap();
        for user in 0..3 {
            let mut tally = Tally::new().unwrap();
            for i in 0..MAX_DETAILS as u64 {
                tally.record_failure(
                    Scenario::RepeatCache,
                    &failure(),
                    "r",
                    Duration::from_secs(3 * i + user),
                );
            }
            all.add(tally).unwrap();
        }
        assert_eq!(all.line(Scenario::RepeatCache).failed, 3 * MAX_DETAILS as u64);
        assert_eq!(all.failure_kinds["p"], 3 * MAX_DETAILS as u64);
        let after: Vec<f64> = all.details.iter().map(|detail| detail.after_s).collect();
        assert_eq!(after, (0..MAX_DETAILS).map(|i| i as f64).collect::<Vec<_>>());
    }

    #[test]
    fn time_beyond_the_bounds_is_kept_at_the_bound() {
        let mut tally = Tally::new().unwrap();
        tally.record(Scenario::SmsValidate, Duration::from_secs(3600));
        assert!(tally.line(Scenario::SmsValidate).times_us.max() >= LONGEST_US);
    }
}
