//! A report as people read it: tables that are also Markdown.

use bench_kit::table::{ABSENT, Table, megabytes, table};

use super::predecessor::{self, Predecessor};
use super::{DaemonLine, Report, ScenarioLine};
use crate::tally::Detail;

const SCENARIO_COLUMNS: [&str; 9] =
    ["scenario", "played", "failed", "failed %", "per s", "p50 ms", "p95 ms", "p99 ms", "predecessor"];
const DAEMON_COLUMNS: [&str; 4] = ["daemon", "RSS before MB", "RSS after MB", "requests"];

impl Report {
    /// The figures, for a terminal.
    pub(super) fn summary(&self) -> String {
        let (headline, scenarios, daemons) = (self.headline(), self.scenario_table(), self.daemon_table());
        format!("{headline}\n\n{scenarios}\n\n{daemons}\n{}", self.failure_list())
    }

    /// The page that goes into the reports.
    pub(super) fn to_markdown(&self) -> String {
        let date = self.date.strftime("%Y-%m-%d %H:%M UTC");
        let (headline, circumstances) = (self.headline(), self.circumstances());
        let (scenarios, daemons) = (self.scenario_table(), self.daemon_table());
        let (settings, rate) = (predecessor::SETTINGS, predecessor::SCENARIOS_PER_S);
        let rss_mb = megabytes(predecessor::RSS_BYTES);
        let mut page = format!(
            "# Multi-tier run, {date}\n\n{headline}\n\n{circumstances}\n\n\
             ## Scenarios\n\n{scenarios}\n\n\
             Times are of whole scenarios (1 to 5 calls), failed ones included. A call that is answered with 429 or \
             503, or not within 10 s, is a failure and is not repeated. The last column is what the predecessor came to \
             ({settings}; {rate:.0} scenarios/s in all): other sizes and another machine, so a floor and not a race.\n\n\
             ## Daemons\n\n{daemons}\n\n\
             The predecessor's eleven held {rss_mb} MB, at 100,000 workers.\n"
        );
        if !self.failures.is_empty() {
            page += &format!("\n## The first {} failures\n\n{}", self.failures.len(), self.failure_list());
        }
        page
    }

    fn headline(&self) -> String {
        format!(
            "**{} scenarios in {:.1} s, {} failed: {:.0} scenarios/s, {:.0} requests/s.**",
            self.played, self.elapsed_s, self.failed, self.scenarios_per_s, self.requests_per_s
        )
    }

    fn circumstances(&self) -> String {
        let (settings, machine, build) = (&self.settings, &self.machine, &self.build);
        let changes =
            if build.has_uncommitted_changes == Some(true) { " with uncommitted changes" } else { "" };
        let memory = machine.memory_bytes.map_or(ABSENT.to_owned(), megabytes);
        let load = machine.load_average_before.map_or(ABSENT.to_owned(), |load| format!("{load:.2}"));
        format!(
            "- Settings: {} workers, concurrency {}, {} s, seed {}\n\
             - Machine: {}, {} cores, {memory} MB; stack and harness share it; load average before the run {load}\n\
             - Build: commit {}{changes}, profile {}",
            settings.workers,
            settings.concurrency,
            settings.duration,
            settings.seed,
            machine.cpu,
            machine.cores,
            build.git_commit.as_deref().unwrap_or("unknown"),
            build.profile,
        )
    }

    fn scenario_table(&self) -> Table {
        table(&SCENARIO_COLUMNS, self.scenarios.iter().map(scenario_row), 1..=7)
    }

    fn daemon_table(&self) -> Table {
        let total = |of: fn(&DaemonLine) -> Option<u64>| self.daemons.iter().filter_map(of).sum();
        let all = [
            "all".to_owned(),
            megabytes(total(|line| line.rss_before_bytes)),
            megabytes(total(|line| line.rss_after_bytes)),
            total(|line| line.requests).to_string(),
        ];
        table(&DAEMON_COLUMNS, self.daemons.iter().map(daemon_row).chain([all]), 1..=3)
    }

    fn failure_list(&self) -> String {
        let line = |failure: &Detail| {
            let Detail { scenario, detail, request_id, after_s, .. } = failure;
            format!("- {after_s:.1} s, {}: {detail} (request {request_id})\n", scenario.name())
        };
        self.failures.iter().map(line).collect()
    }
}

fn scenario_row(line: &ScenarioLine) -> [String; 9] {
    let ms = |value: Option<f64>| value.map_or(ABSENT.to_owned(), |value| format!("{value:.1}"));
    let failed_percent = 100.0 * line.failed as f64 / line.played as f64;
    [
        line.scenario.name().to_owned(),
        line.played.to_string(),
        line.failed.to_string(),
        if line.played == 0 { ABSENT.to_owned() } else { format!("{failed_percent:.1}") },
        format!("{:.1}", line.per_s),
        ms(line.p50_ms),
        ms(line.p95_ms),
        ms(line.p99_ms),
        in_words(line.predecessor),
    ]
}

fn in_words(predecessor: Predecessor) -> String {
    let times = [("p50", predecessor.p50_ms), ("p99", predecessor.p99_ms)];
    let times = times.iter().filter_map(|(name, ms)| Some(format!(", {name} {:.1} ms", (*ms)?)));
    format!("{:.1} % failed{}", predecessor.failed_percent, times.collect::<String>())
}

fn daemon_row(line: &DaemonLine) -> [String; 4] {
    let mb = |bytes: Option<u64>| bytes.map_or(ABSENT.to_owned(), megabytes);
    let requests = line.requests.map_or(ABSENT.to_owned(), |requests| requests.to_string());
    [line.daemon.to_string(), mb(line.rss_before_bytes), mb(line.rss_after_bytes), requests]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bench_kit::machine::{Build, Machine};
    use clap::Parser;
    use serde_json::json;
    use wire::health::Status;

    use super::*;
    use crate::Args;
    use crate::failure::Failure;
    use crate::load::Outcome;
    use crate::report::Observation;
    use crate::scenario::Scenario;
    use crate::tally::Tally;

    fn status(rss_bytes: u64, requests: u64) -> Status {
        let vectord = json!({"name": "vectord", "url": "http://127.0.0.1:1", "status": "ok", "version": "0.1.0",
                             "uptime_s": 9, "rss_bytes": rss_bytes, "latency_ms": 0.5, "requests": requests,
                             "p50_ms": 0.1, "p99_ms": 0.2});
        serde_json::from_value(json!({"status": "ok", "daemons": [vectord]})).unwrap()
    }

    fn report() -> Report {
        let mut tally = Tally::new().unwrap();
        for ms in 1..=100 {
            tally.record(Scenario::RepeatCache, Duration::from_millis(ms));
        }
        let failure =
            Failure::Broken { promise: "the same query has the same answer", found: "[1], then [2]".into() };
        tally.record_failure(Scenario::RepeatCache, &failure, "request-7", Duration::from_secs(3));
        tally.requests = 500;
        let machine = Machine {
            cpu: "A CPU".into(),
            features: Vec::new(),
            cores: 2,
            memory_bytes: None,
            load_average_before: Some(0.5),
        };
        let build = Build {
            git_commit: Some("abc".into()),
            has_uncommitted_changes: Some(true),
            profile: "dev".into(),
        };
        let (before, after) = (status(10_000_000, 5), status(12_500_000, 505));
        let outcome = Outcome { tally, elapsed: Duration::from_secs(10) };
        Report::new(&Args::parse_from(["multitier"]), outcome, Observation { machine, build, before, after })
    }

    #[track_caller]
    fn assert_row(text: &str, expected: &[&str]) {
        let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        let is_row =
            |line: &str| cells(line).iter().skip(1).zip(expected).all(|(cell, expected)| cell == expected);
        let row = text.lines().filter(|line| line.starts_with('|')).find(|line| is_row(line));
        assert!(row.is_some(), "no row {expected:?} in\n{text}");
    }

    #[test]
    fn page_shows_rates_percentiles_and_the_predecessor() {
        let page = report().to_markdown();
        assert!(
            page.contains("**100 scenarios in 10.0 s, 1 failed: 10 scenarios/s, 50 requests/s.**"),
            "{page}"
        );
        let floor = "0.0 % failed, p50 11.7 ms";
        assert_row(&page, &["repeat_cache", "100", "1", "1.0", "10.0", "50.0", "95.0", "99.0", floor]);
        assert_row(&page, &["surge_fill_validate", "0", "0", "-", "0.0", "-", "-", "-", "98.8 % failed"]);
    }

    #[test]
    fn page_shows_memory_before_and_after() {
        let page = report().to_markdown();
        assert_row(&page, &["vectord", "10.0", "12.5", "500"]);
        assert_row(&page, &["embedd", "-", "-", "-"]);
        assert_row(&page, &["all", "10.0", "12.5", "500"]);
    }

    #[test]
    fn page_says_how_where_and_from_what() {
        let page = report().to_markdown();
        for fact in
            ["5000 workers, concurrency 50, 60 s, seed 1", "A CPU, 2 cores", "commit abc with uncommitted"]
        {
            assert!(page.contains(fact), "{fact}\n{page}");
        }
    }

    #[test]
    fn failures_are_shown_with_the_request_that_failed() {
        let report = report();
        for text in [report.to_markdown(), report.summary()] {
            assert!(text.contains("the same query has the same answer: [1], then [2]"), "{text}");
            assert!(text.contains("request-7"), "{text}");
        }
        assert_eq!(report.failure_kinds["the same query has the same answer"], 1);
    }

    #[test]
    fn json_holds_the_same_figures_and_no_secret() {
        let args = Args::parse_from(["multitier", "--token", "hunter2"]);
        let report = Report { settings: args, ..report() };
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["failed"], 1);
        assert_eq!(json["settings"]["workers"], 5000);
        assert_eq!(json["scenarios"][3]["scenario"], "repeat_cache");
        // Three significant digits are kept.
        assert!((json["scenarios"][3]["p95_ms"].as_f64().unwrap() - 95.0).abs() < 0.1);
        assert!(!json.to_string().contains("hunter2"));
    }
}
