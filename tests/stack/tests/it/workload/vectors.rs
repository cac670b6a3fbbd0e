//! Items added to and deleted from an index of vectord.

use anyhow::{Context, ensure};
use serde_json::json;
use testkit::{Http, Reply, Stack};
use wire::DaemonName;

use super::{Acknowledged, Step, Workload};

const INDEX: &str = "/vectors/index/crash";
/// Every third step deletes what the step before added.
const DELETE_EVERY: usize = 3;

pub(crate) struct Vectors(Http);

impl Workload for Vectors {
    const DAEMONS: &'static [DaemonName] = &[DaemonName::Vectord];

    async fn connect(stack: &Stack) -> anyhow::Result<Self> {
        let http = stack.http(DaemonName::Vectord)?;
        let index = json!({"name": "crash", "dimension": 4, "distance": "euclidean"});
        let created = http.post("/vectors/index", &index).send().await?;
        ensure!(created.is_success(), "{created}");
        Ok(Self(http))
    }

    async fn write(&self, step: Step) -> anyhow::Result<Reply> {
        if is_delete(step.n) {
            let ids = [Step { n: step.n - 1, ..step }.name()];
            return self.0.post(&format!("{INDEX}/delete"), &json!({"ids": ids})).send().await;
        }
        let item = json!({"id": step.name(), "vector": vector(step), "metadata": {"n": step.n}});
        self.0.post(&format!("{INDEX}/add"), &json!({"items": [item]})).send().await
    }

    async fn verify(&self, acknowledged: &Acknowledged) -> anyhow::Result<()> {
        for (writer, steps) in acknowledged.by_writer() {
            for n in steps.clone().filter(|n| !is_delete(*n)) {
                let step = Step { writer, n };
                let found = self.0.get(&format!("{INDEX}/items/{}", step.name())).send().await?;
                match n + 1 {
                    next if !is_delete(next) => {
                        let item = found.expect(200).context("an added item")?;
                        ensure!(item["vector"] == json!(vector(step)), "{item}");
                        ensure!(item["metadata"]["n"] == n, "{item}");
                    }
                    next if steps.contains(&next) => {
                        found.expect(404).context("a deleted item")?;
                    }
                    // Its deletion was under way.
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

fn is_delete(n: usize) -> bool {
    n % DELETE_EVERY == DELETE_EVERY - 1
}

/// Small whole numbers, which `f32` and JSON both hold exactly.
fn vector(step: Step) -> [f32; 4] {
    [step.writer as f32, step.n as f32, 1.0, -1.0]
}
