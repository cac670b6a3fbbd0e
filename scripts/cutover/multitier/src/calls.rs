//! The calls of one user, through the gateway; each is sent once.

use std::time::Duration;

use client::{Error, Peer};
use http::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::CallContext;
use wire::context::Secret;
use wire::matrix::{EmailDraft, FillProposal, SearchRequest, SearchResponse, SmsDraft, ValidationReport};
use wire::playbooks::{RecordRequest, RecordResponse};

use crate::failure::{Failure, Result, promise};

/// How long a user waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A user's connection to matrixd behind the gateway.
///
/// It does not use [`client::Matrixd`], which repeats a search that was shed: here a 429 or 503 must show.
#[derive(Debug)]
pub(crate) struct Calls {
    matrixd: Peer,
    token: Option<Secret>,
    /// Calls sent so far.
    pub(crate) sent: u64,
    /// The id under which the logs of every hop know the last call.
    pub(crate) last_request_id: String,
}

impl Calls {
    pub(crate) fn new(matrixd: Peer, token: Option<Secret>) -> Self {
        Self { matrixd, token, sent: 0, last_request_id: String::new() }
    }

    pub(crate) async fn search(&mut self, request: &SearchRequest) -> Result<SearchResponse> {
        self.post("search", "/matrix/search", request, StatusCode::OK).await
    }

    pub(crate) async fn record(&mut self, request: &RecordRequest) -> Result<RecordResponse> {
        self.post("record", "/matrix/playbooks/record", request, StatusCode::CREATED).await
    }

    pub(crate) async fn validate_email(&mut self, draft: &EmailDraft) -> Result<ValidationReport> {
        self.post("validate e-mail", "/matrix/validate/email", draft, StatusCode::OK).await
    }

    pub(crate) async fn validate_sms(&mut self, draft: &SmsDraft) -> Result<ValidationReport> {
        self.post("validate SMS", "/matrix/validate/sms", draft, StatusCode::OK).await
    }

    pub(crate) async fn validate_fill(&mut self, proposal: &FillProposal) -> Result<ValidationReport> {
        self.post("validate fill", "/matrix/validate/fill", proposal, StatusCode::OK).await
    }

    async fn post<B: Serialize, T: DeserializeOwned>(
        &mut self,
        call: &'static str,
        path: &str,
        body: &B,
        expected: StatusCode,
    ) -> Result<T> {
        let ctx = CallContext::root(PATIENCE).with_token(self.token.clone());
        self.last_request_id.clone_from(&ctx.request_id);
        self.sent += 1;
        let failed = |source: Error| Failure::Call { call, source: source.into() };
        let reply = self.matrixd.request(Method::POST, path).body(body).send(&ctx).await.map_err(failed)?;
        promise("the status is the documented one", reply.status == expected, || {
            format!("{call} answered {} instead of {expected}", reply.status)
        })?;
        reply.json().map_err(failed)
    }
}
