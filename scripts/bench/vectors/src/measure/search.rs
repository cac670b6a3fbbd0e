//! Recall and throughput on one thread, in process: ours beside the peers, in interleaved rounds.

use std::path::Path;

use bench_kit::progress::Progress;
use bench_kit::table::{ABSENT, table};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::{CPU, Clock, Plan, RECALL, WALL, order, turn};
use crate::data::{Judge, Name, Source};
use crate::record::{Bar, Measurement, Section};
use crate::stats::{Spread, rate_at_recall, show};
use crate::tools::Tools;
use crate::worker::{Engine, Graph, Worker, start_installed};
use bench_kit::took::Took;

/// Ours must answer so many times as many queries as hnswlib.
const BAR_TIMES_HNSWLIB: f64 = 1.5;

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct SearchArgs {
    /// Which vectors.
    #[arg(long, value_enum, default_values = ["workers", "wink"])]
    set: Vec<Name>,
    /// Which engines; ours and hnswlib are needed for the ratio.
    #[arg(long, value_enum, default_values = ["ours", "hnswlib", "usearch", "faiss"])]
    engine: Vec<Engine>,
    /// Candidates kept per search, rising.
    #[arg(long, default_values_t = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384])]
    ef: Vec<usize>,
    /// How often every setting is measured.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Threads that build; searches take one.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SearchResults {
    graph: Graph,
    sets: Vec<SetResults>,
}

/// What one set of vectors gave.
#[derive(Debug, Serialize, Deserialize)]
struct SetResults {
    set: Name,
    rows: usize,
    dimension: usize,
    queries: usize,
    engines: Vec<Curve>,
}

/// The curve of one engine.
#[derive(Debug, Serialize, Deserialize)]
struct Curve {
    engine: Engine,
    version: String,
    points: Vec<Point>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Point {
    ef: usize,
    /// recall@10, mean over all queries.
    recall: f64,
    /// Of all queries, by round.
    took: Vec<Took>,
}

impl SetResults {
    fn curve(&self, engine: Engine) -> Option<&Curve> {
        self.engines.iter().find(|curve| curve.engine == engine)
    }

    /// Queries a second at [`RECALL`], by round; empty if it is never reached.
    fn rates_at_bar(&self, curve: &Curve, clock: Clock) -> Vec<f64> {
        let rounds = curve.points.first().map_or(0, |point| point.took.len());
        let in_round = |round: usize| {
            let point = |point: &Point| (point.recall, self.queries as f64 / clock(&point.took[round]));
            rate_at_recall(&curve.points.iter().map(point).collect::<Vec<_>>(), RECALL)
        };
        (0..rounds).filter_map(in_round).collect()
    }

    /// Our rate at [`RECALL`] over that of `peer`, by round.
    fn ratios_to(&self, peer: Engine, clock: Clock) -> Vec<f64> {
        let rates =
            |engine| self.curve(engine).map(|curve| self.rates_at_bar(curve, clock)).unwrap_or_default();
        rates(Engine::Ours).iter().zip(rates(peer)).map(|(ours, theirs)| ours / theirs).collect()
    }
}

impl Plan for SearchArgs {
    type Results = SearchResults;

    fn quick(mut self) -> Self {
        self.rounds = self.rounds.min(2);
        self
    }

    fn measure(&self, tools: &Tools) -> anyhow::Result<SearchResults> {
        let graph = Graph { threads: self.threads, ..Graph::PEERS };
        let sets = self.set.iter().map(|name| measure_set(self, graph, &tools.source(*name), tools));
        Ok(SearchResults { graph, sets: sets.collect::<Result<_, _>>()? })
    }
}

fn measure_set(
    args: &SearchArgs,
    graph: Graph,
    source: &Source,
    tools: &Tools,
) -> anyhow::Result<SetResults> {
    let dataset = source.load()?;
    let judge = Judge::new(&dataset);
    let queries = dataset.queries.len();
    let mut workers = start_installed(&args.engine, &tools.python)?;
    let folder = tools.scratch()?;
    let steps = workers.len() * (1 + args.ef.len() * (1 + args.rounds));
    let progress = Progress::new(steps, "steps");

    build_all(&mut workers, source, graph, folder.path(), &progress)?;
    let mut curves = Vec::new();
    for worker in &mut workers {
        let mut points = Vec::new();
        for ef in &args.ef {
            progress.begin(&turn(worker.engine, &format!("recall at ef {ef}")));
            let recall = judge.recall(&worker.answer(*ef, queries)?.ids);
            points.push(Point { ef: *ef, recall, took: Vec::new() });
            progress.end(1);
        }
        curves.push(Curve { engine: worker.engine, version: worker.version.clone(), points });
    }
    for round in 0..args.rounds {
        for (setting, ef) in args.ef.iter().enumerate() {
            for which in order(workers.len(), round) {
                progress
                    .begin(&turn(workers[which].engine, &format!("rate at ef {ef}, round {}", round + 1)));
                let took = workers[which].time(*ef, queries)?;
                curves[which].points[setting].took.push(took);
                progress.end(1);
            }
        }
    }
    let (rows, dimension) = (dataset.base.len(), dataset.base.dimension);
    Ok(SetResults { set: source.name, rows, dimension, queries, engines: curves })
}

/// Builds the engines' indexes one after the other.
fn build_all(
    workers: &mut [Worker],
    source: &Source,
    graph: Graph,
    folder: &Path,
    progress: &Progress,
) -> anyhow::Result<()> {
    for worker in workers {
        progress.begin(&turn(worker.engine, "builds"));
        worker.load(source)?;
        worker.build(folder, graph)?;
        progress.end(1);
    }
    Ok(())
}

impl Measurement for SearchResults {
    const NAME: &'static str = "search";
    const TITLE: &'static str = "Search in process, one thread";

    fn bars(&self) -> Vec<Bar> {
        let bar = |set: &SetResults| {
            let ratio = Spread::of(&set.ratios_to(Engine::Hnswlib, WALL));
            let what = format!(
                "search, {} vectors: queries/s at recall@10 {RECALL}, of hnswlib's",
                set.set.as_str()
            );
            let bar = Bar::at_least(what, " x", BAR_TIMES_HNSWLIB, ratio.map(|ratio| ratio.median));
            match ratio {
                Some(ratio) => bar.with_detail(&format!("({:.2}-{:.2})", ratio.min, ratio.max)),
                None => bar,
            }
        };
        self.sets.iter().map(bar).collect()
    }

    fn sections(&self) -> Vec<Section> {
        self.sets.iter().flat_map(|set| [set.at_bar(&self.graph), set.curves()]).collect()
    }
}

impl SetResults {
    fn at_bar(&self, graph: &Graph) -> Section {
        let row = |curve: &Curve| {
            let times = |clock| match curve.engine {
                Engine::Ours => ABSENT.to_owned(),
                peer => show(&self.ratios_to(peer, clock), 2),
            };
            let name = format!("{} {}", curve.engine.as_str(), curve.version);
            let [wall, cpu] = [WALL, CPU].map(|clock| show(&self.rates_at_bar(curve, clock), 0));
            [name, wall, times(WALL), cpu, times(CPU)]
        };
        let header =
            ["engine", "queries/s at 0.98", "ours, times", "by CPU time", "ours, times, by CPU time"];
        Section {
            table: table(&header, self.engines.iter().map(row), 1..=4),
            note: format!(
                "{} {} vectors of {} numbers, {} queries, top 10, M {}, ef_construction {}; median (least-most) of the \
                 rounds. Interpolated between the settings below, in which each round measures every engine in turn.",
                self.rows,
                self.set.as_str(),
                self.dimension,
                self.queries,
                graph.links,
                graph.breadth
            ),
        }
    }

    fn curves(&self) -> Section {
        let rows = self.engines.iter().flat_map(|curve| {
            curve.points.iter().map(|point| {
                let rates = |clock: Clock| -> Vec<f64> {
                    point.took.iter().map(|took| self.queries as f64 / clock(took)).collect()
                };
                let [wall, cpu] = [WALL, CPU].map(|clock| show(&rates(clock), 0));
                let (engine, recall) = (curve.engine.as_str().to_owned(), format!("{:.4}", point.recall));
                [engine, point.ef.to_string(), recall, wall, cpu]
            })
        });
        Section {
            table: table(&["engine", "ef", "recall@10", "queries/s", "by CPU time"], rows, 1..=4),
            note: "recall@10 counts what is as near as the tenth of the exact answer.".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(engine: Engine, rates: [f64; 2]) -> Curve {
        let took = |rate: f64| Took { wall_s: 5.0 / rate, cpu_s: 1.0 };
        let point =
            |ef, recall, part: f64| Point { ef, recall, took: rates.map(|rate| took(rate * part)).to_vec() };
        Curve { engine, version: "1".into(), points: vec![point(32, 0.97, 1.0), point(64, 0.98, 0.5)] }
    }

    #[test]
    fn bar_compares_rates_at_the_same_recall_round_by_round() {
        let set = SetResults {
            set: Name::Workers,
            rows: 10,
            dimension: 2,
            queries: 5,
            engines: vec![curve(Engine::Ours, [300.0, 360.0]), curve(Engine::Hnswlib, [200.0, 200.0])],
        };
        let ratios = set.ratios_to(Engine::Hnswlib, WALL);
        assert!((ratios[0] - 1.5).abs() < 1e-9 && (ratios[1] - 1.8).abs() < 1e-9, "{ratios:?}");
        let results = SearchResults { graph: Graph::PEERS, sets: vec![set] };
        let bars = results.bars();
        assert!(bars[0].is_met, "{bars:?}");
        assert_eq!(bars[0].figure, "1.65 x (1.50-1.80)");
        assert_eq!(results.sections().len(), 2);
    }
}
