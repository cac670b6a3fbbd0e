//! Phase 6: golden cases, asked through the gateway. A case names a request and what its answer must have, by JSON pointer
//! (RFC 6901); a refusal is an answer too.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wire::DaemonName;

use crate::session::Session;

const PATIENCE: Duration = Duration::from_secs(30);
/// The cases that hold on every stack.
const BUILT_IN: &str = include_str!("golden.json");

/// A request and what its answer must have.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    daemon: DaemonName,
    path: String,
    body: Value,
    /// Without this corpus the case says nothing, and is left out.
    #[serde(default)]
    corpus: Option<String>,
    /// What stands where.
    expect: BTreeMap<String, Value>,
}

/// How a case went.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Golden {
    pub(super) name: String,
    pub(super) outcome: Outcome,
    /// What is wrong, or why it was left out.
    pub(super) detail: Option<String>,
}

/// How a case can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// The answer has all that it must.
    Held,
    /// It does not.
    Broken,
    /// The stack does not have what the case is about.
    LeftOut,
}

/// Asks all cases of `file`, or those that are built in.
pub(super) async fn ask(session: &Session, file: Option<&Path>) -> anyhow::Result<Vec<Golden>> {
    let cases = read(file)?;
    let corpora = session.peers.matrixd().corpora(&session.call(PATIENCE)).await?.corpora;
    let has = |name: &str| corpora.iter().any(|corpus| corpus.exists && corpus.name == name);
    let mut golden = Vec::with_capacity(cases.len());
    for case in cases {
        let (outcome, detail) = match &case.corpus {
            Some(corpus) if !has(corpus) => (Outcome::LeftOut, Some(format!("there is no corpus {corpus}"))),
            _ => match case.ask(session).await {
                Ok(()) => (Outcome::Held, None),
                Err(error) => (Outcome::Broken, Some(format!("{error:#}"))),
            },
        };
        golden.push(Golden { name: case.name, outcome, detail });
    }
    Ok(golden)
}

fn read(file: Option<&Path>) -> anyhow::Result<Vec<Case>> {
    let text = match file {
        Some(file) => fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?,
        None => BUILT_IN.to_owned(),
    };
    serde_json::from_str(&text).context("read the golden cases")
}

impl Case {
    async fn ask(&self, session: &Session) -> anyhow::Result<()> {
        let peer = session.peers.peer(self.daemon);
        let answer = match peer.post_idempotent(&session.call(PATIENCE), &self.path, &self.body).await {
            Ok(answer) => answer,
            Err(error) => match error.problem() {
                Some(problem) => serde_json::to_value(problem)?,
                None => return Err(error.into()),
            },
        };
        self.hold_against(&answer)
    }

    fn hold_against(&self, answer: &Value) -> anyhow::Result<()> {
        for (pointer, expected) in &self.expect {
            let found = answer.pointer(pointer);
            let shown = found.map_or_else(|| "nothing".to_owned(), Value::to_string);
            ensure!(found == Some(expected), "{pointer} is {shown}, not {expected}");
        }
        Ok(())
    }
}

/// Passes when no case is broken, and at least one says something.
pub(super) fn check(golden: &[Golden]) -> anyhow::Result<String> {
    let count = |outcome| golden.iter().filter(|golden| golden.outcome == outcome).count();
    let [held, broken, left_out] = [Outcome::Held, Outcome::Broken, Outcome::LeftOut].map(count);
    let broken_ones = golden.iter().filter(|golden| golden.outcome == Outcome::Broken);
    let told: Vec<String> = broken_ones
        .map(|golden| format!("{}: {}", golden.name, golden.detail.as_deref().unwrap_or_default()))
        .collect();
    ensure!(broken == 0, "{}", told.join("; "));
    ensure!(held > 0, "no case applies to this stack");
    Ok(format!("{held} cases hold, {left_out} left out"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cases_that_are_built_in_can_be_read_and_expect_something() {
        let cases = read(None).unwrap();
        assert!(cases.len() >= 8 && cases.iter().all(|case| !case.expect.is_empty()));
    }

    #[test]
    fn answer_is_held_against_every_member_that_is_expected() {
        let case = Case {
            name: "c".into(),
            daemon: DaemonName::Queryd,
            path: "/sql".into(),
            body: Value::Null,
            corpus: None,
            expect: BTreeMap::from([("/rows/0/0".to_owned(), json!(2)), ("/ok".to_owned(), json!(true))]),
        };
        assert!(case.hold_against(&json!({"rows": [[2]], "ok": true, "more": 1})).is_ok());
        let error = case.hold_against(&json!({"rows": [[3]], "ok": true})).unwrap_err().to_string();
        assert_eq!(error, "/rows/0/0 is 3, not 2");
        assert!(case.hold_against(&json!({"rows": [[2]]})).unwrap_err().to_string().contains("nothing"));
    }

    #[test]
    fn one_broken_case_or_none_that_applies_does_not_pass() {
        let golden = |outcome| Golden { name: "c".into(), outcome, detail: Some("d".into()) };
        assert!(check(&[golden(Outcome::Held), golden(Outcome::LeftOut)]).is_ok());
        let broken = check(&[golden(Outcome::Held), golden(Outcome::Broken)]).unwrap_err();
        assert_eq!(broken.to_string(), "c: d");
        assert!(check(&[golden(Outcome::LeftOut)]).is_err());
    }
}
