//! The knowledge base that outcomes leave behind, and its audit.

mod baselines;
mod drift;
mod metrics;

pub use baselines::{Appended, Baseline, BaselineError, Log, append_baseline, load_last_baseline};
pub use drift::{DriftLine, build_audit_drift_table};
pub use metrics::{METRICS, Metrics};
