//! Objects over HTTP: durable put, ranged get, list by prefix.
