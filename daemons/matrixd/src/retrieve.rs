//! `POST /matrix/retrieve`: rows of a lake table that satisfy a condition, nearest to a query first.
//!
//! Two plans, equal in their answer. Few rows match: their ids restrict the vector search. Many rows match: the nearest
//! items are taken, more of them if need be, and SQL keeps those that match; should even the most that one search gives
//! not suffice, the ids of all matching rows go first after all.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::Value;
use service::{ApiError, Result};
use wire::matrix::{
    EmbedHop, Plan, RetrieveExplain, RetrieveRequest, RetrieveResponse, RetrievedRow, SqlHop, Strategy,
};
use wire::names::{MAX_K, check_name};
use wire::sql::{SqlAnswer, SqlRequest};
use wire::vectors::{IndexSearch, SearchHit};
use wire::{CallContext, ErrorCode};

use crate::CorpusConfig;
use crate::condition;
use crate::corpora::no_such_corpus;
use crate::costs::{self, Costs};
use crate::matrix::Matrix;
use crate::search::{check_k, check_text, ms};
use crate::sql::Rows;

/// Candidates taken at first for one row that is asked for, when vectors go first.
const CANDIDATES_PER_ROW: usize = 4;
/// How much further each next look reaches.
const WIDENING: usize = 4;
/// Ids that one statement names, bytes; queryd takes 256 KiB as a whole.
const IN_LIST_BYTES: usize = 64 << 10;
/// Ids that restrict one search.
const IDS_PER_SEARCH: usize = 10_000;

/// What the two plans share.
struct Task<'a> {
    ctx: &'a CallContext,
    request: &'a RetrieveRequest,
    rows: Rows<'a>,
    costs: Costs,
}

/// Rows that satisfy the condition.
struct Matching {
    /// Distinct; rows without one are left out.
    ids: Vec<String>,
    /// How many rows there are, those without an id and those that share one counted as well.
    rows: usize,
}

/// What a plan came to.
struct Planned {
    strategy: Strategy,
    matching_rows: usize,
    found: Found,
}

/// Rows that satisfy the condition, nearest first, and how many candidates they come from.
struct Found {
    rows: Vec<RetrievedRow>,
    columns: Vec<String>,
    candidates: usize,
}

impl Matrix {
    /// Answers a retrieve.
    ///
    /// # Errors
    /// 400 for a request that breaks a rule or a condition that is no SQL, 404 naming what is missing, 503 naming a
    /// missing peer.
    pub(crate) async fn retrieve(
        &self,
        ctx: &CallContext,
        request: RetrieveRequest,
    ) -> Result<RetrieveResponse> {
        let started = Instant::now();
        check(&request).map_err(ApiError::invalid)?;
        let corpus = self.config.corpora.get(&request.corpus).ok_or_else(|| {
            let name = &request.corpus;
            ApiError::invalid(format!(
                "corpus {name:?} has no table: set `table` and `id_column` in [matrixd.corpora.{name}]"
            ))
        })?;
        let rows = Rows { corpus, condition: request.condition.as_deref() };
        let task = Task { ctx, request: &request, rows, costs: Costs::default() };
        let limit = self.config.retrieve.sql_first_rows;
        let (embedded, matching) = tokio::join!(
            async { self.vectors.get(ctx, &request.query_text).await.map(|vector| (vector, ms(started))) },
            self.ids(&task, Some(limit + 1))
        );
        // The condition's error comes first: it is the caller's own.
        let matching = matching?;
        let ((mut vector, mut cached), took_ms) = embedded?;
        let planned = match self.run_plan(&task, &vector.packed, &matching, limit).await {
            // A vector of late may be of a model that is not the corpus' any more.
            Err(error) if error.code() == ErrorCode::InvalidArgument && cached => {
                let renewed = self.vectors.renew(ctx, &request.query_text).await?;
                if renewed.packed == vector.packed {
                    return Err(error);
                }
                (vector, cached) = (renewed, false);
                self.run_plan(&task, &vector.packed, &matching, limit).await?
            }
            other => other?,
        };
        let Planned { strategy, matching_rows, found } = planned;
        let explain = if request.explain {
            let embed =
                EmbedHop { took_ms, cached, model: vector.model.clone(), dimension: vector.dimension };
            Some(self.explain(task, embed, matching.rows, started).await?)
        } else {
            None
        };
        let plan = Plan {
            strategy,
            matching_rows: matching_rows as u64,
            candidates: found.candidates as u64,
            table: corpus.table.clone(),
        };
        Ok(RetrieveResponse { columns: found.columns, rows: found.rows, plan, explain })
    }

    /// What the hops cost, and what either plan was expected to.
    async fn explain(
        &self,
        task: Task<'_>,
        embed: EmbedHop,
        counted: usize,
        started: Instant,
    ) -> Result<RetrieveExplain> {
        let took_ms = ms(started);
        let items = self.vectord.index(task.ctx, &task.request.corpus).await?.count;
        let (k, limit) = (task.request.k, self.config.retrieve.sql_first_rows);
        let estimates = costs::estimates(items, counted, counted > limit, k, k * CANDIDATES_PER_ROW);
        let Costs { ids, vectors, values } = task.costs;
        let (ids, vectors, values) = (ids.into_inner(), vectors.into_inner(), values.into_inner());
        Ok(RetrieveExplain { embed, ids, vectors, values, estimates, took_ms })
    }

    /// Chooses the plan by how many rows match, up to the limit or beyond.
    async fn run_plan(
        &self,
        task: &Task<'_>,
        packed: &str,
        matching: &Matching,
        limit: usize,
    ) -> Result<Planned> {
        let sql_first = |matching_rows, found| Planned { strategy: Strategy::SqlFirst, matching_rows, found };
        if matching.rows <= limit {
            let found = self.sql_first(task, packed, &matching.ids).await?;
            return Ok(sql_first(matching.rows, found));
        }
        if let Some(found) = self.vectors_first(task, packed).await? {
            let (strategy, matching_rows) = (Strategy::VectorsFirst, matching.rows);
            return Ok(Planned { strategy, matching_rows, found });
        }
        let all = self.ids(task, None).await?;
        let found = self.sql_first(task, packed, &all.ids).await?;
        Ok(sql_first(all.rows, found))
    }

    async fn sql_first(&self, task: &Task<'_>, packed: &str, ids: &[String]) -> Result<Found> {
        let mut hits = Vec::new();
        for ids in ids.chunks(IDS_PER_SEARCH) {
            hits.extend(self.nearest(task, packed, task.request.k, Some(ids.to_vec())).await?);
        }
        hits.sort_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| a.id.cmp(&b.id)));
        hits.truncate(task.request.k);
        self.values(task, hits).await
    }

    /// `None` when the most candidates that one search gives hold too few matching rows.
    async fn vectors_first(&self, task: &Task<'_>, packed: &str) -> Result<Option<Found>> {
        let mut reach = (task.request.k * CANDIDATES_PER_ROW).min(MAX_K);
        loop {
            let hits = self.nearest(task, packed, reach, None).await?;
            let is_everything = hits.len() < reach;
            let mut found = self.values(task, hits).await?;
            if found.rows.len() >= task.request.k || is_everything {
                found.rows.truncate(task.request.k);
                return Ok(Some(found));
            }
            if reach == MAX_K {
                return Ok(None);
            }
            reach = (reach * WIDENING).min(MAX_K);
        }
    }

    /// The items nearest to the query, of all or of `ids`.
    async fn nearest(
        &self,
        task: &Task<'_>,
        packed: &str,
        k: usize,
        ids: Option<Vec<String>>,
    ) -> Result<Vec<SearchHit>> {
        let corpus = &task.request.corpus;
        let vector_b64 = Some(packed.to_owned());
        let search = IndexSearch { index: corpus.clone(), vector_b64, k, ids, ..IndexSearch::default() };
        let started = Instant::now();
        metrics::counter!("matrixd_index_searches_total").increment(1);
        let mut answers = self.vectord.search_all(task.ctx, vec![search]).await?;
        let answer = answers.pop().unwrap_or_default();
        task.costs.add_search(&answer, started);
        match answer.error {
            None => Ok(answer.results),
            Some(problem) if problem.code == ErrorCode::NotFound => Err(no_such_corpus(corpus)),
            Some(problem) => {
                Err(ApiError::new(problem.code, format!("corpus {corpus:?}: {}", problem.detail)))
            }
        }
    }

    /// The rows of `hits` that satisfy the condition, in the order of the hits.
    async fn values(&self, task: &Task<'_>, hits: Vec<SearchHit>) -> Result<Found> {
        let mut ids: Vec<String> = hits.iter().map(|hit| hit.id.clone()).collect();
        if ids.is_empty() {
            // No row has this id, but the answer names the columns, and refuses those that do not exist.
            ids.push(String::new());
        }
        let (mut columns, mut by_id) = (Vec::new(), BTreeMap::new());
        for ids in in_lists(&ids) {
            let sql = task.rows.values(task.request.columns.as_deref(), ids);
            let (names, rows) = read_rows(self.sql(task, sql, &task.costs.values).await?);
            columns = names;
            by_id.extend(rows);
        }
        let candidates = hits.len();
        let row = |hit: SearchHit| {
            let values = by_id.remove(&hit.id)?;
            Some(RetrievedRow { values, distance: hit.distance, id: hit.id })
        };
        Ok(Found { rows: hits.into_iter().filter_map(row).collect(), columns, candidates })
    }

    /// The rows that satisfy the condition, `limit` at most.
    async fn ids(&self, task: &Task<'_>, limit: Option<usize>) -> Result<Matching> {
        let found = self.sql(task, task.rows.ids(limit), &task.costs.ids).await?.rows;
        let rows = found.len();
        let ids = found.into_iter().filter_map(|mut row| match row.pop() {
            Some(Value::String(id)) => Some(id),
            _ => None,
        });
        Ok(Matching { ids: ids.collect::<BTreeSet<String>>().into_iter().collect(), rows })
    }

    async fn sql(&self, task: &Task<'_>, sql: String, hop: &parking_lot::Mutex<SqlHop>) -> Result<SqlAnswer> {
        let started = Instant::now();
        let answer = self.queryd.sql(task.ctx, &SqlRequest { sql, params: Vec::new() }).await;
        let answer = answer.map_err(|error| refusal(task.rows.corpus, error))?;
        costs::add_statement(hop, answer.rows.len(), started);
        Ok(answer)
    }
}

/// What queryd says of the statement, in the terms of who asked for rows and not for a statement.
fn refusal(corpus: &CorpusConfig, error: client::Error) -> ApiError {
    let table = &corpus.table;
    match error.problem() {
        Some(problem) if problem.code == ErrorCode::InvalidArgument => ApiError::invalid(format!(
            "`where` or `columns` do not fit the table {table}: {}",
            problem.detail
        )),
        Some(problem) if problem.code == ErrorCode::NotFound => ApiError::not_found(format!(
            "{}; ingest the table {table}, or name another one in [matrixd.corpora]",
            problem.detail
        )),
        _ => error.into(),
    }
}

/// Parts of `ids` whose text stays well below what queryd takes as one statement.
fn in_lists(ids: &[String]) -> impl Iterator<Item = &[String]> {
    let mut bytes = 0;
    ids.chunk_by(move |_, id| {
        bytes += id.len();
        let fits = bytes <= IN_LIST_BYTES;
        if !fits {
            bytes = 0;
        }
        fits
    })
}

/// Names of the columns, and the first row of each id; the id is the last column and not one of the answer's.
fn read_rows(answer: SqlAnswer) -> (Vec<String>, BTreeMap<String, BTreeMap<String, Value>>) {
    let mut columns: Vec<String> = answer.columns.into_iter().map(|column| column.name).collect();
    columns.pop();
    let mut by_id = BTreeMap::new();
    for mut row in answer.rows {
        if let Some(Value::String(id)) = row.pop() {
            by_id.entry(id).or_insert_with(|| columns.iter().cloned().zip(row).collect());
        }
    }
    (columns, by_id)
}

fn check(request: &RetrieveRequest) -> std::result::Result<(), String> {
    check_text("query_text", &request.query_text)?;
    check_name(&request.corpus)?;
    check_k(request.k)?;
    if request.columns.as_ref().is_some_and(Vec::is_empty) {
        return Err("columns is empty: leave it out for all columns".to_owned());
    }
    request.condition.as_deref().map_or(Ok(()), condition::check)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_ids_are_cut_before_a_statement_grows_too_long() {
        let ids: Vec<String> = (0..1000).map(|n| format!("{n:0200}")).collect();
        let lists: Vec<&[String]> = in_lists(&ids).collect();
        assert_eq!(lists.concat(), ids);
        assert_eq!(lists.len(), 4);
        assert_eq!(in_lists(&ids[..1]).count(), 1);
    }
}
