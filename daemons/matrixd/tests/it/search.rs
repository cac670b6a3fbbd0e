//! What a search asks of vectord, and what it makes of the answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use serde_json::{Value, json};
use wire::packed::{pack, unpack};
use wire::{DaemonName, ErrorCode, Problem};

use crate::support::{Asked, Bench, Reply, embedd, fake, index_info, ok};

fn hit(id: &str, distance: f64) -> Value {
    json!({"id": id, "distance": distance, "metadata": {"n": id}})
}

fn lesson(answer_id: &str, role_key: &str, score: f64, distance: f64) -> Value {
    let metadata = json!({"playbook_id": format!("p-{answer_id}"), "role_key": role_key, "corpus": "workers",
                          "answer_id": answer_id, "score": score});
    json!({"id": format!("l-{answer_id}"), "distance": distance, "metadata": metadata})
}

/// vectord with three workers nearby, one far away, and these lessons.
fn vectord(lessons: Value) -> impl Fn(&Asked) -> Reply + Send + Sync + 'static {
    move |asked| {
        if asked.path.starts_with("GET") {
            return ok(index_info("workers", "cosine"));
        }
        let answer = |search: &Value| match (search["index"].as_str(), &search["ids_from"]) {
            (Some("playbook_memory"), _) => lessons.clone(),
            (_, Value::Null) => {
                json!({"results": [hit("a", 0.25), hit("b", 0.5), hit("c", 0.75)], "version": 7})
            }
            _ => {
                let lessons = lessons["results"].as_array().into_iter().flatten();
                let found: Vec<Value> = lessons
                    .map(|lesson| hit(lesson["metadata"]["answer_id"].as_str().unwrap(), 1.0))
                    .collect();
                json!({"results": found, "version": 7})
            }
        };
        let answers: Vec<Value> = asked.body["searches"].as_array().unwrap().iter().map(answer).collect();
        ok(json!({"answers": answers}))
    }
}

async fn bench(lessons: Value) -> Bench {
    Bench::new(vec![embedd(), fake(DaemonName::Vectord, vectord(lessons))]).await
}

fn warm() -> Value {
    json!({"query_text": "forklift", "corpora": ["workers"], "k": 3, "role": " Forklift OPERATOR",
           "use_playbook": true, "explain": true, "filter": {"state": "TX"}, "exclude_ids": ["x"]})
}

#[tokio::test]
async fn one_batch_asks_all_corpora_and_the_memory_with_the_role_gate_in_its_filter() {
    let bench = bench(json!({"results": [], "version": 1})).await;
    let answer = bench.post("/matrix/search", warm()).await;
    assert_eq!((answer.status, &answer.body["boosted"]), (200, &json!(0)), "{answer:?}");
    let batches = bench.asked("/vectors/search");
    assert_eq!(batches.len(), 1);
    let searches = batches[0].body["searches"].as_array().unwrap();
    assert_eq!((searches.len(), &searches[0]["index"]), (3, &json!("workers")));
    assert_eq!(
        (&searches[0]["filter"], &searches[0]["exclude_ids"]),
        (&json!({"state": "TX"}), &json!(["x"]))
    );
    assert_eq!(searches[1]["filter"]["role_key"], "forklift operator");
    assert_eq!(searches[1]["filter"]["corpus"], json!({"in": ["workers"]}));
}

#[tokio::test]
async fn lessons_boost_what_is_found_and_inject_what_is_not() {
    let lessons =
        json!([lesson("c", "forklift operator", 1.0, 0.1), lesson("z", "forklift operator", 0.9, 0.35)]);
    let bench = bench(json!({"results": lessons, "version": 1})).await;
    let answer = bench.post("/matrix/search", warm()).await.body;
    let ids: Vec<&str> =
        answer["results"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["a", "c", "b"]);
    assert_eq!((&answer["boosted"], &answer["injected"]), (&json!(1), &json!(0)));
    assert_eq!(answer["results"][1]["distance"], 0.375);
    assert_eq!(answer["results"][1]["base_distance"], 0.75);
    assert_eq!(answer["explain"]["playbook"]["fetched"], 1);

    // Further down the list there is room for the injected one, at 1.0 * (1 - 0.5 * 0.9).
    let mut wider = warm();
    wider["k"] = json!(4);
    let answer = bench.post("/matrix/search", wider).await.body;
    assert_eq!((&answer["boosted"], &answer["injected"]), (&json!(1), &json!(1)));
    assert_eq!(answer["results"][3]["id"], "z");
    assert!((answer["results"][3]["distance"].as_f64().unwrap() - 0.55).abs() < 1e-6);
}

#[tokio::test]
async fn answers_that_the_memory_names_come_in_the_same_batch_under_the_filter_and_exclusions_of_the_search()
{
    let bench = bench(json!({"results": [lesson("z", "forklift operator", 1.0, 0.0)], "version": 1})).await;
    let mut both = warm();
    both["corpora"] = json!(["workers", "archive"]);
    bench.post("/matrix/search", both).await;
    let batches = bench.asked("/vectors/search");
    assert_eq!(batches.len(), 1);
    let searches = batches[0].body["searches"].as_array().unwrap();
    let indexes: Vec<&str> = searches.iter().map(|search| search["index"].as_str().unwrap()).collect();
    assert_eq!(indexes, ["workers", "archive", "playbook_memory", "workers", "archive"]);
    for (search, corpus) in searches[3..].iter().zip(["workers", "archive"]) {
        let expected = json!({"search": 2, "key": "answer_id", "filter": {"corpus": corpus}});
        assert_eq!((&search["ids_from"], &search["exact"]), (&expected, &json!(true)));
        assert_eq!((&search["filter"], &search["exclude_ids"]), (&json!({"state": "TX"}), &json!(["x"])));
    }
}

#[tokio::test]
async fn lesson_of_another_role_or_too_far_away_moves_nothing() {
    let lessons = json!([
        lesson("c", "cnc operator", 1.0, 0.0),
        lesson("z", "", 1.0, 0.0),
        lesson("b", "forklift operator", 1.0, 0.36),
        lesson("a", "forklift operator", 0.0, 0.0),
    ]);
    let bench = bench(json!({"results": lessons, "version": 1})).await;
    let answer = bench.post("/matrix/search", warm()).await.body;
    assert_eq!((&answer["boosted"], &answer["injected"]), (&json!(0), &json!(0)), "{answer}");
}

#[tokio::test]
async fn search_survives_a_memory_that_is_missing_or_quarantined() {
    for (code, is_impaired) in [(ErrorCode::NotFound, false), (ErrorCode::DataCorrupt, true)] {
        let bench = bench(json!({"error": Problem::new(code, "why", "r")})).await;
        let answer = bench.post("/matrix/search", warm()).await;
        assert_eq!((answer.status, &answer.body["boosted"]), (200, &json!(0)));
        assert_eq!(answer.body["results"].as_array().unwrap().len(), 3);
        assert_eq!(answer.body["explain"]["playbook"]["unavailable"].is_string(), is_impaired);
    }
}

#[tokio::test]
async fn same_text_is_embedded_once() {
    let bench = bench(json!({"results": [], "version": 1})).await;
    for cached in [false, true, true] {
        let answer = bench.post("/matrix/search", warm()).await.body;
        assert_eq!(answer["explain"]["embed"]["cached"], cached);
    }
    assert_eq!(bench.asked("/embed").len(), 1);
}

#[tokio::test]
async fn dot_corpora_refuse_playbooks_and_do_not_mix() {
    let vectord = fake(DaemonName::Vectord, |asked| {
        let answer = |search: &Value| {
            let distance = if search["index"] == "dots" { "dot" } else { "cosine" };
            let searched = json!({"incarnation": "i", "distance": distance, "exact": true, "took_ms": 0.1});
            json!({"results": [], "version": 1, "searched": searched})
        };
        let answers: Vec<Value> = asked.body["searches"].as_array().unwrap().iter().map(answer).collect();
        ok(json!({"answers": answers}))
    });
    let bench = Bench::new(vec![embedd(), vectord]).await;
    let asked = json!({"query_text": "q", "corpora": ["dots"], "use_playbook": true});
    let answer = bench.post("/matrix/search", asked).await;
    assert_eq!(answer.status, 400);
    assert!(answer.detail().contains("\"dots\"") && answer.detail().contains("negative"), "{answer:?}");
    let answer =
        bench.post("/matrix/search", json!({"query_text": "q", "corpora": ["workers", "dots"]})).await;
    assert_eq!(answer.status, 400);
    assert!(answer.detail().contains("another distance"), "{answer:?}");
}

/// embedd whose model changes from one text to the next, and vectord that knows the vectors of the second one only.
#[tokio::test]
async fn vector_of_an_earlier_model_is_made_anew_when_the_corpus_is_of_another_dimension() {
    let calls = AtomicUsize::new(0);
    let embedd = fake(DaemonName::Embedd, move |_| {
        let vector = if calls.fetch_add(1, SeqCst) == 0 { vec![1.0, 0.0] } else { vec![1.0, 0.0, 0.0] };
        let dimension = vector.len();
        ok(json!({"vectors_b64": [pack(&vector)], "dimension": dimension, "model": format!("m{dimension}")}))
    });
    let dimension = Arc::new(AtomicUsize::new(2));
    let corpus = Arc::clone(&dimension);
    let vectord = fake(DaemonName::Vectord, move |asked| {
        let packed = asked.body["searches"][0]["vector_b64"].as_str().unwrap();
        let answer = if unpack(packed).unwrap().len() == corpus.load(SeqCst) {
            json!({"results": [hit("a", 0.25)], "version": 7})
        } else {
            json!({"error": Problem::new(ErrorCode::InvalidArgument, "of another dimension", "r")})
        };
        ok(json!({"answers": [answer]}))
    });
    let bench = Bench::new(vec![embedd, vectord]).await;
    let asked = json!({"query_text": "q", "corpora": ["workers"], "explain": true});
    assert_eq!(bench.post("/matrix/search", asked.clone()).await.status, 200);
    dimension.store(3, SeqCst);
    let answer = bench.post("/matrix/search", asked.clone()).await;
    assert_eq!((answer.status, &answer.body["explain"]["embed"]["model"]), (200, &json!("m3")), "{answer:?}");
    dimension.store(4, SeqCst);
    let answer = bench.post("/matrix/search", asked).await;
    assert_eq!(answer.status, 400);
    assert!(answer.detail().contains("another dimension"), "{answer:?}");
}

#[tokio::test]
async fn both_or_neither_of_text_and_vector_are_refused() {
    let bench = Bench::new(vec![]).await;
    for body in
        [json!({"corpora": ["w"]}), json!({"corpora": ["w"], "query_text": "a", "query_vector": [1.0]})]
    {
        assert_eq!(bench.post("/matrix/search", body).await.status, 400);
    }
    assert_eq!(
        bench.post("/matrix/search", json!({"corpora": ["w"], "query_text": "a", "k": 10_001})).await.status,
        400
    );
}
