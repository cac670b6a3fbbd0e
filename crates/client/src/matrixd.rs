//! Calls to `matrixd`.

use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use http::{Method, StatusCode};
use uuid::Uuid;
use wire::context::IDEMPOTENCY_KEY;
use wire::drafts::{DraftRequest, DraftResponse};
use wire::matrix::{
    CorpusList, EmailDraft, FillProposal, RetrieveRequest, RetrieveResponse, SearchRequest, SearchResponse,
    SmsDraft, ValidationReport,
};
use wire::playbooks::{
    EvaluateRequest, Evaluation, ImportReport, ListPlaybooks, Playbook, PlaybookList, RebuildResponse,
    RecordRequest, RecordResponse,
};
use wire::{CallContext, DaemonName};

use crate::query::with_query;
use crate::{Body, Peer, Peers, Result};

/// Searches corpora, remembers what worked, checks drafts and proposals.
#[derive(Debug, Clone)]
pub struct Matrixd(Peer);

impl Peers {
    /// `matrixd`.
    pub fn matrixd(&self) -> Matrixd {
        Matrixd(self.peer(DaemonName::Matrixd))
    }
}

impl Matrixd {
    /// `POST /matrix/search`, retried.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error).
    pub async fn search(&self, ctx: &CallContext, request: &SearchRequest) -> Result<SearchResponse> {
        self.0.post_idempotent(ctx, "/matrix/search", request).await
    }

    /// `POST /matrix/retrieve`, retried.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error).
    pub async fn retrieve(&self, ctx: &CallContext, request: &RetrieveRequest) -> Result<RetrieveResponse> {
        self.0.post_idempotent(ctx, "/matrix/retrieve", request).await
    }

    /// `POST /matrix/playbooks/record`; with an idempotency key it is retried, and recorded once.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error); `not_found` if the corpus has no such answer.
    pub async fn record(
        &self,
        ctx: &CallContext,
        record: &RecordRequest,
        key: Option<&str>,
    ) -> Result<RecordResponse> {
        let mut request = self.0.request(Method::POST, "/matrix/playbooks/record").body(record);
        if let Some(key) = key {
            request = request.header(IDEMPOTENCY_KEY, key).idempotent();
        }
        request.send(ctx).await?.json()
    }

    /// `GET /matrix/playbooks`, one page.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error).
    pub async fn playbooks(&self, ctx: &CallContext, page: &ListPlaybooks) -> Result<PlaybookList> {
        let parameters = [
            ("limit", page.limit.map(|limit| limit.to_string())),
            ("after", page.after.map(|id| id.to_string())),
            ("role", page.role.clone()),
            ("tag", page.tag.clone()),
        ];
        self.0.get(ctx, &with_query("/matrix/playbooks", parameters)).await
    }

    /// `GET /matrix/playbooks/{id}`
    ///
    /// # Errors
    /// Any [`Error`](crate::Error); `not_found` also for one that was deleted.
    pub async fn playbook(&self, ctx: &CallContext, id: Uuid) -> Result<Playbook> {
        self.0.get(ctx, &format!("/matrix/playbooks/{id}")).await
    }

    /// `DELETE /matrix/playbooks/{id}`, sent once; whether searches know already.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error); `not_found` also for one that was deleted.
    pub async fn delete_playbook(&self, ctx: &CallContext, id: Uuid) -> Result<bool> {
        let reply = self.0.request(Method::DELETE, &format!("/matrix/playbooks/{id}")).send(ctx).await?;
        Ok(reply.status != StatusCode::ACCEPTED)
    }

    /// `POST /matrix/playbooks/import` of NDJSON, retried: the same line is recorded once.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error); lines that were refused are part of the report.
    pub async fn import_playbooks(&self, ctx: &CallContext, lines: impl Into<Bytes>) -> Result<ImportReport> {
        let request = self.0.request(Method::POST, "/matrix/playbooks/import");
        request.bytes("application/x-ndjson", lines).idempotent().send(ctx).await?.json()
    }

    /// `GET /matrix/playbooks/export`: NDJSON, piece by piece.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error), at once or in the stream.
    pub async fn export_playbooks(
        &self,
        ctx: &CallContext,
    ) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
        let path = "/matrix/playbooks/export";
        let answer = self.0.stream_successfully(ctx, Method::GET, path, Body::default()).await?;
        let peer = self.0.clone();
        Ok(answer.pieces().map_err(move |source| peer.unreachable(source)))
    }

    /// `POST /matrix/playbooks/evaluate`, retried: it changes nothing.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error).
    pub async fn evaluate(&self, ctx: &CallContext, request: &EvaluateRequest) -> Result<Evaluation> {
        self.0.post_idempotent(ctx, "/matrix/playbooks/evaluate", request).await
    }

    /// `POST /matrix/playbooks/rebuild`, sent once.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error).
    pub async fn rebuild(&self, ctx: &CallContext) -> Result<RebuildResponse> {
        self.0.request(Method::POST, "/matrix/playbooks/rebuild").send(ctx).await?.json()
    }

    /// `GET /matrix/corpora`
    ///
    /// # Errors
    /// Any [`Error`](crate::Error).
    pub async fn corpora(&self, ctx: &CallContext) -> Result<CorpusList> {
        self.0.get(ctx, "/matrix/corpora").await
    }

    /// `POST /matrix/validate/email`, retried.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error); a draft that breaks rules is an answer, not an error.
    pub async fn validate_email(&self, ctx: &CallContext, draft: &EmailDraft) -> Result<ValidationReport> {
        self.0.post_idempotent(ctx, "/matrix/validate/email", draft).await
    }

    /// `POST /matrix/validate/sms`, retried.
    ///
    /// # Errors
    /// As [`validate_email`](Self::validate_email).
    pub async fn validate_sms(&self, ctx: &CallContext, draft: &SmsDraft) -> Result<ValidationReport> {
        self.0.post_idempotent(ctx, "/matrix/validate/sms", draft).await
    }

    /// `POST /matrix/validate/fill`, retried.
    ///
    /// # Errors
    /// As [`validate_email`](Self::validate_email).
    pub async fn validate_fill(
        &self,
        ctx: &CallContext,
        proposal: &FillProposal,
    ) -> Result<ValidationReport> {
        self.0.post_idempotent(ctx, "/matrix/validate/fill", proposal).await
    }

    /// `POST /matrix/draft`; not retried, as answers of models cost.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error); a draft that breaks rules is an answer, not an error.
    pub async fn draft(&self, ctx: &CallContext, request: &DraftRequest) -> Result<DraftResponse> {
        self.0.post(ctx, "/matrix/draft", request).await
    }
}
