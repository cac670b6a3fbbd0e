//! Pathways added to pathwayd.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::{Http, Reply, Stack};
use wire::DaemonName;

use super::{Acknowledged, Step, Workload};

pub(crate) struct Pathways(Http);

impl Workload for Pathways {
    const DAEMONS: &'static [DaemonName] = &[DaemonName::Pathwayd];

    async fn connect(stack: &Stack) -> anyhow::Result<Self> {
        Ok(Self(stack.http(DaemonName::Pathwayd)?))
    }

    async fn write(&self, step: Step) -> anyhow::Result<Reply> {
        let pathway = json!({"goal": step.name(), "steps": ["call", "confirm"], "score": 0.5});
        self.0.post("/pathways", &pathway).header("idempotency-key", &step.name()).send().await
    }

    async fn verify(&self, acknowledged: &Acknowledged) -> anyhow::Result<()> {
        let mut goals: BTreeMap<String, usize> = BTreeMap::new();
        let mut after = String::new();
        loop {
            let page = self.0.get(&format!("/pathways?limit=1000{after}")).expect(200).await?;
            for pathway in page["pathways"].as_array().context("pathways")? {
                *goals.entry(pathway["goal"].as_str().context("goal")?.to_owned()).or_default() += 1;
            }
            match &page["next"] {
                Value::String(next) => after = format!("&after={next}"),
                _ => break,
            }
        }
        for step in acknowledged.steps() {
            let count = goals.get(&step.name()).copied().unwrap_or(0);
            ensure!(count == 1, "the acknowledged pathway {} is there {count} times", step.name());
        }
        Ok(())
    }
}
