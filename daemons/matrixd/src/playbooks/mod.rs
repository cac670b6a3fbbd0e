//! What is done with playbooks: record, list, delete, import, export, rebuild, evaluate.
//!
//! Searches use them through [`crate::memory`]; here is what the log and the index are told.

mod control;
mod delete;
mod evaluate;
mod export;
mod import;
mod list;
mod rebuild;
mod record;

use std::collections::BTreeSet;

use service::{ApiError, Result};
use wire::CallContext;
use wire::names::check_id;
use wire::packed::pack;
use wire::vectors::Search;

use crate::matrix::Matrix;
pub(crate) use control::Arm;

impl Matrix {
    /// Those of `ids` that are live items of `corpus`; at most [`wire::names::MAX_K`] of them.
    ///
    /// # Errors
    /// 400 for a name or id that cannot be, 404 without such a corpus, 503 when vectord does not answer.
    async fn existing(
        &self,
        ctx: &CallContext,
        corpus: &str,
        ids: BTreeSet<String>,
    ) -> Result<BTreeSet<String>> {
        ids.iter().try_for_each(|id| check_id(id)).map_err(ApiError::invalid)?;
        let geometry = self.corpora.geometry(ctx, corpus).await?;
        // A search that is restricted to ids reads no vector but theirs; its distances are not looked at.
        let mut any = vec![0.0; geometry.dimension];
        any[0] = 1.0;
        let search = Search {
            vector_b64: Some(pack(&any)),
            k: ids.len(),
            ids: Some(ids.into_iter().collect()),
            ..Search::default()
        };
        let answer = self.vectord.search(ctx, corpus, &search).await?;
        Ok(answer.results.into_iter().map(|hit| hit.id).collect())
    }
}
