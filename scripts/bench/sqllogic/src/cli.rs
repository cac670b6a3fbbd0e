//! What the command line takes.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command as Process;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use bench_kit::machine::{Build, Machine};
use bench_kit::progress::{Progress, say};
use clap::Parser;
use jiff::Timestamp;
use serde_json::Value;

use crate::engines::{Engine, Stack};
use crate::outcome::{Outcome, Place};
use crate::report::{Record, Results};
use crate::suite::{Suite, run};

const EXAMPLES: &str = "\
Examples:
  bench-sqllogic                                  all files; writes sqllogictest.json and sqllogictest.md
  bench-sqllogic --only joins --out /tmp/look     the files with `joins` in their name

`make prove-sql` builds it and the daemons.";

/// Runs DataFusion's sqllogictest files through our settings and rules, and through queryd.
#[derive(Debug, Parser)]
#[command(name = "bench-sqllogic", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// The source of DataFusion's driver. Default: where cargo has it.
    #[arg(long, value_name = "DIR")]
    source: Option<PathBuf>,
    /// Where the daemons are. Default: beside this program.
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// A part of the names of the files that shall run.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Where the record and the page go.
    #[arg(long, default_value = "reports/bench", value_name = "DIR")]
    out: PathBuf,
}

impl Cli {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()?;
        // Spawned, so that it runs on a thread with a large stack.
        runtime.block_on(async { tokio::spawn(self.prove()).await? })
    }

    async fn prove(self) -> anyhow::Result<()> {
        let (machine, build, started) = (Machine::look(), Build::look(), Instant::now());
        fs::create_dir_all(&self.out)?;
        let out = fs::canonicalize(&self.out)?;
        let source = self.source.map_or_else(driver_source, Ok)?;
        let programs = match self.programs {
            Some(programs) => fs::canonicalize(programs)?,
            None => env::current_exe()?.parent().context("this program is in a folder")?.to_owned(),
        };
        let stack = Arc::new(Stack::start(&programs)?);
        let suite = Suite::enter(&source, self.only.as_deref())?;
        let progress = Progress::new(suite.files.len(), "files");
        let mut results = Results::default();
        for file in &suite.files {
            progress.begin(&file.display().to_string());
            for engine in Engine::ALL {
                let (file, stack) = (file.clone(), Arc::clone(&stack));
                let name = file.display().to_string();
                // On a task of its own: what panics fails, and ends nothing else.
                let outcomes = tokio::spawn(async move { run(&file, engine, &stack).await }).await;
                let outcomes = outcomes.map_err(anyhow::Error::from).flatten();
                results.add(engine, outcomes.unwrap_or_else(|error| vec![whole_file(name, &error)]));
            }
            progress.end(1);
        }
        drop(progress);
        let record = Record {
            date: Timestamp::now(),
            elapsed_s: started.elapsed().as_secs_f64(),
            machine,
            build,
            files: suite.files.len(),
            counts: results.counts(),
            deviations: results.deviations(),
        };
        record.save(&out)?;
        say(&format!("Written to {}.", out.join("sqllogictest.md").display()));
        let unexplained = record.unexplained().count();
        ensure!(unexplained == 0, "{unexplained} deviations are not explained");
        Ok(())
    }
}

/// The outcome of a file that cannot be run to its end.
fn whole_file(file: String, error: &anyhow::Error) -> (Place, Outcome) {
    (Place { file, line: 0, sql: String::new() }, Outcome::Failed(format!("{error:#}")))
}

/// Some statements of the files nest deeply, and a build without optimisation takes much for each level.
const STACK_BYTES: usize = 64 << 20;

/// Where cargo has put the source of the driver that this program is built with.
fn driver_source() -> anyhow::Result<PathBuf> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let output = Process::new("cargo")
        .args(["metadata", "--locked", "--format-version", "1", "--manifest-path", manifest])
        .output()
        .context("cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let driver = packages.iter().find(|package| package["name"] == "datafusion-sqllogictest");
    let manifest =
        driver.and_then(|driver| driver["manifest_path"].as_str()).context("the driver is no dependency")?;
    Ok(PathBuf::from(manifest).parent().context("a manifest is in a folder")?.to_owned())
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
