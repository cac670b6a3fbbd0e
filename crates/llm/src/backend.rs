//! One configured provider: which models it has, and what it answers.

use std::pin::Pin;
use std::time::{Duration, Instant};

use async_stream::stream;
use futures::stream::{self, Stream, StreamExt};
use provider::{Endpoint, Result};
use reqwest::Client;
use serde_json::Value;
use wire::chat::{ChatRequest, ChatResponse, ProviderStatus};

use crate::answer::{self, Piece};
use crate::meter::Meter;
use crate::protocol::{self, Event};
use crate::{ChatStream, Error, Kind, ProviderSettings};

/// How long a provider has to list its models; its own timeout is meant for answers that take minutes.
const SURVEY_TIMEOUT: Duration = Duration::from_secs(5);
/// The version of Anthropic's interface that [`protocol`] speaks.
const ANTHROPIC_VERSION: &str = "2023-06-01";

#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) endpoint: Endpoint,
    kind: Kind,
    pub(crate) models: Vec<String>,
}

impl Backend {
    pub(crate) fn new(settings: &ProviderSettings, http: Client) -> Result<Self> {
        let (kind, endpoint) = (settings.kind, Endpoint::new(&settings.address(), http)?);
        if kind.needs_key() && !endpoint.has_key() {
            let reason = format!("kind {:?} needs a key: set `api_key_env` or `api_key_file`", kind.as_str());
            return Err(provider::Error::Configuration { provider: settings.name.clone(), reason });
        }
        let endpoint = match kind {
            Kind::Anthropic => {
                endpoint.with_key_header("x-api-key").with_header("anthropic-version", ANTHROPIC_VERSION)
            }
            Kind::Gemini => endpoint.with_key_header("x-goog-api-key"),
            Kind::Ollama | Kind::OllamaCloud | Kind::OpenAi => endpoint,
        };
        Ok(Self { endpoint, kind, models: settings.models.clone() })
    }

    /// Whether it may be asked for `model`; one without a list may be asked for any.
    pub(crate) fn has(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|name| name == model)
    }

    /// The whole answer.
    pub(crate) async fn complete(&self, request: &ChatRequest) -> Result<ChatResponse> {
        let model = self.model(request).await?;
        let mut meter = Meter::start(self.endpoint.name(), &model, request);
        let events = protocol::complete(&self.endpoint, self.kind, &model, request).await;
        let events = events.inspect_err(|error| {
            meter.fail(error);
        })?;
        events.iter().for_each(|event| meter.note(event));
        let said = events.iter().find_map(|event| match event {
            Event::End(reason) => Some(*reason),
            _ => None,
        });
        let (finish_reason, usage) = meter.end(said.unwrap_or(wire::chat::FinishReason::Other));
        let (message, provider) = (answer::message(events), self.endpoint.name().to_owned());
        Ok(ChatResponse { message, model, provider, usage, finish_reason })
    }

    /// The answer as it comes; returns when it has begun.
    pub(crate) async fn stream(&self, request: &ChatRequest) -> Result<ChatStream> {
        let model = self.model(request).await?;
        let mut meter = Meter::start(self.endpoint.name(), &model, request);
        let events = protocol::stream(self.endpoint.clone(), self.kind, model.clone(), request.clone());
        let (mut events, mut opening) = (Box::pin(events), Vec::new());
        while let Some(event) = events.next().await {
            let event = event.inspect_err(|error| {
                meter.fail(error);
            })?;
            let has_begun = !matches!(event, Event::Usage(_));
            opening.push(Ok(event));
            if has_begun {
                break;
            }
        }
        let pieces = pieces(stream::iter(opening).chain(events), meter);
        Ok(ChatStream { model, provider: self.endpoint.name().to_owned(), pieces })
    }

    /// What it says of itself, for a listing.
    pub(crate) async fn status(&self) -> ProviderStatus {
        let started = Instant::now();
        let models = tokio::time::timeout(SURVEY_TIMEOUT, self.list_models()).await;
        let models = models.unwrap_or_else(|_| Err(self.endpoint.timed_out(self.models_path())));
        let latency_ms = started.elapsed().as_secs_f64() * 1e3;
        ProviderStatus {
            name: self.endpoint.name().to_owned(),
            kind: self.kind.as_str().to_owned(),
            url: self.endpoint.url().to_owned(),
            reachable: models.is_ok(),
            latency_ms: models.is_ok().then_some(latency_ms),
            error: models.as_ref().err().map(ToString::to_string),
            models: models.unwrap_or_default(),
            configured_models: self.models.clone(),
        }
    }

    /// The model that `request` asks for, or the first one configured, or the first one that the provider has.
    async fn model(&self, request: &ChatRequest) -> Result<String> {
        if let Some(model) = request.model.as_ref().or(self.models.first()) {
            return Ok(model.clone());
        }
        let reason = "it has no model: pull one there, or name one in `models`";
        let none = || self.endpoint.malformed(self.models_path(), reason);
        self.list_models().await?.into_iter().next().ok_or_else(none)
    }

    fn models_path(&self) -> &'static str {
        protocol::dialect(self.kind).models_path()
    }

    async fn list_models(&self) -> Result<Vec<String>> {
        let list: Value = self.endpoint.get(self.models_path()).await?;
        let models = protocol::dialect(self.kind).models(list);
        models.map_err(|error| self.endpoint.malformed(self.models_path(), error.to_string()))
    }
}

/// Tells the caller, and the meter, what the provider says. The meter goes with the stream: if it is dropped, so is that.
fn pieces(
    mut events: impl Stream<Item = Result<Event>> + Send + Unpin + 'static,
    mut meter: Meter,
) -> Pin<Box<dyn Stream<Item = crate::Result<Piece>> + Send>> {
    Box::pin(stream! {
        while let Some(event) = events.next().await {
            if let Ok(event) = &event {
                meter.note(event);
            }
            match event {
                Ok(Event::Text(text)) => yield Ok(Piece::Text(text)),
                Ok(Event::ToolCall(piece)) => yield Ok(Piece::ToolCall(piece)),
                Ok(Event::Usage(_)) => {}
                Ok(Event::End(said)) => {
                    let (finish_reason, usage) = meter.end(said);
                    yield Ok(Piece::End { finish_reason, usage });
                }
                Err(source) => {
                    let usage = meter.fail(&source);
                    yield Err(Error::BrokeOff { source: Box::new(source), usage });
                }
            }
        }
    })
}
