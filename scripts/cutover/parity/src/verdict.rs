//! What a probe finds.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// Both answered, and alike in every case.
    Pass,
    /// They differ, or one does not answer as it should.
    Fail,
    /// There was nothing to compare: a side could not be reached.
    Skipped,
}

impl Outcome {
    /// 0, 1, and 3: 2 is for a command line that makes no sense.
    pub fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Skipped => 3,
        })
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Skipped => "SKIPPED",
        }
    }
}

/// All of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Verdict {
    /// What was probed, such as `embed`.
    pub probe: String,
    /// When, RFC 3339 with the offset of the machine.
    pub date: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, unless it passed.
    pub cause: Option<String>,
    /// What was compared and what counts as alike, in a sentence.
    pub method: String,
    /// Left and right.
    pub sides: [SideEvidence; 2],
    /// One for each case.
    pub rows: Vec<Row>,
    /// What a reader should know though it decides nothing.
    pub remarks: Vec<String>,
}

/// One side as it was met.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SideEvidence {
    /// The endpoint.
    pub url: String,
    /// The shape in which it was asked.
    pub shape: String,
    /// The body that was sent.
    pub request: Value,
    /// How long the answer took, milliseconds; absent without one.
    pub took_ms: Option<f64>,
    /// What it said of itself, by name: a model, a dimension.
    pub stated: Value,
}

/// One case.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// What was asked.
    pub case: String,
    /// How alike the answers are, in the measure of the probe.
    pub figure: f64,
    /// Whether that is alike enough.
    pub is_alike: bool,
    /// What it was found in.
    pub evidence: Value,
}

impl Verdict {
    /// How many cases are alike.
    pub fn alike(&self) -> usize {
        self.rows.iter().filter(|row| row.is_alike).count()
    }
}
