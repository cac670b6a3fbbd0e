//! Calls to `chatd`.

use wire::chat::{ChatRequest, ChatResponse, ProvidersResponse};
use wire::{CallContext, DaemonName};

use crate::{Peer, Peers, Result};

/// Chats with language models.
#[derive(Debug, Clone)]
pub struct Chatd(Peer);

impl Peers {
    /// `chatd`.
    pub fn chatd(&self) -> Chatd {
        Chatd(self.peer(DaemonName::Chatd))
    }
}

impl Chatd {
    /// `POST /chat` for a whole answer; not retried, as an answer costs.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error); [`Malformed`](crate::Error::Malformed) if `request` asks for a stream.
    pub async fn chat(&self, ctx: &CallContext, request: &ChatRequest) -> Result<ChatResponse> {
        self.0.post(ctx, "/chat", request).await
    }

    /// `GET /chat/providers`.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error).
    pub async fn providers(&self, ctx: &CallContext) -> Result<ProvidersResponse> {
        self.0.get(ctx, "/chat/providers").await
    }
}
