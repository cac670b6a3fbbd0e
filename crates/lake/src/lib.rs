//! Iceberg tables: catalogue state, commits, data-file writing.
