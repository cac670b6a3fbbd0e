//! Runs on disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use distillation::{About, Evidence, Inputs, Run, RunFolder, distil, files};
use serde_json::{Value, json};

use crate::records::{event, lines, of_playbooks, playbook};

fn about(second: i64) -> About {
    let time = jiff::Timestamp::from_second(second).unwrap();
    About { time, gateway: Some("http://localhost:4110".into()), git_commit: Some("abc".into()) }
}

fn run() -> Run {
    let playbooks = lines(&[playbook(1, "forklift operator, nights", "000116", 1.0)]);
    let events = vec![event("e", &json!({})).to_string(), "no event".into()];
    let searches = vec!["{\"request\":{\"k\":1}}".into()];
    distil(Inputs { events, playbooks, searches, ..Inputs::default() }).unwrap()
}

fn entries(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

#[test]
fn run_reads_back_as_it_was_kept_and_runs_again_to_the_same_bytes() {
    let kb = tempfile::tempdir().unwrap();
    let run = run();
    let folder = RunFolder::create(kb.path(), &run, about(1_700_000_000)).unwrap();
    assert!(folder.name().starts_with("20231114T221320Z-"), "{}", folder.name());
    assert_eq!(folder.receipt().unwrap(), run.receipt);
    let summary = folder.summary().unwrap();
    assert_eq!((summary.collect, summary.about), (run.collect, about(1_700_000_000)));
    assert_eq!(folder.rows::<Evidence>(files::EVIDENCE).unwrap(), run.evidence);
    assert_eq!(distil(folder.inputs().unwrap()).unwrap(), run);
    assert_eq!(folder.differences().unwrap(), [""; 0]);
    assert_eq!(folder.path().metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn rows_of_evidence_are_the_records_out_of_the_summary() {
    let kb = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(kb.path(), &run(), about(1_700_000_000)).unwrap();
    let summary: Value = serde_json::from_str(&folder.text(files::SUMMARY).unwrap()).unwrap();
    let receipt: Value = serde_json::from_str(&folder.text(files::RECEIPT).unwrap()).unwrap();
    assert_eq!(summary["collect"]["records_out"], 1);
    assert_eq!(receipt["metrics"]["p2_evidence_rows"], summary["collect"]["records_out"]);
    assert_eq!(receipt["outputs"][files::EVIDENCE]["rows"], summary["collect"]["records_out"]);
}

#[test]
fn file_that_was_touched_added_or_removed_is_named() {
    let kb = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(kb.path(), &run(), about(1_700_000_000)).unwrap();
    fs::write(folder.path().join(files::RETRIEVAL), "{}\n{}\n").unwrap();
    fs::write(folder.path().join("exports/more.jsonl"), "").unwrap();
    fs::remove_file(folder.path().join(files::QUARANTINE)).unwrap();
    let differences = folder.differences().unwrap();
    assert_eq!(differences.len(), 3, "{differences:?}");
    for name in [files::RETRIEVAL, "exports/more.jsonl", files::QUARANTINE] {
        assert!(differences.iter().any(|difference| difference.contains(name)), "{differences:?}");
    }
}

#[test]
fn newest_run_is_the_one_collected_last_and_unfinished_ones_are_none() {
    let kb = tempfile::tempdir().unwrap();
    assert_eq!(RunFolder::newest(kb.path()).unwrap(), None);
    let newest = RunFolder::create(kb.path(), &run(), about(1_700_000_002)).unwrap();
    let other = of_playbooks(&[playbook(9, "welder for pipes", "000118", 1.0)]);
    RunFolder::create(kb.path(), &other, about(1_700_000_001)).unwrap();
    fs::create_dir(kb.path().join("runs/.99990101T000000Z-ffffffff.1")).unwrap();
    assert_eq!(RunFolder::newest(kb.path()).unwrap(), Some(newest));
}

#[test]
fn run_that_is_there_is_not_replaced_and_nothing_of_the_attempt_is_left() {
    let kb = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(kb.path(), &run(), about(1_700_000_000)).unwrap();
    let error = RunFolder::create(kb.path(), &run(), about(1_700_000_000)).unwrap_err();
    assert!(error.to_string().contains("rename into place"), "{error}");
    assert_eq!(entries(&kb.path().join("runs")), [folder.name()]);
    assert_eq!(folder.differences().unwrap(), [""; 0]);
}
