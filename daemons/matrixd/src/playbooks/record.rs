//! `POST /matrix/playbooks/record`: an outcome, durable in the log before it is answered.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use service::{ApiError, Result};
use uuid::Uuid;
use wire::names::{check_id, check_name};
use wire::pathways::MAX_TAG_BYTES;
use wire::playbooks::{MAX_TAGS, Playbook, RecordRequest, RecordResponse};
use wire::{CallContext, ErrorCode};

use crate::matrix::Matrix;
use crate::memory::lesson::lesson_id;
use crate::memory::log;
use crate::search::check_text;

/// How far the clock of who recorded an outcome may be ahead of ours.
const MAX_AHEAD: SignedDuration = SignedDuration::from_mins(5);

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
        let now = Timestamp::now();
        check(&request, now).map_err(ApiError::invalid)?;
        let (exists, vector) = tokio::join!(
            self.check_answer(ctx, &request.corpus, &request.answer_id),
            self.vectors.get(ctx, &request.query_text)
        );
        exists?;
        if let Ok((vector, _)) = &vector {
            // Before it is recorded: afterwards it would find itself.
            self.observe_outcome(ctx, &request, vector).await;
        }
        // A key of our own lets the client repeat the call when the connection breaks half-way.
        let own_key = Uuid::now_v7().to_string();
        let (written, is_new) =
            self.pathwayd.add(ctx, &log::content(&request), key.unwrap_or(&own_key)).await?;
        let playbook_id = written.id.to_string();
        let recorded_at = request.recorded_at.or(Some(now));
        let playbook = Playbook { playbook_id, recording: RecordRequest { recorded_at, ..request } };
        let stored = match vector {
            // What was recorded before may have been deleted since.
            _ if !is_new => self.memory.settle(ctx, &lesson_id(&playbook.recording)).await,
            Ok((vector, _)) => self.memory.store(ctx, &[(&playbook, vector.as_ref())]).await,
            Err(error) => Err(error),
        };
        let Playbook { playbook_id, recording } = playbook;
        let indexed = stored.is_ok();
        if let Err(error) = stored {
            tracing::warn!(playbook_id, %error, "index recording: it waits in the backlog");
            self.backlog.push(lesson_id(&recording), ctx.token.clone());
        }
        metrics::counter!("matrixd_playbooks_recorded_total").increment(1);
        Ok(RecordResponse { playbook_id, indexed })
    }

    /// Refuses an answer that does not exist. If vectord cannot say, the outcome is recorded all the same: an answer
    /// that is not live is never injected.
    async fn check_answer(&self, ctx: &CallContext, corpus: &str, answer_id: &str) -> Result<()> {
        let ids = BTreeSet::from([answer_id.to_owned()]);
        let found = match self.corpora.items(ctx, corpus, ids).await {
            Ok(found) => found,
            Err(error) if is_refusal(error.code()) => return Err(error),
            Err(_) => return Ok(()),
        };
        if found.is_empty() { Err(no_such_answer(corpus, answer_id)) } else { Ok(()) }
    }
}

/// 404 that names the answer.
pub(super) fn no_such_answer(corpus: &str, answer_id: &str) -> ApiError {
    ApiError::not_found(format!("corpus {corpus:?} has no item {answer_id:?}"))
}

/// The caller's fault, not that of a peer that is away.
fn is_refusal(code: ErrorCode) -> bool {
    use ErrorCode::{InvalidArgument, NotFound, PermissionDenied, Unauthenticated};
    [InvalidArgument, NotFound, PermissionDenied, Unauthenticated].contains(&code)
}

/// Checks what can be checked of a recording by itself.
///
/// # Errors
/// A sentence that says what is wrong and what was expected.
pub(super) fn check(request: &RecordRequest, now: Timestamp) -> std::result::Result<(), String> {
    check_text("query_text", &request.query_text)?;
    check_name(&request.corpus)?;
    check_id(&request.answer_id)?;
    if !(0.0..=1.0).contains(&request.score) {
        return Err(format!("score is 0 to 1, not {}", request.score));
    }
    for (field, text) in [("role", &request.role), ("actor", &request.actor)] {
        if text.as_ref().is_some_and(|text| !is_label(text)) {
            return Err(format!("{field} has at most {MAX_TAG_BYTES} bytes and no control characters"));
        }
    }
    if request.tags.len() > MAX_TAGS {
        return Err(format!("a recording has at most {MAX_TAGS} tags, this one {}", request.tags.len()));
    }
    for tag in &request.tags {
        if tag.trim().is_empty() || !is_label(tag) {
            return Err(format!(
                "a tag has 1 to {MAX_TAG_BYTES} bytes, not all blank, and no control characters"
            ));
        }
        if log::is_reserved(tag) {
            return Err(format!("tag {tag:?} is kept for the log itself: choose another"));
        }
    }
    if request.expires_at.is_some_and(|at| at <= now) {
        return Err("expires_at has passed already: leave the recording out".to_owned());
    }
    if request.recorded_at.is_some_and(|at| at.duration_since(now) > MAX_AHEAD) {
        return Err("recorded_at lies in the future".to_owned());
    }
    Ok(())
}

fn is_label(text: &str) -> bool {
    text.len() <= MAX_TAG_BYTES && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_750_000_000, 0);

    fn request() -> RecordRequest {
        RecordRequest {
            query_text: "forklift nights".into(),
            corpus: "workers".into(),
            answer_id: "000123".into(),
            score: 0.9,
            role: Some("Forklift Operator".into()),
            actor: Some("ana".into()),
            ..RecordRequest::default()
        }
    }

    #[track_caller]
    fn assert_refused(change: impl FnOnce(&mut RecordRequest), word: &str) {
        let mut request = request();
        change(&mut request);
        let refusal = check(&request, NOW).unwrap_err();
        assert!(refusal.contains(word), "{refusal}");
    }

    #[test]
    fn recording_that_breaks_a_rule_is_refused_by_name() {
        check(&request(), NOW).unwrap();
        for score in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_refused(|r| r.score = score, "score");
        }
        assert_refused(|r| r.query_text = " ".into(), "query_text");
        assert_refused(|r| r.corpus = "a/b".into(), "valid name");
        assert_refused(|r| r.answer_id.clear(), "id");
        assert_refused(|r| r.role = Some("x".repeat(129)), "role");
        assert_refused(|r| r.actor = Some("a\nb".into()), "actor");
        assert_refused(|r| r.tags = vec![String::new()], "tag");
        assert_refused(|r| r.tags = vec!["t".into(); 33], "at most 32");
        assert_refused(|r| r.tags = vec!["lesson:1".into()], "kept for the log");
        assert_refused(|r| r.tags = vec!["playbook".into()], "kept for the log");
        assert_refused(|r| r.expires_at = Some(NOW), "expires_at");
        assert_refused(|r| r.recorded_at = Some(Timestamp::constant(1_750_000_600, 0)), "recorded_at");
    }

    #[test]
    fn clock_that_is_a_little_ahead_is_no_fault() {
        let recorded_at = Some(Timestamp::constant(1_750_000_100, 0));
        check(&RecordRequest { recorded_at, ..request() }, NOW).unwrap();
    }
}
