//! The daemon's own model, where its files are not.
#![cfg(feature = "local")]

use chatd::{Config, LocalConfig};
use serde_json::json;

use crate::{Daemon, json as parsed};

#[tokio::test]
async fn own_model_is_the_last_default_provider_and_without_its_files_says_how_to_fetch_them() {
    let folder = tempfile::tempdir().unwrap();
    let local = LocalConfig { models_dir: Some(folder.path().into()), ..LocalConfig::default() };
    let daemon = Daemon::start(Config { local, ..Config::default() }).await;

    let (status, listed) = daemon.get("/chat/providers").await;
    let own = listed["providers"].as_array().unwrap().last().unwrap();
    assert_eq!((status, &own["kind"], &own["reachable"]), (200, &json!("local"), &json!(false)), "{listed}");

    let request = json!({"provider": "local", "messages": [{"role": "user", "content": "Hi"}]});
    let (status, problem) = daemon.post("/chat", &request).await;
    let detail = parsed(&problem)["detail"].as_str().unwrap().to_owned();
    assert_eq!(status, 502, "{problem}");
    for told in [own["error"].as_str().unwrap(), &detail] {
        assert!(told.contains("lakectl models pull SmolLM2-135M-Instruct"), "{told}");
    }
}
