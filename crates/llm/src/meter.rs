//! How a provider does: what its attempts to answer took and cost, told to `/metrics` and `/chat/providers`, and whether to
//! go on asking it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use parking_lot::Mutex;
use wire::chat::{ChatRequest, FinishReason, ModelRecord, Usage};

use crate::answer::Tally;
use crate::breaker::{Breaker, State};
use crate::budget::{Budget, Hold, Limits, now_s};
use crate::observer::{Attempt, Observer};
use crate::protocol::Event;
use crate::tariff::Tariff;

/// Models of one provider that are counted apart; servers that take any name would be asked for any number of them.
const MAX_MODELS: usize = 64;
/// What the others are counted as.
const OTHER_MODELS: &str = "other";

/// What is known of one provider.
#[derive(Debug)]
pub(crate) struct Health {
    breaker: Breaker,
    budget: Arc<Budget>,
    tariff: Tariff,
    models: Mutex<BTreeMap<String, Record>>,
    meters: OnceLock<Meters>,
}

#[derive(Debug, Default)]
struct Record {
    answers: u64,
    failures: u64,
    usage: Usage,
    first_tokens: u64,
    until_first_token: Duration,
    until_end: Duration,
    cost: Option<f64>,
}

impl Health {
    pub(crate) fn new(limits: Limits, tariff: Tariff) -> Arc<Self> {
        let (breaker, budget) = (Breaker::default(), Budget::new(limits));
        Arc::new(Self { breaker, budget, tariff, models: Mutex::default(), meters: OnceLock::new() })
    }

    /// The currency of its prices.
    pub(crate) fn currency(&self) -> &str {
        &self.tariff.currency
    }

    /// Tells whether `provider` was there when it was last looked for.
    pub(crate) fn seen(&self, provider: &str, is_reachable: bool) {
        self.meters(provider).reachable().set(if is_reachable { 1.0 } else { 0.0 });
    }

    fn meters(&self, provider: &str) -> &Meters {
        self.meters.get_or_init(|| Meters::new(provider))
    }

    /// What may be asked of the provider.
    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Whether the provider may be asked now; `Err`: for how long not.
    pub(crate) fn admit(&self) -> Result<(), Duration> {
        self.breaker.admit(Instant::now())
    }

    pub(crate) fn state(&self) -> State {
        self.breaker.state(Instant::now())
    }

    /// What each model has done since the start.
    pub(crate) fn records(&self) -> Vec<ModelRecord> {
        let models = self.models.lock();
        let records = models.iter().map(|(model, record)| {
            let mean =
                |sum: Duration, count: u64| (count > 0).then(|| sum.as_secs_f64() * 1e3 / count as f64);
            ModelRecord {
                model: model.clone(),
                answers: record.answers,
                failures: record.failures,
                usage: record.usage,
                cost: record.cost,
                first_token_ms: mean(record.until_first_token, record.first_tokens),
                answer_ms: mean(record.until_end, record.answers),
            }
        });
        records.collect()
    }

    /// The name under which `model` is counted.
    fn label(&self, model: &str) -> String {
        let models = self.models.lock();
        let is_counted = models.contains_key(model) || models.len() < MAX_MODELS;
        if is_counted { model.to_owned() } else { OTHER_MODELS.to_owned() }
    }
}

/// What `/metrics` has of one provider, kept: to format labels and to look them up in the registry costs more than to count.
#[derive(Debug)]
struct Meters {
    provider: String,
    /// Not there until something is known.
    reachable: OnceLock<Gauge>,
    breaker_open: Gauge,
    requests: Mutex<HashMap<&'static str, Counter>>,
    models: Mutex<HashMap<String, ModelMeters>>,
}

#[derive(Debug, Clone)]
struct ModelMeters {
    first_token: Histogram,
    answer: Histogram,
    prompt_tokens: Counter,
    completion_tokens: Counter,
}

impl Meters {
    fn new(provider: &str) -> Self {
        Self {
            provider: provider.to_owned(),
            reachable: OnceLock::new(),
            breaker_open: gauge!("chatd_breaker_open", "provider" => provider.to_owned()),
            requests: Mutex::default(),
            models: Mutex::default(),
        }
    }

    fn reachable(&self) -> &Gauge {
        self.reachable.get_or_init(|| gauge!("chatd_provider_reachable", "provider" => self.provider.clone()))
    }

    /// Attempts that ended like this.
    fn requests(&self, outcome: &'static str) -> Counter {
        let new =
            || counter!("chatd_requests_total", "provider" => self.provider.clone(), "outcome" => outcome);
        self.requests.lock().entry(outcome).or_insert_with(new).clone()
    }

    /// `model` is a name that [`Health::label`] gave.
    fn of_model(&self, model: &str) -> ModelMeters {
        let mut models = self.models.lock();
        if let Some(meters) = models.get(model) {
            return meters.clone();
        }
        let meters = ModelMeters::new(&self.provider, model);
        models.insert(model.to_owned(), meters.clone());
        meters
    }
}

impl ModelMeters {
    fn new(provider: &str, model: &str) -> Self {
        let labels = || [("provider", provider.to_owned()), ("model", model.to_owned())];
        let tokens = |kind: &str| counter!("chatd_tokens_total", "provider" => provider.to_owned(), "model" => model.to_owned(), "kind" => kind.to_owned());
        Self {
            first_token: histogram!("chatd_first_token_seconds", &labels()),
            answer: histogram!("chatd_answer_seconds", &labels()),
            prompt_tokens: tokens("prompt"),
            completion_tokens: tokens("completion"),
        }
    }
}

/// Follows one attempt. One that is dropped before its end was abandoned by the caller.
#[derive(Debug)]
pub(crate) struct Meter {
    health: Arc<Health>,
    provider: String,
    /// The model that is asked; empty until that is known.
    asked: String,
    /// Under which it is counted.
    model: String,
    hold: Hold,
    observer: Option<Arc<dyn Observer>>,
    started: Instant,
    tally: Tally,
    first_token: Option<Duration>,
    is_settled: bool,
}

impl Meter {
    pub(crate) fn start(
        health: &Arc<Health>,
        provider: &str,
        request: &ChatRequest,
        hold: Hold,
        observer: Option<&Arc<dyn Observer>>,
    ) -> Self {
        Self {
            health: Arc::clone(health),
            provider: provider.to_owned(),
            asked: String::new(),
            model: OTHER_MODELS.to_owned(),
            hold,
            observer: observer.cloned(),
            started: Instant::now(),
            tally: Tally::new(request),
            first_token: None,
            is_settled: false,
        }
    }

    /// The model that is asked.
    pub(crate) fn asks(&mut self, model: &str) {
        model.clone_into(&mut self.asked);
        self.model = self.health.label(model);
    }

    /// Counts an answer that has come whole.
    pub(crate) fn count(&mut self, events: &[Event]) {
        events.iter().for_each(|event| self.tally.note(event));
    }

    /// Counts what the provider says in the course of an answer.
    pub(crate) fn note(&mut self, event: &Event) {
        if self.first_token.is_none() && !matches!(event, Event::Usage(_)) {
            let took = self.started.elapsed();
            self.first_token = Some(took);
            self.health.breaker.succeeded();
            self.meters().of_model(&self.model).first_token.record(took);
        }
        self.tally.note(event);
    }

    /// The answer is whole.
    pub(crate) fn end(&mut self, said: FinishReason) -> (FinishReason, Usage) {
        let usage = self.tally.of_whole();
        self.health.breaker.succeeded();
        self.health.seen(&self.provider, true);
        let reason = self.tally.finish_reason(said);
        self.settle("answered", usage, Some(reason));
        let took = self.started.elapsed();
        self.meters().of_model(&self.model).answer.record(took);
        (reason, usage)
    }

    /// The provider has failed, or refused.
    pub(crate) fn fail(&mut self, error: &provider::Error) -> Usage {
        // Before it has begun to answer, the provider has, as far as anybody knows, read nothing.
        let usage = if self.first_token.is_some() { self.tally.of_part() } else { Usage::default() };
        if matches!(error, provider::Error::Unreachable { .. }) {
            self.health.seen(&self.provider, false);
        }
        if is_its_fault(error) {
            self.health.breaker.failed(Instant::now());
        } else {
            self.health.breaker.gave_no_verdict();
        }
        self.settle(error.code().as_str(), usage, None);
        usage
    }

    fn settle(&mut self, outcome: &'static str, usage: Usage, finish_reason: Option<FinishReason>) {
        self.is_settled = true;
        let (took, first_token) = (self.started.elapsed(), self.first_token);
        self.hold.spend(usage.total_tokens, now_s());
        if let Some(observer) = &self.observer {
            let (provider, model) = (self.provider.as_str(), self.asked.as_str());
            observer.ended(&Attempt { provider, model, outcome, usage, finish_reason, first_token, took });
        }
        self.meters().requests(outcome).increment(1);
        self.meters().breaker_open.set(if self.health.state() == State::Closed { 0.0 } else { 1.0 });
        // A failure before the first token may be that of a model which is not there: its name is no label.
        if outcome != "answered" && first_token.is_none() {
            if usage.total_tokens == 0 {
                return;
            }
            OTHER_MODELS.clone_into(&mut self.model);
        }
        self.enter(outcome, usage, took);
    }

    /// Adds to the account of the model.
    fn enter(&self, outcome: &'static str, usage: Usage, took: Duration) {
        let meters = self.meters().of_model(&self.model);
        meters.prompt_tokens.increment(usage.prompt_tokens);
        meters.completion_tokens.increment(usage.completion_tokens);
        let mut models = self.health.models.lock();
        let record = models.entry(self.model.clone()).or_default();
        match outcome {
            "answered" => {
                record.answers += 1;
                record.until_end += took;
            }
            "abandoned" => {}
            _ => record.failures += 1,
        }
        record.usage = record.usage.plus(usage);
        if let Some(took) = self.first_token {
            record.first_tokens += 1;
            record.until_first_token += took;
        }
        if let Some(cost) = self.health.tariff.cost(&self.asked, usage) {
            let sum = record.cost.unwrap_or_default() + cost;
            record.cost = Some(sum);
            let (provider, model) = (self.provider.clone(), self.model.clone());
            let currency = self.health.currency().to_owned();
            gauge!("chatd_cost", "provider" => provider, "model" => model, "currency" => currency).set(sum);
        }
    }

    fn meters(&self) -> &Meters {
        self.health.meters(&self.provider)
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if !self.is_settled {
            self.health.breaker.gave_no_verdict();
            // Nobody will know how far it got with an answer of which nothing has come; it has the question.
            let usage = if self.asked.is_empty() { Usage::default() } else { self.tally.of_part() };
            self.settle("abandoned", usage, None);
        }
    }
}

/// Whether a failure says something of the provider, and not of the request or of how much is asked of it.
fn is_its_fault(error: &provider::Error) -> bool {
    use provider::Error::{Malformed, Refused, TimedOut, Unreachable};
    match error {
        Unreachable { .. } | TimedOut { .. } | Malformed { .. } => true,
        Refused { status, .. } => *status >= 500,
        _ => false,
    }
}
