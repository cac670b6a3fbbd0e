//! The log of baselines under several programs.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use distillation::{Baseline, Log, Metrics, append_baseline, load_last_baseline};

/// Tells a process that it is a writer: the log, and from which number on it counts.
const LOG: &str = "DISTILLATION_TEST_LOG";
const FIRST: &str = "DISTILLATION_TEST_FIRST";
const EACH: u64 = 1000;

/// Entries as no serializer of ours would write them; the last line has no end.
const FOREIGN: [&str; 7] = [
    "{\"p4_sft_rows\":1,\"git_commit\":\"abc\",\"p2_evidence_rows\":2}\n",
    "{\"p2_evidence_rows\":1.2e1,\"p3_human\":1E0}\n",
    "{\"writer\":\"caf\\u00e9 \\ud83d\\ude00\",\"p3_accepted\":3}\n",
    "{\"unknown\":{\"z\":[1.50,-0.0],\"a\":null},\"p3_partial\":4}\n",
    "{ \"p3_rejected\" :\t5 }\r\n",
    "{\"p3_human\":6,\"p3_human\":7,\"time\":\"yesterday\"}\n",
    "{\"metrics\":{\"p4_pref_pairs\":100000000000000000000000,\"p4_rag_rows\":8}}",
];

fn entry(n: u64) -> Baseline {
    Baseline { time: None, writer: Some("test".into()), git_commit: None, metrics: Metrics::new([n; 10]) }
}

/// This test again, in a process that writes.
fn writer(log: &Path, first: u64) -> Child {
    let test = "processes::two_processes_lose_no_entry_of_a_thousand_each_and_change_no_byte_of_others";
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact"]).env(LOG, log).env(FIRST, first.to_string());
    command.stdout(Stdio::null()).spawn().unwrap()
}

#[test]
fn two_processes_lose_no_entry_of_a_thousand_each_and_change_no_byte_of_others() {
    if let Some(log) = std::env::var_os(LOG) {
        let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
        (first..first + EACH).for_each(|n| drop(append_baseline(log.as_ref(), &entry(n)).unwrap()));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit_baselines.jsonl");
    fs::write(&path, FOREIGN.concat()).unwrap();
    for mut writer in [0, EACH].map(|first| writer(&path, first)) {
        assert!(writer.wait().unwrap().success());
    }

    let content = fs::read(&path).unwrap();
    assert_eq!(Log::parse(&content).to_bytes(), content);
    let ours = content.strip_prefix(FOREIGN.concat().as_bytes()).unwrap().strip_prefix(b"\n").unwrap();
    let line = |n| format!("{}\n", serde_json::to_string(&entry(n)).unwrap());
    let mut expected: Vec<String> = (0..2 * EACH).map(line).collect();
    let mut found: Vec<String> =
        std::str::from_utf8(ours).unwrap().split_inclusive('\n').map(str::to_owned).collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(load_last_baseline(&path).unwrap().unwrap().writer.as_deref(), Some("test"));
}
