//! The knowledge base that outcomes leave behind, and its audit.
//!
//! [`distil`] runs the stages over what the daemons have kept: records become [evidence](gather) (p2), evidence gets a
//! [verdict](Scored) (p3), and what is fit for it becomes [exports](export) for retrieval, fine-tuning and preference training (p4).
//! These know no clock, no disk and no network: the same records give the same bytes, whatever their order. A [`RunFolder`]
//! keeps a run with its [`Receipt`]; [baselines](append_baseline) and their [drift](build_audit_drift_table) follow its counts over time.

mod baselines;
mod digest;
mod drift;
mod evidence;
mod export;
mod folder;
mod inputs;
mod lines;
mod metrics;
mod receipt;
mod run;
mod score;
mod sources;

pub use baselines::{Appended, Baseline, BaselineError, Log, append_baseline, load_last_baseline};
pub use drift::{DriftLine, build_audit_drift_table};
pub use evidence::{Answer, Evidence, Gathered, Outcome, Skip, SkipReason, gather};
pub use export::{
    ChatMessage, Exports, FineTuningRow, PreferencePair, Quarantined, RetrievalRow, Unfit, export,
};
pub use folder::{RunError, RunFolder};
pub use inputs::{Inputs, Source};
pub use metrics::{METRICS, Metrics};
pub use receipt::{About, Collect, FileSum, PIPELINE, Receipt, Summary};
pub use run::{Run, distil, files};
pub use score::{ACCEPTED_FROM, PARTIAL_FROM, Rule, Scored, Verdict};
pub use sources::stopped_by;
