//! Texts to vectors.

fn main() {}
