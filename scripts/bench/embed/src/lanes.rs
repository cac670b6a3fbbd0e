//! What a search waits for embedd beside bulk work: queries alone, bulk work alone, both.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bench_kit::http::{Client, Reply};
use bench_kit::load::{self, Figures, Load, Pace, Traffic};
use bench_kit::progress::say;
use serde::{Deserialize, Serialize};
use wire::embed::TextKind;

use crate::daemon::{Embedd, PATIENCE, request, worker};

/// What is done, and how often.
#[derive(Debug, Clone, clap::Args, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// How often the three measurements are made in turn.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// How long each of them takes.
    #[arg(long, default_value_t = 30.0)]
    pub(crate) seconds: f64,
    /// Queries a second; each is due at its time, whether the one before was answered or not.
    #[arg(long, default_value_t = 10.0)]
    pub(crate) queries_per_s: f64,
    /// Callers with bulk work, each with one request after the other.
    #[arg(long, default_value_t = 4)]
    pub(crate) bulk_callers: usize,
    /// Texts in a bulk request.
    #[arg(long, default_value_t = 256)]
    pub(crate) bulk_texts: usize,
    /// Texts of a measurement beside ONNX Runtime.
    #[arg(long, default_value_t = 512)]
    pub(crate) rate_texts: usize,
    /// How long the static model, and the other beside it, are measured in a round.
    #[arg(long, default_value_t = 10.0)]
    pub(crate) rate_seconds: f64,
}

/// What one round found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Round {
    /// Queries, and nothing else.
    pub(crate) idle: Figures,
    /// Queries while the bulk lane is full.
    pub(crate) loaded: Figures,
    /// Texts a second of bulk work, and nothing else.
    pub(crate) bulk_alone_per_s: f64,
    /// Texts a second of bulk work beside the queries.
    pub(crate) bulk_beside_per_s: f64,
}

/// Runs the plan against `embedd`.
pub(crate) fn measure(plan: &Plan, embedd: &Embedd) -> anyhow::Result<Vec<Round>> {
    let daemon = &embedd.daemon;
    let mut rounds = Vec::new();
    for number in 1..=plan.rounds {
        let idle = queries(daemon.address(), plan)?;
        let ((), bulk_alone_per_s) = beside_bulk(daemon.address(), plan, || {
            thread::sleep(Duration::from_secs_f64(plan.seconds));
            Ok(())
        })?;
        let (loaded, bulk_beside_per_s) =
            beside_bulk(daemon.address(), plan, || queries(daemon.address(), plan))?;
        say(&format!(
            "round {number}: p99 {:.1} ms idle, {:.1} ms under load; bulk {bulk_alone_per_s:.1} texts/s alone, \
             {bulk_beside_per_s:.1} beside",
            idle.p99_ms, loaded.p99_ms
        ));
        rounds.push(Round { idle, loaded, bulk_alone_per_s, bulk_beside_per_s });
    }
    Ok(rounds)
}

/// Single queries, all different.
struct Queries {
    failure: Option<anyhow::Error>,
}

impl Traffic for Queries {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) {
        let text = format!("forklift operator for the night shift in Dallas, request {number}");
        match request(vec![text], None, TextKind::Query) {
            Ok(request) => out.extend(request),
            Err(error) => self.failure = Some(error),
        }
    }

    fn check(&mut self, _: u64, reply: &Reply<'_>) -> Result<(), String> {
        if reply.status == 200 { Ok(()) } else { Err(reply.to_string()) }
    }
}

fn queries(address: SocketAddr, plan: &Plan) -> anyhow::Result<Figures> {
    let load = Load {
        address,
        connections: 1,
        pace: Pace::Open { per_s: plan.queries_per_s },
        duration: Duration::from_secs_f64(plan.seconds),
        max_requests: u64::MAX,
    };
    let mut traffic = Queries { failure: None };
    let figures = load::run(&load, &mut traffic)?.figures();
    traffic.failure.map_or(Ok(()), Err)?;
    ensure!(figures.failed == 0, "{} queries failed: {:?}", figures.failed, figures.first_failure);
    Ok(figures)
}

/// Does `work` while bulk callers keep the daemon busy; also returns the texts that they had embedded in a second.
fn beside_bulk<T>(
    address: SocketAddr,
    plan: &Plan,
    work: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, f64)> {
    let (is_over, begun, done) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let call = || -> anyhow::Result<()> {
        let mut client = Client::connect_patiently(address, PATIENCE)?;
        while !is_over.load(Ordering::Relaxed) {
            let number = begun.fetch_add(1, Ordering::Relaxed);
            let texts = (0..plan.bulk_texts).map(|text| worker(number, text)).collect();
            client.send(&request(texts, None, TextKind::Document)?)?;
            done.fetch_add(plan.bulk_texts as u64, Ordering::Relaxed);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let callers: Vec<_> = (0..plan.bulk_callers).map(|_| scope.spawn(call)).collect();
        let started = Instant::now();
        let worked = work();
        is_over.store(true, Ordering::Relaxed);
        for caller in callers {
            caller.join().map_err(|_| anyhow::anyhow!("a bulk caller panicked"))?.context("bulk work")?;
        }
        // Up to the last answer: what is counted is what was done by then.
        let per_s = done.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
        Ok((worked?, per_s))
    })
}
