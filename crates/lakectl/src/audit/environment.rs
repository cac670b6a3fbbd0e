//! Phases 0 and 1: the stack, the log of baselines, and the tests.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use distillation::Log;
use tokio::process::Command;
use wire::DaemonName;
use wire::health::{DaemonState, DaemonStatus, Status};

use crate::session::Session;

const PATIENCE: Duration = Duration::from_secs(10);

/// Every daemon is ready, unimpaired, and of this version.
pub(super) async fn stack_ready(session: &Session) -> anyhow::Result<String> {
    let gateway = session.peers.peer(DaemonName::Gateway);
    let status: Status = gateway.get(&session.call(PATIENCE), "/v1/status").await?;
    let version = env!("CARGO_PKG_VERSION");
    let fault = |daemon: &DaemonStatus| match (daemon.status, daemon.version.as_deref()) {
        (DaemonState::Ok, Some(found)) if found == version => None,
        (DaemonState::Ok, found) => Some(format!("{} is of version {found:?}, not {version}", daemon.name)),
        (state, _) => Some(format!("{} is {state:?}: {}", daemon.name, daemon.reasons.join("; "))),
    };
    let faults: Vec<String> = status.daemons.iter().filter_map(fault).collect();
    ensure!(faults.is_empty(), "{}", faults.join("; "));
    let known = |name: &DaemonName| status.daemons.iter().any(|daemon| daemon.name == *name);
    ensure!(DaemonName::ALL.iter().all(known), "the gateway does not know every daemon");
    Ok(format!("{} daemons are ready, version {version}", status.daemons.len()))
}

/// The log can be read to its end. Lines that are no entries are other writers' business, and are named.
pub(super) fn baselines_whole(path: &Path) -> anyhow::Result<String> {
    if !path.exists() {
        return Ok("there is no baseline yet".to_owned());
    }
    let content = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let log = Log::parse(&content);
    ensure!(log.torn().is_none(), "the last line of {} was not written to its end", path.display());
    let lines = content.split_inclusive(|byte| *byte == b'\n').count();
    let unreadable = log.unreadable();
    let strange =
        if unreadable.is_empty() { String::new() } else { format!(", no entry in lines {unreadable:?}") };
    Ok(format!("{lines} lines{strange}"))
}

/// Runs the tests; what they say goes to `log`.
pub(super) async fn tests_pass(command: &str, log: &Path) -> anyhow::Result<String> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    }
    let file = File::create(log).with_context(|| format!("create {}", log.display()))?;
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(Stdio::null()).stderr(file.try_clone()?).stdout(file);
    let status = shell.status().await.with_context(|| format!("run {command}"))?;
    let said = String::from_utf8_lossy(&fs::read(log)?).into_owned();
    let [passed, failed] = counts(&said);
    ensure!(
        status.success(),
        "`{command}` ended with {status}, {passed} passed, {failed} failed; see {}",
        log.display()
    );
    Ok(format!("`{command}`: {passed} passed, {failed} failed"))
}

/// How many tests passed and failed, summed over the lines with which test programs end.
fn counts(said: &str) -> [u64; 2] {
    let results = said.lines().filter_map(|line| line.strip_prefix("test result: "));
    let count = |result: &str, what: &str| -> u64 {
        let mut words = result.split([' ', ';']).filter(|word| !word.is_empty()).peekable();
        while let Some(word) = words.next() {
            if words.peek() == Some(&what) {
                return word.parse().unwrap_or(0);
            }
        }
        0
    };
    results.fold([0, 0], |[passed, failed], result| {
        [passed + count(result, "passed"), failed + count(result, "failed")]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_all_test_programs_are_added_up() {
        let said = "running 2 tests\ntest result: ok. 12 passed; 0 failed; 1 ignored; 0 measured\n\
                    test result: FAILED. 3 passed; 2 failed; 0 ignored\ntest result: nonsense\n";
        assert_eq!(counts(said), [15, 2]);
    }

    #[test]
    fn log_with_a_torn_end_does_not_pass() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit_baselines.jsonl");
        assert!(baselines_whole(&path).is_ok());
        fs::write(&path, "{\"p3_human\":1}\nnot json\n").unwrap();
        assert_eq!(baselines_whole(&path).unwrap(), "2 lines, no entry in lines [2]");
        fs::write(&path, "{\"p3_human\":1}\n{\"p3_hu").unwrap();
        assert!(baselines_whole(&path).is_err());
    }

    #[tokio::test]
    async fn tests_that_fail_are_counted_and_their_words_kept() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("kb/tests.log");
        let good = "echo 'test result: ok. 4 passed; 0 failed'";
        assert!(tests_pass(good, &log).await.unwrap().ends_with("4 passed, 0 failed"));
        let error = tests_pass("echo 'test result: FAILED. 1 passed; 3 failed' >&2; exit 101", &log).await;
        assert!(error.unwrap_err().to_string().contains("1 passed, 3 failed"));
        assert!(fs::read_to_string(&log).unwrap().contains("FAILED"));
    }
}
