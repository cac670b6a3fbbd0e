//! `POST /matrix/playbooks/import`: many recordings at once, one JSON object a line.
//!
//! Each line is judged by itself: one that breaks a rule is refused and reported, the others are recorded. A line has its
//! own idempotency key, made from what it says, so that an import that broke in the middle is simply repeated; and a
//! playbook that is still here as it was exported is not recorded a second time.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde_json::Value;
use service::{ApiError, Result};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt};
use tokio_util::io::StreamReader;
use uuid::Uuid;
use wire::CallContext;
use wire::playbooks::{ImportReport, Playbook, RecordRequest, RejectedLine};

use super::record::{check, no_such_answer};
use crate::matrix::Matrix;
use crate::memory::lesson::lesson_id;
use crate::memory::log;
use crate::query_vectors::{BATCH, QueryVector};

/// The longest line, bytes.
const MAX_LINE_BYTES: u64 = 64 << 10;
/// How many refused lines a report describes; all are counted.
const MAX_REJECTS: usize = 100;

/// A line that can be recorded.
struct Line {
    number: u64,
    key: String,
    /// What it was where it was exported.
    exported_as: Option<Uuid>,
    recording: RecordRequest,
}

impl Matrix {
    /// Records every good line of `body`.
    ///
    /// # Errors
    /// 400 for a body that is no text or breaks off, 503 naming a missing peer. What was recorded until then stays, and is
    /// not recorded again when the import is repeated.
    pub(crate) async fn import(&self, ctx: &CallContext, body: Body) -> Result<ImportReport> {
        let body = body.into_data_stream().map_err(std::io::Error::other);
        let mut reader = StreamReader::new(Box::pin(body));
        let (mut report, mut number, mut batch) = (ImportReport::default(), 0, Vec::with_capacity(BATCH));
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut reader).take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut line).await;
            let read = read.map_err(|error| ApiError::invalid(format!("the body broke off: {error}")))?;
            number += 1;
            if line.len() as u64 > MAX_LINE_BYTES {
                let text = format!("line {number} has more than {MAX_LINE_BYTES} bytes: is this NDJSON?");
                return Err(ApiError::invalid(text));
            }
            if !line.trim_ascii().is_empty() {
                match parse(&line) {
                    Ok(line) => batch.push(Line { number, ..line }),
                    Err(reason) => reject(&mut report, number, reason),
                }
            }
            if batch.len() == BATCH || read == 0 {
                self.import_batch(ctx, std::mem::take(&mut batch), &mut report).await.map_err(|error| {
                    let detail =
                        format!("stopped before line {number}: {}; repeat the import", error.detail());
                    ApiError::new(error.code(), detail)
                })?;
            }
            if read == 0 {
                report.rejects.sort_by_key(|reject| reject.line);
                return Ok(report);
            }
        }
    }

    async fn import_batch(
        &self,
        ctx: &CallContext,
        lines: Vec<Line>,
        report: &mut ImportReport,
    ) -> Result<()> {
        let lines = self.with_answers(ctx, lines, report).await?;
        if lines.is_empty() {
            return Ok(());
        }
        let texts = lines.iter().map(|line| line.recording.query_text.clone()).collect();
        let vectors = self.vectors.embed(ctx, texts).await?;
        // All at once: the log syncs them together.
        let mut writes = Vec::with_capacity(lines.len());
        for line in &lines {
            writes.push(self.write(ctx, line));
        }
        let written: Vec<Option<Playbook>> = stream::iter(writes).buffered(BATCH).try_collect().await?;
        report.recorded += written.len() as u64;
        let new: Vec<(&Playbook, &QueryVector)> =
            written.iter().zip(&vectors).filter_map(|(new, vector)| Some((new.as_ref()?, vector))).collect();
        let known = lines.iter().zip(&written).filter(|(_, new)| new.is_none());
        let known: Vec<String> = known.map(|(line, _)| lesson_id(&line.recording)).collect();
        report.indexed += match self.index(ctx, &new, &known).await {
            Ok(()) => written.len() as u64,
            Err(error) => {
                tracing::warn!(%error, "index imported recordings: they wait in the backlog");
                let lessons: BTreeSet<String> = lines.iter().map(|line| lesson_id(&line.recording)).collect();
                lessons.into_iter().for_each(|lesson| self.backlog.push(lesson, ctx.token.clone()));
                0
            }
        };
        Ok(())
    }

    /// Writes `line` into the log; `None` if the log has had it before.
    async fn write(&self, ctx: &CallContext, line: &Line) -> client::Result<Option<Playbook>> {
        if let Some(id) = line.exported_as {
            let known = match self.pathwayd.get(ctx, id).await {
                Ok(pathway) => log::playbook(pathway),
                Err(error) if error.is(wire::ErrorCode::NotFound) => None,
                Err(error) => return Err(error),
            };
            if known.is_some_and(|known| known.recording == line.recording) {
                return Ok(None);
            }
        }
        let (written, is_new) = self.pathwayd.add(ctx, &log::content(&line.recording), &line.key).await?;
        let recorded_at = line.recording.recorded_at.or_else(|| Some(Timestamp::now()));
        let recording = RecordRequest { recorded_at, ..line.recording.clone() };
        Ok(is_new.then(|| Playbook { playbook_id: written.id.to_string(), recording }))
    }

    /// Brings the index in line with the log: `new` recordings at once, `known` lessons as the log has them now.
    async fn index(
        &self,
        ctx: &CallContext,
        new: &[(&Playbook, &QueryVector)],
        known: &[String],
    ) -> client::Result<()> {
        self.memory.store(ctx, new).await?;
        for lesson in known {
            self.memory.settle(ctx, lesson).await?;
        }
        Ok(())
    }

    /// Those of `lines` whose answers exist; the others are refused.
    async fn with_answers(
        &self,
        ctx: &CallContext,
        lines: Vec<Line>,
        report: &mut ImportReport,
    ) -> Result<Vec<Line>> {
        let mut ids = BTreeMap::<String, BTreeSet<String>>::new();
        for line in &lines {
            ids.entry(line.recording.corpus.clone()).or_default().insert(line.recording.answer_id.clone());
        }
        let mut existing = BTreeMap::new();
        for (corpus, ids) in ids {
            let found = match self.corpora.items(ctx, &corpus, ids).await {
                Ok(items) => Ok(items.into_iter().map(|item| item.id).collect::<BTreeSet<String>>()),
                Err(error) if error.code() == wire::ErrorCode::NotFound => Err(error.detail().to_owned()),
                Err(error) => return Err(error),
            };
            existing.insert(corpus, found);
        }
        let mut good = Vec::with_capacity(lines.len());
        for line in lines {
            let RecordRequest { corpus, answer_id, .. } = &line.recording;
            match existing.get(corpus) {
                Some(Ok(found)) if found.contains(answer_id) => good.push(line),
                Some(Err(why)) => reject(report, line.number, why.clone()),
                _ => reject(report, line.number, no_such_answer(corpus, answer_id).detail().to_owned()),
            }
        }
        Ok(good)
    }
}

fn reject(report: &mut ImportReport, line: u64, reason: String) {
    report.rejected += 1;
    if report.rejects.len() < MAX_REJECTS {
        report.rejects.push(RejectedLine { line, reason });
    }
}

/// Reads a line; its number is yet to be told.
fn parse(line: &[u8]) -> std::result::Result<Line, String> {
    let mut fields = match serde_json::from_slice(line) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => return Err("the line is no JSON object".to_owned()),
        Err(error) => return Err(format!("the line is not JSON: {error}")),
    };
    let digest = Sha256::digest(Value::Object(fields.clone()).to_string());
    let exported_as = fields.remove("playbook_id");
    let exported_as = exported_as.as_ref().and_then(Value::as_str).and_then(|id| id.parse().ok());
    let recording: RecordRequest =
        serde_json::from_value(Value::Object(fields)).map_err(|error| error.to_string())?;
    check(&recording, Timestamp::now())?;
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Line { number: 0, key: format!("import-{digits}"), exported_as, recording })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"query_text":"q","corpus":"workers","answer_id":"1","score":1}"#;

    #[test]
    fn same_line_has_the_same_key_and_another_playbook_another() {
        let key = |line: &str| parse(line.as_bytes()).unwrap().key;
        assert_eq!(key(LINE), key(&format!(" {LINE}\r\n")));
        let named = |id: &str| key(&LINE.replace('{', &format!(r#"{{"playbook_id":"{id}","#)));
        assert_ne!(named("a"), named("b"));
        assert_ne!(named("a"), key(LINE));
    }

    #[test]
    fn line_that_is_no_recording_says_why() {
        for (line, word) in [
            ("[1]", "no JSON object"),
            ("{", "not JSON"),
            (r#"{"query_text":"q"}"#, "corpus"),
            (r#"{"query_text":"q","corpus":"c","answer_id":"1","score":2}"#, "score is 0 to 1"),
            (r#"{"query_text":"q","corpus":"c","answer_id":"1","score":1,"stars":5}"#, "stars"),
        ] {
            let refusal = parse(line.as_bytes()).map(drop).unwrap_err();
            assert!(refusal.contains(word), "{line}: {refusal}");
        }
    }
}
