//! The model in chatd itself, on a machine that reaches no other.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::{Http, LlamaServer, Stack, wait_for};
use wire::DaemonName::{self, Chatd, Gateway, Matrixd};

use super::over;

const OWN: &str = r#"{name="local",kind="local"}"#;
const MODEL: &str = "SmolLM2-135M-Instruct";

async fn stack(daemons: &[DaemonName]) -> anyhow::Result<Stack> {
    testkit::pull_model(MODEL)?;
    let stack = over(daemons, OWN).env_of(Chatd, "LAKEHOUSE_CHATD__LOCAL__IDLE_S", "2");
    // Beside other tests the model, which lets them go first, may take a while.
    let stack = stack.env_of(Matrixd, "LAKEHOUSE_MATRIXD__DRAFT__MAX_ROUNDS", "1");
    stack.env_of(Matrixd, "LAKEHOUSE_MATRIXD__DRAFT__TIMEOUT_MS", "40000").start().await
}

/// Resident memory, MB.
async fn memory(chatd: &Http) -> anyhow::Result<u64> {
    let health = chatd.get("/healthz").expect(200).await?;
    Ok(health["rss_bytes"].as_u64().context("rss_bytes")? >> 20)
}

async fn is_loaded(chatd: &Http) -> anyhow::Result<bool> {
    let metrics = String::from_utf8(chatd.get("/metrics").send().await?.body)?;
    Ok(metrics.lines().any(|line| line == "chatd_local_loaded 1"))
}

#[tokio::test(flavor = "multi_thread")]
async fn model_is_loaded_when_it_is_asked_and_gives_its_memory_back_when_nobody_does() -> anyhow::Result<()> {
    let mut stack = stack(&[Chatd, Gateway]).await?;
    let (gateway, chatd) = (stack.gateway()?, stack.http(Chatd)?);
    let before = memory(&chatd).await?;
    let listed = gateway.get("/v1/models").expect(200).await?;
    ensure!(listed["data"][0]["id"] == MODEL, "{listed}");
    ensure!(!is_loaded(&chatd).await?, "a listing has loaded it");

    let question = json!({"messages": [{"role": "user", "content": "What is the capital of France?"}],
        "temperature": 0, "max_tokens": 24});
    let answer = gateway.post("/v1/chat", &question).expect(200).await?;
    let text = answer["message"]["content"].as_str().unwrap_or_default();
    ensure!(text.contains("Paris") && answer["provider"] == "local", "{answer}");
    let loaded = memory(&chatd).await?;
    ensure!(loaded > before + 100, "{before} MB, with the model {loaded} MB");

    wait_for("the model to be released", Duration::from_secs(30), async || {
        ensure!(!is_loaded(&chatd).await?, "it is loaded");
        Ok(())
    })
    .await?;
    wait_for("its memory to be given back", Duration::from_secs(30), async || {
        let released = memory(&chatd).await?;
        ensure!(
            released < before + 40,
            "{before} MB before, {loaded} MB with the model, {released} MB after"
        );
        Ok(())
    })
    .await?;
    stack.stop().await?;
    stack.assert_quiet(&[])
}

#[tokio::test(flavor = "multi_thread")]
async fn draft_of_a_small_model_is_judged_and_never_called_good_when_it_breaks_a_rule() -> anyhow::Result<()>
{
    let mut stack = stack(&[Chatd, Matrixd, Gateway]).await?;
    let gateway = stack.gateway()?;
    let request = json!({"worker": {"name": "Ana Lopez", "phone": "+1 415 555 0132"}, "role": "Forklift Operator",
        "channel": "sms", "facts": {"location": "Dock 4, Seattle", "start": "Tue 1 Dec, 22:00"}});
    let answer = gateway.post("/v1/matrix/draft", &request).expect(200).await?;
    let is_by_model = answer["source"] == "model" && answer["model"] == MODEL;
    ensure!(is_by_model || answer["reason"].is_string(), "a template that does not say why: {answer}");

    // Judged once more, by the route that judges any draft.
    let draft = json!({"to": answer["draft"]["to"], "body": answer["draft"]["body"]});
    let verdict: Value = gateway.post("/v1/matrix/validate/sms", &draft).expect(200).await?;
    ensure!(answer["ok"] == verdict["ok"], "{answer} {verdict}");
    stack.stop().await?;
    stack.assert_quiet(&[])
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_are_cut_as_by_llama_cpp_with_the_same_file_and_answers_begin_alike() -> anyhow::Result<()> {
    let Some(server) = LlamaServer::start_or_skip("our model beside llama.cpp").await? else { return Ok(()) };
    testkit::pull_model(MODEL)?;
    let llama = format!(r#"{{name="llama",kind="openai",url="{}"}}"#, server.url());
    let mut stack = over(&[Chatd], &format!("{OWN},{llama}")).start().await?;
    let chatd = stack.http(Chatd)?;
    let questions =
        ["What is the capital of France?", "Name three tools of a carpenter.", "It costs 1234 €. Why?"];
    // Later on, near ties fall otherwise: sums are rounded in another order.
    for question in questions {
        let mut answers = Vec::new();
        for provider in ["local", "llama"] {
            // With a system message: without one llama.cpp puts that of the model's makers in front.
            let messages = json!([{"role": "system", "content": "You are a helpful AI assistant."},
                {"role": "user", "content": question}]);
            let request =
                json!({"provider": provider, "messages": messages, "temperature": 0, "max_tokens": 6});
            let answer = chatd.post("/chat", &request).expect(200).await?;
            answers.push((answer["message"]["content"].clone(), answer["usage"]["prompt_tokens"].clone()));
        }
        ensure!(answers[0] == answers[1], "{question} {answers:?}");
    }
    stack.stop().await?;
    stack.assert_quiet(&[])
}
