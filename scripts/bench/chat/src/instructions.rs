//! How many instructions chatd executes for an answer, under callgrind: no neighbour on the machine changes them, where a time comes out
//! now so and now so. Those of the system are not among them.

use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail, ensure};
use bench_kit::load::{self, Load, NO_LIMIT, Pace};
use clap::Args;
use serde::Serialize;

use crate::latency::Shape;
use crate::stack::Stack;
use crate::traffic::Requests;

/// Two callers: a connection that is free is found in the pool by whoever needs one next.
const CALLERS: usize = 2;
/// The first answers fill caches and pools.
const WARM_UP_ANSWERS: u64 = 200;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Answers of each shape that are counted.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    answers: u64,
    /// Tokens in an answer.
    #[arg(long, default_value_t = 32)]
    tokens: u32,
    /// Print the counts as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Instructions for one answer.
#[derive(Debug, Serialize)]
struct Counts {
    tokens: u32,
    whole: u64,
    streamed: u64,
}

/// Counts them for the chatd of `binaries`, and prints them.
pub(crate) fn run(options: &Options, binaries: &Path) -> anyhow::Result<()> {
    let valgrind = Command::new("valgrind").arg("--version").output();
    valgrind.context("valgrind is not here: apt-get install valgrind")?;
    let count = |shape| count(options, shape, binaries).with_context(|| format!("count {shape:?} answers"));
    let (whole, streamed) = (count(Shape::Whole)?, count(Shape::Streamed)?);
    let mut out = io::stdout().lock();
    if options.json {
        serde_json::to_writer_pretty(&mut out, &Counts { tokens: options.tokens, whole, streamed })?;
        return Ok(writeln!(out)?);
    }
    writeln!(out, "chatd executes for an answer of {} tokens", options.tokens)?;
    writeln!(out, "  whole     {whole:>9} instructions")?;
    Ok(writeln!(out, "  streamed  {streamed:>9}")?)
}

fn count(options: &Options, shape: Shape, binaries: &Path) -> anyhow::Result<u64> {
    let folder = tempfile::tempdir()?;
    let profile = folder.path().join("profile");
    let mut chatd = Command::new("valgrind");
    chatd.args(["--tool=callgrind", "--instr-atstart=no"]);
    chatd.arg(format!("--callgrind-out-file={}", profile.display())).arg(binaries.join("chatd"));
    let stack = Stack::start_as(chatd)?;
    let mut requests = Requests::new(shape, options.tokens)?;
    let mut ask = |max_requests| {
        let (address, connections) = (stack.chatd.address(), CALLERS);
        let load = Load { address, connections, pace: Pace::Closed, duration: NO_LIMIT, max_requests };
        let outcome = load::run(&load, &mut requests)?;
        ensure!(outcome.failed == 0, "answers were wrong; the first: {:?}", outcome.first_failure);
        Ok(())
    };
    ask(WARM_UP_ANSWERS)?;
    let pid = stack.chatd.pid();
    control("--instr=on", pid)?;
    ask(options.answers)?;
    control("--instr=off", pid)?;
    stack.stop()?;
    let profile = std::fs::read_to_string(&profile).context("read what callgrind has written")?;
    Ok(total(&profile)? / options.answers)
}

fn control(order: &str, pid: u32) -> anyhow::Result<()> {
    let done = Command::new("callgrind_control").arg(order).arg(pid.to_string()).output();
    let done = done.context("start callgrind_control, which comes with valgrind")?;
    ensure!(done.status.success(), "callgrind_control {order}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

/// The sum of a profile: Valgrind's manual, "Callgrind Format Specification".
fn total(profile: &str) -> anyhow::Result<u64> {
    match profile.lines().find_map(|line| line.strip_prefix("totals: ")) {
        Some(total) => total.trim().parse().context("the total of the profile"),
        None => bail!("the profile has no total"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn total_of_a_profile_is_found_and_one_that_breaks_off_has_none() {
        let profile = "# callgrind format\nevents: Ir\nsummary: 7\n\nfn=(1) main\n+3 7\ntotals: 1234567\n";
        assert_eq!(total(profile).unwrap(), 1_234_567);
        assert!(total("# callgrind format\nevents: Ir\n").is_err());
    }
}
