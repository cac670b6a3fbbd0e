//! What the measurements over HTTP share: a vectord that holds the workers, and the setting at which it answers well enough.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use bench_kit::progress::say;
use tempfile::TempDir;
use wire::vectors::IndexInfo;

use super::RECALL;
use crate::corpus::{self, Encoding, KeptAnswers, Searches};
use crate::daemon::Daemon;
use crate::data::{Dataset, Judge, K, Matrix};
use crate::tools::Tools;
use bench_kit::load::{self, Load, NO_LIMIT, Pace};

/// The largest setting that is tried.
const MAX_EF: usize = 1024;
const SWEEP_CONNECTIONS: usize = 4;

/// A vectord with an index of workers.
pub(crate) struct Served {
    pub(crate) daemon: Daemon,
    /// After the load.
    pub(crate) info: IndexInfo,
    /// Last: the daemon's files outlive the daemon.
    folder: TempDir,
}

impl Served {
    /// Starts a vectord and loads `base` into it.
    pub(crate) fn start(program: Option<&Path>, base: &Matrix, tools: &Tools) -> anyhow::Result<Self> {
        let folder = tools.scratch()?;
        let daemon = Daemon::start(&vectord(program)?, folder.path())?;
        let info = corpus::load(&daemon, base)?;
        Ok(Self { daemon, info, folder })
    }

    /// Stops the daemon and starts it again on the same data.
    pub(crate) fn restart(self, program: Option<&Path>) -> anyhow::Result<Self> {
        let Self { daemon, info, folder } = self;
        daemon.stop()?;
        let daemon = Daemon::start(&vectord(program)?, folder.path())?;
        Ok(Self { daemon, info, folder })
    }

    /// The smallest `ef` at which recall@10 over HTTP reaches [`RECALL`], and that recall.
    pub(crate) fn find_ef(&self, dataset: &Dataset) -> anyhow::Result<(usize, f64)> {
        say(&format!("Looking for the ef at which recall@10 reaches {RECALL}."));
        let (mut too_small, mut enough) = (K - 1, None);
        while enough.is_none_or(|(ef, _)| ef - too_small > 1) {
            let ef = enough.map_or(MAX_EF, |(ef, _): (usize, f64)| usize::midpoint(too_small, ef));
            let recall = self.recall(dataset, ef)?;
            if recall >= RECALL {
                enough = Some((ef, recall));
            } else {
                ensure!(ef < MAX_EF, "recall@10 is {recall:.4} even at ef {ef}");
                too_small = ef;
            }
        }
        enough.context("the search for ef found none")
    }

    fn recall(&self, dataset: &Dataset, ef: usize) -> anyhow::Result<f64> {
        let mut searches = Searches::new(&dataset.queries, Encoding::Base64, ef)?;
        let mut kept = KeptAnswers::new(&mut searches);
        let load = Load {
            address: self.daemon.address(),
            connections: SWEEP_CONNECTIONS,
            pace: Pace::Closed,
            duration: NO_LIMIT,
            max_requests: dataset.queries.len() as u64,
        };
        let outcome = load::run(&load, &mut kept)?;
        ensure!(outcome.failed == 0, "a search failed: {}", outcome.first_failure.unwrap_or_default());
        Ok(Judge::new(dataset).recall(&kept.found))
    }
}

/// The daemon's program: `given`, or the one beside this program.
pub(crate) fn vectord(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    match given {
        Some(given) => Ok(given.to_owned()),
        None => Ok(env::current_exe()?.with_file_name("vectord")),
    }
}
