//! What a probe finds.

use std::process::ExitCode;

use jiff::Zoned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Fault, Given};

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

impl Row {
    /// A case that is alike unless there is a difference, which is its evidence.
    pub(crate) fn of(case: &str, figure: f64, difference: Option<Value>) -> Self {
        let is_alike = difference.is_none();
        Self { case: case.to_owned(), figure, is_alike, evidence: difference.unwrap_or_default() }
    }

    /// A case in which not both sides gave what can be compared.
    pub(crate) fn of_faults<T>(case: &str, given: Given<T>) -> Self {
        let [left, right] = given.map(Result::err);
        Self::of(case, 0.0, Some(json!({ "left": left, "right": right })))
    }
}

impl Verdict {
    /// What `probe` found between two sides.
    pub(crate) fn new(
        probe: &str,
        now: &Zoned,
        method: String,
        sides: [SideEvidence; 2],
        findings: Findings,
    ) -> Self {
        let Findings { outcome, cause, rows, remarks } = findings;
        let date = now.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        Self { probe: probe.to_owned(), date, outcome, cause, method, sides, rows, remarks }
    }

    /// How many cases are alike.
    pub fn alike(&self) -> usize {
        self.rows.iter().filter(|row| row.is_alike).count()
    }
}

/// What a comparison finds: a verdict without what it is about.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) outcome: Outcome,
    pub(crate) cause: Option<String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) remarks: Vec<String>,
}

impl Findings {
    /// Fails for these causes; passes without any.
    pub(crate) fn of(causes: &[String], rows: Vec<Row>, remarks: Vec<String>) -> Self {
        let outcome = if causes.is_empty() { Outcome::Pass } else { Outcome::Fail };
        Self { outcome, cause: (!causes.is_empty()).then(|| causes.join("; ")), rows, remarks }
    }

    /// After these rows there was nothing more to compare: a side was not there, or gave what cannot be compared.
    pub(crate) fn ended(fault: Fault, rows: Vec<Row>) -> Self {
        match fault {
            Fault::Unreachable(why) => {
                Self { outcome: Outcome::Skipped, cause: Some(why), rows, remarks: Vec::new() }
            }
            Fault::Wrong(why) => Self::of(&[why], rows, Vec::new()),
        }
    }

    /// Passes where every row is alike: `what` they are, in the plural. `asked` says whether they are all.
    pub(crate) fn of_rows(what: &str, rows: Vec<Row>, asked: Result<(), Fault>) -> Self {
        if let Err(fault) = asked {
            return Self::ended(fault, rows);
        }
        let different = rows.iter().filter(|row| !row.is_alike).count();
        let cause = (different > 0).then(|| format!("{different} of {} {what} differ", rows.len()));
        Self::of(&Vec::from_iter(cause), rows, Vec::new())
    }
}
