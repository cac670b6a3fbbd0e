//! A surge of orders: search with a filter, propose a fill, have it checked, record that it worked.

use rand::Rng;
use serde_json::json;
use wire::matrix::{FillProposal, Job, SearchRequest};
use wire::playbooks::RecordRequest;

use super::fault::{FillFault, PLANTED_EVERY};
use crate::answer::{Found, Hit};
use crate::expect;
use crate::failure::Result;
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
    let answer = user.calls.search(&filtered).await?;
    let found: Found<'_> = answer.read("search")?;
    expect::ranked(&found)?;
    expect::of_role(&found, &query.role)?;

    let proposal = proposal(&query, &found.results);
    if user.rng.random_ratio(1, PLANTED_EVERY) {
        let (fault, mut bad) = (FillFault::draw(&mut user.rng), proposal.clone());
        fault.plant(&mut bad);
        expect::refused(&user.calls.validate_fill(&bad).await?, fault.rule())?;
        user.tally.planted(fault.rule());
    }
    expect::passed(&user.calls.validate_fill(&proposal).await?)?;

    let chosen = &found.results[user.rng.random_range(0..found.results.len())];
    let score = f64::from(user.rng.random_range(5..=10_u8)) / 10.0;
    let outcome = outcome(query, chosen, score);
    let recorded = user.calls.record(&outcome).await?;
    user.recorded(outcome, chosen.base_distance, recorded).map(drop)
}

/// An order that exactly the workers found can fill.
fn proposal(query: &Query, hits: &[Hit<'_>]) -> FillProposal {
    let job = Job {
        id: format!("surge {}", query.text),
        role: query.role.clone(),
        headcount: hits.len() as u32,
        required_certifications: shared_certifications(hits),
        ..Job::default()
    };
    let worker_ids = hits.iter().map(|hit| hit.id.clone().into_owned()).collect();
    FillProposal { job, worker_ids, ..FillProposal::default() }
}

/// The certifications that each of `hits` holds.
fn shared_certifications(hits: &[Hit<'_>]) -> Vec<String> {
    let Some((first, others)) = hits.split_first() else { return Vec::new() };
    let others: Vec<Vec<String>> = others.iter().map(certifications).collect();
    let is_shared = |held: &String| others.iter().all(|theirs| theirs.contains(held));
    certifications(first).into_iter().filter(is_shared).collect()
}

fn certifications(hit: &Hit<'_>) -> Vec<String> {
    let profile = hit.profile();
    let listed = profile.certifications.as_deref().unwrap_or(NO_CERTIFICATIONS);
    let held = listed.split(", ").filter(|certification| *certification != NO_CERTIFICATIONS);
    held.map(str::to_owned).collect()
}

fn outcome(query: Query, hit: &Hit<'_>, score: f64) -> RecordRequest {
    RecordRequest {
        query_text: query.text,
        corpus: CORPUS.to_owned(),
        answer_id: hit.id.clone().into_owned(),
        score,
        role: Some(query.role),
        actor: Some("multitier".to_owned()),
        ..RecordRequest::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(id: &str, certifications: &str) -> Hit<'static> {
        let text = json!({"id": id, "corpus": CORPUS, "distance": 0.1, "base_distance": 0.1, "boosted": false,
                          "injected": false, "metadata": {"role": "Welder", "certifications": certifications}});
        serde_json::from_str(text.to_string().leak()).unwrap()
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
