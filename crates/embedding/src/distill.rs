//! Makes a static model of an encoder, by Model2Vec's method (Tulkens and van Dongen, 2024, <https://github.com/MinishLab/model2vec>):
//! every token of the vocabulary goes through the encoder alone; what comes out is brought to fewer components by principal component
//! analysis, and each token weighed by how rare it is.
//!
//! Three things are otherwise than there, by what was measured (docs/decisions/0086-static-models.md): a token's vector is its own state at
//! unit length, without those of the tokens around it; each component is divided by the root of its spread, half-way to whitening (Su et
//! al., 2021, "Whitening Sentence Representations"), or a few of them decide alone; rare tokens weigh more.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use models::install::{install, lock, make_empty, sync, write};
use models::{
    ModelFile, ModelKind, ModelSpec, ModelState, ModelsError, Origin, Pooling, REGISTRY_FILE, Registry,
    sha256_hex,
};

use crate::Error;
use crate::local::SentenceModel;
use crate::principal::Components;
use crate::safetensors;

/// Which method: another one makes another model.
const RECIPE: u32 = 1;
/// Tokens in one inference.
const BATCH: usize = 256;
/// Tokens of a text that the new model reads: it has no positions to run out of, and this is what Model2Vec's read.
const MAX_TOKENS: usize = 512;
/// `a` of smooth inverse frequency (Arora et al., 2017, "A Simple but Tough-to-Beat Baseline", section 3).
const SMOOTHING: f64 = 3e-5;
const TABLE_FILE: &str = "model.safetensors";
const TOKENIZER_FILE: &str = "tokenizer.json";

/// What is to be made.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The name of the new model.
    pub name: String,
    /// Components of its vectors; not more than the encoder's.
    pub dimension: usize,
    /// Threads of an inference; 0 means as many as there are cores.
    pub threads: usize,
}

/// How far it has come, for a progress bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Another process is changing the same cache.
    WaitingForOther,
    /// So many tokens of so many have been through the encoder.
    Tokens {
        /// Done.
        done: usize,
        /// All.
        of: usize,
    },
    /// The principal components are being found.
    Components,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Distilled {
    /// The same was made before, and its files are whole.
    AlreadyInstalled(ModelSpec),
    /// It is there now.
    Installed(ModelSpec),
}

/// Why there is no new model. The registry and the model files are as they were.
#[derive(Debug, thiserror::Error)]
pub enum DistillError {
    /// The encoder cannot be used.
    #[error(transparent)]
    Encoder(#[from] Error),
    /// Files cannot be read or written, or the registry is wrong.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// The plan does not fit the encoder, the registry, or what is in the folder.
    #[error("{0}")]
    Plan(String),
}

/// Distils `encoder`, whose files are in the cache `dir`, into a model of its own there, and describes it in the registry.
///
/// Idempotent, and safe beside a pull. The files of the model appear by one rename, and then its description: a run that is killed leaves
/// nothing that is used, and is made good by the next. Takes every core for a minute or so.
///
/// # Errors
/// Any [`DistillError`].
pub fn distill(
    encoder: &ModelSpec,
    dir: &Path,
    plan: &Plan,
    mut on_stage: impl FnMut(Stage),
) -> Result<Distilled, DistillError> {
    fs::create_dir_all(dir).map_err(ModelsError::io("create", dir))?;
    // Held to the end: what the registry says now, it says then.
    let _lock = lock(dir, || on_stage(Stage::WaitingForOther))?;
    check(encoder, dir, plan)?;
    let described = Registry::load(dir)?.find(&plan.name).cloned();
    if let Some(same) = &described
        && models::verify(same, dir)? == ModelState::Installed
    {
        return Ok(Distilled::AlreadyInstalled(same.clone()));
    }
    let table = table(encoder, dir, plan, &mut on_stage)?;
    let tokenizer = dir.join(&encoder.name).join(&encoder.tokenizer.file);
    let tokenizer = fs::read(&tokenizer).map_err(ModelsError::io("read", tokenizer))?;
    let made = describe(encoder, plan, &table, &tokenizer);
    if described.as_ref().is_some_and(|described| *described != made) {
        return Err(DistillError::Plan(format!(
            "{} was described on another machine, whose arithmetic rounds otherwise: take it out of {REGISTRY_FILE} and distil it again",
            plan.name
        )));
    }
    install_files(dir, &plan.name, [(TABLE_FILE, &table), (TOKENIZER_FILE, &tokenizer)])?;
    if described.is_none() {
        add_to_registry(dir, &made)?;
    }
    Ok(Distilled::Installed(made))
}

/// Whether the plan can work, before anything takes long.
fn check(encoder: &ModelSpec, dir: &Path, plan: &Plan) -> Result<(), DistillError> {
    let refused = |reason: String| Err(DistillError::Plan(reason));
    if encoder.kind != ModelKind::Encoder {
        return refused(format!("{} is not an encoder: name one", encoder.name));
    }
    if !(1..=encoder.dimension).contains(&plan.dimension) {
        return refused(format!(
            "{} components were asked for, and {} has {}: ask for 1 to {}",
            plan.dimension, encoder.name, encoder.dimension, encoder.dimension
        ));
    }
    describe(encoder, plan, &[], &[]).check().map_err(DistillError::Plan)?;
    let registry = Registry::load(dir)?;
    let is_same = |other: &ModelSpec| {
        other.distilled_from.as_ref() == Some(&origin(encoder)) && other.dimension == plan.dimension
    };
    let is_taken = registry.find(&plan.name).is_some_and(|other| !is_same(other));
    if is_taken || registry.find_chat(&plan.name).is_some() {
        return refused(format!(
            "{:?} names another model: choose a name with --name, or take that model out of {REGISTRY_FILE}",
            plan.name
        ));
    }
    let folder = dir.join(&plan.name);
    let strangers = strangers(&folder).map_err(ModelsError::io("read", &folder))?;
    match strangers.first() {
        None => Ok(()),
        Some(file) => refused(format!(
            "{} is there already, and would be replaced: choose a name with --name, or move it away",
            folder.join(file).display()
        )),
    }
}

/// What is in `folder` that no distillation has put there.
fn strangers(folder: &Path) -> std::io::Result<BTreeSet<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        entries => entries?,
    };
    let names = entries.map(|entry| entry.map(|entry| PathBuf::from(entry.file_name())));
    let is_ours = |name: &Path| name == Path::new(TABLE_FILE) || name == Path::new(TOKENIZER_FILE);
    names.filter(|name| !name.as_ref().is_ok_and(|name| is_ours(name))).collect()
}

/// The file of the new model's vectors.
fn table(
    encoder: &ModelSpec,
    dir: &Path,
    plan: &Plan,
    on_stage: &mut impl FnMut(Stage),
) -> Result<Vec<u8>, DistillError> {
    let model = SentenceModel::load(encoder, dir)?;
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if plan.threads == 0 { cores() } else { plan.threads };
    let rows = token_vectors(&model, threads, on_stage)?;
    drop(model);
    on_stage(Stage::Components);
    let components = Components::of(&rows, plan.dimension);
    let weighed = rows.iter().zip(rarity(rows.len())).map(|(row, weight)| {
        let along = components.project(row).into_iter().zip(&components.spread);
        along.map(|(x, spread)| (x / spread.sqrt() * weight) as f32).collect()
    });
    let rows: Vec<Vec<f32>> = weighed.collect();
    safetensors::write(&rows).map_err(|error| DistillError::Plan(error.to_string()))
}

/// What the encoder makes of each token alone: `[vocabulary, dimension]`.
fn token_vectors(
    model: &SentenceModel,
    threads: usize,
    on_stage: &mut impl FnMut(Stage),
) -> Result<Vec<Vec<f32>>, Error> {
    let (of, pool) = (model.reader().vocabulary(), SentenceModel::pool(threads));
    let ids: Vec<u32> = (0..u32::try_from(of).unwrap_or(u32::MAX)).collect();
    let mut rows = Vec::with_capacity(of);
    for batch in ids.chunks(BATCH) {
        rows.extend(model.embed_tokens(batch, &pool)?);
        on_stage(Stage::Tokens { done: rows.len(), of });
    }
    Ok(rows)
}

/// The weight of each token, `a / (a + p)`: a vocabulary is sorted by frequency, and by Zipf's law (1949) a word's probability falls
/// as one over its rank.
fn rarity(vocabulary: usize) -> impl Iterator<Item = f64> {
    let by_rank = move || (0..vocabulary).map(|id| 1.0 / (id + 2) as f64);
    let total: f64 = by_rank().sum();
    by_rank().map(move |share| SMOOTHING / (SMOOTHING + share / total))
}

fn origin(encoder: &ModelSpec) -> Origin {
    Origin { model: encoder.name.clone(), sha256: encoder.graph.sha256.clone(), recipe: RECIPE }
}

fn describe(encoder: &ModelSpec, plan: &Plan, table: &[u8], tokenizer: &[u8]) -> ModelSpec {
    let file = |name: &str, bytes: &[u8]| ModelFile { file: name.to_owned(), sha256: sha256_hex(bytes) };
    ModelSpec {
        name: plan.name.clone(),
        kind: ModelKind::Static,
        dimension: plan.dimension,
        max_tokens: MAX_TOKENS,
        pooling: Pooling::Mean,
        query_prefix: String::new(),
        document_prefix: String::new(),
        licence: encoder.licence.clone(),
        graph: file(TABLE_FILE, table),
        tokenizer: file(TOKENIZER_FILE, tokenizer),
        packages: Vec::new(),
        distilled_from: Some(origin(encoder)),
    }
}

/// Puts the folder of a model in its place, all of it at once.
fn install_files(dir: &Path, name: &str, files: [(&str, &Vec<u8>); 2]) -> Result<(), ModelsError> {
    let staging = dir.join(format!(".partial-{name}"));
    let folder = staging.join("files");
    make_empty(&staging)?;
    fs::create_dir(&folder).map_err(ModelsError::io("create", &folder))?;
    let installed = files
        .into_iter()
        .try_for_each(|(file, bytes)| write(&folder.join(file), bytes))
        .and_then(|()| sync(&folder))
        .and_then(|()| install(&folder, &dir.join(name), &staging.join("replaced")))
        .and_then(|()| sync(dir));
    // Best effort: what stays behind is removed by the next run.
    drop(fs::remove_dir_all(&staging));
    installed
}

/// Describes a model at the end of the registry's file, which is replaced by one rename.
fn add_to_registry(dir: &Path, model: &ModelSpec) -> Result<(), DistillError> {
    let path = dir.join(REGISTRY_FILE);
    let before = match fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text.map_err(ModelsError::io("read", &path))?,
    };
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    let text = format!("{before}{gap}{}", entry(model));
    // A file that ends in the middle of something else would make something else of the entry.
    if Registry::parse(&text, REGISTRY_FILE)?.find(&model.name) != Some(model) {
        return Err(DistillError::Plan(format!("{:?} cannot be described in {REGISTRY_FILE}", model.name)));
    }
    let partial = dir.join(format!(".partial-{REGISTRY_FILE}"));
    write(&partial, text.as_bytes())?;
    fs::rename(&partial, &path).map_err(ModelsError::io("replace", &path))?;
    Ok(sync(dir)?)
}

/// A model as TOML describes it; names and digests are plain, so that they need no escapes.
fn entry(model: &ModelSpec) -> String {
    let ModelSpec { name, dimension, max_tokens, licence, graph, tokenizer, distilled_from, .. } = model;
    let file = |file: &ModelFile| format!("{{ file = {:?}, sha256 = {:?} }}", file.file, file.sha256);
    let origin = distilled_from.as_ref().map_or_else(String::new, |origin| {
        let Origin { model, sha256, recipe } = origin;
        format!("distilled_from = {{ model = {model:?}, sha256 = {sha256:?}, recipe = {recipe} }}\n")
    });
    format!(
        "\n[[models]]\nname = {name:?}\nkind = \"static\"\ndimension = {dimension}\nmax_tokens = {max_tokens}\n\
         pooling = \"mean\"\nlicence = {licence:?}\ngraph = {}\ntokenizer = {}\n{origin}",
        file(graph),
        file(tokenizer)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_tokens_weigh_more_than_frequent_ones_and_none_more_than_one() {
        let weights: Vec<_> = rarity(30_522).collect();
        assert!(weights.is_sorted() && weights[0] > 0.0 && weights[30_521] < 1.0);
        assert!(weights[30_521] > 10.0 * weights[0], "{} {}", weights[0], weights[30_521]);
    }
}
