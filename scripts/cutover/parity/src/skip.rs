//! A probe that cannot run here: that it was left out stands in the log too, with why.

use anyhow::ensure;
use jiff::Zoned;
use serde_json::Value;

use crate::checks::is_name;
use crate::verdict::Findings;
use crate::{Outcome, Output, SideEvidence, Verdict};

const EXAMPLES: &str = "\
Examples:
  parity skip chat --left llama.cpp --right /v1/chat/completions --because \"llama.cpp's server is not built\"

Exit code: 3 (SKIPPED), 2 the command line makes no sense.";

/// Arguments of `parity skip`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The probe that is left out, as it stands in the log.
    probe: String,
    /// What would have been asked on the left, in a few words.
    #[arg(long, value_name = "TEXT")]
    left: String,
    /// What would have been asked on the right.
    #[arg(long, value_name = "TEXT")]
    right: String,
    /// What is missing.
    #[arg(long, value_name = "TEXT")]
    because: String,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Asks nobody.
///
/// # Errors
/// When the arguments make no sense.
pub(crate) fn probe(args: &Args, now: &Zoned) -> anyhow::Result<Verdict> {
    ensure!(is_name(&args.probe), "{:?}: letters, digits and `-`, so that it can name a file", args.probe);
    let side = |name: &str| SideEvidence {
        url: name.to_owned(),
        shape: "not asked".to_owned(),
        request: Value::Null,
        took_ms: None,
        stated: Value::Null,
    };
    let findings = Findings {
        outcome: Outcome::Skipped,
        cause: Some(args.because.clone()),
        rows: Vec::new(),
        remarks: Vec::new(),
    };
    let sides = [side(&args.left), side(&args.right)];
    Ok(Verdict::new(&args.probe, now, "Nothing was asked.".to_owned(), sides, findings))
}
