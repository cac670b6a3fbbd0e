//! `/vectors/index/{name}/search` and `/vectors/search`.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use serde::Deserialize;
use serde::de::IgnoredAny;
use service::{ApiError, Ctx, Json, JsonBody, JsonText, Path, Result};
use utoipa::ToSchema;
use vector_index::{Collection, Filter, Invalid, Query};
use wire::Problem;
use wire::vectors::{
    BatchAnswers, BatchSearch, IdsFrom, IndexSearch, MAX_BATCH_SEARCHES, Search, SearchAnswer, either_vector,
};

use crate::answers::Found;
use crate::collapse::Collapsing;
use crate::error::to_api;
use crate::expiry::now_ms;
use crate::indexes::Indexes;
use crate::load::Load;
use crate::references::Reference;
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
) -> Result<JsonText> {
    search_one(indexes, &name, request).await
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
    body: JsonBody,
) -> Result<JsonText> {
    match AnySearch::parse(&body)? {
        AnySearch::One(search) => {
            let (name, request, ids_from) = search.split();
            if ids_from.is_some() {
                return Err(ApiError::invalid(
                    "ids_from refers to an earlier search: send them as {\"searches\":[…]}",
                ));
            }
            search_one(indexes, &name, request).await
        }
        AnySearch::Several(batch) => search_all(indexes, batch.searches, ctx.request_id).await,
    }
}

/// One search, or up to 100.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
pub(crate) enum AnySearch {
    One(Box<IndexSearch>),
    Several(BatchSearch),
}

/// The answer in the shape of the question.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "for the interface description: what is sent is written by `Found`")]
pub(crate) enum AnyAnswer {
    One(SearchAnswer),
    Several(BatchAnswers),
}

impl AnySearch {
    /// Reads either shape. Of a body that is neither, the error speaks of the shape that is meant, and not of both.
    fn parse(body: &JsonBody) -> Result<Self> {
        #[derive(Deserialize)]
        struct Shape {
            searches: Option<IgnoredAny>,
        }
        if let Some(search) = body.read() {
            return Ok(Self::One(search));
        }
        let batch: BatchSearch = match body.read() {
            Some(batch) => batch,
            None if body.parse::<Shape>()?.searches.is_none() => return body.parse().map(Self::One),
            None => body.parse()?,
        };
        let got = batch.searches.len();
        if got > MAX_BATCH_SEARCHES {
            return Err(ApiError::invalid(format!(
                "searches must be at most {MAX_BATCH_SEARCHES}, not {got}"
            )));
        }
        Ok(Self::Several(batch))
    }
}

async fn search_one(indexes: Arc<Indexes>, name: &str, request: Search) -> Result<JsonText> {
    let prepare = || {
        let search = Prepared::new(&indexes, name, request)?;
        let load = search.load(&indexes);
        Ok((search, load))
    };
    let incarnations = Arc::clone(&indexes);
    indexes.search(prepare, move |search| search.run(&incarnations)?.text()).await
}

async fn search_all(
    indexes: Arc<Indexes>,
    searches: Vec<IndexSearch>,
    request_id: String,
) -> Result<JsonText> {
    let prepare_one = |(place, search): (usize, IndexSearch)| {
        let (name, request, ids_from) = search.split();
        let mut prepared = Prepared::new(&indexes, &name, request)?;
        if let Some(ids_from) = ids_from {
            prepared.refer(ids_from, place)?;
        }
        Ok(prepared)
    };
    let prepare = || {
        let searches: Vec<Result<Prepared>> = searches.into_iter().enumerate().map(prepare_one).collect();
        let load = searches.iter().flatten().map(|search| search.load(&indexes)).sum();
        Ok((searches, load))
    };
    let incarnations = Arc::clone(&indexes);
    // One after the other on one thread: with more requests than cores, a request gains nothing by taking two.
    let work = move |searches: Vec<Result<Prepared>>| {
        let mut answers = Vec::with_capacity(searches.len());
        for search in searches {
            let found = search.and_then(|search| search.follow(&answers).run(&incarnations));
            answers.push(found.unwrap_or_else(|error| Found::failed(&error, &request_id)));
        }
        Found::text_of_all(&answers)
    };
    indexes.search(prepare, work).await
}

/// A search that has been read, and the index that it is for.
struct Prepared {
    index: Arc<Collection>,
    query: Query,
    reference: Option<Reference>,
    collapsing: Option<Collapsing>,
}

impl Prepared {
    fn new(indexes: &Indexes, name: &str, request: Search) -> Result<Self> {
        let (query, collapsing) = read(request)?;
        let index = indexes.opened()?.get(name).map_err(to_api)?;
        Ok(Self { index, query, reference: None, collapsing })
    }

    /// Takes its ids from another search. It stands at `place` itself.
    fn refer(&mut self, from: IdsFrom, place: usize) -> Result<()> {
        if self.query.only_ids.is_some() {
            return Err(ApiError::invalid("give ids or ids_from, not both"));
        }
        self.reference = Some(Reference::new(from, place)?);
        // Known when that search has run, and not more than it finds.
        self.query.only_ids = Some(Vec::new());
        Ok(())
    }

    /// Looks up its ids in `earlier` answers, if that is where they come from.
    fn follow(mut self, earlier: &[Found]) -> Self {
        if let Some(reference) = &self.reference {
            self.query.only_ids = Some(reference.ids(earlier));
        }
        self
    }

    fn load(&self, indexes: &Indexes) -> Load {
        Load::of(&self.index.info(), &self.query, indexes.default_ef)
    }

    fn run(self, indexes: &Indexes) -> Result<Found> {
        let (started, now_ms) = (Instant::now(), self.query.now_ms);
        let answer = self.index.search(self.query);
        record_search(started);
        let mut answer = answer.map_err(to_api)?;
        let collapsed = self.collapsing.map_or(0, |collapsing| collapsing.apply(&mut answer.hits));
        let incarnation = indexes.incarnation(answer.version);
        Ok(Found::new(answer, collapsed, incarnation, now_ms, started.elapsed()))
    }
}

fn read(request: Search) -> Result<(Query, Option<Collapsing>)> {
    let Search { vector, vector_b64, k, max_distance, filter, ids, exclude_ids, exact, ef, collapse } =
        request;
    let vector = either_vector(vector, vector_b64.as_deref()).map_err(ApiError::invalid)?;
    let filter = filter.as_ref().map(Filter::parse).transpose().map_err(Invalid::from);
    let filter = filter.map_err(ApiError::invalid)?;
    let query =
        Query { vector, k, max_distance, filter, only_ids: ids, exclude_ids, exact, now_ms: now_ms(), ef };
    Ok((query, collapse.map(Collapsing::new).transpose()?))
}
