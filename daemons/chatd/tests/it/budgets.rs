//! What a caller may ask, and what happens when it has asked for it all.

use std::path::Path;

use axum::body::Body;
use axum::http::Request;
use chatd::{BudgetConfig, Config};
use futures::StreamExt;
use llm::ProviderSettings;
use llm::budget::Limits;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{Daemon, STREAM, json, leaving, ollama};

/// One answer of the fake Ollama: five tokens read, two written.
const COST: u64 = 7;

async fn config(default_budget: Limits) -> Config {
    let url = Some(format!("http://{}", ollama(STREAM).await));
    let provider = ProviderSettings { name: "near".into(), url, ..ProviderSettings::default() };
    Config { providers: vec![provider], default_budget, ..Config::default() }
}

fn tokens(tokens_per_day: u64) -> Limits {
    Limits { tokens_per_day: Some(tokens_per_day), ..Limits::default() }
}

fn request(stream: bool) -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3, "stream": stream})
}

/// Asks with `key` in `header`: status, Retry-After, body.
async fn ask(daemon: &Daemon, path: &str, key: Option<(&str, &str)>, stream: bool) -> (u16, u64, String) {
    let mut body = request(stream);
    if path == "/api/chat" {
        body["options"] = json!({"num_predict": body["max_tokens"].take()});
        body.as_object_mut().unwrap().remove("max_tokens");
    }
    let mut request = Request::post(path);
    if let Some((name, value)) = key {
        request = request.header(name, value);
    }
    let request = request.body(Body::from(body.to_string())).unwrap();
    let answer = daemon.router.clone().oneshot(request).await.unwrap();
    let wait =
        answer.headers().get("retry-after").map_or(0, |value| value.to_str().unwrap().parse().unwrap());
    let status = answer.status().as_u16();
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (status, wait, String::from_utf8(body.to_vec()).unwrap())
}

async fn budget(daemon: &Daemon, name: &str) -> Value {
    let (_, listing) = daemon.get("/chat/budgets").await;
    let budgets = listing["budgets"].as_array().unwrap();
    budgets.iter().find(|budget| budget["name"] == name).unwrap().clone()
}

fn named(folder: &Path, name: &str, key: &str, tokens_per_day: u64) -> BudgetConfig {
    let file = folder.join(name);
    std::fs::write(&file, format!("{key}\n")).unwrap();
    let (api_key_file, tokens_per_day) = (Some(file), Some(tokens_per_day));
    BudgetConfig { name: name.into(), api_key_file, tokens_per_day, ..BudgetConfig::default() }
}

#[tokio::test]
async fn spent_budget_is_429_with_the_time_of_its_return_in_every_shape_and_for_its_key_only() {
    let daemon = Daemon::start(config(tokens(10)).await).await;
    let mine = Some(("authorization", "Bearer sk-mine"));
    for stream in [false, true] {
        let other = if stream { "Bearer sk-2" } else { "Bearer sk-1" };
        assert_eq!(ask(&daemon, "/chat", Some(("authorization", other)), stream).await.0, 200);
    }
    assert_eq!(ask(&daemon, "/chat", mine, false).await.0, 200);
    for path in ["/chat", "/v1/chat/completions", "/api/chat"] {
        let (status, wait, body) = ask(&daemon, path, mine, true).await;
        assert_eq!((status, &json(&body)["code"]), (429, &json!("overloaded")), "{body}");
        assert!((86_000..=86_700).contains(&wait), "{wait}");
        assert!(body.contains("7 of 10 tokens") && !body.contains("sk-mine"), "{body}");
    }
    // The header of Anthropic's clients, another key, and none at all: each of them has a budget of its own.
    assert_eq!(ask(&daemon, "/chat", Some(("x-api-key", "sk-mine")), false).await.0, 429);
    assert_eq!(ask(&daemon, "/chat", Some(("x-api-key", "sk-other")), false).await.0, 200);
    assert_eq!(ask(&daemon, "/chat", None, false).await.0, 200);
    assert_eq!(ask(&daemon, "/chat", None, false).await.0, 429);
}

#[tokio::test]
async fn named_key_has_its_own_budget_and_is_shown_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let budgets = vec![named(folder.path(), "front-end", "sk-front", 1000)];
    let daemon = Daemon::start(Config { budgets, ..config(tokens(10)).await }).await;
    for _ in 0..3 {
        assert_eq!(ask(&daemon, "/chat", Some(("x-api-key", "sk-front")), false).await.0, 200);
    }
    let status = budget(&daemon, "front-end").await;
    assert_eq!((&status["tokens_used"], &status["tokens_held"]), (&json!(3 * COST), &json!(0)), "{status}");
    assert!(!daemon.get("/chat/budgets").await.1.to_string().contains("sk-front"));
}

#[tokio::test]
async fn request_that_never_fits_is_400_and_says_what_to_lower() {
    let daemon = Daemon::start(config(tokens(3)).await).await;
    let (status, _, body) = ask(&daemon, "/chat", None, false).await;
    assert_eq!((status, &json(&body)["code"]), (400, &json!("invalid_argument")));
    assert!(body.contains("`max_tokens`"), "{body}");
}

#[tokio::test]
async fn answers_beyond_the_limit_at_the_same_time_are_429_and_one_that_is_left_makes_room() {
    let (url, _, closed) = leaving::silent().await;
    let limits = Limits { max_concurrent: Some(1), tokens_per_day: Some(100) };
    let mut config = config(limits).await;
    config.providers[0].url = Some(url);
    let daemon = Daemon::start(config).await;
    let post = || Request::post("/chat").body(Body::from(request(true).to_string())).unwrap();
    let answer = daemon.router.clone().oneshot(post()).await.unwrap();
    let mut frames = answer.into_body().into_data_stream();
    // The start, and the first piece.
    for _ in 0..2 {
        assert!(frames.next().await.unwrap().is_ok());
    }

    let (status, wait, body) = ask(&daemon, "/chat", None, false).await;
    assert_eq!((status, wait), (429, 1), "{body}");
    let before = budget(&daemon, "default").await;
    assert_eq!((&before["in_flight"], &before["tokens_held"]), (&json!(1), &json!(4)), "{before}");

    drop(frames);
    closed.await.unwrap();
    // "Hi" and "Hel" by our estimate: what had come when the caller left is spent, the rest given back.
    let after = budget(&daemon, "default").await;
    let expected = (&json!(0), &json!(0), &json!(2));
    assert_eq!((&after["in_flight"], &after["tokens_held"], &after["tokens_used"]), expected, "{after}");
}

#[tokio::test]
async fn budget_of_a_provider_sends_requests_on_to_the_next_one_and_then_away() {
    let mut config = config(Limits::default()).await;
    let second = ProviderSettings { name: "second".into(), ..config.providers[0].clone() };
    config.providers.push(second);
    config.providers.iter_mut().for_each(|provider| provider.tokens_per_day = Some(10));
    let daemon = Daemon::start(config).await;
    for provider in ["near", "second"] {
        let (status, _, body) = ask(&daemon, "/chat", None, false).await;
        assert_eq!((status, &json(&body)["provider"]), (200, &json!(provider)), "{body}");
    }
    let (status, wait, body) = ask(&daemon, "/chat", None, false).await;
    assert_eq!(status, 429, "{body}");
    assert!((86_000..=86_700).contains(&wait) && body.contains("second"), "{wait}: {body}");
}

#[tokio::test]
async fn what_was_spent_counts_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let named = || vec![named(folder.path(), "front-end", "sk-front", 10)];
    let mut config = Config { budgets: named(), ..config(tokens(10)).await };
    config.providers[0].tokens_per_day = Some(1000);
    let keys = [None, Some(("x-api-key", "sk-front")), Some(("x-api-key", "sk-any"))];
    let daemon = Daemon::start(config.clone()).await;
    for key in keys {
        assert_eq!(ask(&daemon, "/chat", key, false).await.0, 200);
    }
    let data = daemon.stop().await;
    let daemon = Daemon::start_in(data, config).await;
    for key in keys {
        assert_eq!(ask(&daemon, "/chat", key, false).await.0, 429, "{key:?}");
    }
    assert_eq!(budget(&daemon, "default").await["tokens_used"], 2 * COST);
}

#[tokio::test]
async fn budget_without_a_key_or_with_that_of_another_is_refused_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let twice = [named(folder.path(), "a", "sk-1", 1), named(folder.path(), "b", "sk-1", 1)];
    let keyless = [BudgetConfig { name: "c".into(), ..BudgetConfig::default() }];
    for (budgets, said) in
        [(twice.to_vec(), "\"b\" has the key"), (keyless.to_vec(), "\"c\" in [[chatd.budgets]]")]
    {
        let env = service::testing::env(folder.path(), client::PeerUrls::default()).unwrap();
        let config = Config { budgets, ..config(Limits::default()).await };
        let error = format!("{:#}", chatd::build(config, env).await.unwrap_err());
        assert!(error.contains(said) && !error.contains("sk-1"), "{error}");
    }
}
