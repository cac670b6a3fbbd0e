//! A report as people read it: tables that are also Markdown.

use std::collections::BTreeMap;

use bench_kit::bar::bar_table;
use bench_kit::table::{ABSENT, megabytes, table};

use super::sections::{alone_row, chaos_section, memory_row, phase_section, sweep_section, warmth_sentence};
use super::{PhaseReport, Report, predecessor};
use crate::tally::Detail;
use crate::watch::DaemonMemory;

impl Report {
    /// The figures, for a terminal.
    pub(super) fn summary(&self) -> String {
        let phases: String = self.phases.iter().map(phase_section).collect();
        format!("{}\n{phases}{}", bar_table(&self.bars), self.failure_list())
    }

    /// The page that goes into the reports; `charts` are titles and files.
    pub(super) fn to_markdown(&self, charts: &[(&str, String)]) -> String {
        let date = self.date.strftime("%Y-%m-%d %H:%M UTC");
        let mut page = format!("# Multi-tier run, {date}\n\n{}\n\n", self.circumstances());
        page += &format!(
            "## Bars\n\nAsked for at 100,000 workers of 384 dimensions, of a release build.\n\n{}\n",
            bar_table(&self.bars)
        );
        page += &charts.iter().map(|(title, file)| format!("![{title}]({file})\n\n")).collect::<String>();
        page += &self.phases.iter().map(phase_section).collect::<String>();
        page += &self.notes();
        page += &self.work_section();
        page += &self.planted_section();
        if !self.sweep.is_empty() {
            page += &sweep_section(&self.sweep);
        }
        page += &self.memory_section();
        page += &self.chaos.as_ref().map(chaos_section).unwrap_or_default();
        let failures = self.failure_list();
        if !failures.is_empty() {
            page += &format!("## The first failures of each phase\n\n{failures}");
        }
        page.trim_end().to_owned() + "\n"
    }

    fn circumstances(&self) -> String {
        let (settings, machine, build) = (&self.settings, &self.machine, &self.build);
        let changes =
            if build.has_uncommitted_changes == Some(true) { " with uncommitted changes" } else { "" };
        let memory = machine.memory_bytes.map_or(ABSENT.to_owned(), megabytes);
        let load = machine.load_average_before.map_or(ABSENT.to_owned(), |load| format!("{load:.2}"));
        format!(
            "- Settings: {} workers, concurrency {}, {} s, {} query texts embedded beforehand, seed {}; the daemons' defaults\n\
             - Machine: {}, {} cores, {memory} MB; stack and harness share it; load average before the run {load}\n\
             - Build: commit {}{changes}, profile {}",
            settings.workers,
            settings.concurrency,
            settings.duration,
            settings.queries,
            settings.seed,
            machine.cpu,
            machine.cores,
            build.git_commit.as_deref().unwrap_or("unknown"),
            build.profile,
        )
    }

    fn notes(&self) -> String {
        let (settings, rate) = (predecessor::SETTINGS, predecessor::SCENARIOS_PER_S);
        let generator = self.phases.first().map_or(String::new(), |phase| {
            format!(
                " The generator took {:.0} us of processor time a request, {:.2} cores in the closed loop.",
                phase.generator.us_per_request, phase.generator.cores
            )
        });
        format!(
            "Times are of whole scenarios (1 to 5 calls), failed ones included, and in the open loop count from the moment \
             at which a scenario was due, at equal distances. A call that is answered with 429 or 503, or not within 10 s, \
             is a failure and is not repeated, except where the harness kills daemons. The last column is what the \
             predecessor came to ({settings}; {rate:.0} scenarios/s in all): another machine, so a floor and not a \
             race.{generator}\n\n"
        )
    }

    fn work_section(&self) -> String {
        let count = |count: Option<u64>| count.map_or(ABSENT.to_owned(), |count| count.to_string());
        let row = |phase: &PhaseReport| {
            let work = phase.work;
            let each = work.index_searches.map(|count| count as f64 / phase.played.max(1) as f64);
            let embedded =
                work.texts.zip(work.texts_cached).map(|(texts, cached)| texts.saturating_sub(cached));
            [
                phase.name.to_owned(),
                count(work.index_searches),
                each.map_or(ABSENT.to_owned(), |each| format!("{each:.2}")),
                count(work.result_cache_hits),
                count(work.result_cache_misses),
                count(work.result_cache_stale),
                count(embedded),
                count(work.syncs),
            ]
        };
        let header = [
            "phase",
            "index searches",
            "a scenario",
            "result cache hits",
            "misses",
            "stale",
            "texts embedded",
            "log syncs",
        ];
        let mut section = format!(
            "## What the daemons did\n\nIndex searches are all that vectord computed: in the workers, in the playbook \
             memory and for the fill validator.\n\n{}\n\n",
            table(&header, self.phases.iter().map(row), 1..=7)
        );
        if !self.alone.is_empty() {
            let header =
                ["scenario by itself", "calls", "index searches", "result cache hits", "p50 ms", "p99 ms"];
            section += &format!("{}\n\n", table(&header, self.alone.iter().map(alone_row), 1..=5));
        }
        if let Some(warmth) = self.warmth {
            section += &warmth_sentence(warmth);
        }
        section
    }

    fn planted_section(&self) -> String {
        let mut planted = BTreeMap::new();
        for (rule, count) in self.phases.iter().flat_map(|phase| &phase.planted) {
            *planted.entry(*rule).or_insert(0) += count;
        }
        let rows = planted.into_iter().map(|(rule, count): (&str, u64)| [rule.to_owned(), count.to_string()]);
        format!(
            "## Planted faults\n\nOne draft or proposal in four had a fault; so many were refused by the rule it was planted \
             for (`ssn`: by one whose id begins so). One that passed would be a failure above.\n\n{}\n\n",
            table(&["rule", "refused"], rows, 1..=1)
        )
    }

    fn memory_section(&self) -> String {
        let total = |of: fn(&DaemonMemory) -> Option<u64>| {
            self.memory.iter().map(of).sum::<Option<u64>>().map_or(ABSENT.to_owned(), megabytes)
        };
        let all = [
            "all".to_owned(),
            total(|line| line.rss_bytes),
            total(|line| line.anon_bytes),
            total(|line| line.file_bytes),
            String::new(),
            String::new(),
        ];
        let work = |line: &DaemonMemory| {
            self.phases.first().and_then(|phase| phase.daemons.iter().find(|work| work.daemon == line.daemon))
        };
        let rows = self.memory.iter().map(|line| memory_row(line, work(line))).chain([all]);
        let header = ["daemon", "RSS MB", "RssAnon MB", "RssFile MB", "cores", "requests"];
        let rss_mb = megabytes(predecessor::RSS_BYTES);
        format!(
            "## Memory\n\nAt the end, no chat model loaded; cores and requests are of the closed loop. The predecessor's \
             eleven held {rss_mb} MB at 100,000 workers, presumably of 768 dimensions where these have 384.\n\n{}\n\n",
            table(&header, rows, 1..=5)
        )
    }

    fn failure_list(&self) -> String {
        let line = |failure: &Detail| {
            let Detail { scenario, detail, request_id, after_s, .. } = failure;
            format!("- {after_s:.1} s, {}: {detail} (request {request_id})\n", scenario.name())
        };
        let list = |phase: &PhaseReport| {
            let kinds: Vec<_> =
                phase.failure_kinds.iter().map(|(kind, count)| format!("{count} x {kind}")).collect();
            let lines: String = phase.failures.iter().map(line).collect();
            format!("{}: {}\n{lines}\n", phase.name, kinds.join(", "))
        };
        self.phases.iter().filter(|phase| phase.failed > 0).map(list).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bench_kit::load::Pace;
    use bench_kit::machine::{Build, Machine};
    use bench_kit::took::Took;
    use clap::Parser;
    use wire::DaemonName;

    use super::*;
    use crate::Args;
    use crate::calls::{Outages, Waits};
    use crate::chaos::{Chaos, Kill};
    use crate::failure::Failure;
    use crate::load::Phase;
    use crate::phases::{AllMeasured, Measured};
    use crate::scenario::Scenario;
    use crate::tally::Tally;
    use crate::verify::{Kept, Recall};
    use crate::warmth::Warmth;
    use crate::watch::{DaemonWork, Work};

    fn measured(pace: Pace, only: Option<Scenario>) -> Measured {
        let mut tally = Tally::new().unwrap();
        for ms in 1..=100 {
            tally.record(Scenario::RepeatCache, Duration::from_millis(ms));
            tally.record_cold_search(Duration::from_micros(ms));
        }
        let failure =
            Failure::Broken { promise: "the same query has the same answer", found: "[1], then [2]".into() };
        tally.record_failure(Scenario::RepeatCache, &failure, "request-7", Duration::from_secs(3));
        tally.requests = 500;
        tally.planted("fill_headcount");
        let phase = Phase {
            number: 0,
            name: "a loop",
            users: 50,
            pace,
            duration: Duration::from_secs(10),
            max_scenarios: u64::MAX,
            fresh_one_in: None,
            outages: Outages::Fail,
            only,
        };
        Measured {
            phase,
            tally,
            took: Took { wall_s: 10.0, cpu_s: 0.02 },
            work: Work { index_searches: Some(450), ..Work::default() },
            daemons: vec![DaemonWork { daemon: DaemonName::Vectord, requests: Some(500), cores: Some(1.25) }],
            recall: Some(Recall { samples: 7, mean: 0.97, min: 0.8 }),
        }
    }

    fn report() -> Report {
        let memory = |daemon, anon_bytes, file_bytes| DaemonMemory {
            daemon,
            version: None,
            rss_bytes: Some(anon_bytes + file_bytes),
            anon_bytes: Some(anon_bytes),
            file_bytes: Some(file_bytes),
        };
        let kept = Kept { acknowledged: 90, warm_searches: 40, ..Kept::default() };
        let all = AllMeasured {
            phases: vec![measured(Pace::Closed, None), measured(Pace::Open { per_s: 5.0 }, None)],
            alone: vec![measured(Pace::Closed, Some(Scenario::RepeatCache))],
            warmth: Some(Warmth {
                recordings: 120_000,
                searches: 500,
                cold_p50_ms: 0.5,
                warm_p50_ms: 1.25,
                extra_p50_ms: 0.75,
                extra_p99_ms: 1.5,
            }),
            sweep: Vec::new(),
            memory: vec![
                memory(DaemonName::Vectord, 300_000_000, 100_000_000),
                memory(DaemonName::Matrixd, 10_000_000, 5_000_000),
            ],
            chaos: Some(Chaos {
                kills: vec![Kill { daemon: DaemonName::Embedd, after_s: 25.0, ready_after_s: 0.75 }],
                waits: Waits { answers: 60, calls: 50, longest_s: 1.5 },
                kept,
            }),
        };
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
        Report::new(&Args::parse_from(["multitier"]), all, machine, build)
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
    fn page_shows_rates_percentiles_recall_and_the_predecessor() {
        let page = report().to_markdown(&[("Rates", "x_rates.svg".into())]);
        for text in [
            "**100 scenarios in 10.0 s, 1 failed: 10 scenarios/s, 50 requests/s.**",
            "## A loop, 50 users, 5 due a second",
            "0.9700 on average, 0.8 at least, 7 searches",
            "40 us of processor time a request",
            "![Rates](x_rates.svg)",
        ] {
            assert!(page.contains(text), "{text}\n{page}");
        }
        let floor = "0.0 % failed, p50 11.7 ms";
        assert_row(&page, &["repeat_cache", "100", "1", "1.0", "10.0", "50.02", "95.04", "99.01", floor]);
        assert_row(&page, &["surge_fill_validate", "0", "0", "-", "0.0", "-", "-", "-", "98.8 % failed"]);
        assert_row(&page, &["a loop", "450", "4.50", "-"]);
        assert_row(&page, &["repeat_cache", "5.00", "4.50", "-", "50.02", "99.01"]);
        assert_row(&page, &["fill_headcount", "2"]);
    }

    #[test]
    fn page_shows_memory_apart_and_in_sum() {
        let page = report().to_markdown(&[]);
        assert_row(&page, &["vectord", "400.0", "300.0", "100.0", "1.25", "500"]);
        assert_row(&page, &["all", "415.0", "310.0", "105.0"]);
    }

    #[test]
    fn bars_are_judged_by_the_phase_that_they_are_of() {
        let page = report().to_markdown(&[]);
        assert_row(&page, &["closed loop: scenarios that failed", "0", "1", "**missed**"]);
        assert_row(&page, &["memory of all eleven", "<= 600 MB", "415 MB", "met"]);
        assert_row(&page, &["open loop: five repeats p50", "<= 3 ms", "50.0 ms", "**missed by 1567 %**"]);
        assert_row(
            &page,
            &["search with playbooks, 120000 recordings: longer by, p50", "<= 1 ms", "0.750 ms", "met"],
        );
        assert_row(&page, &["open loop: cold search p99", "<= 8.6 ms", "0.0990 ms", "met"]);
        assert_row(&page, &["daemons killed: recordings lost", "0", "0", "met"]);
    }

    #[test]
    fn page_says_how_where_and_from_what() {
        let page = report().to_markdown(&[]);
        for fact in [
            "5000 workers, concurrency 50, 60 s, 2000 query texts",
            "A CPU, 2 cores",
            "commit abc with uncommitted",
        ] {
            assert!(page.contains(fact), "{fact}\n{page}");
        }
        assert_row(&page, &["embedd", "25.0", "0.75"]);
        assert!(page.contains("60 answers were 503") && page.contains("Of 90 recordings"), "{page}");
    }

    #[test]
    fn failures_are_shown_with_the_request_that_failed() {
        let report = report();
        for text in [report.to_markdown(&[]), report.summary()] {
            assert!(text.contains("the same query has the same answer: [1], then [2]"), "{text}");
            assert!(text.contains("request-7"), "{text}");
        }
        assert!(!report.is_clean());
    }

    #[test]
    fn json_holds_the_same_figures_and_no_secret() {
        let args = Args::parse_from(["multitier", "--token", "hunter2"]);
        let report = Report { settings: args, ..report() };
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["failed"], 3);
        assert_eq!(json["settings"]["workers"], 5000);
        assert_eq!(json["phases"][0]["scenarios"][3]["scenario"], "repeat_cache");
        // Three significant digits are kept.
        assert!((json["phases"][0]["scenarios"][3]["p95_ms"].as_f64().unwrap() - 95.0).abs() < 0.1);
        assert!(!json.to_string().contains("hunter2"));
    }
}
