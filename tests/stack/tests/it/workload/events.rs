//! Events recorded by observerd.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::{Http, Reply, Stack};
use wire::DaemonName;

use super::{Acknowledged, Step, Workload};

pub(crate) struct Events(Http);

impl Workload for Events {
    const DAEMONS: &'static [DaemonName] = &[DaemonName::Observerd];

    async fn connect(stack: &Stack) -> anyhow::Result<Self> {
        Ok(Self(stack.http(DaemonName::Observerd)?))
    }

    async fn write(&self, step: Step) -> anyhow::Result<Reply> {
        let event = json!({"id": step.name(), "kind": "crash.test", "time": "2026-01-01T00:00:00Z", "attributes": {}});
        self.0.post("/observer/events", &json!({"events": [event]})).send().await
    }

    async fn verify(&self, acknowledged: &Acknowledged) -> anyhow::Result<()> {
        let mut found = BTreeSet::new();
        let mut after = String::new();
        loop {
            let page = self.0.get(&format!("/observer/events?limit=1000{after}")).expect(200).await?;
            for event in page["events"].as_array().context("events")? {
                found.insert(event["id"].as_str().context("id")?.to_owned());
            }
            match &page["next"] {
                Value::Null => break,
                next => after = format!("&after={next}"),
            }
        }
        let lost: Vec<_> = acknowledged.steps().filter(|step| !found.contains(&step.name())).collect();
        ensure!(lost.is_empty(), "acknowledged events are lost: {lost:?}");
        Ok(())
    }
}
