//! Text embedding: the local model runtime, remote providers, batching, cache.
