//! The one door: /v1/* in front of every daemon, and the state of them all.

fn main() {}
