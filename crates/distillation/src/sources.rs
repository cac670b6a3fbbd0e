//! Reading records of the three sources, and finding what must not be told in them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use validators::leaks;
use wire::matrix::Severity;
use wire::observer::Event;
use wire::pathways::{Content, Pathway};
use wire::playbooks::Playbook;

use crate::evidence::prompt;
use crate::{Answer, Outcome, SkipReason, Source};

/// The kind of chatd's events, in the words of OpenTelemetry's conventions for generative AI.
const EXCHANGE: &str = "gen_ai.client.inference.operation.details";
/// Under which names events of other kinds say what was asked for.
const QUERIES: [&str; 4] = ["query_text", "query", "goal", "prompt"];
/// The same of answers.
const ANSWERS: [&str; 3] = ["answer", "answer_text", "response"];

/// What a record says.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) origin: String,
    pub(crate) time: Timestamp,
    pub(crate) query: String,
    pub(crate) answer: Option<Answer>,
    pub(crate) score: Option<f64>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) role: Option<String>,
    pub(crate) actor: Option<String>,
}

/// Reads a record, and which rules of the validators it breaks.
pub(crate) fn read(source: Source, line: &str) -> Result<(Told, BTreeSet<String>), SkipReason> {
    let record: Value = serde_json::from_str(line).map_err(|_| SkipReason::NotJson)?;
    let told = match source {
        Source::Events => event(typed(&record)?),
        Source::Pathways => pathway(typed(&record)?),
        Source::Playbooks => playbook(typed(&record)?),
    }?;
    let mut broken = BTreeSet::new();
    for text in told.exported() {
        note(&text, Severity::Warning, &mut broken);
    }
    walk("", &record, &mut broken);
    Ok((told, broken))
}

/// What serde says of a record that it cannot read may repeat what is in it, and is left out.
fn typed<'a, T: Deserialize<'a>>(record: &'a Value) -> Result<T, SkipReason> {
    T::deserialize(record).map_err(|_| SkipReason::UnknownShape)
}

impl Told {
    /// Every text that an export could be made of. The id of an item is none.
    fn exported(&self) -> Vec<String> {
        let prompt = prompt(&self.query, self.role.as_deref());
        match &self.answer {
            Some(Answer::Text(answer)) => {
                vec![self.query.clone(), format!("{prompt}\n{answer}"), prompt, answer.clone()]
            }
            _ => vec![self.query.clone(), prompt],
        }
    }
}

fn event(event: Event) -> Result<Told, SkipReason> {
    let Event { id, kind, time, role, attributes } = event;
    let (query, answer) = if kind == EXCHANGE { exchange(&attributes) } else { general(&attributes) };
    let outcome = match text(&attributes, "outcome") {
        Some(word) => Some(Outcome::of(&word)),
        // What OpenTelemetry sets where an operation has failed, and only there.
        None => attributes.contains_key("error.type").then_some(Outcome::Bad),
    };
    Ok(Told {
        origin: id,
        time,
        query: query.ok_or(SkipReason::NoQuery)?,
        answer,
        score: score(attributes.get("score"))?,
        outcome,
        role: role.as_deref().and_then(said),
        actor: text(&attributes, "actor"),
    })
}

/// What was said last by the user, and first by the model.
fn exchange(attributes: &Map<String, Value>) -> (Option<String>, Option<Answer>) {
    let messages =
        |name: &str| attributes.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_user = |message: &&Value| message.get("role").and_then(Value::as_str) == Some("user");
    let asked = messages("gen_ai.input.messages").iter().rfind(is_user).and_then(spoken);
    (asked, messages("gen_ai.output.messages").first().and_then(spoken).map(Answer::Text))
}

/// The texts of a message.
fn spoken(message: &Value) -> Option<String> {
    let parts = message.get("parts").and_then(Value::as_array).into_iter().flatten();
    let texts: Vec<&str> = parts.filter_map(|part| part.get("content").and_then(Value::as_str)).collect();
    said(&texts.join("\n"))
}

fn general(attributes: &Map<String, Value>) -> (Option<String>, Option<Answer>) {
    let first = |names: &[&str]| names.iter().find_map(|name| text(attributes, name));
    let item = || item(text(attributes, "corpus")?, text(attributes, "answer_id")?);
    (first(&QUERIES), first(&ANSWERS).map(Answer::Text).or_else(item))
}

fn pathway(pathway: Pathway) -> Result<Told, SkipReason> {
    let Content { goal, role, steps, mut result, score, provenance, .. } = pathway.content;
    let outcome = result.as_mut().and_then(take_outcome).map(|word| Outcome::of(&word));
    let of_result = |name: &str| result.as_ref().and_then(Value::as_object).and_then(|map| text(map, name));
    let told: Vec<String> = steps.iter().chain(&result).map(render).collect();
    let item = || item(of_result("corpus")?, of_result("answer_id")?);
    let answer = match steps.is_empty().then(item).flatten() {
        Some(item) => Some(item),
        None => said(&told.join("\n")).map(Answer::Text),
    };
    Ok(Told {
        origin: pathway.id.to_string(),
        time: pathway.updated,
        query: said(&goal).ok_or(SkipReason::NoQuery)?,
        answer,
        score: in_range(score)?,
        outcome,
        role: role.as_deref().and_then(said),
        actor: text(&provenance, "actor"),
    })
}

/// Takes the word for the outcome out of `result`: it is the verdict's. In an answer it would tell which of two worked, and the same
/// steps with another word would not contradict each other.
fn take_outcome(result: &mut Value) -> Option<String> {
    let map = result.as_object_mut()?;
    let word = text(map, "outcome")?;
    map.remove("outcome");
    Some(word)
}

fn playbook(playbook: Playbook) -> Result<Told, SkipReason> {
    let recording = playbook.recording;
    Ok(Told {
        origin: playbook.playbook_id,
        // matrixd lists none without.
        time: recording.recorded_at.ok_or(SkipReason::UnknownShape)?,
        query: said(&recording.query_text).ok_or(SkipReason::NoQuery)?,
        answer: item(recording.corpus, recording.answer_id),
        score: in_range(Some(recording.score))?,
        outcome: None,
        role: recording.role.as_deref().and_then(said),
        actor: recording.actor.as_deref().and_then(said),
    })
}

fn item(corpus: String, id: String) -> Option<Answer> {
    Some(Answer::Item { corpus, id })
}

/// `text` without surrounding space, if that leaves anything.
fn said(text: &str) -> Option<String> {
    let trimmed = text.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

fn text(map: &Map<String, Value>, name: &str) -> Option<String> {
    map.get(name).and_then(Value::as_str).and_then(said)
}

fn score(value: Option<&Value>) -> Result<Option<f64>, SkipReason> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => in_range(Some(value.as_f64().ok_or(SkipReason::BadScore)?)),
    }
}

fn in_range(score: Option<f64>) -> Result<Option<f64>, SkipReason> {
    match score {
        Some(score) if !(0.0..=1.0).contains(&score) => Err(SkipReason::BadScore),
        score => Ok(score),
    }
}

/// A value in words. Keys are sorted: how a map of JSON orders them depends on how its library was built.
fn render(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Array(values) => values.iter().map(render).collect::<Vec<_>>().join(", "),
        Value::Object(map) => {
            let mut members: Vec<(&String, &Value)> = map.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            let said = members.into_iter().map(|(name, value)| format!("{name}: {}", render(value)));
            said.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// The rules of the validators by which `text` must not leave the house, warnings left out: social security numbers.
pub fn stopped_by(text: &str) -> Vec<String> {
    let found = leaks::check("", text).into_iter().filter(|found| found.severity == Severity::Error);
    found.map(|found| found.rule).collect()
}

/// Whether anything in `text` must not be told.
pub(crate) fn is_leak(text: &str) -> bool {
    !leaks::check("", text).is_empty()
}

/// Looks into every part of a record, also into those that no export is made of.
fn walk(name: &str, value: &Value, broken: &mut BTreeSet<String>) {
    let named = |said: &dyn std::fmt::Display| format!("{name}: {said}");
    match value {
        Value::String(text) if text.parse::<Timestamp>().is_ok() => {}
        // Ids and figures have many digits, and no words around them: there only what is certain counts.
        Value::String(text) => {
            let least = if is_reference(name) { Severity::Error } else { Severity::Warning };
            // By itself too: what is called an order's number in the record is only a number in an export.
            note(text, least, broken);
            note(&named(text), least, broken);
        }
        Value::Number(number) if !number.is_f64() => note(&named(number), Severity::Error, broken),
        Value::Array(values) => values.iter().for_each(|value| walk(name, value, broken)),
        Value::Object(map) => {
            for (name, value) in map {
                note(name, Severity::Warning, broken);
                walk(name, value, broken);
            }
        }
        _ => {}
    }
}

fn is_reference(name: &str) -> bool {
    name == "id" || name.ends_with("_id")
}

fn note(text: &str, least: Severity, broken: &mut BTreeSet<String>) {
    let found = leaks::check("", text).into_iter().filter(|found| found.severity >= least);
    broken.extend(found.map(|found| found.rule));
}
