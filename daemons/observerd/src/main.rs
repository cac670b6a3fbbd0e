//! Events and statistics about them.

fn main() {}
