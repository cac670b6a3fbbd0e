//! `lakectl audit full`: eight phases, twelve required checks, one report.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, anyhow, ensure};
use distillation::{Baseline, RunFolder, append_baseline};
use jiff::Timestamp;

use super::check::{self, Check, PHASES};
use super::drift::{Drift, Tolerance};
use super::report::Report;
use super::{KnowledgeBase, acceptance, artifacts, collect, environment, replay};
use crate::output;
use crate::session::{Connection, Session};

/// Who appends baselines here.
const WRITER: &str = "lakectl";

/// Arguments of `lakectl audit full`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Append the counts of the run to the log of baselines, if every check passes.
    #[arg(long)]
    append_baseline: bool,
    /// The run to look at; the newest one if absent, and a first one is collected where there is none.
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Collect a new run first, and look at that.
    #[arg(long, conflicts_with = "run")]
    collect: bool,
    /// What phase 1 runs in a shell; it passes when that exits with 0.
    #[arg(long, value_name = "COMMAND", default_value = "cargo test --locked --workspace")]
    test_command: String,
    /// Golden cases, as JSON; those that are built in if absent.
    #[arg(long, value_name = "FILE")]
    golden: Option<PathBuf>,
    /// Where the report goes.
    #[arg(long, value_name = "DIR", default_value = "reports/cutover")]
    reports: PathBuf,
    #[command(flatten)]
    tolerance: Tolerance,
    #[command(flatten)]
    kb: KnowledgeBase,
    #[command(flatten)]
    connection: Connection,
}

/// An audit under way.
struct Audit<'a> {
    args: &'a Args,
    as_json: bool,
    session: Session,
    report: Report,
}

pub(super) async fn run(args: &Args, as_json: bool) -> anyhow::Result<()> {
    let began = Instant::now();
    let session = args.connection.open()?;
    let mut audit = Audit { args, as_json, session, report: Report::new(&args.connection.gateway) };
    audit.environment().await?;
    let folder = audit.run_folder().await;
    audit.artifacts(&folder)?;
    audit.acceptance().await?;
    audit.replay(&folder).await?;

    audit.report.conclude();
    audit.compare(&folder)?;
    audit.report.took_s = began.elapsed().as_secs_f64();
    audit.report.write(&args.reports).context("write the report")?;
    audit.conclude()
}

impl Audit<'_> {
    /// Phases 0 and 1.
    async fn environment(&mut self) -> anyhow::Result<()> {
        let ready = environment::stack_ready(&self.session).await;
        self.note(check::STACK_READY, &ready)?;
        self.note(check::BASELINES_WHOLE, &environment::baselines_whole(&self.args.kb.baselines()))?;
        let log = self.args.kb.folder.join("audit_tests.log");
        let tests = environment::tests_pass(&self.args.test_command, &log).await;
        self.note(check::TESTS_PASS, &tests)
    }

    /// The run to look at.
    async fn run_folder(&mut self) -> anyhow::Result<RunFolder> {
        let kb = &self.args.kb;
        let there = if self.args.collect { None } else { kb.find(self.args.run.as_deref())? };
        let folder = match there {
            Some(folder) => folder,
            None => collect::collect(&self.session, &self.args.connection.gateway, &kb.folder).await?,
        };
        self.report.run = Some(folder.name());
        self.report.metrics = Some(folder.receipt()?.metrics);
        Ok(folder)
    }

    /// Phases 2 to 5.
    fn artifacts(&mut self, folder: &anyhow::Result<RunFolder>) -> anyhow::Result<()> {
        for (name, look) in artifacts::CHECKS {
            let seen = match folder {
                Ok(folder) => look(folder),
                Err(error) => Err(no_run(error)),
            };
            self.note(name, &seen)?;
        }
        Ok(())
    }

    /// Phase 6.
    async fn acceptance(&mut self) -> anyhow::Result<()> {
        let golden = acceptance::ask(&self.session, self.args.golden.as_deref()).await;
        let seen = golden.and_then(|golden| {
            self.report.golden = golden;
            acceptance::check(&self.report.golden)
        });
        self.note(check::GOLDEN_CASES_HOLD, &seen)
    }

    /// Phase 7.
    async fn replay(&mut self, folder: &anyhow::Result<RunFolder>) -> anyhow::Result<()> {
        let replayed = match folder {
            Ok(folder) => replay::replay(&self.session, folder).await,
            Err(error) => Err(no_run(error)),
        };
        let seen = replayed.and_then(|replayed| self.report.replay.insert(replayed).check());
        self.note(check::RECORDED_SEARCHES_ANSWERED, &seen)
    }

    /// Holds the counts against the last baseline, then appends them if that was asked for and everything passed.
    fn compare(&mut self, folder: &anyhow::Result<RunFolder>) -> anyhow::Result<()> {
        let (Ok(_), Some(metrics)) = (folder, self.report.metrics) else { return Ok(()) };
        let kb = &self.args.kb;
        self.report.drift = Some(Drift::of(kb, &metrics, self.args.tolerance)?);
        if self.args.append_baseline && self.report.passed {
            let baseline = Baseline {
                time: Some(Timestamp::now()),
                writer: Some(WRITER.to_owned()),
                git_commit: self.report.git_commit.clone(),
                metrics,
            };
            append_baseline(&kb.baselines(), &baseline).context("append a baseline")?;
            self.report.baseline_appended = true;
        }
        Ok(())
    }

    /// Says how the audit ended; an error if it failed.
    fn conclude(&self) -> anyhow::Result<()> {
        let report = &self.report;
        if self.as_json {
            output::json(report)?;
        } else {
            if let Some(drift) = &report.drift {
                output::line(format!("\n{}\n{}", drift.table(), drift.against()))?;
            }
            output::line(format!("The report is in {}", self.args.reports.display()))?;
        }
        if self.args.append_baseline && !report.baseline_appended {
            self.say("No baseline was appended.")?;
        }
        let (passed, required) = (report.checks_passed, report.checks_required);
        ensure!(report.passed, "{passed} of {required} checks passed");
        self.say(&format!("{passed} of {required} checks passed"))
    }

    fn note(&mut self, name: &'static str, seen: &anyhow::Result<String>) -> anyhow::Result<()> {
        let check = Check::of(name, seen);
        let verdict = if check.passed { "pass" } else { "FAIL" };
        self.say(&format!(
            "{verdict}  {} {:<11}  {name}: {}",
            check.phase, PHASES[check.phase], check.detail
        ))?;
        self.report.checks.push(check);
        Ok(())
    }

    /// Progress: on standard error where standard output is for JSON.
    fn say(&self, line: &str) -> anyhow::Result<()> {
        if self.as_json { Ok(writeln!(io::stderr().lock(), "{line}")?) } else { output::line(line) }
    }
}

fn no_run(error: &anyhow::Error) -> anyhow::Error {
    anyhow!("there is no run to look at: {error:#}")
}
