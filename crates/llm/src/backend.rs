//! One configured provider: which models it has, and what it answers.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_stream::stream;
use futures::stream::{self, Stream, StreamExt};
use provider::{Endpoint, Http, Result};
use wire::chat::{BudgetStatus, ChatRequest, ChatResponse, ProviderStatus};

use crate::answer::{self, Piece};
use crate::budget::{Balance, Budget, Demand, Limits, now_s};
use crate::meter::{Health, Meter};
use crate::protocol::{Event, Interface};
use crate::tariff::Tariff;
use crate::upstream::{LocalModels, Upstream};
use crate::{ChatStream, Error, Kind, Observer, ProviderSettings};

/// Nobody waits longer for an answer.
const FOREVER: Duration = Duration::from_secs(30 * 24 * 3600);
/// The version of Anthropic's interface that [`protocol`] speaks.
const ANTHROPIC_VERSION: &str = "2023-06-01";

#[derive(Debug)]
pub(crate) struct Backend {
    upstream: Upstream,
    kind: Kind,
    pub(crate) models: Vec<String>,
    first_token: Duration,
    total: Duration,
    health: Arc<Health>,
}

impl Backend {
    /// `local` are the models of this process, if it has any.
    pub(crate) fn new(
        settings: &ProviderSettings,
        http: Http,
        local: Option<&Arc<dyn LocalModels>>,
    ) -> Result<Self> {
        let wrong = |reason| provider::Error::Configuration { provider: settings.name.clone(), reason };
        let tariff = Tariff::new(&settings.prices, &settings.currency).map_err(wrong)?;
        let upstream = match Interface::of(settings.kind) {
            Some(interface) => Upstream::Server { endpoint: Arc::new(endpoint(settings, http)?), interface },
            None => in_process(settings, local).map_err(wrong)?,
        };
        Ok(Self {
            upstream,
            kind: settings.kind,
            models: settings.models.clone(),
            first_token: bound(settings.first_token_ms.unwrap_or(settings.timeout_ms)),
            total: bound(settings.total_ms),
            health: Health::new(settings.limits(), tariff),
        })
    }

    /// Its name in the configuration.
    pub(crate) fn name(&self) -> &str {
        self.upstream.name()
    }

    /// Whether it may be asked for `model`; one without a list may be asked for any.
    pub(crate) fn has(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|name| name == model)
    }

    /// What may be asked of it.
    pub(crate) fn budget(&self) -> &Arc<Budget> {
        self.health.budget()
    }

    /// The whole answer of `model`, or of its default.
    pub(crate) async fn complete(
        &self,
        model: Option<&str>,
        request: &ChatRequest,
        observer: Option<&Arc<dyn Observer>>,
    ) -> Result<ChatResponse> {
        let (model, mut meter) = self.begin(model, request, observer).await?;
        let events = self.upstream.complete(&model, request).await;
        let events = events.inspect_err(|error| {
            meter.fail(error);
        })?;
        meter.count(&events);
        let said = events.iter().find_map(|event| match event {
            Event::End(reason) => Some(*reason),
            _ => None,
        });
        let (finish_reason, usage) = meter.end(said.unwrap_or(wire::chat::FinishReason::Other));
        let (message, provider) = (answer::message(events), self.name().to_owned());
        Ok(ChatResponse { message, model, provider, usage, finish_reason })
    }

    /// The answer of `model`, or of its default, as it comes; returns when it has begun.
    pub(crate) async fn stream(
        &self,
        model: Option<&str>,
        request: &ChatRequest,
        observer: Option<&Arc<dyn Observer>>,
    ) -> Result<ChatStream> {
        let (model, mut meter) = self.begin(model, request, observer).await?;
        let (started, events) = (Instant::now(), self.upstream.stream(&model, request));
        let late = self.upstream.late(&model, self.total, "total_ms");
        let mut events = Box::pin(until(events, started + self.total, late));
        let mut opening = Vec::new();
        loop {
            // An absolute time, as comments that keep a connection alive are no tokens.
            let event = tokio::time::timeout_at((started + self.first_token).into(), events.next()).await;
            let late = || Some(Err(self.upstream.late(&model, self.first_token, "first_token_ms")));
            let Some(event) = event.unwrap_or_else(|_| late()) else { break };
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
        Ok(ChatStream { model, provider: self.name().to_owned(), pieces })
    }

    /// What it says of itself, for a listing.
    pub(crate) async fn status(&self) -> ProviderStatus {
        let started = Instant::now();
        let models = self.upstream.models().await;
        let latency_ms = started.elapsed().as_secs_f64() * 1e3;
        self.health.seen(self.name(), models.is_ok());
        ProviderStatus {
            name: self.name().to_owned(),
            kind: self.kind.as_str().to_owned(),
            url: self.upstream.url().to_owned(),
            reachable: models.is_ok(),
            latency_ms: models.is_ok().then_some(latency_ms),
            error: models.as_ref().err().map(ToString::to_string),
            models: models.unwrap_or_default(),
            configured_models: self.models.clone(),
            breaker: self.health.state().as_str().to_owned(),
            records: self.health.records(),
            currency: self.health.currency().to_owned(),
            budget: self.budget_status(),
        }
    }

    fn budget_status(&self) -> Option<BudgetStatus> {
        let limits = self.budget().limits();
        if limits == Limits::default() {
            return None;
        }
        let Limits { max_concurrent, tokens_per_day } = limits;
        let Balance { in_flight, used, held } = self.budget().balance(now_s());
        Some(BudgetStatus {
            name: self.name().to_owned(),
            keys: 0,
            max_concurrent,
            tokens_per_day,
            in_flight: u64::from(in_flight),
            tokens_used: used,
            tokens_held: held,
        })
    }

    /// Asks budget and breaker, and finds out which model it is.
    async fn begin(
        &self,
        model: Option<&str>,
        request: &ChatRequest,
        observer: Option<&Arc<dyn Observer>>,
    ) -> Result<(String, Meter)> {
        let provider = || self.name().to_owned();
        let hold = self.budget().hold(Demand::of(request), now_s()).map_err(|spent| {
            metrics::counter!("chatd_provider_budget_refusals_total", "provider" => provider(), "reason" => spent.reason())
                .increment(1);
            provider::Error::Spent {
                provider: provider(),
                reason: spent.to_string(),
                retry_after_s: spent.retry_after().map(|wait| wait.as_secs()),
            }
        })?;
        self.health.admit().map_err(|wait| provider::Error::Resting {
            provider: provider(),
            retry_after_s: wait.as_secs_f64().ceil() as u64,
        })?;
        let mut meter = Meter::start(&self.health, self.name(), request, hold, observer);
        let model = self.model(model).await.inspect_err(|error| {
            meter.fail(error);
        })?;
        meter.asks(&model);
        Ok((model, meter))
    }

    /// The model that is asked for, or the first one configured, or the first one that the provider has.
    async fn model(&self, asked: Option<&str>) -> Result<String> {
        if let Some(model) = asked.or(self.models.first().map(String::as_str)) {
            return Ok(model.to_owned());
        }
        self.upstream.first_model().await
    }
}

/// The server that `settings` describe.
fn endpoint(settings: &ProviderSettings, http: Http) -> Result<Endpoint> {
    let (kind, endpoint) = (settings.kind, Endpoint::new(&settings.address(), http)?);
    if kind.needs_key() && !endpoint.has_key() {
        let reason = format!("kind {:?} needs a key: set `api_key_env` or `api_key_file`", kind.as_str());
        return Err(provider::Error::Configuration { provider: settings.name.clone(), reason });
    }
    Ok(match kind {
        Kind::Anthropic => {
            endpoint.with_key_header("x-api-key").with_header("anthropic-version", ANTHROPIC_VERSION)
        }
        Kind::Gemini => endpoint.with_key_header("x-goog-api-key"),
        Kind::Local | Kind::Ollama | Kind::OllamaCloud | Kind::OpenAi => endpoint,
    })
}

/// The models in this process, under the name that `settings` give them.
fn in_process(
    settings: &ProviderSettings,
    local: Option<&Arc<dyn LocalModels>>,
) -> std::result::Result<Upstream, String> {
    let ProviderSettings { url, api_key_env, api_key_file, .. } = settings;
    if url.is_some() || api_key_env.is_some() || api_key_file.is_some() {
        return Err("kind \"local\" runs in this process: it has neither `url` nor key".into());
    }
    let models = local.ok_or("kind \"local\" is not part of this build: cargo's feature `local` adds it")?;
    let (name, timeout) = (settings.name.clone(), bound(settings.timeout_ms));
    Ok(Upstream::Local { name, models: Arc::clone(models), timeout })
}

/// A time that can be added to now, whatever the configuration says.
fn bound(ms: u64) -> Duration {
    Duration::from_millis(ms).min(FOREVER)
}

/// The same, but for `late` and an end where `deadline` finds it going on.
fn until(
    events: impl Stream<Item = Result<Event>> + Unpin,
    deadline: Instant,
    late: provider::Error,
) -> impl Stream<Item = Result<Event>> {
    stream! {
        // One timer for all of it, not one for each event.
        let mut events = events.take_until(Box::pin(tokio::time::sleep_until(deadline.into())));
        while let Some(event) = events.next().await {
            yield event;
        }
        if events.take_result().is_some() {
            yield Err(late);
        }
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
