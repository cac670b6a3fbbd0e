//! A surge of orders: search with a filter, propose a fill, have it checked, record that it worked.

use rand::Rng;
use serde_json::{Value, json};
use wire::matrix::{FillProposal, Hit, Job, SearchRequest};
use wire::playbooks::RecordRequest;

use crate::expect;
use crate::failure::{Result, promise};
use crate::plan::{CORPUS, Query};
use crate::user::{User, search};

/// The most workers that an order asks for.
const MAX_HEADCOUNT: usize = 3;
/// How the corpus says that a worker holds no certification.
const NO_CERTIFICATIONS: &str = "none";

pub(super) async fn play(user: &mut User) -> Result {
    let query = user.query();
    let filtered = SearchRequest {
        k: MAX_HEADCOUNT,
        filter: Some(json!({"role": query.role})),
        // What earlier surges recorded for this role acts here, and may not break the filter.
        use_playbook: true,
        ..search(&query)
    };
    let response = user.calls.search(&filtered).await?;
    expect::ranked(&response)?;
    expect::of_role(&response, &query.role)?;

    let proposal = proposal(&query, &response.results);
    expect::passed(&user.calls.validate_fill(&proposal).await?)?;

    let chosen = user.rng.random_range(0..response.results.len());
    let score = f64::from(user.rng.random_range(5..=10_u8)) / 10.0;
    let recorded = user.calls.record(&outcome(query, &response.results[chosen], score)).await?;
    promise("a recording is named", !recorded.playbook_id.is_empty(), || "the id is empty".to_owned())?;
    promise("a recording is indexed at once", recorded.indexed, || format!("{} is not", recorded.playbook_id))
}

/// An order that exactly the workers found can fill.
fn proposal(query: &Query, hits: &[Hit]) -> FillProposal {
    let job = Job {
        id: format!("surge {}", query.text),
        role: query.role.clone(),
        headcount: hits.len() as u32,
        required_certifications: shared_certifications(hits),
        ..Job::default()
    };
    let worker_ids = hits.iter().map(|hit| hit.id.clone()).collect();
    FillProposal { job, worker_ids, ..FillProposal::default() }
}

/// The certifications that each of `hits` holds.
fn shared_certifications(hits: &[Hit]) -> Vec<String> {
    let Some((first, others)) = hits.split_first() else { return Vec::new() };
    let others: Vec<Vec<String>> = others.iter().map(certifications).collect();
    let is_shared = |held: &String| others.iter().all(|theirs| theirs.contains(held));
    certifications(first).into_iter().filter(is_shared).collect()
}

fn certifications(hit: &Hit) -> Vec<String> {
    let listed = hit.metadata.get("certifications");
    let listed = listed.as_ref().and_then(Value::as_str).unwrap_or(NO_CERTIFICATIONS);
    let held = listed.split(", ").filter(|certification| *certification != NO_CERTIFICATIONS);
    held.map(str::to_owned).collect()
}

fn outcome(query: Query, hit: &Hit, score: f64) -> RecordRequest {
    RecordRequest {
        query_text: query.text,
        corpus: CORPUS.to_owned(),
        answer_id: hit.id.clone(),
        score,
        role: Some(query.role),
        actor: Some("multitier".to_owned()),
        ..RecordRequest::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(id: &str, certifications: &str) -> Hit {
        let metadata =
            json!({"role": "Welder", "certifications": certifications}).as_object().cloned().unwrap();
        Hit {
            id: id.into(),
            corpus: CORPUS.into(),
            distance: 0.1,
            base_distance: 0.1,
            boosted: false,
            injected: false,
            metadata: metadata.into(),
        }
    }

    #[test]
    fn order_asks_for_what_all_proposed_workers_hold() {
        let hits = [hit("1", "OSHA 10, AWS D1.1, CPR"), hit("2", "AWS D1.1, OSHA 10")];
        let query = Query { text: "welder".into(), role: "Welder".into() };
        let proposal = proposal(&query, &hits);
        assert_eq!(proposal.job.required_certifications, ["OSHA 10", "AWS D1.1"]);
        assert_eq!((proposal.job.headcount, proposal.worker_ids), (2, vec!["1".into(), "2".into()]));
    }

    #[test]
    fn none_is_no_certification() {
        assert_eq!(shared_certifications(&[hit("1", "none"), hit("2", "none")]), [""; 0]);
        assert_eq!(shared_certifications(&[]), [""; 0]);
    }
}
