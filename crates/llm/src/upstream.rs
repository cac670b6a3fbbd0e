//! What answers under a provider's name: a server elsewhere, or models in this process.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use futures::stream::TryStreamExt;
use provider::{Endpoint, Result};
use serde_json::Value;
use wire::chat::ChatRequest;

use crate::protocol::{self, Dialect, Event, Interface};

/// How long a provider has to list its models; its own timeout is meant for answers that take minutes.
const LISTING_TIMEOUT: Duration = Duration::from_secs(5);

/// An answer as it comes: the last event is [`Event::End`], or an error. Dropping it ends the work on it.
pub type Events = Pin<Box<dyn Stream<Item = Result<Event>> + Send>>;

/// Models that run in this process, for providers of [`crate::Kind::Local`].
pub trait LocalModels: Debug + Send + Sync {
    /// Where their files are, for listings and errors.
    fn url(&self) -> &str;

    /// The names of those that can be asked for `provider`.
    ///
    /// # Errors
    /// If there is none: with what to do.
    fn installed(&self, provider: &str) -> Result<Vec<String>>;

    /// What `model` answers to `request` for `provider`.
    fn answer(&self, provider: &str, model: &str, request: &ChatRequest) -> Events;
}

#[derive(Debug)]
pub(crate) enum Upstream {
    Server { endpoint: Arc<Endpoint>, interface: Interface },
    Local { name: String, models: Arc<dyn LocalModels>, timeout: Duration },
}

impl Upstream {
    /// The provider's name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Server { endpoint, .. } => endpoint.name(),
            Self::Local { name, .. } => name,
        }
    }

    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Server { endpoint, .. } => endpoint.url(),
            Self::Local { models, .. } => models.url(),
        }
    }

    /// The whole answer of `model`.
    pub(crate) async fn complete(&self, model: &str, request: &ChatRequest) -> Result<Vec<Event>> {
        match self {
            Self::Server { endpoint, interface } => {
                protocol::complete(endpoint, *interface, model, request).await
            }
            Self::Local { name, models, timeout } => {
                let events = models.answer(name, model, request).try_collect();
                let events = tokio::time::timeout(*timeout, events).await;
                events.unwrap_or_else(|_| Err(self.late(model, *timeout, "timeout_ms")))
            }
        }
    }

    /// The answer of `model` as it comes.
    pub(crate) fn stream(&self, model: &str, request: &ChatRequest) -> Events {
        match self {
            Self::Server { endpoint, interface } => Box::pin(protocol::stream(
                Arc::clone(endpoint),
                *interface,
                model.to_owned(),
                request.clone(),
            )),
            Self::Local { name, models, .. } => models.answer(name, model, request),
        }
    }

    /// An answer of `model` took longer than `bound`, which stands under `key` in the configuration.
    pub(crate) fn late(&self, model: &str, bound: Duration, key: &'static str) -> provider::Error {
        match self {
            Self::Server { endpoint, interface } => {
                endpoint.late(&interface.dialect.path(model, true), bound, key)
            }
            Self::Local { name, models, .. } => {
                let (provider, url) = (name.clone(), models.url().to_owned());
                provider::Error::TimedOut { provider, url, timeout_ms: bound.as_millis(), key }
            }
        }
    }

    /// The models that it has, if it lists them in time.
    pub(crate) async fn models(&self) -> Result<Vec<String>> {
        match self {
            Self::Server { endpoint, interface } => {
                let list = tokio::time::timeout(LISTING_TIMEOUT, list(endpoint, interface.dialect)).await;
                let path = interface.dialect.models_path();
                list.unwrap_or_else(|_| Err(endpoint.timed_out(path)))
            }
            Self::Local { name, models, .. } => models.installed(name),
        }
    }

    /// The first model that it has.
    pub(crate) async fn first_model(&self) -> Result<String> {
        let models = self.models().await?;
        models.into_iter().next().ok_or_else(|| provider::Error::Malformed {
            provider: self.name().to_owned(),
            url: self.url().to_owned(),
            reason: "it has no model: pull one there, or name one in `models`".to_owned(),
        })
    }
}

async fn list(endpoint: &Endpoint, dialect: &dyn Dialect) -> Result<Vec<String>> {
    let list: Value = endpoint.get(dialect.models_path()).await?;
    dialect.models(list).map_err(|error| endpoint.malformed(dialect.models_path(), error.to_string()))
}
