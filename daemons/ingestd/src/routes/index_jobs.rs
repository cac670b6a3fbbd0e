//! `/index-jobs`

use axum::extract::State;
use axum::http::StatusCode;
use service::{ApiError, Ctx, Json, Path};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::Problem;
use wire::ingest::{IndexJob, IndexJobAccepted, IndexJobRequest, IndexJobs};

use crate::Ingestd;

/// The route that starts jobs.
pub(crate) fn submitting(ingestd: Ingestd) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(submit)).with_state(ingestd)
}

/// The routes that watch them.
pub(crate) fn watching(ingestd: Ingestd) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get)).with_state(ingestd)
}

/// Starts to embed and index every row of a table, as it is now, in the background.
#[utoipa::path(
    post,
    path = "/index-jobs",
    request_body = IndexJobRequest,
    responses(
        (status = 202, description = "The job is on disk and will run", body = IndexJobAccepted),
        (status = 400, description = "The template, a column or a name is wrong", body = Problem),
        (status = 404, description = "There is no such table", body = Problem),
        (status = 422, description = "The table has no rows", body = Problem),
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
    job.map(Json).ok_or_else(|| ApiError::not_found(format!("there is no index job {job_id:?}")))
}

/// All jobs, newest first.
#[utoipa::path(get, path = "/index-jobs", responses((status = 200, body = IndexJobs)))]
async fn list(State(ingestd): State<Ingestd>) -> service::Result<Json<IndexJobs>> {
    let jobs = ingestd.jobs.list().await.map_err(ApiError::internal)?;
    Ok(Json(IndexJobs { jobs }))
}
