//! Wire types of `catalogd`. The catalogue's own listing; the Iceberg REST bodies are those of the Iceberg specification.
