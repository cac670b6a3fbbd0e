//! CSV, NDJSON and Parquet into tables; background indexing of tables.

fn main() {}
