//! Rows appended to a table by ingestd and catalogd, and read by queryd.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::json;
use testkit::{Http, Reply, Stack};
use wire::DaemonName;

use super::{Acknowledged, Step, Workload};

pub(crate) struct Rows {
    ingestd: Http,
    queryd: Http,
}

impl Workload for Rows {
    const DAEMONS: &'static [DaemonName] = &[DaemonName::Catalogd, DaemonName::Ingestd, DaemonName::Queryd];

    async fn connect(stack: &Stack) -> anyhow::Result<Self> {
        let rows =
            Self { ingestd: stack.http(DaemonName::Ingestd)?, queryd: stack.http(DaemonName::Queryd)? };
        let tables = stack.http(DaemonName::Catalogd)?.get("/catalog/tables").expect(200).await?;
        if tables["tables"].as_array().is_none_or(Vec::is_empty) {
            let first = rows.ingestd.call(reqwest::Method::POST, "/ingest?table=test.crash&mode=create");
            first.body("text/csv", "step\nfirst\n").expect(200).await?;
        }
        Ok(rows)
    }

    async fn write(&self, step: Step) -> anyhow::Result<Reply> {
        let append = self.ingestd.call(reqwest::Method::POST, "/ingest?table=test.crash&mode=append");
        let append = append.header("idempotency-key", &step.name());
        append.body("text/csv", format!("step\n{}\n", step.name())).send().await
    }

    async fn verify(&self, acknowledged: &Acknowledged) -> anyhow::Result<()> {
        let sql = json!({"sql": "select step, count(*) from test.crash group by step"});
        let answer = self.queryd.post("/sql", &sql).expect(200).await?;
        let rows = answer["rows"].as_array().context("rows")?;
        let found: BTreeMap<&str, u64> =
            rows.iter().filter_map(|row| Some((row[0].as_str()?, row[1].as_u64()?))).collect();
        for step in acknowledged.steps() {
            let count = found.get(step.name().as_str());
            ensure!(count.is_some(), "the acknowledged row {} is lost; there are {found:?}", step.name());
        }
        for (step, count) in found {
            ensure!(count == 1, "row {step} is there {count} times");
        }
        Ok(())
    }
}
