//! `/index-jobs` over HTTP; what jobs do is tested beside their code, and on the real stack.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::ingest::{CSV, Ingestd};

#[tokio::test]
async fn events_begin_with_where_the_job_stands_and_end_with_how_it_ended() {
    let ingestd = Ingestd::new().await;
    ingestd.post("table=hr.people", &[CSV], "id,role\na,Welder\n").await;
    let job = json!({"table": "hr.people", "id_column": "id", "text_template": "{role}", "index": "people"});
    let as_json = ("content-type", "application/json");
    let (status, accepted) = ingestd.post_to("/index-jobs", &[as_json], job.to_string()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{accepted}");
    let path = format!("/index-jobs/{}", accepted["job_id"].as_str().unwrap());
    // Nobody answers as vectord, so the job ends soon; whoever comes later sees its end at once.
    for _ in 0..2 {
        let (status, events) = ingestd.call(Method::GET, &format!("{path}/events")).await;
        assert_eq!(status, StatusCode::OK, "{events}");
        let names: Vec<&str> = events.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
        let (last, others) = names.split_last().unwrap();
        assert!(*last == "failed" && others.iter().all(|name| *name == "progress"), "{events}");
        let data = events.lines().rev().find_map(|line| line.strip_prefix("data: ")).unwrap();
        let (_, shown) = ingestd.call(Method::GET, &path).await;
        assert_eq!(data.parse::<Value>().unwrap(), shown.parse::<Value>().unwrap());
        assert!(data.contains("vectord"), "{data}");
    }
    let (status, _) = ingestd.call(Method::DELETE, &path).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "to end what is over is no mistake");
    for (method, path) in [(Method::GET, "/index-jobs/x/events"), (Method::DELETE, "/index-jobs/x")] {
        assert_eq!(ingestd.call(method, path).await.0, StatusCode::NOT_FOUND);
    }
}
