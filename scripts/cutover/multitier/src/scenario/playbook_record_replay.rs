//! The learning loop end to end: search cold, record an answer, search warm, and see that no other role is touched.

use rand::Rng;
use wire::matrix::SearchRequest;
use wire::playbooks::RecordRequest;

use crate::answer::{Found, Hit};
use crate::expect;
use crate::failure::Result;
use crate::plan::{CORPUS, Query};
use crate::user::{K, User, search};

const SCORE: f64 = 1.0;
/// Results of a warm search into which the recorded answer must be injected.
const SMALL_K: usize = K / 2;
/// Half the distance must beat the last result by this much for the injection to be certain.
const MARGIN: f32 = 0.99;

pub(super) async fn play(user: &mut User) -> Result {
    // Roles of its own: what others record meanwhile cannot count in this replay.
    let (role, other_role) = (user.unique_role(), user.unique_role());
    let query = Query { role, ..user.query() };
    let answer = user.calls.search(&search(&query)).await?;
    let cold: Found<'_> = answer.read("search")?;
    expect::full_page(&cold, K)?;

    let answer = &cold.results[user.rng.random_range(0..K)];
    let outcome = outcome(&query, answer);
    let recorded = user.calls.record(&outcome).await?;
    if !user.recorded(outcome, answer.distance, recorded)? {
        return Ok(());
    }

    let k = if is_injectable(&cold, answer) && user.rng.random() { SMALL_K } else { K };
    let warm_request = SearchRequest { k, use_playbook: true, ..search(&query) };
    let reply = user.calls.search(&warm_request).await?;
    let warm: Found<'_> = reply.read("search")?;
    expect::full_page(&warm, k)?;
    expect::halved(&warm, &answer.id, answer.distance)?;

    let other = SearchRequest { role: Some(other_role), ..warm_request };
    let reply = user.calls.search(&other).await?;
    let other: Found<'_> = reply.read("search")?;
    expect::full_page(&other, k)?;
    expect::untouched(&other)
}

/// Whether half the distance of `answer` brings it among the first [`SMALL_K`], where it was not.
fn is_injectable(cold: &Found<'_>, answer: &Hit<'_>) -> bool {
    let last = cold.results[SMALL_K - 1].distance;
    answer.distance > last && answer.distance * 0.5 < last * MARGIN
}

fn outcome(query: &Query, answer: &Hit<'_>) -> RecordRequest {
    RecordRequest {
        query_text: query.text.clone(),
        corpus: CORPUS.to_owned(),
        answer_id: answer.id.clone().into_owned(),
        score: SCORE,
        role: Some(query.role.clone()),
        actor: Some("multitier".to_owned()),
        ..RecordRequest::default()
    }
}
