//! The door of this crate: which provider is asked, and which one after it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use futures::future::{BoxFuture, join_all};
use futures::stream::Stream;
use wire::chat::{ChatRequest, ChatResponse, ProviderStatus};

use crate::answer::Piece;
use crate::backend::Backend;
use crate::budget::Budget;
use crate::route::Route;
use crate::upstream::LocalModels;
use crate::{Error, Observer, ProviderSettings, Result, retry};

/// Chats with any of the configured providers. Shared by reference between tasks.
#[derive(Debug)]
pub struct Chat {
    providers: Vec<Backend>,
    routes: Vec<Route>,
}

/// An answer as it comes. Dropping it tells the provider to stop.
pub struct ChatStream {
    /// Which model answers.
    pub model: String,
    /// Which provider runs it.
    pub provider: String,
    /// The pieces; the last one is [`Piece::End`], or an error.
    pub pieces: Pin<Box<dyn Stream<Item = Result<Piece>> + Send>>,
}

impl fmt::Debug for ChatStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatStream")
            .field("model", &self.model)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

/// A [`Chat`] for one request that somebody follows.
#[derive(Debug)]
pub struct Observed<'a> {
    chat: &'a Chat,
    observer: Option<Arc<dyn Observer>>,
}

impl Observed<'_> {
    /// As [`Chat::complete`].
    ///
    /// # Errors
    /// As [`Chat::complete`].
    pub async fn complete(&self, request: &ChatRequest) -> Result<ChatResponse> {
        let observer = self.observer.as_ref();
        self.chat
            .first(request, |provider, model| Box::pin(provider.complete(model, request, observer)))
            .await
    }

    /// As [`Chat::stream`].
    ///
    /// # Errors
    /// As [`Chat::stream`].
    pub async fn stream(&self, request: &ChatRequest) -> Result<ChatStream> {
        let observer = self.observer.as_ref();
        self.chat.first(request, |provider, model| Box::pin(provider.stream(model, request, observer))).await
    }
}

impl Chat {
    /// Reads keys and checks addresses; nobody is called yet. Providers of [`crate::Kind::Local`] answer with the models of
    /// `local`. Needs rustls' default crypto provider in the process.
    ///
    /// # Errors
    /// [`Error::Configuration`] with what is wrong.
    pub fn new(
        settings: &[ProviderSettings],
        routes: &[Route],
        local: Option<&Arc<dyn LocalModels>>,
    ) -> Result<Self> {
        let wrong = |error: &dyn fmt::Display| Error::Configuration(error.to_string());
        let http = provider::Http::new().map_err(|error| wrong(&error))?;
        let mut providers: Vec<Backend> = Vec::new();
        for settings in settings {
            if providers.iter().any(|other| other.name() == settings.name) {
                return Err(Error::Configuration(format!("two providers are named {:?}", settings.name)));
            }
            providers.push(Backend::new(settings, http.clone(), local).map_err(|error| wrong(&error))?);
        }
        let names: Vec<_> = providers.iter().map(Backend::name).collect();
        routes.iter().try_for_each(|route| route.check(&names))?;
        Ok(Self { providers, routes: routes.to_vec() })
    }

    /// The whole answer, from the first provider that gives one. Dropping the future tells the provider to stop.
    ///
    /// # Errors
    /// Any [`Error`] but `BrokeOff`.
    pub async fn complete(&self, request: &ChatRequest) -> Result<ChatResponse> {
        Observed { chat: self, observer: None }.complete(request).await
    }

    /// The answer as it comes, from the first provider that begins one. Returns with the first piece at hand.
    ///
    /// # Errors
    /// Any [`Error`] but `BrokeOff`, which only the stream itself yields.
    pub async fn stream(&self, request: &ChatRequest) -> Result<ChatStream> {
        Observed { chat: self, observer: None }.stream(request).await
    }

    /// The same, and `observer` hears of every attempt.
    pub fn observed(&self, observer: Arc<dyn Observer>) -> Observed<'_> {
        Observed { chat: self, observer: Some(observer) }
    }

    /// What may be asked of each provider.
    pub fn budgets(&self) -> impl Iterator<Item = (&str, &Arc<Budget>)> {
        self.providers.iter().map(|provider| (provider.name(), provider.budget()))
    }

    /// What the first provider gives to which `attempt` succeeds. An attempt that fails for the moment is made again.
    async fn first<'a, T>(
        &'a self,
        request: &'a ChatRequest,
        attempt: impl Fn(&'a Backend, Option<&'a str>) -> BoxFuture<'a, provider::Result<T>> + Send,
    ) -> Result<T> {
        let mut failures = Vec::new();
        for (provider, model) in self.targets(request)? {
            let mut made = 0;
            let error = loop {
                made += 1;
                let error = match attempt(provider, model).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                };
                let Some(pause) = retry::pause(&error, made, rand::random()) else { break error };
                tracing::info!(%error, ?pause, "provider is asked again");
                tokio::time::sleep(pause).await;
            };
            note_failure(&mut failures, error)?;
        }
        Err(Error::AllFailed(failures))
    }

    /// Asks every provider for its models, at once. A provider that does not answer is an answer: this cannot fail.
    pub async fn survey(&self) -> Vec<ProviderStatus> {
        join_all(self.providers.iter().map(Backend::status)).await
    }

    /// The providers that may serve `request`, each with its name of the model, in the order in which they are tried. A
    /// request that names its provider goes there, and along no route.
    fn targets<'a>(&'a self, request: &'a ChatRequest) -> Result<Vec<(&'a Backend, Option<&'a str>)>> {
        let (model, is_free) = (request.model.as_deref(), request.provider.is_none());
        let Some((model, route)) = model.filter(|_| is_free).and_then(|model| {
            let route = self.routes.iter().find(|route| route.is_for(model))?;
            Some((model, route))
        }) else {
            return Ok(self.candidates(request)?.into_iter().map(|provider| (provider, model)).collect());
        };
        let targets = route.targets(model).filter_map(|(name, model)| {
            let provider = self.providers.iter().find(|provider| provider.name() == name)?;
            Some((provider, Some(model)))
        });
        Ok(targets.collect())
    }

    /// The providers that may serve `request` where no route says so, in the order of the configuration.
    fn candidates(&self, request: &ChatRequest) -> Result<Vec<&Backend>> {
        let named =
            |provider: &&Backend| request.provider.as_ref().is_none_or(|name| provider.name() == name);
        let named: Vec<_> = self.providers.iter().filter(named).collect();
        if named.is_empty() {
            let known = self.providers.iter().map(|provider| provider.name().to_owned()).collect();
            let none = || Error::Configuration("no provider is configured: add [[chatd.providers]]".into());
            let unknown = |provider| Error::UnknownProvider { provider, known };
            return Err(request.provider.clone().map_or_else(none, unknown));
        }
        let Some(model) = &request.model else {
            return Ok(named);
        };
        let able: Vec<_> = named.iter().copied().filter(|provider| provider.has(model)).collect();
        if able.is_empty() {
            let known = named.iter().flat_map(|provider| provider.models.clone()).collect();
            return Err(Error::UnknownModel { model: model.clone(), known });
        }
        Ok(able)
    }
}

/// Keeps a failure and lets the next provider be tried, unless the request itself is at fault: no other would take it.
fn note_failure(failures: &mut Vec<provider::Error>, error: provider::Error) -> Result<()> {
    tracing::warn!(%error, "provider failed");
    let is_bad_request = matches!(error, provider::Error::Refused { status: 400 | 413 | 422, .. });
    failures.push(error);
    if is_bad_request { Err(Error::AllFailed(std::mem::take(failures))) } else { Ok(()) }
}
