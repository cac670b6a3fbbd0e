//! Chat over providers: Ollama, Anthropic, Gemini, whatever speaks OpenAI's interface, and models in this process; whole or
//! streamed, with fallback.
//!
//! [`Chat`] is the door. A request goes to the first configured provider that may serve it; if that one fails before its
//! first token, the next is tried. After the first token there is no way back: two halves by two models are no answer.

mod answer;
mod backend;
mod breaker;
pub mod budget;
mod chat;
mod error;
mod frames;
mod meter;
mod observer;
mod protocol;
mod retry;
mod route;
mod settings;
mod tariff;
mod upstream;
mod window;

pub use answer::{Piece, ToolCalls};
pub use chat::{Chat, ChatStream, Observed};
pub use error::{Error, Result};
pub use observer::{Attempt, Observer};
pub use protocol::Event;
pub use route::Route;
pub use settings::{Kind, ProviderSettings, variable};
pub use tariff::Price;
pub use upstream::{Events, LocalModels};
