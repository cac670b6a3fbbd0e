//! Chat models that run in this process: quantised weights in GGUF, through candle.
//!
//! [`LocalChat`] is the door, and what the crate `llm` asks for providers of the kind `local`. One answer is written at a time,
//! with every core, by a thread that lets the rest of the machine go first; a model is loaded when it is first asked and
//! released when nobody has for a while. What it cannot do, tools, images and forced forms, it refuses, so that the next provider is
//! tried.

mod answer;
mod error;
mod local_chat;
mod model;
mod prompt;
mod queue;
mod stops;

pub use local_chat::{LocalChat, Settings};
