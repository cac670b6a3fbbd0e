//! The index `playbook_memory` of vectord: recorded queries by their vectors.
//!
//! It is a cache of the log in pathwayd. One item stands for one lesson (query, role, answer, score), so that the same
//! outcome recorded a thousand times does not crowd the neighbours of a query; the log keeps every recording.

use client::Vectord;
use playbook::{AnswerKey, Entry, role_key};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use wire::matrix::PLAYBOOK_INDEX;
use wire::pathways::Pathway;
use wire::vectors::{BatchAnswer, CreateIndex, Distance, IndexSearch, NewItem, SearchHit};
use wire::{CallContext, ErrorCode};

use crate::query_vectors::QueryVector;

/// How often the index may vanish under one write before the write gives up.
const MAX_CREATIONS: usize = 3;

/// A recording, as the log has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recording {
    pub(crate) playbook_id: String,
    pub(crate) query_text: String,
    pub(crate) role: Option<String>,
    pub(crate) answer: AnswerKey,
    pub(crate) score: f64,
    pub(crate) actor: Option<String>,
}

impl Recording {
    /// Reads a pathway that a record wrote; `None` for anything else under the same tag.
    pub(crate) fn from_pathway(pathway: Pathway) -> Option<Self> {
        let content = pathway.content;
        let result = content.result?;
        let text = |key: &str| result.get(key).and_then(Value::as_str).map(str::to_owned);
        let score = content.score.filter(|score| (0.0..=1.0).contains(score))?;
        Some(Self {
            playbook_id: pathway.id.to_string(),
            query_text: content.goal,
            role: content.role,
            answer: AnswerKey { corpus: text("corpus")?, id: text("answer_id")? },
            score,
            actor: content.provenance.get("actor").and_then(Value::as_str).map(str::to_owned),
        })
    }

    /// The item that stands for this lesson.
    fn item(&self, vector: &QueryVector) -> NewItem {
        let metadata = Map::from_iter([
            ("playbook_id".to_owned(), json!(self.playbook_id)),
            ("role_key".to_owned(), json!(role_key(self.role.as_deref()))),
            ("corpus".to_owned(), json!(self.answer.corpus)),
            ("answer_id".to_owned(), json!(self.answer.id)),
            ("score".to_owned(), json!(self.score)),
        ]);
        let (id, vector_b64) = (self.item_id(), Some(vector.packed.clone()));
        NewItem { id, vector_b64, metadata: metadata.into(), ..NewItem::default() }
    }

    /// Equal for equal lessons: 128 bits of a digest over what makes one.
    fn item_id(&self) -> String {
        let mut digest = Sha256::new();
        let role = role_key(self.role.as_deref());
        for part in [&role, &self.answer.corpus, &self.answer.id, &self.query_text, &self.score.to_string()] {
            digest.update(part.len().to_le_bytes());
            digest.update(part.as_bytes());
        }
        digest.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What the memory says about a query.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Recall {
    /// Neighbours of the query.
    pub(crate) entries: Vec<Entry>,
    /// There is an index.
    pub(crate) exists: bool,
    /// Why the index could not be asked.
    pub(crate) unavailable: Option<String>,
}

/// What an item of the memory says in its metadata.
#[derive(Deserialize)]
struct Lesson {
    playbook_id: String,
    role_key: String,
    corpus: String,
    answer_id: String,
    score: f64,
}

/// Reads and writes the playbook index.
#[derive(Clone)]
pub(crate) struct Memory {
    vectord: Vectord,
}

impl Memory {
    pub(crate) fn new(vectord: Vectord) -> Self {
        Self { vectord }
    }

    /// The search for lessons near a query. The role gate stands before retrieval: lessons of other roles do not even
    /// take a place among the neighbours. `role_key` is `None` only where a test turns the gate off.
    pub(crate) fn search(
        packed: String,
        role_key: Option<&str>,
        corpora: &[String],
        neighbours: usize,
    ) -> IndexSearch {
        let mut filter = Map::new();
        filter.insert("corpus".to_owned(), json!({ "in": corpora }));
        filter.insert("score".to_owned(), json!({ "gt": 0 }));
        if let Some(role_key) = role_key {
            filter.insert("role_key".to_owned(), json!(role_key));
        }
        IndexSearch {
            index: PLAYBOOK_INDEX.to_owned(),
            vector_b64: Some(packed),
            k: neighbours,
            filter: Some(Value::Object(filter)),
            ..IndexSearch::default()
        }
    }

    /// Reads the answer to [`search`](Self::search). No index is no lessons; an index that fails costs the boost, never
    /// the search.
    pub(crate) fn recall(answer: BatchAnswer) -> Recall {
        match answer.error {
            None => Recall {
                entries: answer.results.iter().filter_map(entry).collect(),
                exists: true,
                unavailable: None,
            },
            Some(problem) if problem.code == ErrorCode::NotFound => Recall::default(),
            Some(problem) => {
                tracing::warn!(
                    code = problem.code.as_str(),
                    detail = problem.detail,
                    "search playbook memory"
                );
                metrics::counter!("matrixd_playbook_unavailable_total").increment(1);
                Recall { entries: Vec::new(), exists: true, unavailable: Some(problem.detail) }
            }
        }
    }

    /// Stores lessons durably, making the index if it is missing.
    pub(crate) async fn store(
        &self,
        ctx: &CallContext,
        lessons: &[(&Recording, &QueryVector)],
    ) -> client::Result<()> {
        let Some(dimension) = lessons.first().map(|(_, vector)| vector.dimension) else { return Ok(()) };
        let mut created = 0;
        loop {
            let items = lessons.iter().map(|(recording, vector)| recording.item(vector)).collect();
            match self.vectord.add(ctx, PLAYBOOK_INDEX, items).await {
                // Dropping the index is the operator's recovery, and may happen at any moment.
                Err(error) if error.is(ErrorCode::NotFound) && created < MAX_CREATIONS => {
                    created += 1;
                    let index = CreateIndex {
                        name: PLAYBOOK_INDEX.to_owned(),
                        dimension,
                        distance: Distance::Cosine,
                    };
                    self.vectord.create_index(ctx, &index).await?;
                }
                other => return other.map(drop),
            }
        }
    }
}

fn entry(hit: &SearchHit) -> Option<Entry> {
    let Lesson { playbook_id, role_key, corpus, answer_id, score } = hit.metadata.parse().ok()?;
    let answer = AnswerKey { corpus, id: answer_id };
    Some(Entry { playbook_id, role_key, answer, score, distance: hit.distance })
}

#[cfg(test)]
mod tests {
    use wire::Problem;

    use super::*;

    fn recording() -> Recording {
        Recording {
            playbook_id: "p1".into(),
            query_text: "forklift nights".into(),
            role: Some(" Forklift Operator".into()),
            answer: AnswerKey { corpus: "workers".into(), id: "000123".into() },
            score: 1.0,
            actor: None,
        }
    }

    fn vector() -> QueryVector {
        QueryVector { packed: "AACAPw==".into(), dimension: 1, model: "m".into() }
    }

    #[test]
    fn what_is_stored_is_recalled() {
        let item = recording().item(&vector());
        let hit = SearchHit { id: item.id, distance: 0.1, metadata: item.metadata };
        let recall = Memory::recall(BatchAnswer { results: vec![hit], version: 1, ..BatchAnswer::default() });
        assert_eq!(
            recall.entries,
            [Entry {
                playbook_id: "p1".into(),
                role_key: "forklift operator".into(),
                answer: AnswerKey { corpus: "workers".into(), id: "000123".into() },
                score: 1.0,
                distance: 0.1,
            }]
        );
    }

    #[test]
    fn same_lesson_has_one_item_and_any_difference_another() {
        let id = recording().item_id();
        let again =
            Recording { playbook_id: "p2".into(), role: Some("FORKLIFT OPERATOR".into()), ..recording() };
        assert_eq!(again.item_id(), id);
        let others = [
            Recording { score: 0.5, ..recording() },
            Recording { role: None, ..recording() },
            Recording { query_text: "forklift days".into(), ..recording() },
            Recording { answer: AnswerKey { corpus: "workers".into(), id: "000124".into() }, ..recording() },
            Recording { answer: AnswerKey { corpus: "workers0".into(), id: "00123".into() }, ..recording() },
        ];
        for other in others {
            assert_ne!(other.item_id(), id, "{other:?}");
        }
    }

    #[test]
    fn missing_memory_is_no_lessons_and_a_failing_one_says_so() {
        let failed =
            |code| BatchAnswer { error: Some(Problem::new(code, "why", "r")), ..BatchAnswer::default() };
        assert_eq!(Memory::recall(failed(ErrorCode::NotFound)), Recall::default());
        let recall = Memory::recall(failed(ErrorCode::DataCorrupt));
        assert_eq!((recall.entries.len(), recall.unavailable.as_deref()), (0, Some("why")));
    }

    #[test]
    fn role_gate_is_part_of_the_search_itself() {
        let search = Memory::search(String::new(), Some("welder"), &["workers".into()], 64);
        let expected = json!({"corpus": {"in": ["workers"]}, "score": {"gt": 0}, "role_key": "welder"});
        assert_eq!(search.filter, Some(expected));
    }
}
