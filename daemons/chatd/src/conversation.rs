//! What the three shapes of request have in common: what is asked of a conversation, and who answers it.

use std::path::Path;
use std::sync::Arc;

use llm::{Chat, ChatStream};
use service::ApiError;
use wire::chat::{ChatRequest, ChatResponse, Message, ProviderStatus, Role};

use crate::budgets::{Budgets, Caller};
use crate::exchange::{Exchange, Recordings};
use crate::recording::{Recorder, Server};
use crate::{Config, local};

/// Holds conversations with the configured providers.
pub(crate) struct Conversations {
    chat: Chat,
    budgets: Arc<Budgets>,
    recordings: Option<Recordings>,
    max_messages: usize,
}

impl Conversations {
    /// With `recorder`, every exchange is recorded; `data_dir` is the daemon's folder.
    pub(crate) fn new(config: &Config, recorder: Option<Recorder>, data_dir: &Path) -> anyhow::Result<Self> {
        let local = local::models(&config.providers, &config.local, data_dir)?;
        let servers = config.providers.iter().map(|provider| (provider.name.clone(), Server::of(provider)));
        let servers = Arc::new(servers.collect());
        Ok(Self {
            recordings: recorder.map(|recorder| Recordings { recorder, servers }),
            chat: Chat::new(&config.providers, &config.routes, local.as_ref())?,
            budgets: Arc::new(Budgets::new(config.default_budget, &config.budgets)?),
            max_messages: config.max_messages,
        })
    }

    pub(crate) fn chat(&self) -> &Chat {
        &self.chat
    }

    pub(crate) fn budgets(&self) -> &Arc<Budgets> {
        &self.budgets
    }

    /// The whole answer.
    pub(crate) async fn complete(
        &self,
        caller: &Caller,
        request: &ChatRequest,
    ) -> Result<ChatResponse, ApiError> {
        let exchange = self.exchange(caller, request)?;
        let answer = self.chat.observed(exchange.clone()).complete(request).await;
        let answer = answer.map_err(|error| api_error(&error))?;
        exchange.said(&answer.message);
        Ok(answer)
    }

    /// The answer as it comes, its first piece being there.
    pub(crate) async fn stream(
        &self,
        caller: &Caller,
        request: &ChatRequest,
    ) -> Result<ChatStream, ApiError> {
        let exchange = self.exchange(caller, request)?;
        let answer = self.chat.observed(exchange.clone()).stream(request).await;
        let answer = answer.map_err(|error| api_error(&error))?;
        Ok(ChatStream { pieces: exchange.overhear(answer.pieces), ..answer })
    }

    /// Checks `request`, and takes what it may cost from the caller's budget.
    fn exchange(&self, caller: &Caller, request: &ChatRequest) -> Result<Arc<Exchange>, ApiError> {
        self.check(request)?;
        let hold = self.budgets.hold(caller, request)?;
        Ok(Exchange::new(hold, self.recordings.as_ref(), caller, request))
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
        let ranges = [("temperature", request.temperature, 2.0), ("top_p", request.top_p, 1.0)];
        for (name, value, most) in ranges {
            if let Some(value) = value.filter(|value| !(0.0..=most).contains(value)) {
                return Err(ApiError::invalid(format!("`{name}` is {value}, expected 0 to {most}")));
            }
        }
        if request.tool_choice.is_some() && request.tools.is_empty() {
            return Err(ApiError::invalid("there is a `tool_choice`, and no `tools` to choose from"));
        }
        check_messages(&request.messages)
    }
}

/// What every provider refuses, said once, with its place.
fn check_messages(messages: &[Message]) -> Result<(), ApiError> {
    for (place, message) in messages.iter().enumerate() {
        if message.role == Role::User && message.content.is_empty() {
            return Err(ApiError::invalid(format!("`messages[{place}].content` is empty")));
        }
        if message.role != Role::Assistant && !message.tool_calls.is_empty() {
            let reason = "only a message of the role `assistant` calls tools";
            return Err(ApiError::invalid(format!("`messages[{place}].tool_calls`: {reason}")));
        }
        if message.role != Role::Tool {
            continue;
        }
        let id = message.tool_call_id.as_deref().unwrap_or_default();
        let mut calls = messages[..place].iter().flat_map(|earlier| &earlier.tool_calls);
        if !calls.any(|call| call.id == id) {
            let reason = "names no call of an earlier message: a result follows the call that it belongs to";
            return Err(ApiError::invalid(format!("`messages[{place}].tool_call_id` {id:?} {reason}")));
        }
    }
    Ok(())
}

/// How a failure looks to the caller. Its text names provider, URL and next step.
pub(crate) fn api_error(error: &llm::Error) -> ApiError {
    let answer = ApiError::new(error.code(), error.to_string());
    match error.retry_after() {
        Some(wait) => answer.retry_after(wait),
        None => answer,
    }
}
