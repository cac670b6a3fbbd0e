//! What a run says of itself: which bytes went in, which came out, and what was counted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Metrics;
use crate::digest::sha256_hex;

/// Raised when the same input gives another output than before.
pub const PIPELINE: u32 = 2;

/// The receipt of a run. It depends on the input alone, but for the version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Which rules were applied: [`PIPELINE`].
    pub pipeline: u32,
    /// The version of this crate.
    pub version: String,
    /// What went in, by file.
    pub inputs: BTreeMap<String, FileSum>,
    /// What came out, by file.
    pub outputs: BTreeMap<String, FileSum>,
    /// All ten.
    pub metrics: Metrics,
}

/// What identifies the content of a file of lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSum {
    /// SHA-256, lower-case hex.
    pub sha256: String,
    /// Lines.
    pub rows: u64,
    /// Length.
    pub bytes: u64,
}

impl FileSum {
    /// Of a content.
    pub fn of(content: &[u8]) -> Self {
        Self {
            sha256: sha256_hex(content),
            rows: content.iter().filter(|byte| **byte == b'\n').count() as u64,
            bytes: content.len() as u64,
        }
    }
}

/// `summary.json`: how a run came about. Unlike the receipt it may differ from run to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Who collected, when and where.
    pub about: About,
    /// What became of the records.
    pub collect: Collect,
}

/// Circumstances of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// When it was collected.
    pub time: Timestamp,
    /// From where.
    pub gateway: Option<String>,
    /// The commit of the checkout in which that was done.
    pub git_commit: Option<String>,
}

/// What became of the records: `records_in = records_out + skips + same_record`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collect {
    /// Records that were read.
    pub records_in: u64,
    /// Rows of evidence: the metric `p2_evidence_rows`.
    pub records_out: u64,
    /// Records that are no evidence: the metric `p2_evidence_skips`.
    pub skips: u64,
    /// Records that were there already.
    pub same_record: u64,
}

impl Collect {
    /// Whether no record was lost and none was made up.
    pub fn adds_up(&self) -> bool {
        self.records_in == self.records_out + self.skips + self.same_record
    }
}
