//! Chat providers: Ollama and OpenAI-compatible, streaming, fallback.
