//! The door of this crate: which provider is asked, and which one after it.

use std::fmt;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures::future::join_all;
use futures::stream::{self, Stream, StreamExt};
use provider::{Endpoint, Kind};
use wire::chat::{ChatRequest, ChatResponse, ProviderStatus, ollama, openai};

use crate::protocol::{self, Piece};
use crate::{Error, ProviderSettings, Result};

/// How long a provider has to list its models; its own timeout is meant for answers that take minutes.
const SURVEY_TIMEOUT: Duration = Duration::from_secs(5);

/// Chats with any of the configured providers. Shared by reference between tasks.
#[derive(Debug)]
pub struct Chat {
    providers: Vec<Provider>,
}

#[derive(Debug)]
struct Provider {
    endpoint: Endpoint,
    models: Vec<String>,
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

impl Chat {
    /// Reads keys and checks addresses; nobody is called yet. Needs rustls' default crypto provider in the process.
    ///
    /// # Errors
    /// [`Error::Configuration`] with what is wrong.
    pub fn new(settings: &[ProviderSettings]) -> Result<Self> {
        let wrong = |error: &dyn fmt::Display| Error::Configuration(error.to_string());
        let http = provider::http_client().map_err(|error| wrong(&error))?;
        let mut providers: Vec<Provider> = Vec::new();
        for settings in settings {
            if providers.iter().any(|other| other.endpoint.name() == settings.name) {
                return Err(Error::Configuration(format!("two providers are named {:?}", settings.name)));
            }
            let endpoint = Endpoint::new(&settings.address(), http.clone()).map_err(|error| wrong(&error))?;
            providers.push(Provider { endpoint, models: settings.models.clone() });
        }
        Ok(Self { providers })
    }

    /// The whole answer, from the first provider that gives one. Dropping the future tells the provider to stop.
    ///
    /// # Errors
    /// Any [`Error`] but `BrokeOff`.
    pub async fn complete(&self, request: &ChatRequest) -> Result<ChatResponse> {
        let mut failures = Vec::new();
        for provider in self.candidates(request)? {
            let (endpoint, started) = (&provider.endpoint, Instant::now());
            let answer = async {
                let model = provider.model(request).await?;
                let answer = protocol::complete(endpoint, &model, request).await?;
                Ok((model, answer))
            };
            match answer.await {
                Ok((model, answer)) => {
                    let took_ms = started.elapsed().as_secs_f64() * 1e3;
                    tracing::debug!(provider = endpoint.name(), model, took_ms, "answered");
                    let provider = endpoint.name().to_owned();
                    let protocol::Answer { message, finish_reason, usage } = answer;
                    return Ok(ChatResponse { message, model, provider, usage, finish_reason });
                }
                Err(error) => note_failure(&mut failures, error)?,
            }
        }
        Err(Error::AllFailed(failures))
    }

    /// The answer as it comes, from the first provider that begins one. Returns with the first piece at hand.
    ///
    /// # Errors
    /// Any [`Error`] but `BrokeOff`, which only the stream itself yields.
    pub async fn stream(&self, request: &ChatRequest) -> Result<ChatStream> {
        let mut failures = Vec::new();
        for provider in self.candidates(request)? {
            match provider.stream(request).await {
                Ok(stream) => return Ok(stream),
                Err(error) => note_failure(&mut failures, error)?,
            }
        }
        Err(Error::AllFailed(failures))
    }

    /// Asks every provider for its models, at once. A provider that does not answer is an answer: this cannot fail.
    pub async fn survey(&self) -> Vec<ProviderStatus> {
        join_all(self.providers.iter().map(Provider::status)).await
    }

    /// The providers that may serve `request`, in the order in which they are tried.
    fn candidates(&self, request: &ChatRequest) -> Result<Vec<&Provider>> {
        let named = |provider: &&Provider| {
            request.provider.as_ref().is_none_or(|name| provider.endpoint.name() == name)
        };
        let named: Vec<_> = self.providers.iter().filter(named).collect();
        if named.is_empty() {
            let known = self.providers.iter().map(|provider| provider.endpoint.name().to_owned()).collect();
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

impl Provider {
    /// Whether it may be asked for `model`; one without a list may be asked for any.
    fn has(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|name| name == model)
    }

    /// The model that `request` asks for, or the first one configured, or the first one that the provider has.
    async fn model(&self, request: &ChatRequest) -> provider::Result<String> {
        if let Some(model) = request.model.as_ref().or(self.models.first()) {
            return Ok(model.clone());
        }
        let path = self.models_path();
        let none =
            || self.endpoint.malformed(path, "it has no model: pull one there, or name one in `models`");
        self.list_models().await?.into_iter().next().ok_or_else(none)
    }

    async fn stream(&self, request: &ChatRequest) -> provider::Result<ChatStream> {
        let model = self.model(request).await?;
        let pieces = protocol::stream(self.endpoint.clone(), model.clone(), request.clone());
        let mut pieces = Box::pin(pieces);
        let first = pieces.next().await.transpose()?;
        let rest = pieces.map(|piece| piece.map_err(Error::BrokeOff));
        let pieces = Box::pin(stream::iter(first.map(Ok)).chain(rest));
        Ok(ChatStream { model, provider: self.endpoint.name().to_owned(), pieces })
    }

    fn models_path(&self) -> &'static str {
        match self.endpoint.kind() {
            Kind::Ollama => "/api/tags",
            Kind::OpenAi => "/v1/models",
        }
    }

    async fn list_models(&self) -> provider::Result<Vec<String>> {
        let path = self.models_path();
        match self.endpoint.kind() {
            Kind::Ollama => {
                let tags: ollama::Tags = self.endpoint.get(path).await?;
                Ok(tags.models.into_iter().map(|tag| tag.name).collect())
            }
            Kind::OpenAi => {
                let models: openai::Models = self.endpoint.get(path).await?;
                Ok(models.data.into_iter().map(|model| model.id).collect())
            }
        }
    }

    async fn status(&self) -> ProviderStatus {
        let started = Instant::now();
        let models = tokio::time::timeout(SURVEY_TIMEOUT, self.list_models()).await;
        let models = models.unwrap_or_else(|_| Err(self.endpoint.timed_out(self.models_path())));
        let latency_ms = started.elapsed().as_secs_f64() * 1e3;
        let kind = match self.endpoint.kind() {
            Kind::Ollama => "ollama",
            Kind::OpenAi => "openai",
        };
        ProviderStatus {
            name: self.endpoint.name().to_owned(),
            kind: kind.to_owned(),
            url: self.endpoint.url().to_owned(),
            reachable: models.is_ok(),
            latency_ms: models.is_ok().then_some(latency_ms),
            error: models.as_ref().err().map(ToString::to_string),
            models: models.unwrap_or_default(),
            configured_models: self.models.clone(),
        }
    }
}

/// Keeps a failure and lets the next provider be tried, unless the request itself is at fault: no other would take it.
fn note_failure(failures: &mut Vec<provider::Error>, error: provider::Error) -> Result<()> {
    tracing::warn!(%error, "provider failed");
    let is_bad_request = matches!(error, provider::Error::Refused { status: 400 | 413 | 422, .. });
    failures.push(error);
    if is_bad_request { Err(Error::AllFailed(std::mem::take(failures))) } else { Ok(()) }
}
