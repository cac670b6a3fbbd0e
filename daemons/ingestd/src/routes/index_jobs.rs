//! `/index-jobs`

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream::{self, Stream, StreamExt};
use service::{ApiError, Ctx, Json, Path};
use tokio::sync::{OwnedSemaphorePermit, watch};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::ingest::{IndexJob, IndexJobAccepted, IndexJobRequest, IndexJobState, IndexJobs};
use wire::{ErrorCode, Problem};

use crate::Ingestd;
use crate::jobs::Jobs;

/// Events of one job come at most as often as this: a bar that moves more often is no better.
const MIN_EVENT_INTERVAL: Duration = Duration::from_millis(200);
/// A comment comes in such intervals, so that no proxy takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The route that starts jobs.
pub(crate) fn submitting(ingestd: Ingestd) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(submit)).routes(routes!(cancel)).with_state(ingestd)
}

/// The routes that watch them.
pub(crate) fn watching(ingestd: Ingestd) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get)).with_state(ingestd)
}

/// The route that follows one.
pub(crate) fn following(ingestd: Ingestd) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(events)).with_state(ingestd)
}

/// Starts to embed and index the rows of a table, as it is when the job begins, in the background. With `follow` it goes
/// on after every commit.
#[utoipa::path(
    post,
    path = "/index-jobs",
    request_body = IndexJobRequest,
    responses(
        (status = 202, description = "The job is on disk and will run", body = IndexJobAccepted),
        (status = 400, description = "The template, a column or a name is wrong", body = Problem),
        (status = 404, description = "There is no such table", body = Problem),
        (status = 409, description = "Another job keeps the index up to date, otherwise", body = Problem),
        (status = 422, description = "The table has no rows, and was never indexed", body = Problem),
        (status = 429, description = "Too many jobs follow their tables", body = Problem),
    )
)]
async fn submit(
    State(ingestd): State<Ingestd>,
    Ctx(ctx): Ctx,
    Json(request): Json<IndexJobRequest>,
) -> service::Result<(StatusCode, Json<IndexJobAccepted>)> {
    let job_id = ingestd.jobs.submit(&ctx, request).await?;
    Ok((StatusCode::ACCEPTED, Json(IndexJobAccepted { job_id })))
}

/// Where a job stands.
#[utoipa::path(
    get,
    path = "/index-jobs/{job_id}",
    params(("job_id" = String, Path, description = "As `POST /index-jobs` answered")),
    responses(
        (status = 200, body = IndexJob),
        (status = 404, description = "There is no such job", body = Problem),
    )
)]
async fn get(State(ingestd): State<Ingestd>, Path(job_id): Path<String>) -> service::Result<Json<IndexJob>> {
    let job = ingestd.jobs.get(job_id.clone()).await.map_err(ApiError::internal)?;
    job.map(Json).ok_or_else(|| no_such_job(&job_id))
}

/// Ends a job where it stands; the index stays as it is.
#[utoipa::path(
    delete,
    path = "/index-jobs/{job_id}",
    params(("job_id" = String, Path, description = "As `POST /index-jobs` answered")),
    responses(
        (status = 204, description = "The job is over; it may have been before"),
        (status = 404, description = "There is no such job", body = Problem),
    )
)]
async fn cancel(State(ingestd): State<Ingestd>, Path(job_id): Path<String>) -> service::Result<StatusCode> {
    if ingestd.jobs.cancel(&job_id).await.map_err(ApiError::internal)? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(no_such_job(&job_id))
}

/// Where a job stands, as server-sent events: now, whenever that changes (`progress`), and when it ends (`done`, `failed` or
/// `cancelled`), which is the last. The data of each is what `GET /index-jobs/{job_id}` answers, so that whoever comes back
/// after a pause misses nothing.
#[utoipa::path(
    get,
    path = "/index-jobs/{job_id}/events",
    params(("job_id" = String, Path, description = "As `POST /index-jobs` answered")),
    responses(
        (status = 200, body = IndexJob, content_type = "text/event-stream"),
        (status = 404, description = "There is no such job", body = Problem),
        (status = 429, description = "Too many such streams are open", body = Problem),
    )
)]
async fn events(
    State(ingestd): State<Ingestd>,
    Path(job_id): Path<String>,
) -> service::Result<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let Ok(permit) = Arc::clone(&ingestd.event_streams).try_acquire_owned() else {
        let detail = "ingestd.max_event_streams streams of job events are open already";
        return Err(ApiError::new(ErrorCode::Overloaded, detail));
    };
    let changes = ingestd.jobs.changes();
    if ingestd.jobs.get(job_id.clone()).await.map_err(ApiError::internal)?.is_none() {
        return Err(no_such_job(&job_id));
    }
    let watch = Watch { jobs: ingestd.jobs.clone(), job_id, changes, last: None, _permit: permit };
    let events = stream::unfold(watch, |mut watch| async move {
        let event = watch.next().await?;
        Some((Ok(event), watch))
    });
    let shutdown = ingestd.env.shutdown.clone();
    let events = events.take_until(shutdown.cancelled_owned());
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

/// One reader of the events of a job.
struct Watch {
    jobs: Jobs,
    job_id: String,
    changes: watch::Receiver<()>,
    last: Option<IndexJob>,
    _permit: OwnedSemaphorePermit,
}

impl Watch {
    /// The next event; none behind the last.
    async fn next(&mut self) -> Option<Event> {
        if let Some(last) = &self.last {
            if last.state.is_over() {
                return None;
            }
            tokio::time::sleep(MIN_EVENT_INTERVAL).await;
        }
        loop {
            self.changes.mark_unchanged();
            let job = self.jobs.get(self.job_id.clone()).await;
            let job = job.inspect_err(|error| tracing::warn!(%error, "read an index job")).ok()??;
            if self.last.as_ref() == Some(&job) {
                self.changes.changed().await.ok()?;
                continue;
            }
            let name = match job.state {
                IndexJobState::Succeeded => "done",
                IndexJobState::Failed => "failed",
                IndexJobState::Cancelled => "cancelled",
                IndexJobState::Queued | IndexJobState::Running | IndexJobState::Following => "progress",
            };
            let event = Event::default().event(name).json_data(&job).ok()?;
            self.last = Some(job);
            return Some(event);
        }
    }
}

fn no_such_job(job_id: &str) -> ApiError {
    ApiError::not_found(format!("there is no index job {job_id:?}"))
}

/// All jobs, newest first.
#[utoipa::path(get, path = "/index-jobs", responses((status = 200, body = IndexJobs)))]
async fn list(State(ingestd): State<Ingestd>) -> service::Result<Json<IndexJobs>> {
    let jobs = ingestd.jobs.list().await.map_err(ApiError::internal)?;
    Ok(Json(IndexJobs { jobs }))
}
