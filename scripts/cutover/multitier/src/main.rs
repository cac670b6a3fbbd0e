//! Six scenarios of real use against a running stack, at a fixed concurrency for a fixed time.

fn main() {}
