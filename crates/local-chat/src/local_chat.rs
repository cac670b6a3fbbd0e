//! The door of this crate.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::stream;
use llm::{Events, LocalModels};
use models::{ChatModelSpec, Installable, Registry};
use tokio::sync::mpsc;
use wire::chat::ChatRequest;

use crate::error::{Error, Result};
use crate::prompt;
use crate::queue::{Job, Queue};

/// What may be changed about models that run here.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The cache of model files.
    pub dir: PathBuf,
    /// Requests that wait for the one that is answered, at most.
    pub max_waiting: usize,
    /// How long a model that nobody asks stays in memory.
    pub idle: Duration,
}

/// The chat models of this machine.
#[derive(Debug)]
pub struct LocalChat {
    dir: PathBuf,
    url: String,
    models: Vec<Arc<ChatModelSpec>>,
    queue: Queue,
}

impl LocalChat {
    /// Reads which models are described. None is loaded before it is asked.
    ///
    /// # Errors
    /// When the description cannot be read, or there is no thread to be had: with the reason.
    pub fn start(settings: Settings) -> std::result::Result<Self, String> {
        let Settings { dir, max_waiting, idle } = settings;
        let registry = Registry::load(&dir).map_err(|error| error.to_string())?;
        let url = format!("file://{}", dir.display());
        let queue = Queue::start(dir.clone(), url.clone(), max_waiting, idle);
        let queue = queue.map_err(|error| error.to_string())?;
        Ok(Self { dir, url, models: registry.chat_models.into_iter().map(Arc::new).collect(), queue })
    }

    fn find(&self, name: &str) -> Result<&Arc<ChatModelSpec>> {
        self.models.iter().find(|model| model.name == name).ok_or_else(|| {
            let known: Vec<_> = self.models.iter().map(|model| model.name.as_str()).collect();
            Error::NotInstalled(format!("those described here are {}", known.join(", ")))
        })
    }

    /// Whether its files are there; whether they are as pinned is seen when it is loaded.
    fn is_here(&self, model: &ChatModelSpec) -> bool {
        model.files().iter().all(|file| self.dir.join(&model.name).join(&file.file).is_file())
    }

    fn ask(&self, provider: &str, model: &str, request: &ChatRequest) -> Result<Events> {
        let spec = Arc::clone(self.find(model)?);
        prompt::check(request)?;
        let (listener, mut events) = mpsc::unbounded_channel();
        self.queue.push(Job { spec, request: request.clone(), provider: provider.to_owned(), listener })?;
        Ok(Box::pin(stream::poll_fn(move |context| events.poll_recv(context))))
    }
}

impl LocalModels for LocalChat {
    fn url(&self) -> &str {
        &self.url
    }

    fn installed(&self, provider: &str) -> provider::Result<Vec<String>> {
        let here = self.models.iter().filter(|model| self.is_here(model));
        let here: Vec<_> = here.map(|model| model.name.clone()).collect();
        match (here.is_empty(), self.models.first()) {
            (true, Some(first)) => {
                Err(Error::NotInstalled(first.remedy()).told_by(provider, &self.url, &first.name))
            }
            _ => Ok(here),
        }
    }

    fn answer(&self, provider: &str, model: &str, request: &ChatRequest) -> Events {
        self.ask(provider, model, request).unwrap_or_else(|error| {
            let error = error.told_by(provider, &self.url, model);
            Box::pin(stream::once(std::future::ready(Err(error))))
        })
    }
}
