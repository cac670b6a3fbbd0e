//! The door of this crate: finds the model that was asked for, answers from the caches what it can, and asks for the rest.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use models::{ModelKind, ModelSpec, Prefixes, Registry};
use parking_lot::Mutex;
use provider::Endpoint;
use wire::embed::TextKind;

use crate::cache::{Cache, Key};
use crate::disk_cache::{DiskCache, DiskCacheSettings};
use crate::embedding::{Embedding, Extent, Input, Item, Request};
use crate::flights::Flights;
use crate::local::{InferenceQueue, SentenceModel, StaticModel, StaticQueue, is_bulk};
use crate::remote::RemoteModel;
use crate::{Error, ProviderSettings, Result};

/// What an [`Embedder`] is made of.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The model for requests that name none.
    pub default_model: String,
    /// The cache of model files, with a registry of further ones; [`models::default_dir`] says where it usually is.
    pub models_dir: PathBuf,
    /// Threads that one inference uses; 0 means as many as there are cores.
    pub threads: usize,
    /// Texts that may wait in each lane of a local model.
    pub queue_texts: usize,
    /// Vectors that are remembered; 0 turns the cache off.
    pub cache_entries: usize,
    /// Where vectors of local models survive a restart; absent: nowhere.
    pub disk_cache: Option<DiskCacheSettings>,
    /// Providers elsewhere.
    pub providers: Vec<ProviderSettings>,
}

/// Embeds texts with any of the configured models. Shared by reference between tasks.
pub struct Embedder {
    models: BTreeMap<String, Model>,
    default_model: String,
    caches: Arc<Caches>,
    flights: Flights,
}

/// Where vectors are remembered.
struct Caches {
    memory: Cache,
    disk_settings: Option<DiskCacheSettings>,
    /// Opened with the models; absent before, and where it cannot be.
    disk: OnceLock<Option<DiskCache>>,
}

/// What [`Embedder::embed`] returns.
#[derive(Debug, Clone)]
pub struct Embedded {
    /// One for each text, in order; of one dimension.
    pub embeddings: Vec<Embedding>,
    /// The model that made them.
    pub model: String,
    /// How many of them were in memory.
    pub cached: usize,
}

impl Embedded {
    /// Components of a vector.
    pub fn dimension(&self) -> usize {
        self.embeddings.first().map_or(0, |embedding| embedding.vector.len())
    }

    /// Tokens that were read, those of remembered texts included.
    pub fn tokens(&self) -> u64 {
        self.embeddings.iter().map(|embedding| u64::from(embedding.read)).sum()
    }
}

/// A model and what its texts are prefixed with.
struct Model {
    /// Changes whenever a text's vector may.
    revision: String,
    backend: Backend,
    query_prefix: String,
    document_prefix: String,
}

/// Cheap to clone.
#[derive(Clone)]
enum Backend {
    Local(Arc<LocalModel>),
    Remote(Arc<RemoteModel>),
}

/// A model whose files are here.
enum Loaded {
    Encoder(InferenceQueue),
    Static(StaticQueue),
}

/// A model that runs here, once its files are here.
struct LocalModel {
    spec: ModelSpec,
    dir: PathBuf,
    threads: usize,
    queue_texts: usize,
    loaded: OnceLock<Loaded>,
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
        let (memory, disk_settings) = (Cache::new(settings.cache_entries), settings.disk_cache);
        let caches = Arc::new(Caches { memory, disk_settings, disk: OnceLock::new() });
        let embedder =
            Self { models, default_model: settings.default_model, caches, flights: Flights::default() };
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

    /// Opens the cache on disk, loads the local models that are not loaded yet, and returns those that cannot be, by name.
    /// Repeat it until there is none: a model may be pulled meanwhile.
    ///
    /// Blocks for some hundred milliseconds a model.
    pub fn load(&self) -> Vec<(String, Error)> {
        self.caches.open_disk();
        let load = |(name, model): (&String, &Model)| match &model.backend {
            Backend::Local(local) => local.load().err().map(|error| (name.clone(), error)),
            Backend::Remote(_) => None,
        };
        self.models.iter().filter_map(load).collect()
    }

    /// One unit vector for each text of `request`, made by the model that it names or by the default one.
    ///
    /// Dropping the future cancels the work, unless somebody else waits for the same text.
    ///
    /// # Errors
    /// Any [`Error`] but `Configuration`; no part of the texts is answered then.
    pub async fn embed(&self, request: Request<'_>) -> Result<Embedded> {
        let (name, model) = self.find(request.model)?;
        // Before it shares a flight: others who wait for it did not send these.
        model.backend.check(request.input)?;
        let mut found: Vec<Option<Embedding>> = Vec::with_capacity(request.input.len());
        let mut misses = Misses::default();
        for (position, item) in model.items(request.kind, request.input).enumerate() {
            let key = Key::new(&model.revision, &item);
            let hit = self.caches.memory.get(&key);
            if hit.is_none() {
                misses.add(key, item, position);
            }
            found.push(hit);
        }
        let cached = found.iter().flatten().count();
        let seats = self.flights.board(misses.wanted, is_bulk(misses.positions.len()), |wanted| {
            make(model.backend.clone(), Arc::clone(&self.caches), wanted)
        });
        let arrivals = seats.into_iter().map(|(flight, place)| async move {
            let made = flight.await?;
            made.get(place).cloned().ok_or_else(|| Error::Inference("a vector is missing".into()))
        });
        let arrived = futures::future::try_join_all(arrivals).await?;
        for (embedding, positions) in arrived.into_iter().zip(misses.positions) {
            for position in positions {
                found[position] = Some(embedding.clone());
            }
        }
        // Every position is a hit or was filled.
        let embeddings = found.into_iter().flatten().enumerate().map(|(i, found)| request.shape(i, found));
        Ok(Embedded { embeddings: embeddings.collect::<Result<_>>()?, model: name.to_owned(), cached })
    }

    fn find(&self, model: Option<&str>) -> Result<(&str, &Model)> {
        let wanted = model.unwrap_or(&self.default_model);
        let found = self.models.get_key_value(wanted).map(|(name, model)| (name.as_str(), model));
        found.ok_or_else(|| Error::UnknownModel { model: wanted.to_owned(), known: self.models() })
    }
}

impl Request<'_> {
    /// The vector of text `index` as it was asked for.
    fn shape(&self, index: usize, embedding: Embedding) -> Result<Embedding> {
        if !self.truncate && embedding.extent != Extent::Whole {
            return Err(Error::TooLong { index, read: embedding.read });
        }
        match self.dimensions {
            None => Ok(embedding),
            Some(dimension) => embedding.cut_to(dimension),
        }
    }
}

/// The vectors of `wanted`, in order: from the disk, or else made by `backend` and remembered.
async fn make(backend: Backend, caches: Arc<Caches>, wanted: Vec<(Key, Item)>) -> Result<Vec<Embedding>> {
    let disk = caches.disk_for(&backend);
    let (keys, items): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
    let kept = match disk {
        Some(disk) => disk.get(keys.clone()).await,
        None => vec![None; keys.len()],
    };
    let missing = items.into_iter().zip(&kept).filter(|(_, kept)| kept.is_none()).map(|(item, _)| item);
    let missing: Vec<_> = missing.collect();
    let made = if missing.is_empty() { Vec::new() } else { backend.embed(missing).await? };
    let mut made = made.into_iter();
    let (mut all, mut new) = (Vec::with_capacity(keys.len()), Vec::new());
    for (key, kept) in keys.into_iter().zip(kept) {
        let is_new = kept.is_none();
        let Some(embedding) = kept.or_else(|| made.next()) else { break };
        caches.memory.put(key, &embedding);
        if is_new && disk.is_some() {
            new.push((key, embedding.clone()));
        }
        all.push(embedding);
    }
    if let Some(disk) = disk.cloned().filter(|_| !new.is_empty()) {
        // Nobody waits for the disk.
        tokio::spawn(async move { disk.put(new).await });
    }
    Ok(all)
}

/// The texts that are not in memory, each once, and where each is wanted.
#[derive(Default)]
struct Misses {
    by_key: HashMap<Key, usize>,
    wanted: Vec<(Key, Item)>,
    positions: Vec<Vec<usize>>,
}

impl Misses {
    fn add(&mut self, key: Key, item: Item, position: usize) {
        let next = self.wanted.len();
        let miss = *self.by_key.entry(key).or_insert(next);
        if miss == next {
            self.wanted.push((key, item));
            self.positions.push(Vec::new());
        }
        self.positions[miss].push(position);
    }
}

impl Caches {
    fn open_disk(&self) {
        self.disk.get_or_init(|| self.disk_settings.as_ref().and_then(DiskCache::open));
    }

    /// Nobody says when a provider's model becomes another one, so its vectors are not kept for long.
    fn disk_for(&self, backend: &Backend) -> Option<&DiskCache> {
        match backend {
            Backend::Local(_) => self.disk.get()?.as_ref(),
            Backend::Remote(_) => None,
        }
    }
}

/// Names all that a text's vector depends on.
fn revision(spec: &ModelSpec) -> String {
    let ModelSpec { graph, tokenizer, pooling, max_tokens, .. } = spec;
    format!("{} {} {pooling:?} {max_tokens}", graph.sha256, tokenizer.sha256)
}

impl Model {
    fn local(spec: &ModelSpec, settings: &Settings) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let local = LocalModel {
            spec: spec.clone(),
            dir: settings.models_dir.clone(),
            threads: if settings.threads == 0 { cores() } else { settings.threads },
            queue_texts: settings.queue_texts,
            loaded: OnceLock::new(),
            loading: Mutex::new(()),
            failure: Mutex::new(None),
        };
        let (query_prefix, document_prefix) = (spec.query_prefix.clone(), spec.document_prefix.clone());
        Self {
            revision: revision(spec),
            backend: Backend::Local(Arc::new(local)),
            query_prefix,
            document_prefix,
        }
    }

    /// The texts as the model reads them.
    fn items<'a>(
        &'a self,
        kind: Option<TextKind>,
        input: Input<'a>,
    ) -> Box<dyn Iterator<Item = Item> + Send + 'a> {
        let prefix = match kind {
            Some(TextKind::Query) => &self.query_prefix,
            Some(TextKind::Document) => &self.document_prefix,
            None => "",
        };
        match input {
            Input::Texts(texts) => {
                Box::new(texts.iter().map(move |text| Item::Text(format!("{prefix}{text}"))))
            }
            Input::Tokens(lists) => Box::new(lists.iter().cloned().map(Item::Tokens)),
        }
    }
}

impl Backend {
    fn check(&self, input: Input<'_>) -> Result<()> {
        match (self, input) {
            (Self::Local(local), Input::Tokens(lists)) => {
                let loaded = local.loaded()?;
                lists.iter().try_for_each(|ids| loaded.check_tokens(ids))
            }
            _ => Ok(()),
        }
    }

    async fn embed(&self, items: Vec<Item>) -> Result<Vec<Embedding>> {
        match self {
            Self::Local(local) => local.loaded()?.embed(items).await,
            Self::Remote(remote) => remote.embed(items).await,
        }
    }
}

impl Loaded {
    fn check_tokens(&self, ids: &[u32]) -> Result<()> {
        match self {
            Self::Encoder(queue) => queue.check_tokens(ids),
            Self::Static(queue) => queue.check_tokens(ids),
        }
    }

    async fn embed(&self, items: Vec<Item>) -> Result<Vec<Embedding>> {
        match self {
            Self::Encoder(queue) => queue.embed(items).await,
            Self::Static(queue) => queue.embed(items).await,
        }
    }
}

impl LocalModel {
    fn loaded(&self) -> Result<&Loaded> {
        let why = || self.failure.lock().clone().unwrap_or(Error::Loading { model: self.spec.name.clone() });
        self.loaded.get().ok_or_else(why)
    }

    fn load(&self) -> Result<()> {
        let _loading = self.loading.lock();
        if self.loaded.get().is_some() {
            return Ok(());
        }
        match self.read_files() {
            Ok(loaded) => {
                self.loaded.get_or_init(|| loaded);
                Ok(())
            }
            Err(error) => {
                *self.failure.lock() = Some(error.clone());
                Err(error)
            }
        }
    }

    fn read_files(&self) -> Result<Loaded> {
        match self.spec.kind {
            ModelKind::Encoder => SentenceModel::load(&self.spec, &self.dir)
                .and_then(|model| InferenceQueue::start(model, self.queue_texts, self.threads))
                .map(Loaded::Encoder),
            ModelKind::Static => StaticModel::load(&self.spec, &self.dir)
                .and_then(|model| StaticQueue::start(model, self.queue_texts, self.threads))
                .map(Loaded::Static),
        }
    }
}

fn remote_models(settings: &ProviderSettings, registry: &Registry) -> Result<Vec<(String, Model)>> {
    let http = provider::Http::new();
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
            revision: format!("{} {name}", endpoint.url()),
            backend: Backend::Remote(Arc::new(remote)),
            query_prefix: prefix(&settings.query_prefix, |known| &known.query),
            document_prefix: prefix(&settings.document_prefix, |known| &known.document),
        };
        (name.clone(), model)
    };
    Ok(settings.models.iter().map(model).collect())
}
