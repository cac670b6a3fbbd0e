//! Stage p2: what events, pathways and playbooks say, in one form.
//!
//! A record becomes a row, or a skip with its reason. What identifies a person or an account takes all texts out of its row:
//! [`leaks`](Evidence::leaks) says by which rules, and no later stage sees what it was.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::short_digest;
use crate::sources::{self, Told};
use crate::{Inputs, Source};

/// The origin of a row whose own id must not be told.
const WITHHELD: &str = "withheld";

/// One record, wherever it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The first 128 bits of the SHA-256 of all that follows, in hex: the same record has the same id in every run.
    pub id: String,
    /// Who kept it.
    pub source: Source,
    /// Its id there.
    pub origin: String,
    /// When it happened, or when its newest version was written.
    pub time: Timestamp,
    /// What was asked for, or was to be reached.
    pub query: String,
    /// What was answered or done.
    pub answer: Option<Answer>,
    /// How well it worked, 0 to 1.
    pub score: Option<f64>,
    /// The same in words.
    pub outcome: Option<Outcome>,
    /// For which role.
    pub role: Option<String>,
    /// Who says so.
    pub actor: Option<String>,
    /// Rules of the validators that the record breaks, sorted. Where there are any, texts are left out.
    pub leaks: Vec<String>,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// In words.
    Text(String),
    /// An item of a corpus.
    Item {
        /// The corpus.
        corpus: String,
        /// The item's id in it.
        id: String,
    },
}

impl Answer {
    /// As one text; an item is `corpus/id`.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Item { corpus, id } => format!("{corpus}/{id}"),
        }
    }
}

/// What a record says in words of how it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It worked.
    Good,
    /// It worked in part.
    Mixed,
    /// It failed.
    Bad,
    /// In words that are not known, such as that somebody should look.
    Unclear,
}

impl Outcome {
    /// What `word` means, in whatever case.
    pub fn of(word: &str) -> Self {
        match word.trim().to_lowercase().as_str() {
            "accepted" | "approved" | "completed" | "filled" | "good" | "hired" | "ok" | "passed"
            | "placed" | "succeeded" | "success" => Self::Good,
            "mixed" | "partial" => Self::Mixed,
            "bad" | "cancelled" | "declined" | "error" | "failed" | "failure" | "no_show" | "rejected" => {
                Self::Bad
            }
            _ => Self::Unclear,
        }
    }
}

/// A record that is no evidence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Skip {
    /// Among those of which source.
    pub source: Source,
    /// Its line in the sorted input, from 1.
    pub line: usize,
    /// Why.
    pub reason: SkipReason,
}

/// Why a record is no evidence. It repeats nothing of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// It is not JSON.
    NotJson,
    /// It is not what its source keeps.
    UnknownShape,
    /// It does not say what was asked for.
    NoQuery,
    /// Its score is no number from 0 to 1.
    BadScore,
}

/// All that records say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gathered {
    /// By id.
    pub evidence: Vec<Evidence>,
    /// By source and line.
    pub skips: Vec<Skip>,
    /// Records that were there already: read twice, or a playbook that pathwayd lists as well.
    pub same_record: u64,
}

/// Reads all records. The inputs must be [sorted](Inputs::sorted).
///
/// # Errors
/// When a row cannot be written as JSON.
pub fn gather(inputs: &Inputs) -> Result<Gathered, serde_json::Error> {
    let mut rows = BTreeMap::new();
    let (mut skips, mut same_record) = (Vec::new(), 0);
    let mut playbooks = BTreeSet::new();
    // Playbooks first: pathwayd keeps them, and lists them among its pathways.
    for source in [Source::Playbooks, Source::Pathways, Source::Events] {
        for (at, line) in inputs.of(source).iter().enumerate() {
            let (told, leaks) = match sources::read(source, line) {
                Ok(record) => record,
                Err(reason) => {
                    skips.push(Skip { source, line: at + 1, reason });
                    continue;
                }
            };
            let row = Evidence::new(source, told, leaks)?;
            let is_twin =
                source == Source::Pathways && row.leaks.is_empty() && playbooks.contains(&row.origin);
            if source == Source::Playbooks {
                playbooks.insert(row.origin.clone());
            }
            if is_twin || rows.insert(row.id.clone(), row).is_some() {
                same_record += 1;
            }
        }
    }
    skips.sort_unstable();
    Ok(Gathered { evidence: rows.into_values().collect(), skips, same_record })
}

impl Evidence {
    fn new(source: Source, told: Told, leaks: BTreeSet<String>) -> Result<Self, serde_json::Error> {
        let is_clean = leaks.is_empty();
        let Told { origin, time, query, answer, score, outcome, role, actor } = told;
        let mut row = Self {
            id: String::new(),
            source,
            origin: if is_clean || !sources::is_leak(&origin) { origin } else { WITHHELD.to_owned() },
            time,
            query: if is_clean { query } else { String::new() },
            answer: answer.filter(|_| is_clean),
            score,
            outcome,
            role: role.filter(|_| is_clean),
            actor: actor.filter(|_| is_clean),
            leaks: leaks.into_iter().collect(),
        };
        row.id = row.content_id()?;
        Ok(row)
    }

    /// The id that this content has.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn content_id(&self) -> Result<String, serde_json::Error> {
        let content = Self { id: String::new(), ..self.clone() };
        Ok(short_digest(&serde_json::to_vec(&content)?))
    }

    /// What a model would be asked.
    pub fn prompt(&self) -> String {
        prompt(&self.query, self.role.as_deref())
    }
}

pub(crate) fn prompt(query: &str, role: Option<&str>) -> String {
    match role {
        Some(role) => format!("{query}\nRole: {role}"),
        None => query.to_owned(),
    }
}
