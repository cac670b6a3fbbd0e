//! Calls to `embedd`.

use wire::embed::{EmbedRequest, EmbedResponse, TextKind, VectorEncoding};
use wire::packed::unpack;
use wire::{CallContext, DaemonName};

use crate::{Error, Peer, Peers, Result};

/// Turns texts into vectors.
#[derive(Debug, Clone)]
pub struct Embedd(Peer);

impl Peers {
    /// `embedd`.
    pub fn embedd(&self) -> Embedd {
        Embedd(self.peer(DaemonName::Embedd))
    }
}

impl Embedd {
    /// `POST /embed`, retried.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn embed(&self, ctx: &CallContext, request: &EmbedRequest) -> Result<EmbedResponse> {
        self.0.post_idempotent(ctx, "/embed", request).await
    }

    /// One unit vector for each of `texts`, in order, by the default model; they travel packed.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn vectors(
        &self,
        ctx: &CallContext,
        kind: TextKind,
        texts: Vec<String>,
    ) -> Result<Vec<Vec<f32>>> {
        let expected = texts.len();
        let request = EmbedRequest { texts, model: None, kind: Some(kind), encoding: VectorEncoding::Base64 };
        let packed = self.embed(ctx, &request).await?.vectors_b64;
        let malformed = |detail| Error::Malformed { peer: DaemonName::Embedd, detail };
        if packed.len() != expected {
            return Err(malformed(format!("{} vectors for {expected} texts", packed.len())));
        }
        packed.iter().map(|vector| unpack(vector).map_err(malformed)).collect()
    }
}
