//! Building with the same number of threads: ours beside the peers, in interleaved rounds, each in a fresh process.

use bench_kit::progress::Progress;
use bench_kit::table::{ABSENT, table};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::{CPU, Clock, Plan, WALL, order, turn};
use crate::data::{Name, Source};
use crate::record::{Bar, Measurement, Section};
use crate::stats::{Spread, show};
use crate::tools::Tools;
use crate::worker::{Engine, Graph, Worker, start_installed};
use bench_kit::took::Took;

/// Ours may take so many times as long as hnswlib.
const BAR_TIMES_HNSWLIB: f64 = 1.0;

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct BuildArgs {
    /// Which vectors.
    #[arg(long, value_enum, default_values = ["workers", "wink"])]
    set: Vec<Name>,
    /// Which engines; ours and hnswlib are needed for the ratio.
    #[arg(long, value_enum, default_values = ["ours", "hnswlib"])]
    engine: Vec<Engine>,
    /// How often each engine builds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Threads that build.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BuildResults {
    graph: Graph,
    sets: Vec<SetResults>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SetResults {
    set: Name,
    engines: Vec<Times>,
}

/// By round.
#[derive(Debug, Serialize, Deserialize)]
struct Times {
    engine: Engine,
    version: String,
    /// Until the vectors were stored durably, where the engine does that.
    load: Vec<Took>,
    /// From then on until all vectors were in the graph; ours has written its files by then.
    build: Vec<Took>,
}

impl SetResults {
    fn times(&self, engine: Engine) -> Option<&Times> {
        self.engines.iter().find(|times| times.engine == engine)
    }

    /// Our build time over that of `peer`, by round.
    fn ratios_to(&self, peer: Engine, clock: Clock) -> Vec<f64> {
        let (Some(ours), Some(theirs)) = (self.times(Engine::Ours), self.times(peer)) else {
            return Vec::new();
        };
        ours.build.iter().zip(&theirs.build).map(|(ours, theirs)| clock(ours) / clock(theirs)).collect()
    }
}

impl Plan for BuildArgs {
    type Results = BuildResults;

    fn quick(mut self) -> Self {
        self.rounds = 1;
        self
    }

    fn measure(&self, tools: &Tools) -> anyhow::Result<BuildResults> {
        let graph = Graph { threads: self.threads, ..Graph::PEERS };
        let sets = self.set.iter().map(|name| measure_set(self, graph, &tools.source(*name), tools));
        Ok(BuildResults { graph, sets: sets.collect::<Result<_, _>>()? })
    }
}

fn measure_set(args: &BuildArgs, graph: Graph, source: &Source, tools: &Tools) -> anyhow::Result<SetResults> {
    let installed = start_installed(&args.engine, &tools.python)?;
    let engines = installed.iter().map(|worker| Times {
        engine: worker.engine,
        version: worker.version.clone(),
        load: Vec::new(),
        build: Vec::new(),
    });
    let mut engines: Vec<Times> = engines.collect();
    drop(installed);
    let progress = Progress::new(engines.len() * args.rounds, "steps");
    for round in 0..args.rounds {
        for which in order(engines.len(), round) {
            let times = &mut engines[which];
            progress
                .begin(&turn(times.engine, &format!("builds {}, round {}", source.name.as_str(), round + 1)));
            let folder = tools.scratch()?;
            let mut worker = Worker::start(times.engine, &tools.python)?;
            worker.load(source)?;
            let built = worker.build(folder.path(), graph)?;
            times.load.push(built.load);
            times.build.push(built.build);
            progress.end(1);
        }
    }
    Ok(SetResults { set: source.name, engines })
}

impl Measurement for BuildResults {
    const NAME: &'static str = "build";
    const TITLE: &'static str = "Build";

    fn bars(&self) -> Vec<Bar> {
        let bar = |set: &SetResults| {
            let ratio = Spread::of(&set.ratios_to(Engine::Hnswlib, WALL));
            let what = format!("build, {} vectors: wall time, of hnswlib's", set.set.as_str());
            let bar = Bar::at_most(what, " x", BAR_TIMES_HNSWLIB, ratio.map(|ratio| ratio.median));
            match ratio {
                Some(ratio) => bar.with_detail(&format!("({:.2}-{:.2})", ratio.min, ratio.max)),
                None => bar,
            }
        };
        self.sets.iter().map(bar).collect()
    }

    fn sections(&self) -> Vec<Section> {
        let rows = self.sets.iter().flat_map(|set| {
            set.engines.iter().map(|times| {
                let seconds =
                    |took: &[Took], clock: Clock| show(&took.iter().map(clock).collect::<Vec<_>>(), 1);
                let ratio = |clock| match times.engine {
                    Engine::Ours => ABSENT.to_owned(),
                    peer => show(&set.ratios_to(peer, clock), 2),
                };
                [
                    set.set.as_str().to_owned(),
                    format!("{} {}", times.engine.as_str(), times.version),
                    seconds(&times.load, WALL),
                    seconds(&times.build, WALL),
                    ratio(WALL),
                    seconds(&times.build, CPU),
                    ratio(CPU),
                ]
            })
        });
        let header =
            ["vectors", "engine", "stored s", "built s", "ours, times", "CPU s", "ours, times, by CPU time"];
        vec![Section {
            table: table(&header, rows, 2..=6),
            note: format!(
                "M {}, ef_construction {}, {} threads. Ours stores durably first, and its build ends when its files are \
                 on disk; the others build in memory.",
                self.graph.links, self.graph.breadth, self.graph.threads
            ),
        }]
    }
}
