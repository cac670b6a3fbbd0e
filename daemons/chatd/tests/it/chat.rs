//! `POST /chat` and `GET /chat/providers`.

use serde_json::json;

use crate::{BROKEN, Daemon, STREAM, events, json, ollama};

#[tokio::test]
async fn answer_names_model_provider_and_usage() {
    let daemon = Daemon::over(format!("http://{}", ollama(STREAM).await)).await;
    let request = json!({"messages": [{"role": "user", "content": "Hi"}], "model": "m"});
    let (status, answer) = daemon.post("/chat", &request).await;
    let expected = json!({
        "message": {"role": "assistant", "content": "Hello"}, "model": "m", "provider": "near",
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}, "finish_reason": "stop",
    });
    assert_eq!((status, json(&answer)), (200, expected));
}

#[tokio::test]
async fn streamed_answer_is_start_deltas_end_and_done() {
    let daemon = Daemon::over(format!("http://{}", ollama(STREAM).await)).await;
    let request = json!({"messages": [{"role": "user", "content": "Hi"}], "stream": true});
    let (status, body) = daemon.post("/chat", &request).await;
    assert_eq!(status, 200);
    let events = events(&body);
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["start", "delta", "delta", "end", ""]);
    assert_eq!(json(&events[0].1), json!({"type": "start", "model": "m", "provider": "near"}));
    assert_eq!(json(&events[2].1), json!({"type": "delta", "content": "lo"}));
    let end = json(&events[3].1);
    assert_eq!((&end["finish_reason"], &end["usage"]["total_tokens"]), (&json!("length"), &json!(7)));
    assert_eq!(events[4].1, "[DONE]");
}

#[tokio::test]
async fn stream_that_breaks_off_says_so_and_never_says_done() {
    let daemon = Daemon::over(format!("http://{}", ollama(BROKEN).await)).await;
    let request = json!({"messages": [{"role": "user", "content": "Hi"}], "stream": true});
    let (_, body) = daemon.post("/chat", &request).await;
    let events = events(&body);
    let last = json(&events.last().unwrap().1);
    assert_eq!((&last["type"], &last["problem"]["code"]), (&json!("error"), &json!("upstream_failed")));
    assert!(!body.contains("[DONE]"), "{body}");
}

#[tokio::test]
async fn without_a_provider_the_problem_names_it_and_the_next_step() {
    let daemon = Daemon::over("http://127.0.0.1:1".into()).await;
    for stream in [false, true] {
        let request = json!({"messages": [{"role": "user", "content": "Hi"}], "stream": stream});
        let (status, problem) = daemon.post("/chat", &request).await;
        let problem = json(&problem);
        assert_eq!((status, &problem["code"]), (503, &json!("unavailable")));
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("near") && detail.contains("ollama serve"), "{detail}");
    }
    assert_eq!(daemon.get("/readyz").await.0, 200);
}

#[tokio::test]
async fn request_that_breaks_a_rule_is_400_and_unknown_names_are_404() {
    let daemon = Daemon::over(format!("http://{}", ollama(STREAM).await)).await;
    let hi = json!({"role": "user", "content": "Hi"});
    let cases = [
        (json!({"messages": []}), 400, "empty"),
        (json!({"messages": [hi, hi, hi, hi]}), 400, "at most 3"),
        (json!({"messages": [hi], "temperature": -1}), 400, "temperature"),
        (json!({"messages": [hi], "modell": "m"}), 400, "unknown field"),
        (json!({"messages": [{"role": "robot", "content": "Hi"}]}), 400, "robot"),
        (json!({"messages": [{"role": "user", "content": 5}]}), 400, "`content`"),
        (json!({"messages": [{"role": "user", "contents": "Hi"}]}), 400, "messages[0].content"),
        (
            json!({"messages": [hi, {"role": "tool", "tool_call_id": "c1", "content": "5"}]}),
            400,
            "messages[1]",
        ),
        (json!({"messages": [hi], "top_p": 1.5}), 400, "top_p"),
        (json!({"messages": [hi], "tool_choice": "auto"}), 400, "tool_choice"),
        (json!({"messages": [hi], "tool_choice": 5}), 400, "tool_choice"),
        (json!({"messages": [hi], "stop": 5}), 400, "stop"),
        (json!({"messages": [hi], "response_format": {"type": "xml"}}), 400, "response_format"),
        (json!({"messages": [hi], "provider": "far"}), 404, "near"),
    ];
    for (request, expected, reason) in cases {
        let (status, problem) = daemon.post("/chat", &request).await;
        assert_eq!(status, expected, "{request}: {problem}");
        assert!(json(&problem)["detail"].as_str().unwrap().contains(reason), "{request}: {problem}");
    }
}

#[tokio::test]
async fn listing_says_which_providers_answer() {
    let up = Daemon::over(format!("http://{}", ollama(STREAM).await)).await;
    let (_, listing) = up.get("/chat/providers").await;
    let provider = &listing["providers"][0];
    assert_eq!((&provider["reachable"], &provider["models"]), (&json!(true), &json!(["m", "n"])));
    assert!(provider["latency_ms"].as_f64().unwrap() > 0.0);

    let (status, listing) = Daemon::over("http://127.0.0.1:1".into()).await.get("/chat/providers").await;
    assert_eq!((status, &listing["providers"][0]["reachable"]), (200, &json!(false)));
}
