//! Recording outcomes: durable first, indexed now or later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use matrixd::Config;
use serde_json::{Value, json};
use service::ServiceToken;
use wire::context::Secret;
use wire::{DaemonName, ErrorCode};

use crate::support::{Bench, PLAYBOOK_ID, Reply, embedd, fake, index_info, ok, pathwayd, problem, vectord};

fn outcome() -> Value {
    json!({"query_text": "forklift nights", "corpus": "workers", "answer_id": "000123", "score": 1.0,
           "role": "Forklift Operator", "actor": "ana"})
}

fn added() -> Reply {
    ok(json!({"added": 1, "updated": 0, "version": 1}))
}

#[tokio::test]
async fn record_is_durable_first_and_then_indexed() {
    let bench = Bench::new(vec![embedd(), pathwayd(), vectord(|_| added())]).await;
    let answer = bench.post_with("/matrix/playbooks/record", &[("idempotency-key", "k1")], outcome()).await;
    assert_eq!((answer.status, &answer.body), (201, &json!({"playbook_id": PLAYBOOK_ID, "indexed": true})));

    let logged = &bench.asked("/pathways")[0];
    assert_eq!(logged.headers["idempotency-key"], "k1");
    assert_eq!(
        (&logged.body["goal"], &logged.body["tags"][0]),
        (&json!("forklift nights"), &json!("playbook"))
    );
    assert_eq!(logged.body["result"], json!({"corpus": "workers", "answer_id": "000123"}));
    assert_eq!((&logged.body["score"], &logged.body["provenance"]), (&json!(1.0), &json!({"actor": "ana"})));

    let lesson = &bench.asked("/add")[0].body["items"][0];
    assert_eq!(lesson["metadata"]["role_key"], "forklift operator");
    assert_eq!(lesson["metadata"]["playbook_id"], PLAYBOOK_ID);
}

#[tokio::test]
async fn dropped_memory_is_made_again_by_the_next_record() {
    let exists = Arc::new(AtomicBool::new(false));
    let vectord = vectord(move |asked| match asked.path.as_str() {
        "POST /vectors/index" => {
            exists.store(true, Ordering::SeqCst);
            Reply(201, &[], index_info("playbook_memory", "cosine"))
        }
        "POST /vectors/index/playbook_memory/add" if exists.load(Ordering::SeqCst) => added(),
        _ => problem(ErrorCode::NotFound),
    });
    let bench = Bench::new(vec![embedd(), pathwayd(), vectord]).await;
    let answer = bench.post("/matrix/playbooks/record", outcome()).await;
    assert_eq!((answer.status, &answer.body["indexed"]), (201, &json!(true)));
    let created = &bench.asked("POST /vectors/index")[0].body;
    assert_eq!(created, &json!({"name": "playbook_memory", "dimension": 2, "distance": "cosine"}));
}

#[tokio::test]
async fn record_that_the_index_cannot_take_now_is_indexed_later() {
    let is_up = Arc::new(AtomicBool::new(false));
    let up = Arc::clone(&is_up);
    let vectord = vectord(move |_| match up.load(Ordering::SeqCst) {
        true => added(),
        false => problem(ErrorCode::DataCorrupt),
    });
    let bench = Bench::new(vec![embedd(), pathwayd(), vectord]).await;
    let answer = bench.post("/matrix/playbooks/record", outcome()).await;
    assert_eq!((answer.status, &answer.body), (201, &json!({"playbook_id": PLAYBOOK_ID, "indexed": false})));
    bench.wait_until("degraded", |bench| !bench.degraded().is_empty()).await;
    is_up.store(true, Ordering::SeqCst);
    bench.wait_until("restored", |bench| bench.degraded().is_empty()).await;
    let items = bench.asked("/add").into_iter().map(|asked| asked.body["items"][0]["id"].clone());
    let items: Vec<Value> = items.collect();
    assert!(items.len() >= 3 && items.iter().all(|item| item == &items[0]), "{items:?}");
}

#[tokio::test]
async fn what_waits_is_indexed_with_the_service_token_where_there_is_one() {
    let vectord = vectord(|asked| {
        let is_users = asked.headers.get("authorization").is_some_and(|token| token == "Bearer user");
        if is_users { problem(ErrorCode::Unavailable) } else { added() }
    });
    let token = ServiceToken::Known(Secret::new("service"));
    let bench = Bench::with_token(Config::default(), vec![embedd(), pathwayd(), vectord], token).await;
    let user = [("authorization", "Bearer user")];
    let answer = bench.post_with("/matrix/playbooks/record", &user, outcome()).await;
    assert_eq!((answer.status, &answer.body["indexed"]), (201, &json!(false)));
    bench
        .wait_until("indexed as the service", |bench| {
            bench.asked("/add").iter().any(|asked| asked.headers["authorization"] == "Bearer service")
        })
        .await;
}

#[tokio::test]
async fn outcome_is_recorded_even_while_vectord_and_embedd_are_down() {
    let bench = Bench::new(vec![pathwayd()]).await;
    let answer = bench.post("/matrix/playbooks/record", outcome()).await;
    assert_eq!((answer.status, &answer.body["indexed"]), (201, &json!(false)));
}

#[tokio::test]
async fn outcome_is_not_acknowledged_without_the_log() {
    let bench = Bench::new(vec![embedd(), vectord(|_| added())]).await;
    let answer = bench.post("/matrix/playbooks/record", outcome()).await;
    assert_eq!(answer.status, 503);
    assert!(answer.detail().starts_with("pathwayd"), "{answer:?}");
    assert!(bench.asked("/add").is_empty(), "what is not durable is not indexed");
}

#[tokio::test]
async fn answer_that_does_not_exist_is_a_404_and_nothing_is_recorded() {
    let vectord = fake(DaemonName::Vectord, |asked| match asked.path.starts_with("GET") {
        true => ok(index_info("workers", "cosine")),
        false => ok(json!({"results": [], "version": 1})),
    });
    let bench = Bench::new(vec![embedd(), pathwayd(), vectord]).await;
    let answer = bench.post("/matrix/playbooks/record", outcome()).await;
    assert_eq!(answer.status, 404);
    assert!(answer.detail().contains("000123"), "{answer:?}");
    assert!(bench.asked("/pathways").is_empty());
}

#[tokio::test]
async fn rebuild_refills_the_memory_from_the_log_and_passes_over_what_is_no_playbook() {
    let pathway = |id: u32, result: Value| {
        json!({"id": format!("0193b2c4-0000-7000-8000-00000000000{id}"), "version": 1, "state": "active",
               "created": "2026-11-22T00:00:00Z", "updated": "2026-11-22T00:00:00Z", "goal": "forklift nights",
               "steps": [], "result": result, "score": 0.5, "tags": ["playbook"]})
    };
    let log = fake(DaemonName::Pathwayd, move |_| {
        let good = |id: u32| pathway(id, json!({"corpus": "workers", "answer_id": id.to_string()}));
        ok(json!({"pathways": [good(1), pathway(2, json!("free text")), good(3)]}))
    });
    let vectord = fake(DaemonName::Vectord, |_| added());
    let bench = Bench::new(vec![embedd(), log, vectord]).await;
    let answer = bench.post("/matrix/playbooks/rebuild", Value::Null).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({"indexed": 2, "skipped": 1})));
    assert_eq!(bench.asked("/add")[0].body["items"].as_array().unwrap().len(), 2);
    let listed = bench.get("/matrix/playbooks?limit=10").await.body;
    assert_eq!(listed["playbooks"][1]["answer_id"], "3");
    assert_eq!(bench.get("/matrix/playbooks?limit=0").await.status, 400);
    assert_eq!(bench.get("/matrix/playbooks?after=x").await.status, 400);
}
