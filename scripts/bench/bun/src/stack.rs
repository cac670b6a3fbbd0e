//! The daemons that a search goes through, and the workers that it is among.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use bench_kit::daemon::Daemon;
use bench_kit::http::post;
use bench_kit::progress;
use lakectl::corpus::{METADATA_COLUMNS, Worker};
use serde_json::Value;
use tempfile::TempDir;
use wire::DaemonName;
use wire::embed::{EmbedRequest, EmbedResponse, TextKind, VectorEncoding};
use wire::metadata::RawObject;
use wire::vectors::{AddItems, CreateIndex, Distance, NewItem};

pub(crate) const CORPUS: &str = "workers";
/// Workers embedded and added at once.
const BATCH: usize = 64;

/// The daemons are killed when this is dropped, before their folder goes.
pub(crate) struct Stack {
    pub(crate) gateway: Daemon,
    _behind: Vec<Daemon>,
    _folder: TempDir,
}

impl Stack {
    /// Starts the daemons of `binaries` with their defaults.
    pub(crate) fn start(binaries: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("bench-bun-").tempdir()?;
        let mut settings: Vec<(&'static str, String)> = Vec::new();
        let start = |name: DaemonName, settings: &[(&'static str, String)]| {
            Daemon::start(&binaries.join(name.as_str()), folder.path(), settings.iter().cloned())
                .with_context(|| format!("start {name}"))
        };
        let behind = [
            (DaemonName::Embedd, "LAKEHOUSE_PEERS__EMBEDD"),
            (DaemonName::Vectord, "LAKEHOUSE_PEERS__VECTORD"),
            (DaemonName::Pathwayd, "LAKEHOUSE_PEERS__PATHWAYD"),
            (DaemonName::Matrixd, "LAKEHOUSE_PEERS__MATRIXD"),
        ];
        let mut daemons = Vec::new();
        for (name, variable) in behind {
            let daemon = start(name, &settings)?;
            settings.push((variable, format!("http://{}", daemon.address())));
            daemons.push(daemon);
        }
        let gateway = start(DaemonName::Gateway, &settings)?;
        Ok(Self { gateway, _behind: daemons, _folder: folder })
    }

    /// Embeds and indexes the workers.
    pub(crate) fn load(&self, workers: &[Worker]) -> anyhow::Result<()> {
        let mut client = self.gateway.client()?;
        let bar = progress::bar(workers.len() as u64, "workers");
        for (batch, workers) in workers.chunks(BATCH).enumerate() {
            let request = EmbedRequest {
                texts: workers.iter().map(Worker::text).collect(),
                model: None,
                kind: Some(TextKind::Document),
                encoding: VectorEncoding::Base64,
            };
            let answer: EmbedResponse = client.exchange(&post("/v1/embed", &request)?, |reply| {
                ensure!(reply.status == 200, "embedd answered {reply}");
                Ok(serde_json::from_slice(reply.body)?)
            })?;
            if batch == 0 {
                let (name, dimension) = (CORPUS.to_owned(), answer.dimension);
                let index = CreateIndex { name, dimension, distance: Distance::Cosine };
                client.send(&post("/v1/vectors/index", &index)?)?;
            }
            let items = workers.iter().zip(answer.vectors_b64).map(|(worker, vector)| {
                let (id, vector_b64) = (worker.worker_id.clone(), Some(vector));
                Ok(NewItem { id, vector_b64, metadata: metadata(worker)?, ..NewItem::default() })
            });
            let items = AddItems { items: items.collect::<anyhow::Result<_>>()? };
            client.send(&post(&format!("/v1/vectors/index/{CORPUS}/add"), &items)?)?;
            bar.inc(workers.len() as u64);
        }
        bar.finish_and_clear();
        Ok(())
    }
}

/// What an index job would take along.
fn metadata(worker: &Worker) -> anyhow::Result<RawObject> {
    let Value::Object(mut columns) = serde_json::to_value(worker)? else { bail!("a worker is no object") };
    columns.retain(|name, _| METADATA_COLUMNS.contains(&name.as_str()));
    Ok(columns.into())
}
