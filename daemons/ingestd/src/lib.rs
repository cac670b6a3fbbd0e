//! CSV, NDJSON and Parquet into tables; background indexing of tables.

mod reader;
