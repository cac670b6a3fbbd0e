//! The validators against real data and against generated drafts.

mod ground_truth;
mod no_false_alarm;
