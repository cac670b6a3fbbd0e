//! Records as the daemons give them.

use distillation::{Inputs, Run, distil, files};
use serde_json::{Value, json};

pub(crate) const TIME: &str = "2026-11-26T10:00:00Z";

pub(crate) fn uuid(n: usize) -> String {
    format!("0193b2c4-0000-7000-8000-{n:012}")
}

/// That `answer` worked so well for `query`.
pub(crate) fn playbook(n: usize, query: &str, answer: &str, score: f64) -> Value {
    json!({"playbook_id": uuid(n), "query_text": query, "corpus": "workers", "answer_id": answer, "score": score,
           "role": "Forklift Operator", "actor": "ana", "recorded_at": TIME})
}

pub(crate) fn pathway(n: usize, goal: &str, steps: &[&str], score: Option<f64>) -> Value {
    json!({"id": uuid(n), "version": 1, "state": "active", "created": TIME, "updated": TIME, "goal": goal,
           "steps": steps, "score": score})
}

pub(crate) fn event(id: &str, attributes: &Value) -> Value {
    json!({"id": id, "kind": "job.filled", "time": TIME, "attributes": attributes})
}

pub(crate) fn lines(records: &[Value]) -> Vec<String> {
    records.iter().map(Value::to_string).collect()
}

pub(crate) fn of_playbooks(records: &[Value]) -> Run {
    distil(Inputs { playbooks: lines(records), ..Inputs::default() }).unwrap()
}

pub(crate) fn of_pathways(records: &[Value]) -> Run {
    distil(Inputs { pathways: lines(records), ..Inputs::default() }).unwrap()
}

pub(crate) fn of_events(records: &[Value]) -> Run {
    distil(Inputs { events: lines(records), ..Inputs::default() }).unwrap()
}

/// The rows of a file.
pub(crate) fn rows(run: &Run, file: &str) -> Vec<Value> {
    run.contents[file].lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Why rows are in quarantine, sorted.
pub(crate) fn reasons(run: &Run) -> Vec<String> {
    let reason = |row: Value| row["reason"].as_str().unwrap().to_owned();
    let mut reasons: Vec<String> = rows(run, files::QUARANTINE).into_iter().map(reason).collect();
    reasons.sort_unstable();
    reasons
}

/// How many rows the exports have: retrieval, fine-tuning, preferences.
pub(crate) fn exported(run: &Run) -> [usize; 3] {
    [files::RETRIEVAL, files::FINE_TUNING, files::PREFERENCES].map(|file| rows(run, file).len())
}

pub(crate) fn metric(run: &Run, name: &str) -> u64 {
    run.receipt.metrics.iter().find(|(known, _)| *known == name).unwrap().1.unwrap()
}
