//! A model provider outside this system: its address, its key, how a call to it fails.
//!
//! Ollama and OpenAI-compatible servers embed texts (crate `embedding`) and chat (crate `llm`); what both uses share is
//! here: one way to reach a provider, one way to fail, and the next step for the operator in every error.

mod endpoint;
mod error;

pub use endpoint::{Address, Endpoint, Http, Kind, read_key};
pub use error::{Error, Result};
