//! The four daemons of the learning loop, with nothing recorded yet.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use bench_kit::daemon::Daemon;
use bench_kit::progress;
use client::{PeerUrls, Peers};
use tempfile::TempDir;
use wire::embed::{EmbedRequest, TextKind, VectorEncoding};
use wire::vectors::{CreateIndex, Distance, NewItem};
use wire::{CallContext, DaemonName};

use crate::titles::Occupation;

pub(crate) const CORPUS: &str = "occupations";
/// Occupations embedded and added at once.
const BATCH: usize = 128;
const PATIENCE: Duration = Duration::from_secs(600);

/// A stack whose corpus holds the occupations.
pub(crate) struct Stack {
    pub(crate) peers: Peers,
    /// Killed when this is dropped, before their folder goes.
    _daemons: Vec<Daemon>,
    _folder: TempDir,
}

/// A call that may take its time.
pub(crate) fn call() -> CallContext {
    CallContext::root(PATIENCE)
}

impl Stack {
    /// Starts the daemons of `binaries` with their defaults.
    pub(crate) fn start(binaries: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("bench-learning-").tempdir()?;
        let (mut daemons, mut urls) = (Vec::new(), PeerUrls::default());
        let mut settings: Vec<(&'static str, String)> = Vec::new();
        let order = [
            (DaemonName::Embedd, "LAKEHOUSE_PEERS__EMBEDD"),
            (DaemonName::Vectord, "LAKEHOUSE_PEERS__VECTORD"),
            (DaemonName::Pathwayd, "LAKEHOUSE_PEERS__PATHWAYD"),
            (DaemonName::Matrixd, "LAKEHOUSE_PEERS__MATRIXD"),
        ];
        for (name, variable) in order {
            let daemon = Daemon::start(&binaries.join(name.as_str()), folder.path(), settings.clone())
                .with_context(|| format!("start {name}"))?;
            let url = format!("http://{}", daemon.address());
            urls.set(name, url.clone());
            settings.push((variable, url));
            daemons.push(daemon);
        }
        Ok(Self { peers: Peers::new(urls)?, _daemons: daemons, _folder: folder })
    }

    /// Embeds and indexes the occupations.
    pub(crate) async fn load(&self, occupations: &[Occupation]) -> anyhow::Result<()> {
        let bar = progress::bar(occupations.len() as u64, "occupations");
        for (batch, occupations) in occupations.chunks(BATCH).enumerate() {
            let request = EmbedRequest {
                texts: occupations.iter().map(|occupation| occupation.text.clone()).collect(),
                model: None,
                kind: Some(TextKind::Document),
                encoding: VectorEncoding::Base64,
            };
            let answer = self.peers.embedd().embed(&call(), &request).await?;
            ensure!(answer.vectors_b64.len() == occupations.len(), "embedd left some out");
            if batch == 0 {
                let index = CreateIndex {
                    name: CORPUS.to_owned(),
                    dimension: answer.dimension,
                    distance: Distance::Cosine,
                };
                self.peers.vectord().create_index(&call(), &index).await?;
            }
            let items = occupations.iter().zip(answer.vectors_b64).map(|(occupation, vector)| NewItem {
                id: occupation.id.clone(),
                vector_b64: Some(vector),
                ..NewItem::default()
            });
            self.peers.vectord().add(&call(), CORPUS, items.collect()).await?;
            bar.inc(occupations.len() as u64);
        }
        bar.finish_and_clear();
        Ok(())
    }
}
