//! Searches that are recorded with a run, and asked again later: which answers have changed since?

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::bail;
use distillation::{Answer, Evidence, RunFolder, files};
use serde::{Deserialize, Serialize};
use wire::ErrorCode;
use wire::matrix::{SearchRequest, SearchResponse};

use crate::session::Session;

/// The most searches that are recorded with a run.
const MAX_SEARCHES: usize = 200;
const K: usize = 10;
const PATIENCE: Duration = Duration::from_secs(30);

/// A search and what it found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RecordedSearch {
    request: SearchRequest,
    /// The items found, nearest first, as `corpus/id`.
    found: Vec<String>,
}

/// How the answers to recorded searches compare.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Replay {
    /// How many searches were asked again.
    pub(super) searches: usize,
    /// Those that find something else now, or in another order.
    pub(super) changed: Vec<Changed>,
    /// Those that are not answered any more.
    pub(super) failed: Vec<Failed>,
}

/// A search that finds something else now.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Changed {
    pub(super) query: String,
    pub(super) role: Option<String>,
    pub(super) before: Vec<String>,
    pub(super) now: Vec<String>,
}

/// A search that is not answered any more.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Failed {
    pub(super) query: String,
    pub(super) reason: String,
}

/// Asks anew what playbooks were recorded for, up to [`MAX_SEARCHES`]; rows come by id, which draws them as if by lot.
/// What names a corpus that is gone is left out.
pub(super) async fn record(session: &Session, evidence: &[Evidence]) -> anyhow::Result<Vec<RecordedSearch>> {
    let (mut recorded, mut asked) = (Vec::new(), BTreeSet::new());
    for row in evidence {
        let Some(Answer::Item { corpus, .. }) = &row.answer else { continue };
        if recorded.len() >= MAX_SEARCHES {
            break;
        }
        if !asked.insert((corpus, &row.query, &row.role)) {
            continue;
        }
        let request = SearchRequest {
            query_text: Some(row.query.clone()),
            corpora: vec![corpus.clone()],
            k: K,
            use_playbook: true,
            role: row.role.clone(),
            ..SearchRequest::default()
        };
        match session.peers.matrixd().search(&session.call(PATIENCE), &request).await {
            Ok(answer) => recorded.push(RecordedSearch { request, found: found(&answer) }),
            Err(error) if error.is(ErrorCode::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(recorded)
}

/// Asks the searches of a run again.
pub(super) async fn replay(session: &Session, folder: &RunFolder) -> anyhow::Result<Replay> {
    let searches: Vec<RecordedSearch> = folder.rows(files::SEARCHES)?;
    let mut replay = Replay { searches: searches.len(), ..Replay::default() };
    for RecordedSearch { request, found: before } in searches {
        let query = request.query_text.clone().unwrap_or_default();
        match session.peers.matrixd().search(&session.call(PATIENCE), &request).await {
            Ok(answer) => {
                let now = found(&answer);
                if now != before {
                    replay.changed.push(Changed { query, role: request.role, before, now });
                }
            }
            Err(error) => replay.failed.push(Failed { query, reason: error.to_string() }),
        }
    }
    Ok(replay)
}

impl Replay {
    /// Passes when every search is answered. That an answer has changed is no fault: it is what learning does.
    pub(super) fn check(&self) -> anyhow::Result<String> {
        let Self { searches, changed, failed } = self;
        if let Some(Failed { query, reason }) = failed.first() {
            bail!("{} of {searches} are not answered, such as {query:?}: {reason}", failed.len());
        }
        Ok(format!("{searches} searches answered again, {} answers changed", changed.len()))
    }
}

fn found(answer: &SearchResponse) -> Vec<String> {
    answer.results.iter().map(|hit| format!("{}/{}", hit.corpus, hit.id)).collect()
}
