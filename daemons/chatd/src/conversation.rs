//! What the three shapes of request have in common: bounds, providers, metrics.

use std::time::Instant;

use llm::{Chat, ChatStream};
use service::ApiError;
use wire::chat::{ChatRequest, ChatResponse, ProviderStatus};

use crate::Config;

/// Holds conversations with the configured providers.
pub(crate) struct Conversations {
    chat: Chat,
    max_messages: usize,
}

impl Conversations {
    pub(crate) fn new(config: &Config) -> llm::Result<Self> {
        Ok(Self { chat: Chat::new(&config.providers)?, max_messages: config.max_messages })
    }

    /// The whole answer.
    pub(crate) async fn complete(&self, request: &ChatRequest) -> Result<ChatResponse, ApiError> {
        self.check(request)?;
        let started = Instant::now();
        let answer = self.chat.complete(request).await;
        count(answer.as_ref().map(|answer| answer.provider.as_str()));
        let answer = answer.map_err(|error| api_error(&error))?;
        metrics::histogram!("chatd_answer_seconds", "provider" => answer.provider.clone())
            .record(started.elapsed());
        metrics::counter!("chatd_tokens_total", "provider" => answer.provider.clone())
            .increment(answer.usage.total_tokens);
        Ok(answer)
    }

    /// The answer as it comes, its first piece being there.
    pub(crate) async fn stream(&self, request: &ChatRequest) -> Result<ChatStream, ApiError> {
        self.check(request)?;
        let started = Instant::now();
        let stream = self.chat.stream(request).await;
        count(stream.as_ref().map(|stream| stream.provider.as_str()));
        let stream = stream.map_err(|error| api_error(&error))?;
        metrics::histogram!("chatd_first_token_seconds", "provider" => stream.provider.clone())
            .record(started.elapsed());
        Ok(stream)
    }

    /// Which providers answer.
    pub(crate) async fn survey(&self) -> Vec<ProviderStatus> {
        self.chat.survey().await
    }

    /// The models that may be asked for, each with its provider: those that answering providers have.
    pub(crate) async fn models(&self) -> Vec<(String, String)> {
        let mut models: Vec<(String, String)> = Vec::new();
        for status in self.survey().await {
            let is_allowed = |model: &String| {
                status.configured_models.is_empty() || status.configured_models.contains(model)
            };
            for model in status.models.iter().filter(|model| is_allowed(model)) {
                if models.iter().all(|(known, _)| known != model) {
                    models.push((model.clone(), status.name.clone()));
                }
            }
        }
        models
    }

    fn check(&self, request: &ChatRequest) -> Result<(), ApiError> {
        let count = request.messages.len();
        if count == 0 {
            return Err(ApiError::invalid("the list of messages is empty: send at least one"));
        }
        if count > self.max_messages {
            let limit = self.max_messages;
            return Err(ApiError::invalid(format!("{count} messages, at most {limit} are taken")));
        }
        match request.temperature {
            Some(temperature) if !(0.0..=2.0).contains(&temperature) => {
                Err(ApiError::invalid(format!("`temperature` is {temperature}, expected 0 to 2")))
            }
            _ => Ok(()),
        }
    }
}

fn count(answered_by: Result<&str, &llm::Error>) {
    let (provider, outcome) = match answered_by {
        Ok(provider) => (provider.to_owned(), "answered"),
        Err(error) => (String::new(), error.code().as_str()),
    };
    metrics::counter!("chatd_requests_total", "provider" => provider, "outcome" => outcome).increment(1);
}

/// How a failure looks to the caller. Its text names provider, URL and next step.
pub(crate) fn api_error(error: &llm::Error) -> ApiError {
    ApiError::new(error.code(), error.to_string())
}
