//! The daemons: catalogd and ingestd for the tables, queryd for the answers.

use std::fs;
use std::path::Path;

use bench_kit::daemon::Daemon;
use tempfile::TempDir;

/// The running daemons; they end when this is dropped.
pub(crate) struct Stack {
    pub(crate) catalogd: Daemon,
    pub(crate) ingestd: Daemon,
    pub(crate) queryd: Daemon,
    /// Deleted after them.
    _folder: TempDir,
}

impl Stack {
    /// Starts the daemons that lie in `programs`.
    pub(crate) fn start(programs: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let warehouse =
            ("LAKEHOUSE_LAKE__WAREHOUSE", format!("file://{}", folder.path().join("warehouse").display()));
        let daemon = |name: &str, settings: Vec<(&'static str, String)>| {
            let own = folder.path().join(name);
            fs::create_dir_all(&own)?;
            Daemon::start(&programs.join(name), &own, settings)
        };
        let catalogd = daemon("catalogd", vec![warehouse.clone()])?;
        let peer = ("LAKEHOUSE_PEERS__CATALOGD", format!("http://{}", catalogd.address()));
        let ingestd = daemon("ingestd", vec![warehouse.clone(), peer.clone()])?;
        let queryd = daemon("queryd", vec![warehouse, peer])?;
        Ok(Self { catalogd, ingestd, queryd, _folder: folder })
    }
}
