//! What the command line takes.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use bench_kit::machine::{Build, CpuWatch, Machine};
use clap::Parser;

use crate::measure::{Plan, measure};
use crate::report::Record;
use crate::titles::Titles;

const EXAMPLES: &str = "\
Examples:
  bench-learning                         all titles: ten minutes; reports/bench/learning.json and .md
  bench-learning --asked 2000 --out /tmp/look

The evaluation data are found by --data or LAKEHOUSE_EVAL_DATA; `make prove-learning` builds and runs it.";

/// Measures uplift and harm of playbooks on alternate titles of occupations.
#[derive(Debug, Parser)]
#[command(name = "bench-learning", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// The folder of the evaluation data.
    #[arg(long, env = "LAKEHOUSE_EVAL_DATA", default_value = "../shared/data", value_name = "DIR")]
    data: PathBuf,
    /// Where the record and its page go.
    #[arg(long, default_value = "reports/bench", value_name = "DIR")]
    out: PathBuf,
    /// The folder of the daemons. Default: that of this program.
    #[arg(long, value_name = "DIR")]
    binaries: Option<PathBuf>,
    #[command(flatten)]
    plan: Plan,
}

impl Cli {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let folder = self.data.join("onet_29_1/beir_alttitle_to_occupation");
        ensure!(
            folder.is_dir(),
            "the evaluation data are not in {}: set LAKEHOUSE_EVAL_DATA",
            self.data.display()
        );
        let titles = Titles::read(&folder).context("read the titles")?;
        let own = std::env::current_exe().context("find this program")?;
        let beside = own.parent().map(std::path::Path::to_owned).unwrap_or_default();
        let binaries = self.binaries.unwrap_or(beside);
        let (machine, build, watch) = (Machine::look(), Build::look(), CpuWatch::start());
        let runs = measure(&titles, &self.plan, &binaries)?;
        Record::new(self.plan, machine, build, watch.others(), runs).save(&self.out)
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
