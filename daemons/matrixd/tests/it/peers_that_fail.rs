//! A peer that is down, overloaded or not our peer.

use serde_json::json;
use wire::{DaemonName, ErrorCode};

use crate::support::{Bench, Reply, embedd, fake, ok, problem};

#[tokio::test]
async fn missing_peer_is_named_in_a_503_with_retry_after() {
    let bench = Bench::new(vec![embedd()]).await;
    let nobody = Bench::new(vec![]).await;
    let search = json!({"query_text": "forklift", "corpora": ["workers"]});
    let retrieve = json!({"query_text": "forklift", "corpus": "workers", "where": "years > 5", "k": 3});
    for (answer, peer) in [
        (nobody.post("/matrix/search", search.clone()).await, "embedd"),
        (bench.post("/matrix/search", search).await, "vectord"),
        (bench.post("/matrix/retrieve", retrieve).await, "queryd"),
        (bench.get("/matrix/playbooks").await, "pathwayd"),
        (bench.get("/matrix/corpora").await, "vectord"),
    ] {
        assert_eq!(
            (answer.status, answer.body["code"].as_str()),
            (503, Some("peer_unavailable")),
            "{answer:?}"
        );
        assert!(answer.detail().starts_with(peer), "{peer}: {answer:?}");
        assert!(answer.headers.contains_key("retry-after"));
    }
}

#[tokio::test]
async fn overload_of_embedd_passes_through_with_its_retry_after() {
    let busy = fake(DaemonName::Embedd, |_| {
        let problem = wire::Problem::new(ErrorCode::Overloaded, "the queue is full", "r");
        Reply(429, &[("retry-after", "7")], json!(problem))
    });
    let bench = Bench::new(vec![busy]).await;
    let answer =
        bench.post("/matrix/search", json!({"query_text": "forklift", "corpora": ["workers"]})).await;
    assert_eq!((answer.status, answer.detail()), (429, "the queue is full"));
    assert_eq!(answer.headers["retry-after"], "7");
}

#[tokio::test]
async fn peer_that_talks_nonsense_is_our_fault_and_stays_out_of_the_answer() {
    let nonsense = fake(DaemonName::Vectord, |_| ok(json!({"nonsense": "secret"})));
    let bench = Bench::new(vec![embedd(), nonsense]).await;
    let answer =
        bench.post("/matrix/search", json!({"query_text": "forklift", "corpora": ["workers"]})).await;
    assert_eq!(answer.status, 500);
    assert!(!answer.body.to_string().contains("nonsense"), "{answer:?}");
}

#[tokio::test]
async fn corpus_that_fails_is_named_with_its_own_code() {
    for (code, status) in
        [(ErrorCode::NotFound, 404), (ErrorCode::DataCorrupt, 503), (ErrorCode::InvalidArgument, 400)]
    {
        let vectord = fake(DaemonName::Vectord, move |_| {
            ok(json!({"answers": [{"error": wire::Problem::new(code, "why", "r")}]}))
        });
        let bench = Bench::new(vec![embedd(), vectord]).await;
        let answer = bench.post("/matrix/search", json!({"query_text": "q", "corpora": ["workers"]})).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.detail().contains("\"workers\""), "{answer:?}");
    }
}

#[tokio::test]
async fn validators_of_drafts_need_no_peer() {
    let bench = Bench::new(vec![]).await;
    let email =
        json!({"to": "ana@example.com", "subject": "Shift", "body": "Call 415-555-0132", "worker_id": "w1"});
    let answer = bench.post("/matrix/validate/email", email).await;
    assert_eq!((answer.status, answer.body), (200, json!({"ok": true, "violations": []})));
    let answer = bench.post("/matrix/validate/sms", json!({"to": "40404", "body": "SSN 123-45-6789"})).await;
    assert_eq!((answer.status, &answer.body["ok"]), (200, &json!(false)));
    assert_eq!(answer.body["violations"][0]["span"], json!([4, 15]));
    assert!(!answer.body.to_string().contains("6789"), "values stay out of reports");
}

#[tokio::test]
async fn fill_without_a_corpus_of_workers_is_a_404_that_names_it() {
    let vectord = fake(DaemonName::Vectord, |_| problem(ErrorCode::NotFound));
    let bench = Bench::new(vec![vectord]).await;
    let proposal = json!({"job": {"id": "j", "role": "Welder", "headcount": 1}, "worker_ids": ["w1"]});
    let answer = bench.post("/matrix/validate/fill", proposal).await;
    assert_eq!(answer.status, 404);
    assert!(answer.detail().contains("\"workers\""), "{answer:?}");
}
