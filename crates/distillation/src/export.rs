//! Stage p4: what retrieval, fine-tuning and preference training may learn from, and what is kept from them.
//!
//! A row is unfit for the first of these reasons that holds: it names what identifies somebody, it is too short, others
//! contradict it, another one says the same. What is left and worked is for retrieval; what fully worked and was answered in
//! words is for fine-tuning; what did not work stands in a pair beside the best answer to the same question. Rows that wait for a
//! person are in no export.

use std::collections::BTreeMap;

use jiff::Timestamp;
use playbook::role_key;
use serde::{Deserialize, Serialize};

use crate::lines::line;
use crate::{Answer, Evidence, Scored, Source, Verdict};

/// A query with fewer letters and digits says nothing.
const MIN_QUERY: usize = 4;
/// The same of an answer in words.
const MIN_ANSWER: usize = 8;

/// Why a row is in no export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unfit {
    /// The validators found what identifies a person or an account.
    Pii,
    /// Query or answer say too little, or nothing.
    TooShort,
    /// The same answer to the same question both worked and did not.
    Contradiction,
    /// An earlier row, or a better one, says the same.
    Duplicate,
}

/// A row that is kept from all exports. It repeats no text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quarantined {
    /// Id of the evidence.
    pub id: String,
    /// Who keeps the record.
    pub source: Source,
    /// Its id there.
    pub origin: String,
    /// Why.
    pub reason: Unfit,
    /// By which rules of the validators, if by any.
    pub rules: Vec<String>,
}

/// A line of the export for retrieval: what worked, ready to be embedded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetrievalRow {
    /// Id of the evidence.
    pub id: String,
    /// What to embed: question, role, and the answer if it is in words.
    pub text: String,
    /// What was asked for.
    pub query: String,
    /// What was answered; an item is `corpus/id`.
    pub answer: String,
    /// For which role.
    pub role: Option<String>,
    /// How well it worked.
    pub verdict: Verdict,
    /// How well it worked, 0 to 1, where that was said.
    pub score: Option<f64>,
    /// Who kept it.
    pub source: Source,
    /// When it happened.
    pub time: Timestamp,
}

/// A line of the export for fine-tuning, in the form that chat models are tuned with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FineTuningRow {
    /// The question, then the answer.
    pub messages: [ChatMessage; 2],
}

/// One message of a [`FineTuningRow`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatMessage {
    /// `user` or `assistant`.
    pub role: String,
    /// What is said.
    pub content: String,
}

/// A line of the export for preference training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreferencePair {
    /// The question.
    pub prompt: String,
    /// What worked.
    pub chosen: String,
    /// What did not.
    pub rejected: String,
}

/// Lines of JSON, by the id of the evidence that they are made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exports {
    /// Lines of [`RetrievalRow`].
    pub retrieval: Vec<String>,
    /// Lines of [`FineTuningRow`].
    pub fine_tuning: Vec<String>,
    /// Lines of [`PreferencePair`], by the id of what did not work.
    pub preferences: Vec<String>,
    /// What is in none of them.
    pub quarantine: Vec<Quarantined>,
}

#[derive(Debug, Clone, Copy)]
struct Judged<'a> {
    evidence: &'a Evidence,
    verdict: Verdict,
}

/// Question and role, as they are compared.
type Question = (String, String);

/// Sorts judged evidence into exports and quarantine. Both lists are sorted by id and belong together row by row.
///
/// # Errors
/// When a row cannot be written as JSON.
pub fn export(evidence: &[Evidence], scored: &[Scored]) -> Result<Exports, serde_json::Error> {
    let judged = evidence.iter().zip(scored);
    let rows: Vec<_> = judged.map(|(evidence, by)| Judged { evidence, verdict: by.verdict }).collect();
    let unfit = unfit(&rows);
    let mut exports = Exports::default();
    let mut fit = Vec::new();
    for row in rows {
        match unfit.get(row.evidence.id.as_str()) {
            Some(reason) => exports.quarantine.push(quarantined(row.evidence, *reason)),
            None => fit.push(row),
        }
    }
    for row in &fit {
        if matches!(row.verdict, Verdict::Accepted | Verdict::Partial) {
            exports.retrieval.push(line(&retrieval_row(row))?);
        }
        if let (Verdict::Accepted, Some(Answer::Text(answer))) = (row.verdict, &row.evidence.answer) {
            exports.fine_tuning.push(line(&fine_tuning_row(row.evidence, answer))?);
        }
    }
    for pair in pairs(&fit).into_values() {
        exports.preferences.push(line(&pair)?);
    }
    Ok(exports)
}

/// Rows that must not be exported, by id.
fn unfit<'a>(rows: &[Judged<'a>]) -> BTreeMap<&'a str, Unfit> {
    let mut unfit = BTreeMap::new();
    let mut says_the_same = BTreeMap::<(Question, (bool, String)), Vec<Judged<'a>>>::new();
    for row in rows {
        if let Some(reason) = alone(row.evidence) {
            unfit.insert(row.evidence.id.as_str(), reason);
        } else if row.verdict != Verdict::Human {
            let answer = row.evidence.answer.as_ref().map(compared).unwrap_or_default();
            says_the_same.entry((question(row.evidence), answer)).or_default().push(*row);
        }
    }
    for mut rows in says_the_same.into_values() {
        let failed = rows.iter().filter(|row| row.verdict == Verdict::Rejected).count();
        let is_contradicted = failed > 0 && failed < rows.len();
        rows.sort_by_key(|row| (row.verdict, row.evidence.time, row.evidence.id.as_str()));
        let (first, reason) = if is_contradicted { (0, Unfit::Contradiction) } else { (1, Unfit::Duplicate) };
        unfit.extend(rows.into_iter().skip(first).map(|row| (row.evidence.id.as_str(), reason)));
    }
    unfit
}

/// What makes a row unfit whatever others say.
fn alone(evidence: &Evidence) -> Option<Unfit> {
    let is_short =
        |text: &str, least| text.chars().filter(|c| c.is_alphanumeric()).take(least).count() < least;
    if !evidence.leaks.is_empty() {
        return Some(Unfit::Pii);
    }
    let is_short = match &evidence.answer {
        None => true,
        Some(Answer::Text(answer)) => is_short(answer, MIN_ANSWER) || is_short(&evidence.query, MIN_QUERY),
        Some(Answer::Item { .. }) => is_short(&evidence.query, MIN_QUERY),
    };
    is_short.then_some(Unfit::TooShort)
}

fn quarantined(evidence: &Evidence, reason: Unfit) -> Quarantined {
    let Evidence { id, source, origin, leaks, .. } = evidence;
    Quarantined { id: id.clone(), source: *source, origin: origin.clone(), reason, rules: leaks.clone() }
}

fn retrieval_row(row: &Judged<'_>) -> RetrievalRow {
    let evidence = row.evidence;
    let text = match &evidence.answer {
        Some(Answer::Text(answer)) => format!("{}\n{answer}", evidence.prompt()),
        _ => evidence.prompt(),
    };
    RetrievalRow {
        id: evidence.id.clone(),
        text,
        query: evidence.query.clone(),
        answer: evidence.answer.as_ref().map(Answer::to_text).unwrap_or_default(),
        role: evidence.role.clone(),
        verdict: row.verdict,
        score: evidence.score,
        source: evidence.source,
        time: evidence.time,
    }
}

fn fine_tuning_row(evidence: &Evidence, answer: &str) -> FineTuningRow {
    let message = |role: &str, content| ChatMessage { role: role.to_owned(), content };
    FineTuningRow { messages: [message("user", evidence.prompt()), message("assistant", answer.to_owned())] }
}

/// For each answer that did not work the best one to the same question that did, by the id of the former.
fn pairs(rows: &[Judged<'_>]) -> BTreeMap<String, PreferencePair> {
    let mut best = BTreeMap::<Question, &Evidence>::new();
    for row in rows.iter().filter(|row| row.verdict == Verdict::Accepted) {
        let held = best.entry(question(row.evidence)).or_insert(row.evidence);
        if is_better(row.evidence, held) {
            *held = row.evidence;
        }
    }
    let failed = rows.iter().filter(|row| row.verdict == Verdict::Rejected).map(|row| row.evidence);
    let pair = |failed: &Evidence| {
        let best = best.get(&question(failed))?;
        let [chosen, rejected] = [best.answer.as_ref()?, failed.answer.as_ref()?].map(Answer::to_text);
        Some((failed.id.clone(), PreferencePair { prompt: best.prompt(), chosen, rejected }))
    };
    failed.filter_map(pair).collect()
}

/// By score, then the later one, then by id. What was only said to be good counts as [`ACCEPTED_FROM`](crate::ACCEPTED_FROM).
fn is_better(offer: &Evidence, held: &Evidence) -> bool {
    let score = |evidence: &Evidence| evidence.score.unwrap_or(crate::ACCEPTED_FROM);
    let order = score(offer).total_cmp(&score(held)).then_with(|| offer.time.cmp(&held.time));
    order.then_with(|| held.id.cmp(&offer.id)).is_gt()
}

fn question(evidence: &Evidence) -> Question {
    (folded(&evidence.query), role_key(evidence.role.as_deref()))
}

/// Case and spacing make no other text.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// An answer as it is compared: whether it is an item, whose id is what it is, and its text.
fn compared(answer: &Answer) -> (bool, String) {
    match answer {
        Answer::Text(text) => (false, folded(text)),
        item @ Answer::Item { .. } => (true, item.to_text()),
    }
}
