//! The validators against real data and against generated drafts.

#![allow(clippy::unwrap_used, reason = "in a helper too, it fails the test")]

mod any_text;
mod evaluation;
mod ground_truth;
mod language_rate;
mod leaks;
mod segments;
