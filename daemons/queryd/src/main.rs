//! SQL over the lake.

fn main() {}
