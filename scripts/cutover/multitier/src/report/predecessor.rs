//! What the predecessor came to in the same six scenarios: 100,000 workers, concurrency 50, five minutes.

use serde::Serialize;

use crate::scenario::Scenario;

/// All its scenarios together, a second.
pub(super) const SCENARIOS_PER_S: f64 = 1115.0;
/// How its run was set up, in words.
pub(super) const SETTINGS: &str = "100,000 workers, concurrency 50, 300 s, on another machine";
/// What its eleven daemons held at that, bytes.
pub(super) const RSS_BYTES: u64 = 1_700_000_000;
/// How long its run was.
const ELAPSED_S: f64 = 300.0;
/// The most searches a second that it answered, by 200 callers, over 5,000 workers.
pub(super) const SEARCHES_PER_S: f64 = 8114.0;
/// The same of searches and texts to embed, mixed.
pub(super) const MIXED_PER_S: f64 = 16_889.0;

/// One of its scenarios; what was not written down is absent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Predecessor {
    /// How often a second.
    pub per_s: f64,
    /// Of 100 scenarios.
    pub failed_percent: f64,
    /// Median, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    /// 99th percentile, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
}

impl Predecessor {
    pub(super) fn at(scenario: Scenario) -> Self {
        let (played, failed_percent, p50_ms, p99_ms) = match scenario {
            Scenario::ColdSearchEmail => (117e3, 0.0, Some(2.2), Some(8.6)),
            Scenario::SurgeFillValidate => (50e3, 98.8, None, None),
            Scenario::ProfileSwap => (50e3, 0.0, Some(4.5), None),
            Scenario::RepeatCache => (50e3, 0.0, Some(11.7), None),
            Scenario::SmsValidate => (33e3, 0.0, None, None),
            Scenario::PlaybookRecordReplay => (33e3, 96.8, None, None),
        };
        Self { per_s: played / ELAPSED_S, failed_percent, p50_ms, p99_ms }
    }
}
