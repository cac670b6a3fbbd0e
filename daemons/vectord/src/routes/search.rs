//! `/vectors/index/{name}/search` and `/vectors/search`.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use service::{ApiError, Ctx, Json, Path, Result};
use utoipa::ToSchema;
use vector_index::{Answer, Filter, Invalid, Query, Store};
use wire::Problem;
use wire::vectors::{
    BatchAnswer, BatchAnswers, BatchSearch, IndexSearch, MAX_BATCH_SEARCHES, Search, SearchAnswer, SearchHit,
    either_vector,
};

use crate::error::to_api;
use crate::expiry::now_ms;
use crate::indexes::Indexes;
use crate::telemetry::record_search;

/// The items of one index that are nearest to a vector.
#[utoipa::path(
    post, path = "/vectors/index/{name}/search", params(("name" = String, Path)), request_body = Search,
    responses(
        (status = 200, body = SearchAnswer),
        (status = 400, body = Problem, description = "what was wrong and what was expected"),
        (status = 404, body = Problem),
        (status = 503, body = Problem, description = "the index is quarantined"),
    )
)]
pub(crate) async fn search(
    State(indexes): State<Arc<Indexes>>,
    Path(name): Path<String>,
    Json(request): Json<Search>,
) -> Result<Json<SearchAnswer>> {
    search_one(indexes, name, request).await.map(Json)
}

/// One search that names its index, or several at once: `{"searches":[…]}` is answered by `{"answers":[…]}`, in which a
/// search that failed says why without failing the others.
#[utoipa::path(
    post, path = "/vectors/search", request_body = AnySearch,
    responses(
        (status = 200, body = AnyAnswer),
        (status = 400, body = Problem, description = "what was wrong and what was expected"),
        (status = 404, body = Problem, description = "no such index, for one search"),
        (status = 503, body = Problem, description = "the index is quarantined, for one search"),
    )
)]
pub(crate) async fn search_any(
    State(indexes): State<Arc<Indexes>>,
    Ctx(ctx): Ctx,
    Json(body): Json<Box<RawValue>>,
) -> Result<Json<AnyAnswer>> {
    let answer = match AnySearch::parse(&body)? {
        AnySearch::One(search) => {
            let (name, request) = search.split();
            AnyAnswer::One(search_one(indexes, name, request).await?)
        }
        AnySearch::Several(batch) => {
            AnyAnswer::Several(search_all(indexes, batch.searches, ctx.request_id).await?)
        }
    };
    Ok(Json(answer))
}

/// One search, or up to 100.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
pub(crate) enum AnySearch {
    One(IndexSearch),
    Several(BatchSearch),
}

/// The answer in the shape of the question.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum AnyAnswer {
    One(SearchAnswer),
    Several(BatchAnswers),
}

impl AnySearch {
    /// Looks which shape is meant before reading it: an error then speaks of that shape, and not of both.
    fn parse(body: &RawValue) -> Result<Self> {
        #[derive(Deserialize)]
        struct Shape {
            searches: Option<IgnoredAny>,
        }
        let shape: Shape = parse(body)?;
        if shape.searches.is_none() {
            return Ok(Self::One(parse(body)?));
        }
        let batch: BatchSearch = parse(body)?;
        let got = batch.searches.len();
        if got > MAX_BATCH_SEARCHES {
            return Err(ApiError::invalid(format!(
                "searches must be at most {MAX_BATCH_SEARCHES}, not {got}"
            )));
        }
        Ok(Self::Several(batch))
    }
}

fn parse<T: DeserializeOwned>(body: &RawValue) -> Result<T> {
    serde_json::from_str(body.get()).map_err(|error| ApiError::invalid(format!("the body: {error}")))
}

async fn search_one(indexes: Arc<Indexes>, name: String, request: Search) -> Result<SearchAnswer> {
    let query = read(request)?;
    let work = move |store: &Store| timed(store, &name, query).map(to_wire);
    indexes.search(work).await
}

async fn search_all(
    indexes: Arc<Indexes>,
    searches: Vec<IndexSearch>,
    request_id: String,
) -> Result<BatchAnswers> {
    // One after the other on one thread: with more requests than cores, a request gains nothing by taking two.
    let work = move |store: &Store| {
        let answer = |search: IndexSearch| {
            let (name, request) = search.split();
            let found = read(request).and_then(|query| timed(store, &name, query).map_err(to_api));
            match found.map(to_wire) {
                Ok(SearchAnswer { results, version }) => BatchAnswer { results, version, error: None },
                Err(error) => {
                    let problem = Problem::new(error.code(), error.detail(), request_id.as_str());
                    BatchAnswer { error: Some(problem), ..BatchAnswer::default() }
                }
            }
        };
        Ok(BatchAnswers { answers: searches.into_iter().map(answer).collect() })
    };
    indexes.search(work).await
}

fn read(request: Search) -> Result<Query> {
    let Search { vector, vector_b64, k, filter, ids, exclude_ids, exact, ef } = request;
    let vector = either_vector(vector, vector_b64.as_deref()).map_err(ApiError::invalid)?;
    let filter = filter.as_ref().map(Filter::parse).transpose().map_err(Invalid::from);
    let filter = filter.map_err(ApiError::invalid)?;
    Ok(Query { vector, k, filter, only_ids: ids, exclude_ids, exact, now_ms: now_ms(), ef })
}

fn timed(store: &Store, name: &str, query: Query) -> std::result::Result<Answer, vector_index::Error> {
    let index = store.get(name)?;
    let started = Instant::now();
    let answer = index.search(query);
    record_search(started);
    answer
}

fn to_wire(answer: Answer) -> SearchAnswer {
    let results = answer.hits.into_iter().map(|hit| SearchHit {
        id: hit.id.into_string(),
        distance: hit.distance,
        metadata: hit.metadata.into(),
    });
    SearchAnswer { results: results.collect(), version: answer.version }
}
