//! What the result cache serves, and what it never does.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wire::{DaemonName, ErrorCode};

use crate::support::{Asked, Bench, Reply, embedd, fake, ok, pathwayd, problem};

/// The state of vectord, which a test changes: the version of `workers`, and that of the memory if there is one.
#[derive(Default)]
struct World {
    workers: AtomicU64,
    memory: Mutex<Option<u64>>,
    expires_in_ms: Mutex<Option<u64>>,
    /// Of `workers`.
    lease_ms: Mutex<Option<u64>>,
}

impl World {
    fn memory(&self) -> Option<u64> {
        *self.memory.lock().unwrap()
    }

    fn answer(&self, search: &Value) -> Value {
        let is_memory = search["index"] == "playbook_memory";
        let version = if is_memory { self.memory() } else { Some(self.workers.load(SeqCst)) };
        let Some(version) = version else {
            return json!({"error": wire::Problem::new(ErrorCode::NotFound, "no such index", "r")});
        };
        let hit = json!({"id": format!("v{version}"), "distance": 0.5, "metadata": {}});
        let searched = json!({"incarnation": "i", "distance": "cosine", "exact": true, "took_ms": 0.1,
                              "expires_in_ms": *self.expires_in_ms.lock().unwrap()});
        let results = if is_memory { json!([]) } else { json!([hit]) };
        json!({"results": results, "version": version, "searched": searched})
    }

    fn version(&self, index: &Value) -> Value {
        match (index.as_str(), self.memory()) {
            (Some("playbook_memory"), None) => json!({"index": index, "version": 0}),
            (Some("playbook_memory"), Some(version)) => {
                json!({"index": index, "version": version, "incarnation": "i"})
            }
            _ => json!({"index": index, "version": self.workers.load(SeqCst), "incarnation": "i",
                        "lease_ms": *self.lease_ms.lock().unwrap()}),
        }
    }

    fn reply(&self, asked: &Asked) -> Reply {
        let each = |key: &str, reply: &dyn Fn(&Value) -> Value| -> Vec<Value> {
            asked.body[key].as_array().unwrap().iter().map(reply).collect()
        };
        if asked.path.ends_with("/vectors/versions") {
            return ok(json!({"versions": each("indexes", &|index| self.version(index))}));
        }
        ok(json!({"answers": each("searches", &|search| self.answer(search))}))
    }
}

async fn bench(world: &Arc<World>) -> Bench {
    let world = Arc::clone(world);
    let vectord = fake(DaemonName::Vectord, move |asked| world.reply(asked));
    Bench::new(vec![embedd(), pathwayd(), vectord]).await
}

async fn search(bench: &Bench, more: Value) -> Value {
    let mut body = json!({"query_text": "q", "corpora": ["workers"], "k": 3, "use_result_cache": true,
                          "explain": true});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    let answer = bench.post("/matrix/search", body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// What the cache had, and the one result.
fn seen(answer: &Value) -> (&str, &str) {
    let outcome = answer["explain"]["result_cache"]["outcome"].as_str().unwrap_or("off");
    (outcome, answer["results"][0]["id"].as_str().unwrap())
}

#[tokio::test]
async fn repeated_search_costs_one_call_for_versions_and_says_so() {
    let bench = bench(&Arc::default()).await;
    let first = search(&bench, json!({})).await;
    assert_eq!((seen(&first), &first["explain"]["cached"]), (("miss", "v0"), &json!(false)));
    let again = search(&bench, json!({})).await;
    assert_eq!((seen(&again), &again["explain"]["cached"]), (("hit", "v0"), &json!(true)));
    assert_eq!(again["results"], first["results"]);
    assert!(again["explain"]["result_cache"]["check_ms"].as_f64() > Some(0.0), "{again}");
    assert_eq!(again["explain"]["retrieval"]["took_ms"], 0.0);
    assert_eq!(again["explain"]["retrieval"]["indexes"][0]["candidates"], 1);
    assert_eq!((bench.asked("/vectors/search").len(), bench.asked("/vectors/versions").len()), (1, 1));
    let silent = search(&bench, json!({"explain": false})).await;
    assert!(silent["explain"].is_null() && silent["results"] == first["results"], "{silent}");
    assert_eq!(bench.asked("/vectors/search").len(), 1);
}

#[tokio::test]
async fn repeated_search_costs_no_call_while_vectord_has_given_its_word_for_all_that_it_was_made_of() {
    let world = Arc::new(World::default());
    *world.lease_ms.lock().unwrap() = Some(3_600_000);
    let bench = bench(&world).await;
    for (leased, calls) in [(false, 0), (false, 1), (true, 1), (true, 1)] {
        let answer = search(&bench, json!({})).await;
        assert_eq!(answer["explain"]["result_cache"]["leased"], leased, "{answer}");
        assert_eq!(bench.asked("/vectors/versions").len(), calls);
    }
    // There is no word for the memory.
    for calls in [1, 2, 3] {
        let answer = search(&bench, json!({"use_playbook": true})).await;
        assert_eq!(answer["explain"]["result_cache"]["leased"], false, "{answer}");
        assert_eq!(bench.asked("/vectors/versions").len(), calls);
    }
}

#[tokio::test]
async fn word_that_is_over_counts_for_nothing() {
    let world = Arc::new(World::default());
    *world.lease_ms.lock().unwrap() = Some(0);
    let bench = bench(&world).await;
    for calls in 0..3 {
        let answer = search(&bench, json!({})).await;
        assert_eq!(answer["explain"]["result_cache"]["leased"], false, "{answer}");
        assert_eq!(bench.asked("/vectors/versions").len(), calls);
    }
}

#[tokio::test]
async fn search_that_does_not_ask_for_the_cache_neither_reads_nor_fills_it() {
    let bench = bench(&Arc::default()).await;
    for _ in 0..2 {
        let answer = search(&bench, json!({"use_result_cache": false})).await;
        assert!(answer["explain"]["result_cache"].is_null(), "{answer}");
    }
    assert_eq!((bench.asked("/vectors/search").len(), bench.asked("/vectors/versions").len()), (2, 0));
    assert_eq!(seen(&search(&bench, json!({})).await).0, "miss");
}

#[tokio::test]
async fn answer_from_before_a_write_never_comes_back() {
    let world = Arc::new(World::default());
    let bench = bench(&world).await;
    assert_eq!(seen(&search(&bench, json!({})).await), ("miss", "v0"));
    world.workers.store(1, SeqCst);
    assert_eq!(seen(&search(&bench, json!({})).await), ("stale", "v1"));
    assert_eq!(seen(&search(&bench, json!({})).await), ("hit", "v1"));
}

#[tokio::test]
async fn first_recording_ends_answers_from_when_there_was_no_memory() {
    let world = Arc::new(World::default());
    let bench = bench(&world).await;
    let warm = json!({"use_playbook": true});
    assert_eq!(seen(&search(&bench, warm.clone()).await).0, "miss");
    assert_eq!(seen(&search(&bench, warm.clone()).await).0, "hit");
    for version in [Some(1), Some(2), None] {
        *world.memory.lock().unwrap() = version;
        assert_eq!(seen(&search(&bench, warm.clone()).await).0, "stale", "{version:?}");
        assert_eq!(seen(&search(&bench, warm.clone()).await).0, "hit", "{version:?}");
    }
    // Without the playbook the memory is no part of the answer.
    search(&bench, json!({})).await;
    *world.memory.lock().unwrap() = Some(9);
    assert_eq!(seen(&search(&bench, json!({})).await).0, "hit");
}

#[tokio::test]
async fn answer_is_not_used_beyond_the_expiry_of_its_items() {
    let world = Arc::new(World::default());
    let bench = bench(&world).await;
    *world.expires_in_ms.lock().unwrap() = Some(0);
    for _ in 0..2 {
        assert_eq!(seen(&search(&bench, json!({})).await).0, "miss");
    }
    *world.expires_in_ms.lock().unwrap() = Some(600_000);
    assert_eq!(seen(&search(&bench, json!({})).await).0, "miss");
    assert_eq!(seen(&search(&bench, json!({})).await).0, "hit");
}

#[tokio::test]
async fn no_answer_is_served_that_vectord_does_not_vouch_for() {
    let is_down = Arc::new(AtomicU64::new(0));
    let down = Arc::clone(&is_down);
    let world = World::default();
    let vectord = fake(DaemonName::Vectord, move |asked| match down.load(SeqCst) {
        0 => world.reply(asked),
        _ => problem(ErrorCode::Internal),
    });
    let bench = Bench::new(vec![embedd(), vectord]).await;
    search(&bench, json!({})).await;
    is_down.store(1, SeqCst);
    let body = json!({"query_text": "q", "corpora": ["workers"], "k": 3, "use_result_cache": true});
    assert_eq!(bench.post("/matrix/search", body).await.status, 500);
}
