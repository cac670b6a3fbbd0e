//! One module a shape: ours, OpenAI's, Ollama's.

pub(crate) mod embed;
pub(crate) mod ollama;
pub(crate) mod openai;
