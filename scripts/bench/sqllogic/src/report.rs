//! What a run leaves behind.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use bench_kit::machine::{Build, Machine};
use bench_kit::table::table;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engines::Engine;
use crate::explain::explain;
use crate::outcome::{Outcome, Place};

/// So much of what an engine said of a deviation is kept, bytes.
const KEPT_DETAIL: usize = 1500;

/// What came of each record, by engine. All engines run the same files in the same order.
#[derive(Debug, Default)]
pub(crate) struct Results {
    outcomes: Vec<(Place, BTreeMap<Engine, Outcome>)>,
    index: BTreeMap<(String, u32), usize>,
}

impl Results {
    pub(crate) fn add(&mut self, engine: Engine, outcomes: Vec<(Place, Outcome)>) {
        for (place, outcome) in outcomes {
            let next = self.outcomes.len();
            let index = *self.index.entry((place.file.clone(), place.line)).or_insert(next);
            if index == next {
                self.outcomes.push((place, BTreeMap::new()));
            }
            self.outcomes[index].1.insert(engine, outcome);
        }
    }

    pub(crate) fn counts(&self) -> BTreeMap<Engine, BTreeMap<String, usize>> {
        let mut counts: BTreeMap<Engine, BTreeMap<String, usize>> = BTreeMap::new();
        for (engine, outcome) in self.outcomes.iter().flat_map(|(_, outcomes)| outcomes) {
            *counts.entry(*engine).or_default().entry(outcome.kind().to_owned()).or_default() += 1;
        }
        counts
    }

    /// Each outcome that is not what the file says; of an engine for which the one before it passed, it is ours.
    pub(crate) fn deviations(&self) -> Vec<Deviation> {
        let mut deviations = Vec::new();
        for (place, outcomes) in &self.outcomes {
            let mut is_reachable = true;
            for (engine, outcome) in outcomes {
                if matches!(outcome, Outcome::NotSent(_))
                    || (*engine == Engine::Served && outcome.is_refusal())
                {
                    continue;
                }
                if is_reachable && *outcome != Outcome::Passed {
                    deviations.push(Deviation::new(place, *engine, outcome));
                }
                is_reachable &= *outcome == Outcome::Passed;
            }
        }
        deviations
    }
}

/// An outcome that is not what the file says, where the engine before gives what it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Deviation {
    pub(crate) engine: Engine,
    pub(crate) place: String,
    pub(crate) kind: String,
    pub(crate) explanation: Option<String>,
    /// What was expected and what came, where nobody knows why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

impl Deviation {
    fn new(place: &Place, engine: Engine, outcome: &Outcome) -> Self {
        let explanation = explain(engine, place, outcome);
        Self {
            engine,
            place: place.to_string(),
            kind: outcome.kind().to_owned(),
            explanation: explanation.map(str::to_owned),
            detail: explanation.is_none().then(|| outcome.detail().chars().take(KEPT_DETAIL).collect()),
        }
    }
}

/// The record of one run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// When it ended.
    pub(crate) date: Timestamp,
    pub(crate) elapsed_s: f64,
    pub(crate) machine: Machine,
    pub(crate) build: Build,
    pub(crate) files: usize,
    pub(crate) counts: BTreeMap<Engine, BTreeMap<String, usize>>,
    pub(crate) deviations: Vec<Deviation>,
}

impl Record {
    pub(crate) fn unexplained(&self) -> impl Iterator<Item = &Deviation> {
        self.deviations.iter().filter(|deviation| deviation.explanation.is_none())
    }

    /// Writes the record and the page about it.
    pub(crate) fn save(&self, folder: &Path) -> anyhow::Result<()> {
        let write = |name: &str, text: String| {
            let file = folder.join(name);
            fs::write(&file, text).with_context(|| format!("write {}", file.display()))
        };
        write("sqllogictest.json", serde_json::to_string_pretty(self)? + "\n")?;
        write("sqllogictest.md", self.page())
    }

    fn page(&self) -> String {
        let mut page = format!(
            "# DataFusion's own SQL tests\n\n\
             Written by `make prove-sql` on {}, {} ({} cores), {} build of {}; not edited by hand.\n\
             {} files of the version that we build with, {:.0} s.\n\n\
             Each statement and query runs in DataFusion as it comes (which says what this machine can answer at all: the \
             archive lacks data), in DataFusion with our settings and optimizer rules, and as a request to queryd, with the \
             tables of the file ingested into the lake before.\n",
            self.date.strftime("%Y-%m-%d"),
            self.machine.cpu,
            self.machine.cores,
            self.build.profile,
            self.build.git_commit.as_deref().unwrap_or("no commit"),
            self.files,
            self.elapsed_s,
        );
        page += &self.counts_table();
        for engine in Engine::ALL {
            page += &self.deviations_of(engine);
        }
        page
    }

    fn counts_table(&self) -> String {
        let kinds: std::collections::BTreeSet<_> = self.counts.values().flat_map(BTreeMap::keys).collect();
        let count = |engine, kind: &str| {
            let counts = self.counts.get(&engine);
            counts.and_then(|counts| counts.get(kind)).map_or("-".to_owned(), ToString::to_string)
        };
        let row = |kind: &&String| {
            let [stock, tuned, served] = Engine::ALL.map(|engine| count(engine, kind));
            [kind.to_string(), stock, tuned, served]
        };
        let header = ["outcome", "DataFusion", "with our settings and rules", "queryd over HTTP"];
        format!("\n{}\n", table(&header, kinds.iter().map(row), 1..=3))
    }

    /// The deviations of an engine by their explanation.
    fn deviations_of(&self, engine: Engine) -> String {
        let mut groups: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for deviation in self.deviations.iter().filter(|deviation| deviation.engine == engine) {
            let explanation = deviation.explanation.as_deref().unwrap_or("NOT EXPLAINED");
            groups.entry((&deviation.kind, explanation)).or_default().push(&deviation.place);
        }
        if groups.is_empty() {
            return format!("\n## {}\n\nNone.\n", engine.title());
        }
        let row = |((kind, explanation), places): (&(&str, &str), &Vec<&str>)| {
            [(*kind).to_owned(), (*explanation).to_owned(), places.len().to_string(), places.join(", ")]
        };
        let rows = groups.iter().map(row);
        format!("\n## {}\n\n{}\n", engine.title(), table(&["outcome", "why", "number", "where"], rows, 2..=2))
    }
}
