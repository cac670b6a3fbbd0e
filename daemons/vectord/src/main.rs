//! Vector indexes over HTTP.

fn main() {}
