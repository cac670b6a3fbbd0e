//! The Iceberg REST catalogue.
