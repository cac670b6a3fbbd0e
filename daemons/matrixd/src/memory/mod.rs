//! The playbook memory: recorded queries by their vectors, in the index `playbook_memory` of vectord.
//!
//! It is a cache of the log in pathwayd ([`log`]); one item stands for one lesson ([`lesson`]). What the index could not
//! take is brought in line later ([`backlog`]), and `rebuild` fills a new one.

pub(crate) mod backlog;
pub(crate) mod lesson;
pub(crate) mod log;

use std::sync::Arc;

use client::{Pathwayd, Vectord};
use jiff::Timestamp;
use playbook::Entry;
use serde_json::{Map, Value, json};
use wire::playbooks::{PLAYBOOK_INDEX, Playbook, Policy};
use wire::vectors::{BatchAnswer, Collapse, CreateIndex, Distance, IdsFrom, IndexSearch};
use wire::{CallContext, ErrorCode};

use crate::PlaybookConfig;
use crate::query_vectors::{QueryVector, QueryVectors};
use lesson::{entry, item};

/// How often the index may vanish under one write before the write gives up.
const MAX_CREATIONS: usize = 3;
/// How often the log may change under one [`Memory::settle`]; whoever changes it settles as well.
const MAX_SETTLES: usize = 5;

/// What the memory says about a query.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Recall {
    /// Neighbours of the query.
    pub(crate) entries: Vec<Entry>,
    /// Neighbours that say less about an answer than one of the entries.
    pub(crate) collapsed: usize,
    /// There is an index.
    pub(crate) exists: bool,
    /// Why the index could not be asked.
    pub(crate) unavailable: Option<String>,
}

/// Reads and writes the playbook index.
#[derive(Clone)]
pub(crate) struct Memory {
    vectord: Vectord,
    pathwayd: Pathwayd,
    vectors: Arc<QueryVectors>,
}

impl Memory {
    pub(crate) fn new(vectord: Vectord, pathwayd: Pathwayd, vectors: Arc<QueryVectors>) -> Self {
        Self { vectord, pathwayd, vectors }
    }

    /// The search for lessons near a query: those that are farther say nothing about it, and are not even read. The role gate
    /// stands before retrieval: lessons of other roles do not take a place among the neighbours. `role_key` is `None` only
    /// where a test turns the gate off.
    pub(crate) fn search(
        packed: String,
        role_key: Option<&str>,
        corpora: &[String],
        config: &PlaybookConfig,
        policy: Policy,
    ) -> IndexSearch {
        let mut filter = Map::new();
        filter.insert("corpus".to_owned(), json!({ "in": corpora }));
        let mut collapse = None;
        if policy == Policy::Direct {
            // What did not work moves nothing here, and of several for one answer only the best; evidence weighs them all.
            filter.insert("score".to_owned(), json!({ "gt": 0 }));
            let keys = ["corpus", "answer_id"].map(str::to_owned).into();
            collapse = Some(Collapse { keys, keep: "score".to_owned() });
        }
        if let Some(role_key) = role_key {
            filter.insert("role_key".to_owned(), json!(role_key));
        }
        IndexSearch {
            index: PLAYBOOK_INDEX.to_owned(),
            vector_b64: Some(packed),
            k: config.neighbours,
            max_distance: Some(config.max_distance(policy)),
            filter: Some(Value::Object(filter)),
            collapse,
            ..IndexSearch::default()
        }
    }

    /// The ids of the answers in `corpus` that the search of the memory, at place `memory` of the body, brings.
    pub(crate) fn answers(memory: usize, corpus: &str) -> IdsFrom {
        let filter = Some(json!({ "corpus": corpus }));
        IdsFrom { search: memory, key: "answer_id".to_owned(), filter }
    }

    /// Reads the answer to [`search`](Self::search). No index is no lessons; an index that fails costs the boost, never
    /// the search.
    pub(crate) fn recall(answer: BatchAnswer, now: Timestamp) -> Recall {
        match answer.error {
            None => Recall {
                entries: answer.results.iter().filter_map(|hit| entry(hit, now)).collect(),
                collapsed: answer.searched.map_or(0, |searched| searched.collapsed),
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
                Recall { exists: true, unavailable: Some(problem.detail), ..Recall::default() }
            }
        }
    }

    /// Stores the lessons of `playbooks` durably, making the index if it is missing.
    pub(crate) async fn store(
        &self,
        ctx: &CallContext,
        playbooks: &[(&Playbook, &QueryVector)],
    ) -> client::Result<()> {
        let Some(dimension) = playbooks.first().map(|(_, vector)| vector.dimension) else { return Ok(()) };
        let mut created = 0;
        loop {
            let now = Timestamp::now();
            let item = |(playbook, vector): &(&Playbook, &QueryVector)| item(playbook, vector, now).ok();
            let items = playbooks.iter().filter_map(item).collect();
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

    /// Makes the index say of `lesson` what the log says: its newest recording that has not expired, or nothing.
    ///
    /// It looks again afterwards, so that of two replicas that settle at once the one that read last is right.
    pub(crate) async fn settle(&self, ctx: &CallContext, lesson: &str) -> client::Result<()> {
        let mut newest = self.newest(ctx, lesson).await?;
        for _ in 0..MAX_SETTLES {
            match &newest {
                Some(playbook) => {
                    let (vector, _) = self.vectors.get(ctx, &playbook.recording.query_text).await?;
                    self.store(ctx, &[(playbook, vector.as_ref())]).await?;
                }
                None => self.forget(ctx, lesson).await?,
            }
            let now = self.newest(ctx, lesson).await?;
            if now == newest {
                break;
            }
            newest = now;
        }
        Ok(())
    }

    async fn forget(&self, ctx: &CallContext, lesson: &str) -> client::Result<()> {
        match self.vectord.delete(ctx, PLAYBOOK_INDEX, vec![lesson.to_owned()]).await {
            Err(error) if error.is(ErrorCode::NotFound) => Ok(()),
            other => other.map(drop),
        }
    }

    /// The newest recording of `lesson` in the log that has not expired, by its own time: an import writes many at once.
    async fn newest(&self, ctx: &CallContext, lesson: &str) -> client::Result<Option<Playbook>> {
        let (mut newest, mut after) = (None, None);
        loop {
            let page = self.pathwayd.list(ctx, &log::of_lesson(lesson, after)).await?;
            let live = page.pathways.into_iter().filter_map(log::playbook).filter(|found| !is_over(found));
            newest = newest.into_iter().chain(live).max_by_key(|playbook| playbook.recording.recorded_at);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(newest),
            }
        }
    }
}

/// Whether `playbook` has expired.
pub(crate) fn is_over(playbook: &Playbook) -> bool {
    playbook.recording.expires_at.is_some_and(|at| at <= Timestamp::now())
}

#[cfg(test)]
mod tests {
    use playbook::AnswerKey;
    use wire::Problem;
    use wire::playbooks::RecordRequest;
    use wire::vectors::SearchHit;

    use super::lesson::lesson_id;
    use super::*;

    const RECORDED: Timestamp = Timestamp::constant(1_700_000_000, 0);

    fn recording() -> RecordRequest {
        RecordRequest {
            query_text: "forklift nights".into(),
            role: Some(" Forklift Operator".into()),
            corpus: "workers".into(),
            answer_id: "000123".into(),
            score: 1.0,
            actor: Some("ana".into()),
            recorded_at: Some(RECORDED),
            ..RecordRequest::default()
        }
    }

    fn hit(recording: RecordRequest) -> SearchHit {
        let vector = QueryVector { packed: "AACAPw==".into(), dimension: 1, model: "m".into() };
        let item = item(&Playbook { playbook_id: "p1".into(), recording }, &vector, RECORDED).unwrap();
        SearchHit { id: item.id, distance: 0.1, metadata: item.metadata }
    }

    fn recall(hits: Vec<SearchHit>, after_s: i64) -> Recall {
        let now = Timestamp::from_second(RECORDED.as_second() + after_s).unwrap();
        Memory::recall(BatchAnswer { results: hits, version: 1, ..BatchAnswer::default() }, now)
    }

    #[test]
    fn what_is_stored_is_recalled() {
        let answer = AnswerKey { corpus: "workers".into(), id: "000123".into() };
        let recalled = recall(vec![hit(recording())], 60).entries;
        let expected = Entry {
            playbook_id: "p1".into(),
            role_key: "forklift operator".into(),
            answer,
            score: 1.0,
            distance: 0.1,
            voter: "actor ana".into(),
            query: recalled[0].query.clone(),
            age_s: 60,
        };
        assert_eq!(recalled, [expected]);
    }

    #[test]
    fn recordings_without_an_actor_vote_by_their_query() {
        let voter = |query: &str| {
            let recording = RecordRequest { actor: None, query_text: query.into(), ..recording() };
            recall(vec![hit(recording)], 0).entries[0].voter.clone()
        };
        assert_eq!(voter("forklift nights"), voter("forklift nights"));
        assert_ne!(voter("forklift nights"), voter("forklift days"));
        assert_ne!(voter("forklift nights"), "actor ana");
    }

    #[test]
    fn same_lesson_has_one_item_and_any_difference_another() {
        let id = lesson_id(&recording());
        let again =
            RecordRequest { role: Some("FORKLIFT OPERATOR".into()), recorded_at: None, ..recording() };
        assert_eq!(lesson_id(&again), id);
        let others = [
            RecordRequest { score: 0.5, ..recording() },
            RecordRequest { role: None, ..recording() },
            RecordRequest { actor: None, ..recording() },
            RecordRequest { query_text: "forklift days".into(), ..recording() },
            RecordRequest { answer_id: "000124".into(), ..recording() },
            RecordRequest { corpus: "workers0".into(), answer_id: "00123".into(), ..recording() },
        ];
        for other in others {
            assert_ne!(lesson_id(&other), id, "{other:?}");
        }
    }

    #[test]
    fn missing_memory_is_no_lessons_and_a_failing_one_says_so() {
        let failed = |code| {
            let answer =
                BatchAnswer { error: Some(Problem::new(code, "why", "r")), ..BatchAnswer::default() };
            Memory::recall(answer, RECORDED)
        };
        assert_eq!(failed(ErrorCode::NotFound), Recall::default());
        let recall = failed(ErrorCode::DataCorrupt);
        assert_eq!((recall.entries.len(), recall.unavailable.as_deref()), (0, Some("why")));
    }

    #[test]
    fn role_gate_is_part_of_the_search_itself() {
        let config = PlaybookConfig::default();
        let search =
            |policy| Memory::search(String::new(), Some("welder"), &["workers".into()], &config, policy);
        let filter = |policy| search(policy).filter;
        let expected = json!({"corpus": {"in": ["workers"]}, "score": {"gt": 0}, "role_key": "welder"});
        assert_eq!(filter(Policy::Direct), Some(expected));
        let expected = json!({"corpus": {"in": ["workers"]}, "role_key": "welder"});
        assert_eq!(filter(Policy::Evidence), Some(expected));
    }
}
