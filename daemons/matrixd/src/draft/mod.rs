//! Drafts of messages about work: a model writes, the validator of the channel judges, the model mends what it is told,
//! and where there is no model a template says the same.

mod conversation;
mod recipient;
mod template;

use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use service::{ApiError, Result};
use validators::{email, sms};
use wire::chat::{ChatResponse, Usage};
use wire::drafts::{
    Channel, Draft, DraftRequest, DraftResponse, DraftRound, DraftSource, MAX_FACTS_BYTES, MAX_FIELD_BYTES,
};
use wire::matrix::{EmailDraft, Severity, SmsDraft, ValidationReport, Violation};
use wire::{CallContext, ErrorCode};

use crate::matrix::Matrix;
use conversation::Conversation;
use recipient::Recipient;

/// What is left of a caller's deadline for the template and the way back.
const RESERVE: Duration = Duration::from_millis(250);
/// The rule of an answer that is no draft.
const FORM: &str = "draft_form";

/// The reason for a template where the model takes too long.
const OVER: &str = "the time for drafts was over";

/// What a draft is made of.
struct Brief<'a> {
    request: &'a DraftRequest,
    recipient: Recipient,
}

/// What the model has come to.
#[derive(Default)]
struct Written {
    rounds: Vec<DraftRound>,
    /// The draft in the last answer, if it was one, with its verdict.
    last: Option<(Draft, ValidationReport)>,
    /// Why there are no further rounds and the template is asked.
    reason: Option<String>,
    model: Option<String>,
    provider: Option<String>,
    usage: Usage,
}

impl Matrix {
    /// Writes a draft and judges it.
    ///
    /// # Errors
    /// 400 for a request that breaks a rule, 404 for a worker, or a model named in the request, that is not there, 503 naming
    /// the peer that knows the workers. That no model answers is no error: the template is the answer then.
    pub(crate) async fn draft(&self, ctx: &CallContext, request: &DraftRequest) -> Result<DraftResponse> {
        check(request).map_err(ApiError::invalid)?;
        let brief = Brief { request, recipient: self.recipient(ctx, request).await? };
        let mut written = self.ask_model(ctx, &brief).await?;
        let (draft, report, source) = match written.last.take() {
            Some((draft, report)) if written.reason.is_none() => (draft, report, DraftSource::Model),
            _ => {
                let draft = template::write(&brief);
                let report = self.judge_draft(&brief, &draft);
                written.rounds.push(round(DraftSource::Template, said(&draft), &report));
                (draft, report, DraftSource::Template)
            }
        };
        let (channel, from) = (request.channel.as_str(), source.as_str());
        let ok = if report.ok { "true" } else { "false" };
        metrics::counter!("matrixd_drafts_total", "channel" => channel, "source" => from, "ok" => ok)
            .increment(1);
        metrics::histogram!("matrixd_draft_rounds").record(written.rounds.len() as f64);
        Ok(DraftResponse {
            ok: report.ok,
            source,
            reason: written.reason,
            draft,
            violations: report.violations,
            rounds: written.rounds,
            model: written.model,
            provider: written.provider,
            usage: written.usage,
        })
    }

    /// Asks the model until its draft passes, it can mend nothing more, or there is no time or round left.
    async fn ask_model(&self, ctx: &CallContext, brief: &Brief<'_>) -> Result<Written> {
        let mut written = Written::default();
        let config = &self.config.draft;
        let patience = Duration::from_millis(config.timeout_ms).min(ctx.remaining().saturating_sub(RESERVE));
        let ctx = CallContext { deadline: Instant::now() + patience, ..ctx.clone() };
        let mut conversation = Conversation::begin(brief);
        for _ in 0..config.max_rounds {
            if ctx.remaining().is_zero() {
                written.reason = Some(OVER.to_owned());
                break;
            }
            let answer = match self.chatd.chat(&ctx, &conversation.request()).await {
                Ok(answer) => answer,
                Err(error) => {
                    written.reason = Some(no_model(error, brief.request)?);
                    break;
                }
            };
            let said = answer.message.content.text();
            written.note(answer);
            match conversation::read(&said, brief) {
                Ok(draft) => {
                    let report = self.judge_draft(brief, &draft);
                    written.rounds.push(round(DraftSource::Model, said.clone(), &report));
                    let is_final = report.ok || !report.violations.iter().any(is_mendable);
                    if !is_final {
                        conversation.object(said, conversation::objections(&draft, &report.violations));
                    }
                    written.last = Some((draft, report));
                    if is_final {
                        return Ok(written);
                    }
                }
                Err(what) => {
                    let report = validators::report(vec![no_draft(&what)]);
                    written.rounds.push(round(DraftSource::Model, said.clone(), &report));
                    written.last = None;
                    conversation.object(said, what);
                }
            }
        }
        if written.last.is_none() && written.reason.is_none() {
            let count = written.rounds.len();
            written.reason = Some(format!("the last of {count} answers of the model was no draft"));
        }
        Ok(written)
    }

    /// What the routes of the validators say of it.
    fn judge_draft(&self, brief: &Brief<'_>, draft: &Draft) -> ValidationReport {
        let DraftRequest { kind, sender, channel, .. } = brief.request.clone();
        let Draft { to, subject, body } = draft.clone();
        match channel {
            Channel::Email => {
                let (subject, worker_id) = (subject.unwrap_or_default(), brief.recipient.id.clone());
                self.judged(
                    "email",
                    email::validate(&EmailDraft { to, subject, body, worker_id, kind, sender }),
                )
            }
            Channel::Sms => self.judged("sms", sms::validate(&SmsDraft { to, body, kind, sender })),
        }
    }
}

impl Written {
    fn note(&mut self, answer: ChatResponse) {
        self.usage = self.usage.plus(answer.usage);
        (self.model, self.provider) = (Some(answer.model), Some(answer.provider));
    }
}

/// What stops the draft and stands in a field that the model writes.
fn is_mendable(violation: &Violation) -> bool {
    violation.severity == Severity::Error && matches!(violation.field.as_str(), "subject" | "body")
}

fn no_draft(what: &str) -> Violation {
    Violation {
        rule: FORM.to_owned(),
        severity: Severity::Error,
        field: "body".to_owned(),
        span: [0, 0],
        message: what.to_owned(),
        fix: "ask again, or another model".to_owned(),
    }
}

fn round(source: DraftSource, said: String, report: &ValidationReport) -> DraftRound {
    DraftRound { source, said, ok: report.ok, violations: report.violations.clone() }
}

/// A draft as one text.
fn said(draft: &Draft) -> String {
    match &draft.subject {
        Some(subject) => format!("{subject}\n\n{}", draft.body),
        None => draft.body.clone(),
    }
}

/// Why chatd gives no answer, for a person. What the caller alone can mend is an error instead.
fn no_model(error: client::Error, request: &DraftRequest) -> Result<String> {
    let is_callers = error.is(ErrorCode::Unauthenticated)
        || error.is(ErrorCode::PermissionDenied)
        || (error.is(ErrorCode::NotFound) && request.model.is_some());
    if is_callers {
        return Err(error.into());
    }
    Ok(match &error {
        client::Error::DeadlineExceeded { .. } => OVER.to_owned(),
        client::Error::Problem { problem, .. } => problem.detail.clone(),
        error => error.to_string(),
    })
}

fn check(request: &DraftRequest) -> std::result::Result<(), String> {
    if request.role.trim().is_empty() {
        return Err("role is blank".to_owned());
    }
    let fields = [
        ("role", Some(&request.role)),
        ("to", request.to.as_ref()),
        ("sender", request.sender.as_ref()),
        ("model", request.model.as_ref()),
    ];
    for (name, value) in fields {
        if let Some(value) = value.filter(|value| value.len() > MAX_FIELD_BYTES) {
            return Err(format!("{name} has at most {MAX_FIELD_BYTES} bytes, this one {}", value.len()));
        }
    }
    check_size("facts", &request.facts)
}

/// Bounds what is put before a model.
fn check_size(name: &str, object: &Map<String, Value>) -> std::result::Result<(), String> {
    let bytes = serde_json::to_vec(object).map_err(|error| format!("{name}: {error}"))?.len();
    if bytes > MAX_FACTS_BYTES {
        return Err(format!("{name}: {bytes} bytes of JSON, at most {MAX_FACTS_BYTES} are taken"));
    }
    Ok(())
}
