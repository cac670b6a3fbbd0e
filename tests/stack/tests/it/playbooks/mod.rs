//! The playbook memory as its users have it: recorded, listed, deleted, moved elsewhere, measured.

mod bleed;
mod lifetime;
mod policy;
mod transfer;

use anyhow::{Context, ensure};
use serde_json::{Map, Value, json};
use testkit::{Http, Stack};
use wire::DaemonName;

/// What the learning loop needs.
const DAEMONS: [DaemonName; 5] =
    [DaemonName::Embedd, DaemonName::Vectord, DaemonName::Pathwayd, DaemonName::Matrixd, DaemonName::Gateway];

/// People, in words.
const PEOPLE: [(&str, &str); 6] = [
    ("ana", "forklift operator in Tulsa, night shift, five years in warehouses"),
    ("bo", "forklift operator in Dallas, day shift, certified on reach trucks"),
    ("cy", "welder in Houston, TIG and MIG, pipelines"),
    ("di", "machinist in Tulsa, CNC mills and lathes"),
    ("ed", "nurse assistant in Austin, hospital, night shift"),
    ("flo", "truck driver in El Paso, long haul"),
];

/// A stack whose corpus `people` holds [`PEOPLE`].
pub(crate) async fn start() -> anyhow::Result<Stack> {
    let stack = Stack::of(&DAEMONS).start().await?;
    people_come_in(&stack.gateway()?).await?;
    Ok(stack)
}

/// Fills the corpus `people` with [`PEOPLE`].
pub(crate) async fn people_come_in(gateway: &Http) -> anyhow::Result<()> {
    let texts: Vec<&str> = PEOPLE.iter().map(|(_, text)| *text).collect();
    let embedded = gateway.post("/v1/embed", &json!({ "texts": texts })).expect(200).await?;
    let index = json!({"name": "people", "dimension": embedded["dimension"]});
    gateway.post("/v1/vectors/index", &index).expect(201).await?;
    let vectors = embedded["vectors"].as_array().context("vectors")?;
    let item = |((id, text), vector): (&(&str, &str), &Value)| json!({"id": id, "vector": vector, "metadata": {"text": text}});
    let items: Vec<Value> = PEOPLE.iter().zip(vectors).map(item).collect();
    gateway.post("/v1/vectors/index/people/add", &json!({ "items": items })).expect(200).await?;
    Ok(())
}

/// Another gateway and matrixd over the same data, with settings of their own.
async fn beside(stack: &Stack, settings: &[(&str, &str)]) -> anyhow::Result<Stack> {
    let own = [DaemonName::Matrixd, DaemonName::Gateway];
    let shared = stack.daemons().filter(|daemon| !own.contains(&daemon.name()));
    let builder = shared.fold(Stack::of(&own), |builder, daemon| {
        builder.env(&format!("LAKEHOUSE_PEERS__{}", daemon.name().as_str().to_uppercase()), daemon.url())
    });
    let set = |builder: testkit::Builder, (key, value): &(&str, &str)| {
        builder.env_of(DaemonName::Matrixd, &format!("LAKEHOUSE_MATRIXD__{key}"), *value)
    };
    settings.iter().fold(builder, set).start().await
}

/// Records that `answer` worked for `query`, as `more` says; the playbook's id.
pub(crate) async fn record(gateway: &Http, query: &str, answer: &str, more: Value) -> anyhow::Result<String> {
    let mut outcome = json!({"query_text": query, "corpus": "people", "answer_id": answer, "score": 1.0});
    extend(&mut outcome, more);
    let recorded = gateway.post("/v1/matrix/playbooks/record", &outcome).expect(201).await?;
    ensure!(recorded["indexed"] == true, "{recorded}");
    recorded["playbook_id"].as_str().map(str::to_owned).context("playbook_id")
}

/// A search with playbooks and their explanation.
pub(crate) async fn search(gateway: &Http, query: &str, more: Value) -> anyhow::Result<Value> {
    let mut request =
        json!({"query_text": query, "corpora": ["people"], "k": 3, "use_playbook": true, "explain": true});
    extend(&mut request, more);
    gateway.post("/v1/matrix/search", &request).expect(200).await
}

fn extend(object: &mut Value, more: Value) {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(Map::from_iter(more));
    }
}

/// Who is found, and by how much each was drawn nearer: 1 where nothing moved it.
pub(crate) fn found(answer: &Value) -> Vec<(String, f64)> {
    let hit = |hit: &Value| {
        let ratio = hit["distance"].as_f64()? / hit["base_distance"].as_f64()?;
        Some((hit["id"].as_str()?.to_owned(), (ratio * 1e4).round() / 1e4))
    };
    answer["results"].as_array().into_iter().flatten().filter_map(hit).collect()
}

/// How much nearer `id` was drawn; `None` if it was not found.
pub(crate) fn drawn(answer: &Value, id: &str) -> Option<f64> {
    found(answer).into_iter().find(|(found, _)| found == id).map(|(_, ratio)| ratio)
}
