//! What is checked after a phase, where it takes no time from what is measured.

use std::collections::BTreeSet;

use anyhow::Context;
use bench_kit::progress::Progress;
use serde::Serialize;
use wire::embed::{EmbedRequest, TextKind, VectorEncoding};
use wire::matrix::SearchRequest;
use wire::playbooks::ListPlaybooks;
use wire::vectors::Search;

use crate::expect::TOLERANCE;
use crate::plan::CORPUS;
use crate::session::{PATIENCE, Session};
use crate::tally::{Acknowledged, Sample};
use crate::user::K;

/// Results that are as near as the last of the exact answer, to the last bits of an f32, are as good.
const EQUAL: f32 = 1e-6;
/// Recordings of one page.
const PAGE: usize = 1000;
/// Recordings whose warm search is looked at after daemons were killed.
const WARM_SEARCHES: usize = 500;

/// How much of the exact answers the searches of a phase found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Recall {
    /// Searches compared.
    pub samples: usize,
    /// Part of the exact top ten that was found, on average.
    pub mean: f64,
    /// The least of any search.
    pub min: f64,
}

/// What became of recordings that were acknowledged while daemons were killed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Kept {
    /// Answered with 201.
    pub acknowledged: usize,
    /// Those of them that were to be indexed later.
    pub indexed_later: u64,
    /// Those that the log does not have.
    pub lost: usize,
    /// Recordings that the log has and nobody was told of: their answers were lost, and the key of a repeated call found them
    /// or not.
    pub unacknowledged: usize,
    /// Acknowledged recordings whose warm search was made after `rebuild`.
    pub warm_searches: usize,
    /// Those whose answer did not come at the distance that was recorded for it.
    pub not_recalled: usize,
}

/// Compares what searches found with what an exact search finds; `None` without samples.
///
/// # Errors
/// When the stack does not answer.
pub(crate) async fn recall(session: &Session, samples: &[Sample]) -> anyhow::Result<Option<Recall>> {
    let (embedd, vectord) = (session.peers.embedd(), session.peers.vectord());
    let progress = Progress::new(samples.len(), "searches compared with the exact answer");
    let (mut sum, mut min) = (0.0, 1.0_f64);
    for sample in samples {
        progress.begin("");
        let request = EmbedRequest {
            texts: vec![sample.query_text.clone()],
            kind: Some(TextKind::Query),
            encoding: VectorEncoding::Base64,
            ..EmbedRequest::default()
        };
        let vector_b64 = embedd.embed(&session.call(PATIENCE), &request).await?.vectors_b64.pop();
        let search = Search { vector_b64, k: K, exact: true, ..Search::default() };
        let exact =
            vectord.search(&session.call(PATIENCE), CORPUS, &search).await.context("search exactly")?;
        let exact: Vec<f32> = exact.results.iter().map(|hit| hit.distance).collect();
        let found = part_found(&sample.distances, &exact);
        (sum, min) = (sum + found, min.min(found));
        progress.end(1);
    }
    let count = samples.len();
    Ok((count > 0).then(|| Recall { samples: count, mean: sum / count as f64, min }))
}

/// Which part of the exact answer was found. By distance and not by id: of several that are equally near any will do.
fn part_found(found: &[f32], exact: &[f32]) -> f64 {
    let Some(last) = exact.last() else { return 1.0 };
    let near_enough = found.iter().filter(|distance| **distance <= last + EQUAL).count();
    near_enough.min(exact.len()) as f64 / exact.len() as f64
}

/// Looks for every acknowledged recording in the durable log, and then, with the memory filled from it again, makes the
/// searches that some of them must warm. `before` are the recordings that the log had before.
///
/// # Errors
/// When the stack does not answer.
pub(crate) async fn kept(
    session: &Session,
    before: &BTreeSet<String>,
    acknowledged: &[Acknowledged],
    indexed_later: u64,
) -> anyhow::Result<Kept> {
    let log = recordings(session).await.context("list the recordings")?;
    let ids: BTreeSet<&String> = acknowledged.iter().map(|recording| &recording.playbook_id).collect();
    let lost = ids.iter().filter(|id| !log.contains(**id)).count();
    let unacknowledged = log.iter().filter(|id| !before.contains(*id) && !ids.contains(id)).count();
    session
        .peers
        .matrixd()
        .rebuild(&session.call(PATIENCE))
        .await
        .context("fill the playbook memory again")?;

    let (mut warm_searches, mut not_recalled) = (0, 0);
    // Under a role of its own, and with the highest score, what a recording does is certain.
    let alone = acknowledged.iter().filter(|recording| recording.request.score >= 1.0).filter(|recording| {
        recording.request.role.as_deref().is_some_and(|role| role.starts_with("replay "))
    });
    for Acknowledged { request, base_distance, .. } in alone.rev().take(WARM_SEARCHES) {
        let search = SearchRequest {
            query_text: Some(request.query_text.clone()),
            corpora: vec![CORPUS.to_owned()],
            k: K,
            role: request.role.clone(),
            use_playbook: true,
            ..SearchRequest::default()
        };
        let found = session.peers.matrixd().search(&session.call(PATIENCE), &search).await?;
        let hit = found.results.iter().find(|hit| hit.id == request.answer_id);
        let is_half = hit.is_some_and(|hit| (hit.distance - base_distance * 0.5).abs() <= TOLERANCE);
        warm_searches += 1;
        not_recalled += usize::from(!is_half);
    }
    let acknowledged = acknowledged.len();
    Ok(Kept { acknowledged, indexed_later, lost, unacknowledged, warm_searches, not_recalled })
}

/// The ids of all recordings in the durable log.
///
/// # Errors
/// When the stack does not answer.
pub(crate) async fn recordings(session: &Session) -> anyhow::Result<BTreeSet<String>> {
    let (matrixd, mut ids, mut after) = (session.peers.matrixd(), BTreeSet::new(), None);
    loop {
        let page = matrixd
            .playbooks(
                &session.call(PATIENCE),
                &ListPlaybooks { limit: Some(PAGE), after, ..ListPlaybooks::default() },
            )
            .await?;
        ids.extend(page.playbooks.into_iter().map(|playbook| playbook.playbook_id));
        after = page.next;
        if after.is_none() {
            return Ok(ids);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recall_counts_what_is_as_near_as_the_exact_answer() {
        let exact = [0.1, 0.2, 0.3, 0.4];
        assert_eq!(part_found(&exact, &exact), 1.0);
        assert_eq!(part_found(&[0.1, 0.3, 0.4, 0.5], &exact), 0.75);
        assert_eq!(part_found(&[0.1, 0.2], &exact), 0.5);
        assert_eq!(part_found(&[], &exact), 0.0);
        // Several at the last distance: any of them is right.
        assert_eq!(part_found(&[0.1, 0.2, 0.4, 0.4], &exact), 1.0);
    }
}
