//! Memory: of a process that has opened an index, and at the peak of a build; and searches when the index's files have been
//! taken out of the page cache.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use bench_kit::progress::Progress;
use bench_kit::table::{megabytes, table};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::{Plan, turn};
use crate::data::{Name, Source};
use crate::record::{Bar, Measurement, Section};
use crate::tools::Tools;
use crate::worker::{Engine, Graph, Worker, start_installed};
use bench_kit::procfs::{Memory, major_faults, reset_peak};

/// Ours may have so many times the memory of hnswlib.
const BAR_TIMES_HNSWLIB: f64 = 0.5;
/// The first so many queries after the eviction are timed apart.
const FIRST_QUERIES: usize = 100;
/// Passed to Python as a text.
static EVICT_PROGRAM: &str = include_str!("../../peers/evict.py");

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct MemoryArgs {
    /// Which engines; ours and hnswlib are needed for the ratio.
    #[arg(long, value_enum, default_values = ["ours", "hnswlib", "usearch", "faiss"])]
    engine: Vec<Engine>,
    /// Candidates kept per search.
    #[arg(long, default_value_t = 64)]
    ef: usize,
    /// Threads that build; searches take one.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MemoryResults {
    rows: usize,
    dimension: usize,
    queries: usize,
    ef: usize,
    engines: Vec<EngineMemory>,
    /// Ours, with the index's files out of the page cache.
    evicted: Evicted,
}

/// Of one engine, in fresh processes.
#[derive(Debug, Serialize, Deserialize)]
struct EngineMemory {
    engine: Engine,
    version: String,
    /// With the engine's code and the queries, and no index.
    empty: Memory,
    /// After opening the index.
    opened: Memory,
    /// After searching for all queries.
    searched: Memory,
    /// With the vectors that are to be indexed, as the caller holds them, and no index.
    before_build: Memory,
    /// The most at once while building, the caller's vectors included.
    build_peak_bytes: u64,
}

impl EngineMemory {
    /// What the index itself takes, without what a process of this kind takes anyway.
    fn net_anon_bytes(&self) -> u64 {
        self.opened.anon_bytes.saturating_sub(self.empty.anon_bytes)
    }
}

/// Rates in queries a second, one thread.
#[derive(Debug, Serialize, Deserialize)]
struct Evicted {
    /// Before the eviction, all pages in memory.
    warm_rate: f64,
    mapped_before_bytes: u64,
    mapped_after_bytes: u64,
    /// Of the first queries after the eviction.
    first_rate: f64,
    /// Of all queries then, which bring back the pages that they need.
    cold_rate: f64,
    /// Pages that these searches waited for.
    major_faults: u64,
}

impl Plan for MemoryArgs {
    type Results = MemoryResults;

    fn quick(self) -> Self {
        self
    }

    fn measure(&self, tools: &Tools) -> anyhow::Result<MemoryResults> {
        let source = tools.source(Name::Workers);
        let graph = Graph { threads: self.threads, ..Graph::PEERS };
        let base = source.base()?;
        let (rows, dimension, queries) = (base.len(), base.dimension, source.queries()?.len());
        drop(base);
        // Of the interpreter, pages that several processes share are counted once for each: so one at a time.
        let installed: Vec<Engine> =
            start_installed(&self.engine, &tools.python)?.iter().map(|worker| worker.engine).collect();
        let progress = Progress::new(2 * installed.len() + 1, "steps");
        let (mut engines, mut evicted) = (Vec::new(), None);
        for engine in installed {
            let folder = tools.scratch()?;
            progress.begin(&turn(engine, "builds"));
            let (before_build, build_peak_bytes) = build(engine, &source, graph, folder.path(), tools)?;
            progress.end(1);

            progress.begin(&turn(engine, "opens and searches"));
            let mut worker = Worker::start(engine, &tools.python)?;
            worker.load_queries(&source)?;
            let empty = Memory::of(worker.pid())?;
            worker.open(folder.path())?;
            let opened = Memory::of(worker.pid())?;
            let warm_rate = queries as f64 / worker.time(self.ef, queries)?.wall_s;
            let searched = Memory::of(worker.pid())?;
            progress.end(1);
            if engine == Engine::Ours {
                progress.begin(&turn(engine, "searches after the eviction"));
                evicted =
                    Some(evict_and_search(&mut worker, folder.path(), warm_rate, self.ef, queries, tools)?);
                progress.end(1);
            }
            let version = worker.version.clone();
            engines.push(EngineMemory {
                engine,
                version,
                empty,
                opened,
                searched,
                before_build,
                build_peak_bytes,
            });
        }
        let evicted = evicted.context("--engine leaves out ours")?;
        Ok(MemoryResults { rows, dimension, queries, ef: self.ef, engines, evicted })
    }
}

/// Leaves an index in `folder`; returns the memory before, and the peak of the build.
fn build(
    engine: Engine,
    source: &Source,
    graph: Graph,
    folder: &Path,
    tools: &Tools,
) -> anyhow::Result<(Memory, u64)> {
    let mut worker = Worker::start(engine, &tools.python)?;
    worker.load(source)?;
    reset_peak(worker.pid())?;
    let before = Memory::of(worker.pid())?;
    worker.build(folder, graph)?;
    let peak_bytes = Memory::of(worker.pid())?.peak_bytes;
    worker.save(folder)?;
    Ok((before, peak_bytes))
}

fn evict_and_search(
    worker: &mut Worker,
    folder: &Path,
    warm_rate: f64,
    ef: usize,
    queries: usize,
    tools: &Tools,
) -> anyhow::Result<Evicted> {
    let pid = worker.pid();
    let mapped_before_bytes = Memory::of(pid)?.file_bytes;
    let evict =
        Command::new(&tools.python).args(["-c", EVICT_PROGRAM, &pid.to_string()]).arg(folder).output()?;
    ensure!(evict.status.success(), "evict the index: {}", String::from_utf8_lossy(&evict.stderr));
    let mapped_after_bytes = Memory::of(pid)?.file_bytes;
    let faults_before = major_faults(pid)?;
    let first = FIRST_QUERIES.min(queries);
    let first_s = worker.time(ef, first)?.wall_s;
    let rest_s = worker.time_from(ef, first, queries - first)?.wall_s;
    let (first_rate, cold_rate) = (first as f64 / first_s, queries as f64 / (first_s + rest_s));
    let major_faults = major_faults(pid)? - faults_before;
    Ok(Evicted { warm_rate, mapped_before_bytes, mapped_after_bytes, first_rate, cold_rate, major_faults })
}

impl Measurement for MemoryResults {
    const NAME: &'static str = "memory";
    const TITLE: &'static str = "Memory";

    fn bars(&self) -> Vec<Bar> {
        let of = |engine| self.engines.iter().find(|memory| memory.engine == engine);
        // Ours with all that its process takes beside the index, hnswlib without.
        let ratio = of(Engine::Ours)
            .zip(of(Engine::Hnswlib))
            .map(|(ours, theirs)| ours.opened.anon_bytes as f64 / theirs.net_anon_bytes().max(1) as f64);
        vec![Bar::at_most("memory after load: RssAnon, of hnswlib's", " x", BAR_TIMES_HNSWLIB, ratio)]
    }

    fn sections(&self) -> Vec<Section> {
        vec![self.memory(), self.evicted()]
    }
}

impl MemoryResults {
    fn memory(&self) -> Section {
        let row = |memory: &EngineMemory| {
            [
                format!("{} {}", memory.engine.as_str(), memory.version),
                megabytes(memory.opened.anon_bytes),
                megabytes(memory.net_anon_bytes()),
                megabytes(memory.opened.file_bytes),
                megabytes(memory.searched.total_bytes()),
                megabytes(memory.before_build.total_bytes()),
                megabytes(memory.build_peak_bytes),
            ]
        };
        let header = [
            "engine",
            "RssAnon MB",
            "without the process MB",
            "RssFile MB",
            "both, after searching MB",
            "before a build MB",
            "peak of a build MB",
        ];
        Section {
            table: table(&header, self.engines.iter().map(row), 1..=6),
            note: format!(
                "{} x {} worker vectors. A fresh process opens the index; the second figure leaves out what the same \
                 process has before (of hnswlib: Python, numpy, the library, the queries). A build begins with the vectors in \
                 the caller's hands ({} MB), which are in its peak. The bar compares our first figure with hnswlib's \
                 second.",
                self.rows,
                self.dimension,
                megabytes((self.rows * self.dimension * size_of::<f32>()) as u64)
            ),
        }
    }

    fn evicted(&self) -> Section {
        let Evicted {
            warm_rate,
            mapped_before_bytes,
            mapped_after_bytes,
            first_rate,
            cold_rate,
            major_faults,
        } = &self.evicted;
        let row = [
            format!("{warm_rate:.0}"),
            format!("{first_rate:.0}"),
            format!("{cold_rate:.0}"),
            megabytes(*mapped_before_bytes),
            megabytes(*mapped_after_bytes),
            major_faults.to_string(),
        ];
        let header = [
            "warm queries/s",
            "first queries/s",
            "all queries/s",
            "RssFile before MB",
            "RssFile after MB",
            "page faults",
        ];
        Section {
            table: table(&header, [row], 0..=5),
            note: format!(
                "Ours at ef {}, one thread, after its index's files were paged out of the process and dropped from the page \
                 cache: the first {FIRST_QUERIES} queries, and all {} of them, each searched for once.",
                self.ef, self.queries
            ),
        }
    }
}
