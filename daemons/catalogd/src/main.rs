//! The Iceberg REST catalogue.

fn main() {}
