//! Chat over local and remote language models.

fn main() {}
