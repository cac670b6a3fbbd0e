//! One module a measurement: what it does, its results, its bars and its tables.

pub(crate) mod build;
pub(crate) mod filters;
pub(crate) mod http;
pub(crate) mod many;
pub(crate) mod memory;
pub(crate) mod mixed;
pub(crate) mod rss;
pub(crate) mod search;
mod served;
mod yardstick;

use serde::Serialize;

use crate::record::Measurement;
use crate::tools::Tools;
use crate::worker::Engine;
use bench_kit::took::Took;

/// How something is measured: the flags of its command.
pub(crate) trait Plan: Serialize {
    /// What comes of it.
    type Results: Measurement;

    /// The same in short: whether everything runs.
    fn quick(self) -> Self;

    /// Measures.
    fn measure(&self, tools: &Tools) -> anyhow::Result<Self::Results>;
}

/// The recall@10 at which engines are compared.
const RECALL: f64 = 0.98;

/// By which clock a rate is told.
type Clock = fn(&Took) -> f64;
const WALL: Clock = |took| took.wall_s;
const CPU: Clock = |took| took.cpu_s;

/// Says whose turn it is.
fn turn(engine: Engine, what: &str) -> String {
    format!("{} {what}", engine.as_str())
}

/// The order in which engines take their turns in a round: each is first as often as any other, so that what changes with
/// time (clock, temperature, other machines on the same hardware) falls on all alike.
fn order(engines: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..engines).map(move |turn| (turn + round) % engines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_begins_in_turn() {
        let orders: Vec<Vec<usize>> = (0..3).map(|round| order(3, round).collect()).collect();
        assert_eq!(orders, [[0, 1, 2], [1, 2, 0], [2, 0, 1]]);
    }
}
