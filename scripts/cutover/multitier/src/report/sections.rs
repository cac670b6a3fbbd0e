//! The parts of a report's page: a section, a sentence or a row of a table each.

use bench_kit::table::{ABSENT, megabytes, table};

use super::predecessor::{self, Predecessor};
use super::{Alone, PhaseReport, ScenarioLine, Times};
use crate::chaos::Chaos;
use crate::sweep::{Mix, Point};
use crate::warmth::Warmth;
use crate::watch::{DaemonMemory, DaemonWork};

pub(super) fn phase_section(phase: &PhaseReport) -> String {
    let due = phase.due_per_s.map_or(String::new(), |rate| format!(", {rate:.0} due a second"));
    let recall = phase.recall.map_or(String::new(), |recall| {
        format!(
            " Recall of the top ten against exact search: {:.4} on average, {:.1} at least, {} searches.",
            recall.mean, recall.min, recall.samples
        )
    });
    let search = [
        "(its search alone)".to_owned(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        ms(phase.cold_search.p50_ms),
        ms(phase.cold_search.p95_ms),
        ms(phase.cold_search.p99_ms),
        String::new(),
    ];
    let mut rows: Vec<_> = phase.scenarios.iter().map(scenario_row).collect();
    rows.insert(1, search);
    let header =
        ["scenario", "played", "failed", "failed %", "per s", "p50 ms", "p95 ms", "p99 ms", "predecessor"];
    format!(
        "## {}, {} users{due}\n\n**{} scenarios in {:.1} s, {} failed: {:.0} scenarios/s, {:.0} requests/s.**{recall}\n\n\
         {}\n\n",
        capitalised(phase.name),
        phase.users,
        phase.played,
        phase.elapsed_s,
        phase.failed,
        phase.scenarios_per_s,
        phase.requests_per_s,
        table(&header, rows, 1..=7)
    )
}

fn scenario_row(line: &ScenarioLine) -> [String; 9] {
    let failed_percent = 100.0 * line.failed as f64 / line.played as f64;
    let Times { p50_ms, p95_ms, p99_ms } = line.times;
    [
        line.scenario.name().to_owned(),
        line.played.to_string(),
        line.failed.to_string(),
        if line.played == 0 { ABSENT.to_owned() } else { format!("{failed_percent:.1}") },
        format!("{:.1}", line.per_s),
        ms(p50_ms),
        ms(p95_ms),
        ms(p99_ms),
        in_words(line.predecessor),
    ]
}

fn in_words(predecessor: Predecessor) -> String {
    let times = [("p50", predecessor.p50_ms), ("p99", predecessor.p99_ms)];
    let times = times.iter().filter_map(|(name, ms)| Some(format!(", {name} {:.1} ms", (*ms)?)));
    format!("{:.1} % failed{}", predecessor.failed_percent, times.collect::<String>())
}

pub(super) fn warmth_sentence(warmth: Warmth) -> String {
    let Warmth { recordings, searches, cold_p50_ms, warm_p50_ms, extra_p50_ms, extra_p99_ms } = warmth;
    format!(
        "The playbook memory held {recordings} recordings when one user searched {searches} times without and {searches} times \
         with playbooks, in turn: p50 {cold_p50_ms:.2} ms without and {warm_p50_ms:.2} ms with them; of the same query \
         {extra_p50_ms:.2} ms longer with them at the median, {extra_p99_ms:.2} ms at the 99th percentile.\n\n"
    )
}

pub(super) fn alone_row(line: &Alone) -> [String; 6] {
    let each = |count: Option<f64>| count.map_or(ABSENT.to_owned(), |count| format!("{count:.2}"));
    [
        line.scenario.name().to_owned(),
        format!("{:.2}", line.requests),
        each(line.index_searches),
        each(line.result_cache_hits),
        ms(line.times.p50_ms),
        ms(line.times.p99_ms),
    ]
}

pub(super) fn sweep_section(points: &[Point]) -> String {
    let row = |point: &Point| {
        let figures = &point.figures;
        [
            point.mix.name().to_owned(),
            point.concurrency.to_string(),
            format!("{:.0}", figures.per_s),
            format!("{:.2}", figures.p50_ms),
            format!("{:.2}", figures.p99_ms),
            format!("{:.1}", figures.max_ms),
            figures.failed.to_string(),
            format!("{:.2}", figures.client_cores),
        ]
    };
    let header = ["requests", "callers", "per s", "p50 ms", "p99 ms", "max ms", "failed", "generator cores"];
    let (search, mixed) = (predecessor::SEARCHES_PER_S, predecessor::MIXED_PER_S);
    format!(
        "## Sweep\n\nClosed loop, each answer looked at. {} is one search, one text to embed, in turn. The predecessor's best, \
         over 5,000 workers and 200 texts: {search:.0} searches/s, {mixed:.0} of both.\n\n{}\n\n",
        capitalised(Mix::EmbedAndSearch.name()),
        table(&header, points.iter().map(row), 1..=7)
    )
}

pub(super) fn memory_row(line: &DaemonMemory, work: Option<&DaemonWork>) -> [String; 6] {
    let mb = |bytes: Option<u64>| bytes.map_or(ABSENT.to_owned(), megabytes);
    let (cores, requests) = (work.and_then(|work| work.cores), work.and_then(|work| work.requests));
    [
        line.daemon.to_string(),
        mb(line.rss_bytes),
        mb(line.anon_bytes),
        mb(line.file_bytes),
        cores.map_or(ABSENT.to_owned(), |cores| format!("{cores:.2}")),
        requests.map_or(ABSENT.to_owned(), |requests| requests.to_string()),
    ]
}

pub(super) fn chaos_section(chaos: &Chaos) -> String {
    let rows = chaos.kills.iter().map(|kill| {
        [kill.daemon.to_string(), format!("{:.1}", kill.after_s), format!("{:.2}", kill.ready_after_s)]
    });
    let (waits, kept) = (chaos.waits, &chaos.kept);
    format!(
        "## Daemons killed\n\nSIGKILL and at once a new process, under the mix of scenarios. {} answers were 503 with \
         Retry-After; the {} calls that had them succeeded when they were repeated after that time, the slowest {:.1} s \
         after its first attempt. Everything else that is not the documented answer counts as a failure above. Of {} \
         recordings acknowledged ({} of them to be indexed later) {} are missing in the log, which has {} that nobody was \
         told of. After `rebuild`, {} of {} warm searches did not bring the recorded answer at half its distance.\n\n{}\n\n",
        waits.answers,
        waits.calls,
        waits.longest_s,
        kept.acknowledged,
        kept.indexed_later,
        kept.lost,
        kept.unacknowledged,
        kept.not_recalled,
        kept.warm_searches,
        table(&["killed", "after s", "ready again after s"], rows, 1..=2)
    )
}

fn ms(value: Option<f64>) -> String {
    value.map_or(ABSENT.to_owned(), |value| format!("{value:.2}"))
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}
