//! The validators against real data and against generated drafts.

#![allow(clippy::unwrap_used, reason = "in a helper too, it fails the test")]

mod evaluation;
mod ground_truth;
mod language_rate;
mod no_false_alarm;
mod segments;
