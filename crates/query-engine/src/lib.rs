//! SQL over lake tables.
