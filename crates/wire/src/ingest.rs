//! Wire types of `ingestd`. Loading tables and indexing them.
