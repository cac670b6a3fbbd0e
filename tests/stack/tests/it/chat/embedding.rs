//! An embedd whose model another embedd runs, which it takes for an Ollama.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::{Stack, lakectl};
use wire::DaemonName::Embedd;

use crate::search::oracle::cosine;

const MODEL: &str = "all-MiniLM-L6-v2";
/// The same model under the name by which the second embedd asks for it: its own would be another one.
const ALIAS: &str = "minilm";
/// What float32 in JSON, read and normalised again, may differ by.
const TOLERANCE: f64 = 1e-5;

/// A folder of model files where the built-in model has a second name.
fn models_with_an_alias(folder: &Path) -> anyhow::Result<()> {
    let pulled: Value = serde_json::from_slice(&lakectl(&["models", "pull", "--json"])?)?;
    let files = Path::new(pulled["models_dir"].as_str().context("models_dir")?).join(MODEL);
    for name in [MODEL, ALIAS] {
        symlink(&files, folder.join(name))?;
    }
    let registry = testkit::repository().join("crates/models/src/registry.toml");
    let registry = fs::read_to_string(registry)?;
    let (built_in, _) = registry.split_once("[[models.packages]]").context("packages")?;
    let alias = built_in.replace(&format!("name = \"{MODEL}\""), &format!("name = \"{ALIAS}\""));
    Ok(fs::write(folder.join("registry.toml"), alias)?)
}

/// What `stack` answers to texts, one of them longer than the model reads.
async fn embed(stack: &Stack, model: &str) -> anyhow::Result<(Vec<Vec<f32>>, Value)> {
    let texts = [
        "forklift operator, night shift",
        "Gabelstaplerfahrer 世界",
        &"welder ".repeat(1000),
        "CNC operator",
    ];
    let answer =
        stack.http(Embedd)?.post("/embed", &json!({"texts": texts, "model": model})).expect(200).await?;
    let vectors = serde_json::from_value(answer["vectors"].clone()).context("vectors")?;
    Ok((vectors, answer["truncated"].clone()))
}

#[tokio::test]
async fn vectors_through_an_embedd_that_asks_another_are_those_of_the_other() -> anyhow::Result<()> {
    let models = tempfile::tempdir()?;
    models_with_an_alias(models.path())?;
    let mut first = Stack::of(&[Embedd]).env("LAKEHOUSE_EMBEDD__MODELS_DIR", models.path()).start().await?;
    let url = first.http(Embedd)?.url("");
    let provider = format!(r#"[{{name="first",kind="ollama",url="{url}",models=["{ALIAS}"]}}]"#);
    let mut second = Stack::of(&[Embedd]).env("LAKEHOUSE_EMBEDD__PROVIDERS", provider).start().await?;

    let (expected, cut) = embed(&first, MODEL).await?;
    ensure!(cut[0]["index"] == 2, "{cut}");
    let (found, cut) = embed(&second, ALIAS).await?;
    ensure!(cut[0]["index"] == 2, "{cut}");
    let distances: Vec<f64> = expected.iter().zip(&found).map(|(a, b)| cosine(a, b)).collect();
    ensure!(distances.len() == 4 && distances.iter().all(|distance| *distance < TOLERANCE), "{distances:?}");

    // The second has asked, and not computed by itself.
    first.stop().await?;
    let request = json!({"texts": ["roofer"], "model": ALIAS});
    let refused = second.http(Embedd)?.post("/embed", &request).send().await?;
    refused.expect_problem(wire::ErrorCode::Unavailable)?;
    second.stop().await?;
    first.assert_quiet(&[])
}
