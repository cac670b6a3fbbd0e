//! Alive at once, ready when the model is there.

use std::path::Path;

use embedd::Config;
use models::{Installable, Source};
use serde_json::json;

use crate::{Daemon, minilm};

fn config(models_dir: &Path) -> Config {
    Config { models_dir: Some(models_dir.to_owned()), ..Config::default() }
}

#[tokio::test]
async fn daemon_without_its_model_says_what_to_do_and_is_ready_once_it_is_pulled() {
    let empty = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(config(empty.path())).await;
    let reason = json!("model not installed: run `lakectl models pull all-MiniLM-L6-v2`");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let (status, body) = daemon.get("/readyz").await;
        assert_eq!(status, 503);
        if body["reasons"][0] == reason {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{body}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(daemon.get("/healthz").await.0, 200);
    let (status, problem) = daemon.post("/embed", json!({"texts": ["a"]}).to_string()).await;
    assert_eq!(status, 503, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("lakectl models pull"), "{problem}");

    install(empty.path());
    daemon.wait_until_ready().await;
    assert_eq!(daemon.post("/embed", json!({"texts": ["a"]}).to_string()).await.0, 200);
}

#[tokio::test]
async fn default_model_that_nobody_has_is_refused_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let env = service::testing::env(folder.path(), client::PeerUrls::default()).unwrap();
    let config = Config { default_model: "gpt-7".into(), ..Config::default() };
    let refused = embedd::build(config, env).await.unwrap_err().to_string();
    assert!(refused.contains("gpt-7") && refused.contains("all-MiniLM-L6-v2"), "{refused}");
}

/// What a pull does at the end, from the cache that the other tests use.
fn install(dir: &Path) {
    let cache = models::default_dir().unwrap();
    models::pull(&minilm(), &cache, &Source::default(), |_| {}).unwrap();
    let staged = dir.join("staged");
    std::fs::create_dir(&staged).unwrap();
    let model = minilm();
    for file in model.files() {
        std::fs::copy(cache.join(&model.name).join(&file.file), staged.join(&file.file)).unwrap();
    }
    std::fs::rename(staged, dir.join(&model.name)).unwrap();
}
