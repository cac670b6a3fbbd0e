//! The only HTTP client between our daemons, and for tools that speak to them.
//!
//! A call carries its [`CallContext`](wire::CallContext) on: request id, trace, the caller's token and what is left
//! of the deadline. Calls that are safe to repeat are retried a bounded number of times; a peer that does not answer
//! becomes [`Error::Unreachable`], which names it.

mod catalogd;
mod chatd;
mod embedd;
mod error;
mod ingestd;
mod lent;
mod matrixd;
mod observerd;
mod pathwayd;
mod peer;
mod peers;
mod query;
mod queryd;
mod replicas;
mod sse;
mod status;
mod storaged;
mod vectord;

pub use catalogd::Catalogd;
pub use chatd::Chatd;
pub use embedd::Embedd;
pub use error::{Error, Result};
pub use ingestd::Ingestd;
pub use matrixd::Matrixd;
pub use observerd::Observerd;
pub use pathwayd::Pathwayd;
pub use peer::{Peer, Reply, Request, segment};
pub use peers::{PeerUrls, Peers};
pub use queryd::Queryd;
pub use storaged::Storaged;
pub use vectord::Vectord;

pub use transport::{Answer, Body, TransportError};

/// Chooses the process's one TLS implementation. Call it first in every `main`; later calls change nothing.
pub fn install_tls_provider() {
    // An error means that a provider is installed already, which is what is asked for.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
