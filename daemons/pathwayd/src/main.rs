//! The durable log of what worked.

fn main() {}
