//! Calls to `ingestd`.

use bytes::Bytes;
use futures::Stream;
use http::Method;
use serde::Serialize;
use wire::context::IDEMPOTENCY_KEY;
use wire::ingest::{
    DeleteRows, DeletedRows, IndexJob, IndexJobAccepted, IndexJobRequest, IndexJobs, IngestAnswer,
    IngestParams, UpsertAnswer, UpsertParams,
};
use wire::{CallContext, DaemonName};

use crate::query::with_query;
use crate::{Body, Peer, Peers, Request, Result, segment, sse};

/// Puts rows into tables, and tables into vector indexes.
#[derive(Debug, Clone)]
pub struct Ingestd(Peer);

impl Peers {
    /// `ingestd`.
    pub fn ingestd(&self) -> Ingestd {
        Ingestd(self.peer(DaemonName::Ingestd))
    }
}

impl Ingestd {
    /// `POST /ingest`: the rows of `body`, whose format `params` or `content_type` names, into a table.
    ///
    /// Under an `idempotency_key` it is retried, as a repetition gets the first answer; without one it is sent once.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error); `unprocessable` for rows that do not fit: nothing was written.
    pub async fn ingest(
        &self,
        ctx: &CallContext,
        params: &IngestParams,
        content_type: &'static str,
        body: impl Into<Bytes>,
        idempotency_key: Option<&str>,
    ) -> Result<IngestAnswer> {
        let request = self.0.request(Method::POST, &ingest_path(params)).bytes(content_type, body);
        keyed(request, idempotency_key).send(ctx).await?.json()
    }

    /// `POST /tables/{table}/upsert`: the rows of `body` into a table, in the place of those with the same keys. Retried
    /// under an `idempotency_key`, as [`ingest`](Self::ingest).
    ///
    /// # Errors
    /// Any [`Error`](crate::Error); `unprocessable` for rows or a key that do not fit: nothing was written.
    pub async fn upsert(
        &self,
        ctx: &CallContext,
        table: &str,
        params: &UpsertParams,
        content_type: &'static str,
        body: impl Into<Bytes>,
        idempotency_key: Option<&str>,
    ) -> Result<UpsertAnswer> {
        let request = self.0.request(Method::POST, &upsert_path(table, params)).bytes(content_type, body);
        keyed(request, idempotency_key).send(ctx).await?.json()
    }

    /// `POST /tables/{table}/delete`: deletes rows. Retried: to ask twice does no harm.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error); `unprocessable` for a condition that does not fit the table.
    pub async fn delete_rows(
        &self,
        ctx: &CallContext,
        table: &str,
        request: &DeleteRows,
    ) -> Result<DeletedRows> {
        let path = format!("/tables/{}/delete", segment(table));
        self.0.request(Method::POST, &path).body(request).idempotent().send(ctx).await?.json()
    }

    /// `POST /index-jobs`: starts to index a table.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error).
    pub async fn submit_index_job(
        &self,
        ctx: &CallContext,
        request: &IndexJobRequest,
    ) -> Result<IndexJobAccepted> {
        self.0.post(ctx, "/index-jobs", request).await
    }

    /// `GET /index-jobs/{job_id}`
    ///
    /// # Errors
    /// Any [`Error`](crate::Error); `not_found` if there is no such job.
    pub async fn index_job(&self, ctx: &CallContext, job_id: &str) -> Result<IndexJob> {
        self.0.get(ctx, &format!("/index-jobs/{}", segment(job_id))).await
    }

    /// `DELETE /index-jobs/{job_id}`: ends a job where it stands.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error); `not_found` if there is no such job.
    pub async fn cancel_index_job(&self, ctx: &CallContext, job_id: &str) -> Result<()> {
        self.0.delete(ctx, &format!("/index-jobs/{}", segment(job_id))).await
    }

    /// `GET /index-jobs/{job_id}/events`: where the job stands, now and whenever that changes. A stream that ends before a
    /// state that is over has broken off.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error), also within the stream; `not_found` if there is no such job. The deadline bounds the
    /// wait for the stream, not its length.
    pub async fn index_job_events(
        &self,
        ctx: &CallContext,
        job_id: &str,
    ) -> Result<impl Stream<Item = Result<IndexJob>> + use<>> {
        let path = format!("/index-jobs/{}/events", segment(job_id));
        let answer = self.0.stream_successfully(ctx, Method::GET, &path, Body::default()).await?;
        Ok(sse::events(self.0.clone(), answer))
    }

    /// `GET /index-jobs`, newest first.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error).
    pub async fn index_jobs(&self, ctx: &CallContext) -> Result<IndexJobs> {
        self.0.get(ctx, "/index-jobs").await
    }
}

/// A request that may be repeated if it has a key.
fn keyed<'a>(request: Request<'a>, idempotency_key: Option<&str>) -> Request<'a> {
    match idempotency_key {
        Some(key) => request.header(IDEMPOTENCY_KEY, key).idempotent(),
        None => request,
    }
}

fn upsert_path(table: &str, params: &UpsertParams) -> String {
    let parameters = [
        ("key", Some(params.key.clone())),
        ("format", params.format.as_ref().and_then(word)),
        ("on_error", word(&params.on_error)),
        ("max_errors", params.max_errors.map(|count| count.to_string())),
        ("dry_run", params.dry_run.then(|| "true".to_owned())),
    ];
    with_query(&format!("/tables/{}/upsert", segment(table)), parameters)
}

fn ingest_path(params: &IngestParams) -> String {
    let parameters = [
        ("table", Some(params.table.clone())),
        ("mode", params.mode.as_ref().and_then(word)),
        ("format", params.format.as_ref().and_then(word)),
        ("on_error", word(&params.on_error)),
        ("max_errors", params.max_errors.map(|count| count.to_string())),
        ("dry_run", params.dry_run.then(|| "true".to_owned())),
    ];
    with_query("/ingest", parameters)
}

/// The word by which a value of an enum travels.
fn word(value: &impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use wire::ingest::{IngestFormat, IngestMode, OnError};

    use super::*;

    #[test]
    fn parameters_travel_as_ingestd_reads_them() {
        let params = IngestParams {
            table: "hr.people".to_owned(),
            mode: Some(IngestMode::Create),
            format: Some(IngestFormat::Csv),
            on_error: OnError::Skip,
            max_errors: Some(7),
            dry_run: true,
        };
        let expected =
            "/ingest?table=hr.people&mode=create&format=csv&on_error=skip&max_errors=7&dry_run=true";
        assert_eq!(ingest_path(&params), expected);
    }

    #[test]
    fn key_of_an_upsert_travels_whatever_its_columns_are_called() {
        let params = UpsertParams { key: "year,area code".to_owned(), ..UpsertParams::default() };
        assert_eq!(
            upsert_path("hr.people", &params),
            "/tables/hr.people/upsert?key=year%2Carea%20code&on_error=abort"
        );
    }
}
