//! Tests of ours as evidence: a promise of a cutover that no endpoint of another system can be asked for, such as that the stack
//! outlives the shell that started it.

use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, ensure};
use jiff::Zoned;
use serde_json::{Value, json};

use crate::verdict::Findings;
use crate::{Outcome, Output, Row, SideEvidence, Verdict};

const EXAMPLES: &str = "\
Examples:
  parity checks persistent-stack --left start_go_stack.sh --right start_stack.sh -- \\
      cargo test -p stack --test it persistent::

Exit code: 0 all passed (PASS), 1 one failed (FAIL), 3 none ran (SKIPPED), 2 the command line makes no sense.";

/// What cargo's test runner writes of each test.
const TEST: &str = "test ";
/// What is repeated of the output of a run that failed.
const SHOWN_LINES: usize = 20;

/// Arguments of `parity checks`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What is promised, as it stands in the log.
    promise: String,
    /// What stood there before, in a few words.
    #[arg(long, value_name = "TEXT")]
    left: String,
    /// What stands there now.
    #[arg(long, value_name = "TEXT")]
    right: String,
    /// The command that runs the tests, after `--`.
    #[arg(last = true, required = true)]
    command: Vec<String>,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Runs the tests.
///
/// # Errors
/// When the command cannot be run. Tests that fail are in the verdict.
pub(crate) async fn probe(args: &Args, now: &Zoned) -> anyhow::Result<Verdict> {
    let [program, arguments @ ..] = args.command.as_slice() else {
        anyhow::bail!("name the command that runs the tests, after `--`");
    };
    ensure!(
        is_name(&args.promise),
        "{:?}: letters, digits and `-`, so that it can name a file",
        args.promise
    );
    let started = Instant::now();
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().await.with_context(|| format!("run {program}"))?;
    let took_ms = started.elapsed().as_secs_f64() * 1e3;
    let text = String::from_utf8_lossy(&output.stdout);
    let rows: Vec<Row> = text.lines().filter_map(row).collect();
    let findings = match (output.status.success(), rows.len()) {
        (true, 0) => Findings {
            outcome: Outcome::Skipped,
            cause: Some("no test ran".to_owned()),
            rows,
            remarks: Vec::new(),
        },
        (true, _) => Findings::of(&[], rows, Vec::new()),
        (false, all) => {
            let failed = rows.iter().filter(|row| !row.is_alike).count();
            Findings::of(&[format!("{failed} of {all} tests failed: {}", end_of(&text))], rows, Vec::new())
        }
    };
    let side = |name: &str, took_ms| SideEvidence {
        url: name.to_owned(),
        shape: "a promise".to_owned(),
        request: json!(args.command),
        took_ms,
        stated: Value::Null,
    };
    let method = "Tests that run the system as its users do; each name is what was promised.".to_owned();
    let sides = [side(&args.left, None), side(&args.right, Some(took_ms))];
    Ok(Verdict::new(&args.promise, now, method, sides, findings))
}

/// Whether it can name a file.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// `test a::b ... ok`
fn row(line: &str) -> Option<Row> {
    let (name, verdict) = line.strip_prefix(TEST)?.split_once(" ... ")?;
    let is_alike = match verdict.split(' ').next()? {
        "ok" => true,
        "FAILED" => false,
        // Not run.
        _ => return None,
    };
    let case = name.replace("::", ": ").replace('_', " ");
    Some(Row::of(&case, f64::from(u8::from(is_alike)), (!is_alike).then(|| json!(verdict))))
}

fn end_of(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join(" / ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_runner_are_read_and_others_are_not() {
        let read = |line| row(line).map(|row| (row.case, row.is_alike));
        assert_eq!(read("test a::b_c ... ok"), Some(("a: b c".to_owned(), true)));
        assert_eq!(read("test a ... FAILED"), Some(("a".to_owned(), false)));
        for other in ["test a ... ignored, why", "test result: ok. 1 passed", "running 3 tests", ""] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
