//! Texts a second of the local model, on texts like those of the demo: `cargo run -p embedding --example throughput`.
#![allow(clippy::print_stdout, clippy::expect_used)]

use std::time::Instant;

use embedding::{Embedder, Request, Settings};
use models::DEFAULT_MODEL;

/// About 45 tokens each, all different.
fn worker(i: usize) -> String {
    let years = i % 31;
    format!(
        "Industrial truck and tractor operator in Dallas-Fort Worth-Arlington, TX. {years} years of experience, night \
         shift, worker number {i}. Skills: forklift, pallet jack, inventory, loading docks, RF scanner. Certified: OSHA 10."
    )
}

#[tokio::main]
async fn main() {
    let settings = |threads| Settings {
        default_model: DEFAULT_MODEL.into(),
        models_dir: models::default_dir().expect("a cache folder"),
        threads,
        queue_texts: 4096,
        cache_entries: 0,
        disk_cache: None,
        providers: Vec::new(),
    };
    for threads in [1, 2] {
        let embedder = Embedder::new(settings(threads)).expect("a valid configuration");
        assert!(embedder.load().is_empty(), "no model is installed: run `lakectl models pull`");
        for texts_per_request in [1, 4, 16, 64, 256] {
            let requests = 256 / texts_per_request;
            let started = Instant::now();
            for request in 0..requests {
                let texts: Vec<_> = (0..texts_per_request).map(|i| worker(request * 1000 + i)).collect();
                embedder.embed(Request::texts(&texts)).await.expect("vectors");
            }
            let rate = 256.0 / started.elapsed().as_secs_f64();
            println!("{threads} threads, {texts_per_request:3} texts a request: {rate:6.1} texts/s");
        }
    }
}
