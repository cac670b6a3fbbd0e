//! The record of a measurement, its page and its charts.

use std::fs;
use std::path::Path;

use anyhow::Context;
use bench_kit::bar::{Bar, bar_table};
use bench_kit::chart::{Series, lines};
use bench_kit::machine::{Build, CpuOfOthers, Machine};
use bench_kit::progress::say;
use bench_kit::table::{Table, table};
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::Plan;
use crate::flatness::medians;
use crate::held::Held;
use crate::latency::{Added, Latency, OpenLoop, Point, Quantiles, Round};
use crate::leak::{Ends, Leak, Sample};

/// Points of a chart; each is labelled.
const CHART_POINTS: usize = 15;

/// All that was measured; a part that was left out is absent.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measured {
    pub(crate) whole: Latency,
    pub(crate) streamed: Latency,
    pub(crate) held: Option<Held>,
    pub(crate) leak: Option<Leak>,
}

/// All that is needed to believe the figures or to repeat them.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    date: Timestamp,
    plan: Plan,
    machine: Machine,
    build: Build,
    others: Option<CpuOfOthers>,
    bars: Vec<Bar>,
    #[serde(flatten)]
    measured: Measured,
}

impl Record {
    pub(crate) fn new(
        plan: Plan,
        machine: Machine,
        build: Build,
        others: Option<CpuOfOthers>,
        measured: Measured,
    ) -> Self {
        Self {
            date: Timestamp::now(),
            plan,
            machine,
            build,
            others,
            bars: crate::bars::of(&measured),
            measured,
        }
    }

    /// Writes `chat.json`, `chat.md` and the charts into `folder`.
    pub(crate) fn save(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder)?;
        let json = serde_json::to_string_pretty(self)? + "\n";
        let mut files = vec![("chat.json", json), ("chat.md", self.to_markdown())];
        files.extend(self.measured.leak.iter().flat_map(charts).map(|chart| (chart.file, chart.svg)));
        for (name, text) in files {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
            say(&format!("Written to {}.", path.display()));
        }
        Ok(())
    }

    fn to_markdown(&self) -> String {
        let Self { date, machine, build, others, measured, .. } = self;
        let busy = others.as_ref().map_or_else(
            || "unknown".to_owned(),
            |CpuOfOthers { other_processes, stolen }| {
                format!(
                    "{other_processes:.2} of its time taken by other programs, {stolen:.2} by other machines"
                )
            },
        );
        let mut page = format!(
            "# What chatd adds to a model's answers\n\n\
             Written by `bench-chat`, which `make prove-chat` runs; not edited by hand.\n\n{}\n",
            bar_table(&self.bars)
        );
        for latency in [&measured.whole, &measured.streamed] {
            page += &self.latency_section(latency);
        }
        page += &measured.held.as_ref().map_or_else(String::new, held_section);
        page += &measured.leak.as_ref().map_or_else(String::new, |leak| self.leak_section(leak));
        page += &format!(
            "{}, {} cores, {busy}; {} build; {}; commit {}{}\n",
            machine.cpu,
            machine.cores,
            build.profile,
            date.strftime("%Y-%m-%d %H:%M UTC"),
            build.git_commit.as_deref().unwrap_or("unknown"),
            if build.has_uncommitted_changes == Some(true) { " with uncommitted changes" } else { "" },
        );
        page
    }

    fn latency_section(&self, latency: &Latency) -> String {
        let Plan { rounds, seconds, tokens, .. } = &self.plan;
        let name = latency.shape.name();
        format!(
            "## {}{}\n\n\
             A request of some hundred tokens, an answer of {tokens}, which the mock gives out without a pause (streamed: one write a \
             token). Chatd, the mock and the load generator share the {} cores. Closed loop, through chatd: {:.0} answers a second at \
             most. Open loop, {:.0} a second, half of that: each request is due at its time, and its latency counts from then, however \
             late it is sent. {rounds} rounds, in each {seconds} s to the mock alone and {seconds} s through chatd, with the same arrivals; what is \
             added is the difference of the quantiles of a round, and judged by the median of the rounds.\n\n\
             p50 / p99 in milliseconds; cores that were busy on the way through chatd:\n\n{}\n\n\
             The same at lower rates, and once more while the kernel lets no core sleep (which takes root), at most 3 rounds each: what is \
             added at p50 / p99 in milliseconds, and the cores that were busy on the way through chatd:\n\n{}\n\n\
             Closed loop, through chatd:\n\n{}\n\n",
            name[..1].to_uppercase(),
            &name[1..],
            self.machine.cores,
            latency.highest_per_s,
            latency.half.due_per_s,
            round_table(&latency.half),
            rate_table(latency),
            sweep_table(latency),
        )
    }

    fn leak_section(&self, leak: &Leak) -> String {
        let Leak { seconds, ends, sockets, idle_sockets, sockets_after, idle_after_s, .. } = leak;
        let Ends { whole, left, broken_off, refused, resting, wrong, first_wrong } = ends;
        let charts: String =
            charts(leak).map(|chart| format!("![{}]({})\n\n", chart.title, chart.file)).concat();
        format!(
            "## Streams that are broken off\n\n\
             {seconds} s, {} callers, seed {}: {} streams of 4 to 63 tokens with pauses of 0 to 19 ms. {whole} ended whole, {left} were left by \
             their callers, {broken_off} were broken off by the provider after some tokens and {refused} before the first (closed or \
             reset), {resting} were turned away while chatd's breaker was open, {wrong} ended in another way than they should have{}. Memory and sockets are flat if the median of the last fifth is \
             not above that of the second by more than 5 % (or 2 MB, or a quarter of a socket a caller). Memory grew by {:.1} bytes a stream; \
             sockets: {:.0} early, {:.0} late (of {:.0} allowed), {idle_sockets} before the first stream, {sockets_after} {idle_after_s:.0} s after the \
             last one: chatd keeps unused connections to providers for up to three minutes.\n\n{charts}",
            self.plan.leak_callers,
            self.plan.seed,
            ends.all(),
            first_wrong.as_ref().map_or_else(String::new, |wrong| format!(" (the first: {wrong})")),
            leak.growth_per_stream_bytes,
            sockets.early,
            sockets.late,
            sockets.allowed,
        )
    }
}

fn held_section(held: &Held) -> String {
    let mb = |bytes: u64| bytes as f64 / 1e6;
    format!(
        "## {} streams at once\n\n\
         Each with a token every half second until all are told to end; all had begun after {:.1} s. Resident memory of chatd: {:.1} MB \
         before, {:.1} MB while all were open, {:.1} MB at most ({:.0} KB a stream). It had {} sockets. {} streams ended whole{}.\n\n",
        held.streams,
        held.begun_after_s,
        mb(held.idle_rss_bytes),
        mb(held.open_rss_bytes),
        mb(held.peak_rss_bytes),
        held.peak_rss_bytes.saturating_sub(held.idle_rss_bytes) as f64 / 1e3 / held.streams as f64,
        held.sockets,
        held.whole,
        held.first_failure
            .as_ref()
            .map_or_else(String::new, |failure| format!("; the first that did not: {failure}")),
    )
}

fn round_table(open_loop: &OpenLoop) -> Table {
    let header = [
        "round",
        "first token, mock alone",
        "through chatd",
        "end, mock alone",
        "through chatd",
        "chatd",
        "mock",
        "generator",
    ];
    let show = |quantiles: Option<Quantiles>| {
        quantiles.map_or("-".to_owned(), |q| format!("{:.3} / {:.3}", q.p50_ms, q.p99_ms))
    };
    let row = |(number, round): (usize, &Round)| {
        let Round { direct, through } = round;
        [
            (number + 1).to_string(),
            show(direct.first_token),
            show(through.first_token),
            show(Some(direct.end)),
            show(Some(through.end)),
            format!("{:.2}", through.cores.chatd),
            format!("{:.2}", through.cores.mock),
            format!("{:.2}", through.cores.generator),
        ]
    };
    table(&header, open_loop.rounds.iter().enumerate().map(row), 1..=7)
}

/// What is added at each rate of the open loop.
fn rate_table(latency: &Latency) -> Table {
    let row = |(open_loop, cores): (&OpenLoop, &str)| {
        let show = |added: &Added| format!("{:.3} / {:.3}", added.p50_ms.median, added.p99_ms.median);
        let parts = open_loop.parts();
        let of = |name| {
            parts.iter().find(|(part, _)| *part == name).map_or("-".to_owned(), |(_, added)| show(added))
        };
        let busy = open_loop.rounds.iter().map(|round| round.through.cores.all());
        [
            format!("{:.0}{cores}", open_loop.due_per_s),
            format!("{:.1} %", open_loop.due_per_s / latency.highest_per_s * 100.0),
            of("the first token"),
            of("the end"),
            format!("{:.2}", busy.sum::<f64>() / open_loop.rounds.len() as f64),
        ]
    };
    let header =
        ["due a second", "of the highest rate", "until the first token", "until the end", "cores busy"];
    let as_it_is = latency.slower.iter().chain([&latency.half]).map(|open_loop| (open_loop, ""));
    let awake = latency.awake.iter().map(|open_loop| (open_loop, ", no core sleeps"));
    table(&header, as_it_is.chain(awake).map(row), 0..=4)
}

/// The search for the highest rate.
fn sweep_table(latency: &Latency) -> Table {
    let row = |point: &Point| {
        [
            point.callers.to_string(),
            format!("{:.0}", point.per_s),
            format!("{:.0}", point.cores.chatd / point.per_s * 1e6),
            format!("{:.2}", point.cores.chatd),
            format!("{:.2}", point.cores.mock),
            format!("{:.2}", point.cores.generator),
        ]
    };
    let header = ["callers", "answers/s", "CPU us of chatd an answer", "cores: chatd", "mock", "generator"];
    table(&header, latency.sweep.iter().map(row), 0..=5)
}

/// A chart, for a file of its own.
struct Chart {
    title: &'static str,
    file: &'static str,
    svg: String,
}

/// Memory and sockets over time.
fn charts(leak: &Leak) -> [Chart; 2] {
    let at =
        |read: fn(&Sample) -> f64| medians(&leak.samples.iter().map(read).collect::<Vec<_>>(), CHART_POINTS);
    let times: Vec<String> = at(|sample| sample.at_s)
        .into_iter()
        .map(|at_s| at_s.map_or(String::new(), |at_s| format!("{at_s:.0} s")))
        .collect();
    let chart = |title, file, unit, values| {
        let series = [Series { name: "chatd", values }];
        Chart { title, file, svg: lines(title, unit, &times, &series) }
    };
    let memory = at(|sample| sample.rss_bytes as f64 / 1e6);
    [
        chart("Resident memory while streams are broken off", "chat_memory.svg", "MB", memory),
        chart(
            "Sockets while streams are broken off",
            "chat_sockets.svg",
            "",
            at(|sample| sample.sockets as f64),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bars::tests::measured;

    #[test]
    fn charts_have_a_point_for_each_part_of_the_run() {
        let measured = measured();
        let [memory, sockets] = charts(measured.leak.as_ref().unwrap());
        assert_eq!(memory.svg.matches("<circle").count(), CHART_POINTS);
        assert!(memory.svg.contains(">20.0<") && sockets.svg.contains(">130<"), "{}", memory.svg);
    }
}
