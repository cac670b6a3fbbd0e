//! Collections of vectors: write-ahead log, exact search, HNSW, filters. Synchronous, no HTTP.
