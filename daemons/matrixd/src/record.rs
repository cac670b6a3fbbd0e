//! Playbooks: record, list, rebuild.

use playbook::AnswerKey;
use serde_json::{Map, Value, json};
use service::{ApiError, Result};
use uuid::Uuid;
use wire::matrix::{
    ListPlaybooks, PLAYBOOK_TAG, Playbook, PlaybookList, RebuildResponse, RecordRequest, RecordResponse,
};
use wire::names::{check_id, check_name};
use wire::pathways::{Content, ListQuery, MAX_TAG_BYTES};
use wire::{CallContext, ErrorCode};

use crate::matrix::Matrix;
use crate::memory::Recording;
use crate::query_vectors::{BATCH, QueryVector};
use crate::search::check_text;

/// The most recordings on one page.
const MAX_PAGE: usize = 1000;

impl Matrix {
    /// Records an outcome: durable in the log first, then in the index, or in the backlog of what the index could not
    /// take now. The same `key` records once.
    ///
    /// # Errors
    /// 400 for a request that breaks a rule, 404 for an answer that does not exist, 503 when the log does not answer.
    pub(crate) async fn record(
        &self,
        ctx: &CallContext,
        request: RecordRequest,
        key: Option<&str>,
    ) -> Result<RecordResponse> {
        check(&request).map_err(ApiError::invalid)?;
        let (exists, vector) = tokio::join!(
            self.check_answer(ctx, &request.corpus, &request.answer_id),
            self.vectors.get(ctx, &request.query_text)
        );
        exists?;
        // A key of our own lets the client repeat the call when the connection breaks half-way.
        let own_key = Uuid::now_v7().to_string();
        let written = self.pathwayd.add(ctx, &content(&request), Some(key.unwrap_or(&own_key))).await?;
        let recording = recording(request, written.id);
        let playbook_id = recording.playbook_id.clone();
        let stored = match vector {
            Ok((vector, _)) => self.memory.store(ctx, &[(&recording, vector.as_ref())]).await,
            Err(error) => Err(error),
        };
        let indexed = stored.is_ok();
        if let Err(error) = stored {
            tracing::warn!(playbook_id, %error, "index recording: it waits in the backlog");
            self.backlog.push(recording, ctx.token.clone());
        }
        metrics::counter!("matrixd_playbooks_recorded_total").increment(1);
        Ok(RecordResponse { playbook_id, indexed })
    }

    /// Refuses an answer that does not exist. If vectord cannot say, the outcome is recorded all the same: an answer
    /// that is not live is never injected.
    async fn check_answer(&self, ctx: &CallContext, corpus: &str, answer_id: &str) -> Result<()> {
        let Err(error) = self.vectord.item(ctx, corpus, answer_id).await else { return Ok(()) };
        let Some(code) = error.problem().map(|problem| problem.code) else { return Ok(()) };
        match code {
            ErrorCode::NotFound => {
                self.corpora.geometry(ctx, corpus).await?;
                Err(ApiError::not_found(format!("corpus {corpus:?} has no item {answer_id:?}")))
            }
            ErrorCode::InvalidArgument | ErrorCode::Unauthenticated | ErrorCode::PermissionDenied => {
                Err(error.into())
            }
            _ => Ok(()),
        }
    }

    /// One page of the log.
    ///
    /// # Errors
    /// 400 for a page that cannot be, 503 when the log does not answer.
    pub(crate) async fn playbooks(&self, ctx: &CallContext, page: ListPlaybooks) -> Result<PlaybookList> {
        let limit = page.limit.unwrap_or(100);
        if !(1..=MAX_PAGE).contains(&limit) {
            return Err(ApiError::invalid(format!("limit is 1 to {MAX_PAGE}, not {limit}")));
        }
        let after = page.after.as_deref().map(str::parse::<Uuid>).transpose();
        let after = after.map_err(|_| ApiError::invalid("after is the `next` of the page before"))?;
        let (recordings, next, _) = self.page(ctx, after, limit).await?;
        let playbook = |recording: Recording| Playbook {
            playbook_id: recording.playbook_id,
            query_text: recording.query_text,
            corpus: recording.answer.corpus,
            answer_id: recording.answer.id,
            score: recording.score,
            role: recording.role,
            actor: recording.actor,
        };
        Ok(PlaybookList {
            playbooks: recordings.into_iter().map(playbook).collect(),
            next: next.map(|id| id.to_string()),
        })
    }

    /// Refills the index from the log; what the index holds already is written again, to the same effect.
    ///
    /// # Errors
    /// 503 when a peer does not answer; what was written until then stays.
    pub(crate) async fn rebuild(&self, ctx: &CallContext) -> Result<RebuildResponse> {
        let mut done = RebuildResponse { indexed: 0, skipped: 0 };
        let mut after = None;
        loop {
            let (recordings, next, skipped) = self.page(ctx, after, MAX_PAGE).await?;
            done.skipped += skipped;
            for batch in recordings.chunks(BATCH) {
                let texts = batch.iter().map(|recording| recording.query_text.clone()).collect();
                let vectors = self.vectors.embed(ctx, texts).await?;
                let lessons: Vec<(&Recording, &QueryVector)> = batch.iter().zip(&vectors).collect();
                self.memory.store(ctx, &lessons).await?;
                done.indexed += batch.len() as u64;
            }
            if next.is_none() {
                return Ok(done);
            }
            after = next;
        }
    }

    /// Recordings of one page of the log, where the next begins, and how many entries were no recordings.
    async fn page(
        &self,
        ctx: &CallContext,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<(Vec<Recording>, Option<Uuid>, u64)> {
        let limit = u32::try_from(limit).map_err(ApiError::internal)?;
        let query = ListQuery { tag: Some(PLAYBOOK_TAG.to_owned()), role: None, after, limit: Some(limit) };
        let page = self.pathwayd.list(ctx, &query).await?;
        let in_all = page.pathways.len();
        let recordings: Vec<_> = page.pathways.into_iter().filter_map(Recording::from_pathway).collect();
        let skipped = (in_all - recordings.len()) as u64;
        Ok((recordings, page.next, skipped))
    }
}

fn check(request: &RecordRequest) -> std::result::Result<(), String> {
    check_text("query_text", &request.query_text)?;
    check_name(&request.corpus)?;
    check_id(&request.answer_id)?;
    if !(0.0..=1.0).contains(&request.score) {
        return Err(format!("score is 0 to 1, not {}", request.score));
    }
    for (field, text) in [("role", &request.role), ("actor", &request.actor)] {
        if text.as_ref().is_some_and(|text| text.len() > MAX_TAG_BYTES || text.chars().any(char::is_control))
        {
            return Err(format!("{field} has at most {MAX_TAG_BYTES} bytes and no control characters"));
        }
    }
    Ok(())
}

/// What the log keeps.
fn content(request: &RecordRequest) -> Content {
    let actor = request.actor.iter().map(|actor| ("actor".to_owned(), json!(actor)));
    Content {
        goal: request.query_text.clone(),
        role: request.role.clone(),
        steps: Vec::new(),
        result: Some(json!({ "corpus": request.corpus, "answer_id": request.answer_id })),
        score: Some(request.score),
        tags: vec![PLAYBOOK_TAG.to_owned()],
        provenance: actor.collect::<Map<String, Value>>(),
    }
}

fn recording(request: RecordRequest, id: Uuid) -> Recording {
    Recording {
        playbook_id: id.to_string(),
        query_text: request.query_text,
        role: request.role,
        answer: AnswerKey { corpus: request.corpus, id: request.answer_id },
        score: request.score,
        actor: request.actor,
    }
}

#[cfg(test)]
mod tests {
    use wire::pathways::{Pathway, State};

    use super::*;

    fn request() -> RecordRequest {
        RecordRequest {
            query_text: "forklift nights".into(),
            corpus: "workers".into(),
            answer_id: "000123".into(),
            score: 0.9,
            role: Some("Forklift Operator".into()),
            actor: Some("ana".into()),
        }
    }

    #[test]
    fn recording_that_breaks_a_rule_is_refused() {
        check(&request()).unwrap();
        for score in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(check(&RecordRequest { score, ..request() }).unwrap_err().contains("score"));
        }
        assert!(check(&RecordRequest { query_text: " ".into(), ..request() }).is_err());
        assert!(check(&RecordRequest { corpus: "a/b".into(), ..request() }).is_err());
        assert!(check(&RecordRequest { answer_id: String::new(), ..request() }).is_err());
        assert!(check(&RecordRequest { role: Some("x".repeat(129)), ..request() }).is_err());
        assert!(check(&RecordRequest { actor: Some("a\nb".into()), ..request() }).is_err());
    }

    #[test]
    fn what_the_log_keeps_reads_back_as_the_recording() {
        let id = Uuid::now_v7();
        let pathway = Pathway {
            id,
            version: 1,
            state: State::Active,
            created: jiff::Timestamp::UNIX_EPOCH,
            updated: jiff::Timestamp::UNIX_EPOCH,
            reason: None,
            content: content(&request()),
        };
        assert_eq!(Recording::from_pathway(pathway.clone()), Some(recording(request(), id)));
        let foreign = Pathway { content: Content { result: None, ..pathway.content.clone() }, ..pathway };
        assert_eq!(Recording::from_pathway(foreign), None);
    }
}
