//! What an attempt to answer is told to `/metrics`, also when nobody waits for its end.

use std::time::Instant;

use metrics::{counter, histogram};
use wire::chat::{ChatRequest, FinishReason, Usage};

use crate::answer::Tally;
use crate::protocol::Event;

/// Follows one attempt at one provider. One that is dropped before its end was abandoned by the caller.
#[derive(Debug)]
pub(crate) struct Meter {
    provider: String,
    model: String,
    started: Instant,
    tally: Tally,
    has_begun: bool,
    is_settled: bool,
}

impl Meter {
    pub(crate) fn start(provider: &str, model: &str, request: &ChatRequest) -> Self {
        Self {
            provider: provider.to_owned(),
            model: model.to_owned(),
            started: Instant::now(),
            tally: Tally::new(request),
            has_begun: false,
            is_settled: false,
        }
    }

    /// Counts what the provider says.
    pub(crate) fn note(&mut self, event: &Event) {
        if !self.has_begun && !matches!(event, Event::Usage(_)) {
            self.has_begun = true;
            histogram!("chatd_first_token_seconds", "provider" => self.provider.clone())
                .record(self.started.elapsed());
        }
        self.tally.note(event);
    }

    /// The answer is whole.
    pub(crate) fn end(&mut self, said: FinishReason) -> (FinishReason, Usage) {
        let usage = self.tally.of_whole();
        self.settle("answered", usage);
        histogram!("chatd_answer_seconds", "provider" => self.provider.clone())
            .record(self.started.elapsed());
        let took_ms = self.started.elapsed().as_secs_f64() * 1e3;
        tracing::debug!(provider = self.provider, model = self.model, took_ms, "answered");
        (self.tally.finish_reason(said), usage)
    }

    /// The provider has failed.
    pub(crate) fn fail(&mut self, error: &provider::Error) -> Usage {
        // Before it has begun to answer it has, as far as anybody knows, read nothing.
        let usage = if self.has_begun { self.tally.of_part() } else { Usage::default() };
        self.settle(error.code().as_str(), usage);
        usage
    }

    fn settle(&mut self, outcome: &'static str, usage: Usage) {
        self.is_settled = true;
        let provider = self.provider.clone();
        counter!("chatd_requests_total", "provider" => provider, "outcome" => outcome).increment(1);
        for (kind, tokens) in [("prompt", usage.prompt_tokens), ("completion", usage.completion_tokens)] {
            // A label for a model only once it has cost something: names that callers make up cost nothing.
            if tokens > 0 {
                let (provider, model) = (self.provider.clone(), self.model.clone());
                counter!("chatd_tokens_total", "provider" => provider, "model" => model, "kind" => kind)
                    .increment(tokens);
            }
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if !self.is_settled {
            let usage = if self.has_begun { self.tally.of_part() } else { Usage::default() };
            self.settle("abandoned", usage);
        }
    }
}
