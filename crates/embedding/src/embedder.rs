//! The door of this crate: finds the model that was asked for, answers from the cache what it can, and asks for the rest.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use provider::Endpoint;
use wire::embed::TextKind;

use crate::cache::{Cache, Key};
use crate::local::{InferenceQueue, SentenceModel};
use crate::models::{ModelSpec, Prefixes, Registry};
use crate::remote::RemoteModel;
use crate::{Error, ProviderSettings, Result, Vector};

/// What an [`Embedder`] is made of.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The model for requests that name none.
    pub default_model: String,
    /// The cache of model files, with a registry of further ones; [`crate::models::default_dir`] says where it usually is.
    pub models_dir: PathBuf,
    /// Threads that one inference uses; 0 means as many as there are cores.
    pub threads: usize,
    /// Texts that may wait for a local model.
    pub queue_texts: usize,
    /// Vectors that are remembered; 0 turns the cache off.
    pub cache_entries: usize,
    /// Providers elsewhere.
    pub providers: Vec<ProviderSettings>,
}

/// Embeds texts with any of the configured models. Shared by reference between tasks.
pub struct Embedder {
    models: BTreeMap<String, Model>,
    default_model: String,
    cache: Cache,
}

/// What [`Embedder::embed`] returns.
#[derive(Debug, Clone)]
pub struct Embedded {
    /// One unit vector for each text, in order; at least one.
    pub vectors: Vec<Vector>,
    /// The model that made them.
    pub model: String,
    /// How many of them came from the cache.
    pub cached: usize,
}

impl Embedded {
    /// Components of a vector.
    pub fn dimension(&self) -> usize {
        self.vectors.first().map_or(0, |vector| vector.len())
    }
}

/// A model and what its texts are prefixed with.
struct Model {
    backend: Backend,
    query_prefix: String,
    document_prefix: String,
}

enum Backend {
    Local(Box<LocalModel>),
    Remote(RemoteModel),
}

/// A model that runs here, once its files are here.
struct LocalModel {
    spec: ModelSpec,
    dir: PathBuf,
    threads: usize,
    queue_texts: usize,
    queue: OnceLock<InferenceQueue>,
    /// Two loads at once would cost twice the memory.
    loading: Mutex<()>,
    /// Why the last load failed.
    failure: Mutex<Option<Error>>,
}

impl Embedder {
    /// Builds the table of models. Nothing is loaded and nobody is called yet: see [`Embedder::load`].
    ///
    /// With providers configured, rustls' default crypto provider must be installed in the process.
    ///
    /// # Errors
    /// [`Error::Configuration`] or [`Error::Provider`] with what is wrong.
    pub fn new(settings: Settings) -> Result<Self> {
        let registry = Registry::load(&settings.models_dir);
        let registry = registry.map_err(|error| Error::Configuration(error.to_string()))?;
        let mut models = BTreeMap::new();
        for spec in &registry.models {
            models.insert(spec.name.clone(), Model::local(spec, &settings));
        }
        for provider in &settings.providers {
            for (name, model) in remote_models(provider, &registry)? {
                if models.insert(name.clone(), model).is_some() {
                    return Err(Error::Configuration(format!("model {name:?} is configured twice")));
                }
            }
        }
        let cache = Cache::new(settings.cache_entries);
        let embedder = Self { models, default_model: settings.default_model, cache };
        embedder.find(None)?;
        Ok(embedder)
    }

    /// The names of the models, sorted.
    pub fn models(&self) -> Vec<String> {
        self.models.keys().cloned().collect()
    }

    /// The model for requests that name none.
    pub fn default_model(&self) -> &str {
        &self.default_model
    }

    /// Whether the model of that name runs in this process.
    pub fn is_local(&self, model: &str) -> bool {
        self.models.get(model).is_some_and(|model| matches!(model.backend, Backend::Local(_)))
    }

    /// Loads the local models that are not loaded yet, and returns those that cannot be, by name. Repeat it until there is
    /// none: a model may be pulled meanwhile.
    ///
    /// Blocks for some hundred milliseconds a model.
    pub fn load(&self) -> Vec<(String, Error)> {
        let load = |(name, model): (&String, &Model)| match &model.backend {
            Backend::Local(local) => local.load().err().map(|error| (name.clone(), error)),
            Backend::Remote(_) => None,
        };
        self.models.iter().filter_map(load).collect()
    }

    /// One unit vector for each of `texts`, made by `model` or by the default one.
    ///
    /// A text longer than the model reads is cut off at the model's limit. Dropping the future cancels the work.
    ///
    /// # Errors
    /// Any [`Error`] but `Configuration`; no part of the texts is answered then.
    pub async fn embed(
        &self,
        model: Option<&str>,
        kind: Option<TextKind>,
        texts: &[String],
    ) -> Result<Embedded> {
        let (name, model) = self.find(model)?;
        let mut vectors: Vec<Option<Vector>> = Vec::with_capacity(texts.len());
        let mut misses = Misses::default();
        for (position, text) in texts.iter().enumerate() {
            let text = model.with_prefix(kind, text);
            let key = Key::new(name, &text);
            let hit = self.cache.get(&key);
            if hit.is_none() {
                misses.add(key, text, position);
            }
            vectors.push(hit);
        }
        let cached = texts.len() - misses.positions.iter().map(Vec::len).sum::<usize>();
        if !misses.texts.is_empty() {
            let made = model.backend.embed(misses.texts).await?;
            for ((vector, key), positions) in made.into_iter().zip(misses.keys).zip(misses.positions) {
                let vector: Vector = vector.into();
                self.cache.put(key, &vector);
                for position in positions {
                    vectors[position] = Some(Arc::clone(&vector));
                }
            }
        }
        // Every position is a hit or was filled: backends answer with as many vectors as there are texts.
        let vectors = vectors.into_iter().flatten().collect();
        Ok(Embedded { vectors, model: name.to_owned(), cached })
    }

    fn find(&self, model: Option<&str>) -> Result<(&str, &Model)> {
        let wanted = model.unwrap_or(&self.default_model);
        let found = self.models.get_key_value(wanted).map(|(name, model)| (name.as_str(), model));
        found.ok_or_else(|| Error::UnknownModel { model: wanted.to_owned(), known: self.models() })
    }
}

/// The texts that the cache does not have, each once.
#[derive(Default)]
struct Misses {
    by_key: HashMap<Key, usize>,
    keys: Vec<Key>,
    texts: Vec<String>,
    positions: Vec<Vec<usize>>,
}

impl Misses {
    fn add(&mut self, key: Key, text: Cow<'_, str>, position: usize) {
        let next = self.texts.len();
        let miss = *self.by_key.entry(key).or_insert(next);
        if miss == next {
            self.keys.push(key);
            self.texts.push(text.into_owned());
            self.positions.push(Vec::new());
        }
        self.positions[miss].push(position);
    }
}

impl Model {
    fn local(spec: &ModelSpec, settings: &Settings) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let local = LocalModel {
            spec: spec.clone(),
            dir: settings.models_dir.clone(),
            threads: if settings.threads == 0 { cores() } else { settings.threads },
            queue_texts: settings.queue_texts,
            queue: OnceLock::new(),
            loading: Mutex::new(()),
            failure: Mutex::new(None),
        };
        let (query_prefix, document_prefix) = (spec.query_prefix.clone(), spec.document_prefix.clone());
        Self { backend: Backend::Local(Box::new(local)), query_prefix, document_prefix }
    }

    fn with_prefix<'a>(&self, kind: Option<TextKind>, text: &'a str) -> Cow<'a, str> {
        let prefix = match kind {
            Some(TextKind::Query) => &self.query_prefix,
            Some(TextKind::Document) => &self.document_prefix,
            None => "",
        };
        if prefix.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(format!("{prefix}{text}")) }
    }
}

impl Backend {
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>> {
        match self {
            Self::Local(local) => local.queue()?.embed(texts).await,
            Self::Remote(remote) => remote.embed(texts).await,
        }
    }
}

impl LocalModel {
    fn queue(&self) -> Result<&InferenceQueue> {
        let why = || self.failure.lock().clone().unwrap_or(Error::Loading { model: self.spec.name.clone() });
        self.queue.get().ok_or_else(why)
    }

    fn load(&self) -> Result<()> {
        let _loading = self.loading.lock();
        if self.queue.get().is_some() {
            return Ok(());
        }
        let started = SentenceModel::load(&self.spec, &self.dir, self.threads)
            .and_then(|model| InferenceQueue::start(model, self.queue_texts));
        match started {
            Ok(queue) => {
                self.queue.get_or_init(|| queue);
                Ok(())
            }
            Err(error) => {
                *self.failure.lock() = Some(error.clone());
                Err(error)
            }
        }
    }
}

fn remote_models(settings: &ProviderSettings, registry: &Registry) -> Result<Vec<(String, Model)>> {
    let http = provider::http_client();
    let http = http.map_err(|error| Error::Configuration(format!("HTTP client: {error}")))?;
    let endpoint = Endpoint::new(&settings.address(), http)?;
    let model = |name: &String| {
        let remote = RemoteModel::new(endpoint.clone(), name.clone(), settings.batch_texts);
        let known = registry.prefixes_of(name);
        // What the configuration says of this provider wins, an empty text included.
        let prefix = |configured: &Option<String>, of: fn(&Prefixes) -> &String| {
            configured.clone().or_else(|| known.map(of).cloned()).unwrap_or_default()
        };
        let model = Model {
            backend: Backend::Remote(remote),
            query_prefix: prefix(&settings.query_prefix, |known| &known.query),
            document_prefix: prefix(&settings.document_prefix, |known| &known.document),
        };
        (name.clone(), model)
    };
    Ok(settings.models.iter().map(model).collect())
}
