//! What the filter index costs to build, to keep, and to ask: `cargo run -p vector-index --example filter_cost [items]`.
#![allow(clippy::print_stdout, clippy::expect_used)]

use std::time::{Duration, Instant};

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use vector_index::{Bitset, Filter, FilterIndex};

/// Metadata of one item.
type Metadata = serde_json::Map<String, Value>;

const SEED: u64 = 1;
const BUILDS: usize = 7;
const RUNS: usize = 201;
const STATES: [&str; 10] = ["TX", "OK", "CA", "NY", "FL", "OH", "PA", "IL", "GA", "WA"];
const SHIFTS: [&str; 4] = ["day", "evening", "night", "weekend"];
const CERTIFICATIONS: [&str; 6] = ["osha-10", "osha-30", "forklift", "cdl", "first aid", "rigging"];

fn main() {
    let items = std::env::args().nth(1).map_or(100_000, |n| n.parse().expect("a number of items"));
    let rng = &mut ChaCha8Rng::seed_from_u64(SEED);
    let workers: Vec<Metadata> = (0..items).map(|_| worker(rng)).collect();
    let emails: Vec<Metadata> = (0..items).map(email).collect();
    let mut contacts = workers.clone();
    for (i, contact) in contacts.iter_mut().enumerate() {
        contact.extend(email(i));
    }

    println!("{items} items, seed {SEED}\n");
    println!("{:<28} {:>10} {:>10} {:>21}", "metadata", "push", "finish", "bytes/item, finished");
    build("e-mail only, all different", &emails);
    build("worker", &workers);
    build("worker with e-mail", &contacts);

    let index: FilterIndex = contacts.iter().collect();
    let mut buffer = FilterIndex::default();
    contacts.iter().for_each(|metadata| buffer.push(metadata));
    println!("\n{:<60} {:>8} {:>10} {:>10} {:>12}", "filter", "match", "segment", "buffer", "one by one");
    for filter in filters(items) {
        ask(&filter, &contacts, &index, &buffer);
    }
}

fn worker(rng: &mut ChaCha8Rng) -> Metadata {
    let certifications: Vec<&str> =
        CERTIFICATIONS.choose_multiple(rng, rng.clone().random_range(0..4)).copied().collect();
    object(json!({
        "role": format!("role {}", rng.random_range(0..40)),
        "state": STATES[rng.random_range(0..STATES.len())],
        "area": format!("metropolitan area {}", rng.random_range(0..400)),
        "years": rng.random_range(0..40),
        "shift": SHIFTS[rng.random_range(0..SHIFTS.len())],
        "reliability": rng.random::<f64>(),
        "certifications": certifications,
        "remote": rng.random::<bool>(),
    }))
}

fn email(i: usize) -> Metadata {
    object(json!({ "email": format!("given.family.{:06}@example.com", i * 7919 % 1_000_000) }))
}

fn object(json: Value) -> Metadata {
    let Value::Object(metadata) = json else { return Metadata::new() };
    metadata
}

fn filters(items: usize) -> Vec<Value> {
    let emails: Vec<_> = (0..1000).map(|i| email(i * items / 1000)["email"].clone()).collect();
    vec![
        json!({}),
        json!({"remote": true}),
        json!({"state": "TX"}),
        json!({"state": {"nin": ["TX", "OK"]}}),
        json!({"years": {"gte": 20}}),
        json!({"certifications": "forklift"}),
        json!({"reliability": {"gte": 0.5}}),
        json!({"reliability": {"gte": 0.999}}),
        json!({"area": "metropolitan area 7"}),
        json!({"role": "role 7", "state": "TX", "shift": "night"}),
        json!({"role": "role 7", "state": {"in": ["TX", "OK"]}, "years": {"gte": 5}, "reliability": {"gte": 0.8}}),
        json!({"any": [{"state": "TX"}, {"not": {"years": {"lt": 30}}}]}),
        emails[1].as_str().map_or(Value::Null, |email| json!({ "email": email })),
        json!({"email": {"in": emails}}),
        json!({"email": {"gte": "given.family.5"}}),
        json!({"no such key": 1}),
    ]
}

/// The fastest of several builds, in time of the processor: other processes do not count, but do spoil its caches.
fn build(name: &str, items: &[Metadata]) {
    let (mut push, mut finish) = (f64::MAX, f64::MAX);
    let (mut growing_bytes, mut finished_bytes) = (0, 0);
    for _ in 0..BUILDS {
        let mut index = FilterIndex::default();
        let started = cpu_millis();
        items.iter().for_each(|metadata| index.push(metadata));
        let pushed = cpu_millis();
        growing_bytes = index.memory_bytes();
        let finishing = cpu_millis();
        index.finish();
        finish = finish.min(cpu_millis() - finishing);
        push = push.min(pushed - started);
        finished_bytes = index.memory_bytes();
    }
    let per_item = |bytes: usize| bytes as f64 / items.len() as f64;
    let (growing, finished) = (per_item(growing_bytes), per_item(finished_bytes));
    println!("{name:<28} {push:>7.1} ms {finish:>7.1} ms {growing:>10.1} {finished:>10.1}");
}

/// What this thread has had of a processor (Linux), to the nearest few milliseconds.
fn cpu_millis() -> f64 {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanoseconds = schedstat.split(' ').next().and_then(|first| first.parse::<f64>().ok());
    nanoseconds.expect("a number first") / 1e6
}

fn ask(json: &Value, items: &[Metadata], index: &FilterIndex, buffer: &FilterIndex) {
    let filter = Filter::parse(json).expect("a filter");
    let all: Bitset = (0..index.len()).collect();
    let mut eligible = all.clone();
    let mut time = |index: &FilterIndex| {
        let mut times = Vec::with_capacity(RUNS);
        for _ in 0..RUNS {
            eligible = all.clone();
            let started = Instant::now();
            index.retain_matching(&filter, 0, &mut eligible, |slot| filter.matches(&items[slot as usize]));
            times.push(started.elapsed());
        }
        times.sort();
        times[RUNS / 2]
    };
    let (segment, buffered) = (time(index), time(buffer));
    let started = Instant::now();
    let matching = items.iter().filter(|metadata| filter.matches(metadata)).count();
    let one_by_one = started.elapsed();
    assert_eq!(eligible.count(), matching, "{json}");
    let mut text = json.to_string();
    text.truncate(60);
    println!(
        "{text:<60} {matching:>8} {:>7.1} us {:>7.1} us {:>9.1} us",
        millis(segment) * 1e3,
        millis(buffered) * 1e3,
        millis(one_by_one) * 1e3,
    );
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
