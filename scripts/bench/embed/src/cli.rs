//! What the command line takes.

use std::path::{Path, PathBuf};

use anyhow::Context;
use bench_kit::machine::{Build, CpuWatch, Machine};
use clap::{Parser, ValueEnum};

use crate::daemon::{Embedd, Place};
use crate::lanes::{self, Plan};
use crate::report::{Found, Record};
use crate::{quality, rates};

const EXAMPLES: &str = "\
Examples:
  bench-embed                                      a quarter of an hour; reports/bench/embed.json and .md
  bench-embed --only rates --only quality --rounds 1 --rate-texts 64 --rate-seconds 2 --out /tmp/look

`make prove-embed` builds it, installs what it is compared with, and runs it. Quality is measured on data that LAKEHOUSE_EVAL_DATA names.";

/// Measures embedd's own models: speed, quality, and single queries under full bulk load.
#[derive(Debug, Parser)]
#[command(name = "bench-embed", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// Where the record and its page go.
    #[arg(long, default_value = "reports/bench", value_name = "DIR")]
    out: PathBuf,
    /// The folder of the daemons and of lakectl. Default: that of this program.
    #[arg(long, value_name = "DIR")]
    binaries: Option<PathBuf>,
    /// The Python that has the packages which embedd is compared with.
    #[arg(long, env = "LAKEHOUSE_EMBED_PYTHON", default_value = "python3", value_name = "PROGRAM")]
    python: PathBuf,
    /// No more than this part; may be given again. The bars of what is left out are missed.
    #[arg(long, value_enum)]
    only: Vec<Part>,
    #[command(flatten)]
    plan: Plan,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Texts a second, beside ONNX Runtime and of the static model.
    Rates,
    /// Cosines to other runtimes, and nDCG@10 on titles of occupations.
    Quality,
    /// Searches beside bulk work.
    Lanes,
}

impl Cli {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let own = std::env::current_exe().context("find this program")?;
        let beside = own.parent().map(Path::to_owned).unwrap_or_default();
        let binaries = self.binaries.clone().unwrap_or(beside);
        let (machine, build, watch) = (Machine::look(), Build::look(), CpuWatch::start());
        let place = Place::prepare(&binaries)?;
        let found = self.measure(&place)?;
        Record::new(self.plan, machine, build, watch.others(), place.distillation, found).save(&self.out)
    }

    fn measure(&self, place: &Place) -> anyhow::Result<Found> {
        let is_wanted = |part| self.only.is_empty() || self.only.contains(&part);
        let mut found = Found::default();
        if is_wanted(Part::Rates) {
            found.beside_onnx = rates::beside_onnx(place, &self.python, &self.plan)?;
        }
        let embedd = Embedd::start(place, 0)?;
        if is_wanted(Part::Rates) {
            found.beside_static = Some(rates::beside_static(&embedd, &self.plan)?);
        }
        if is_wanted(Part::Quality)
            && let Some(titles) = quality::titles()
        {
            found.quality = Some(quality::measure(&embedd, place, &self.python, &titles)?);
        }
        if is_wanted(Part::Lanes) {
            found.lanes = lanes::measure(&self.plan, &embedd)?;
        }
        embedd.daemon.stop()?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
