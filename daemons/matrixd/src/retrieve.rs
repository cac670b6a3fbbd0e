//! `POST /matrix/retrieve`: rows of a lake table that satisfy a condition, nearest to a query first.
//!
//! Two plans, equal in their answer. Few rows match: their ids restrict the vector search. Many rows match: the nearest
//! items are taken, more of them if need be, and SQL keeps those that match; should even the most that one search gives
//! not suffice, the ids of all matching rows go first after all.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use service::{ApiError, Result};
use wire::CallContext;
use wire::matrix::{Plan, RetrieveRequest, RetrieveResponse, RetrievedRow, Strategy};
use wire::names::{MAX_K, check_name};
use wire::sql::{SqlAnswer, SqlRequest};
use wire::vectors::{IndexSearch, SearchHit};

use crate::condition;
use crate::corpora::no_such_corpus;
use crate::matrix::Matrix;
use crate::search::{check_k, check_text};
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
    packed: String,
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
        check(&request).map_err(ApiError::invalid)?;
        let corpus = self.config.corpora.get(&request.corpus).ok_or_else(|| {
            let name = &request.corpus;
            ApiError::invalid(format!(
                "corpus {name:?} has no table: set `table` and `id_column` in [matrixd.corpora.{name}]"
            ))
        })?;
        let rows = Rows { corpus, condition: request.condition.as_deref() };
        let limit = self.config.retrieve.sql_first_rows;
        let (vector, matching) = tokio::try_join!(
            async { Ok(self.vectors.get(ctx, &request.query_text).await?) },
            self.ids(ctx, rows.ids(Some(limit + 1)))
        )?;
        let packed = vector.0.packed.clone();
        let task = Task { ctx, request: &request, rows, packed };
        let (strategy, matching_rows, found) = if matching.len() <= limit {
            (Strategy::SqlFirst, matching.len(), self.sql_first(&task, matching).await?)
        } else if let Some(found) = self.vectors_first(&task).await? {
            (Strategy::VectorsFirst, matching.len(), found)
        } else {
            let all = self.ids(ctx, task.rows.ids(None)).await?;
            (Strategy::SqlFirst, all.len(), self.sql_first(&task, all).await?)
        };
        let plan = Plan {
            strategy,
            matching_rows: matching_rows as u64,
            candidates: found.candidates as u64,
            table: corpus.table.clone(),
        };
        Ok(RetrieveResponse { columns: found.columns, rows: found.rows, plan })
    }

    async fn sql_first(&self, task: &Task<'_>, ids: Vec<String>) -> Result<Found> {
        let mut hits = Vec::new();
        for ids in ids.chunks(IDS_PER_SEARCH) {
            hits.extend(self.nearest(task, task.request.k, Some(ids.to_vec())).await?);
        }
        hits.sort_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| a.id.cmp(&b.id)));
        hits.truncate(task.request.k);
        self.values(task, hits).await
    }

    /// `None` when the most candidates that one search gives hold too few matching rows.
    async fn vectors_first(&self, task: &Task<'_>) -> Result<Option<Found>> {
        let mut reach = (task.request.k * CANDIDATES_PER_ROW).min(MAX_K);
        loop {
            let hits = self.nearest(task, reach, None).await?;
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
    async fn nearest(&self, task: &Task<'_>, k: usize, ids: Option<Vec<String>>) -> Result<Vec<SearchHit>> {
        let corpus = &task.request.corpus;
        let vector_b64 = Some(task.packed.clone());
        let search = IndexSearch { index: corpus.clone(), vector_b64, k, ids, ..IndexSearch::default() };
        let mut answers = self.vectord.search_all(task.ctx, vec![search]).await?;
        let answer = answers.pop().unwrap_or_default();
        match answer.error {
            None => Ok(answer.results),
            Some(problem) if problem.code == wire::ErrorCode::NotFound => Err(no_such_corpus(corpus)),
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
            let (names, rows) = read_rows(self.sql(task.ctx, sql).await?);
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

    /// Distinct ids, rows without one left out.
    async fn ids(&self, ctx: &CallContext, sql: String) -> Result<Vec<String>> {
        let rows = self.sql(ctx, sql).await?.rows;
        let ids = rows.into_iter().filter_map(|mut row| match row.pop() {
            Some(Value::String(id)) => Some(id),
            _ => None,
        });
        Ok(ids.collect::<BTreeSet<String>>().into_iter().collect())
    }

    async fn sql(&self, ctx: &CallContext, sql: String) -> Result<SqlAnswer> {
        Ok(self.queryd.sql(ctx, &SqlRequest { sql, params: Vec::new() }).await?)
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
