//! Search over corpora and retrieve, against answers computed in the test from raw vectors; and several matrixd at once.

mod corpora;
pub(crate) mod oracle;
mod replicas;
mod result_cache;
mod retrieve;

use anyhow::Context;
use serde_json::{Value, json};
use testkit::{Builder, Http, Stack};
use wire::DaemonName;
use wire::packed::pack;

/// The same daemons as in `stack` are the peers of what `builder` starts.
fn beside(stack: &Stack, builder: Builder) -> Builder {
    let url = |builder: Builder, daemon: &testkit::Daemon| {
        builder.env(&format!("LAKEHOUSE_PEERS__{}", daemon.name().as_str().to_uppercase()), daemon.url())
    };
    stack.daemons().fold(builder, url)
}

/// Another matrixd on the peers of `stack`.
async fn replica_of_matrixd(stack: &Stack, settings: &[(&'static str, &str)]) -> anyhow::Result<Stack> {
    let builder = beside(stack, Stack::of(&[DaemonName::Matrixd]));
    builder.envs(settings.iter().map(|(key, value)| (*key, *value))).start().await
}

async fn create(vectord: &Http, name: &str, dimension: usize, distance: &str) -> anyhow::Result<()> {
    let index = json!({"name": name, "dimension": dimension, "distance": distance});
    vectord.post("/vectors/index", &index).expect(201).await.map(drop)
}

/// An item on its way to vectord.
fn item(id: &str, vector: &[f32], metadata: &Value) -> Value {
    json!({"id": id, "vector_b64": pack(vector), "metadata": metadata})
}

async fn add(vectord: &Http, index: &str, items: &[Value]) -> anyhow::Result<()> {
    for items in items.chunks(500) {
        vectord.post(&format!("/vectors/index/{index}/add"), &json!({"items": items})).expect(200).await?;
    }
    Ok(())
}

/// The vectors of texts, as matrixd gets them for queries.
async fn embed(embedd: &Http, texts: &[&str]) -> anyhow::Result<Vec<Vec<f32>>> {
    let answer = embedd.post("/embed", &json!({"texts": texts, "kind": "query"})).expect(200).await?;
    serde_json::from_value(answer["vectors"].clone()).context("vectors")
}

/// The results of an answer, or its rows.
fn hits<'a>(answer: &'a Value, key: &str) -> anyhow::Result<&'a [Value]> {
    answer[key].as_array().map(Vec::as_slice).with_context(|| format!("{key} in {answer}"))
}
