//! `tpch.md`: the record as people read it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bench_kit::bar::bar_table;
use bench_kit::table::{ABSENT, Table, megabytes, table};

use crate::engines::Engine;
use crate::measure::{Figures, Trial};
use crate::record::{Heat, Record, geometric_mean};

const PAGE: &str = "tpch.md";
/// Written by people, included as it is: why a query loses.
const REMARKS: &str = "tpch_remarks.md";

/// Writes the page from the record in `folder`.
pub(crate) fn write(folder: &Path) -> anyhow::Result<PathBuf> {
    let record = Record::read(folder)?;
    let remarks = match fs::read_to_string(folder.join(REMARKS)) {
        Ok(remarks) => format!("\n{}\n", remarks.trim()),
        Err(_) => String::new(),
    };
    let cold = match record.cold_rounds {
        0 => "Not measured.".to_owned(),
        _ => timings(&record, Heat::Cold).to_string(),
    };
    let page = format!(
        "# SQL, measured: TPC-H\n\n\
         Written by `bench-tpch report` from `tpch.json`, which `make prove-tpch` writes; not edited by hand. Figures of \
         different machines do not compare: what counts is the distance to DuckDB, which reads the very same files in the \
         same run.\n\n{}\n## Bars\n\n{}{remarks}\n## Hot\n\n{}\n\nMilliseconds, median of {} rounds in which the engines take \
         turns; x: of DuckDB's time. The time of the peers and of the engine in process ends with the result in memory as \
         Arrow, that of queryd with the last byte of its answer.\n\n## Cold\n\n{cold}\n\n{} rounds; before each run the engine \
         begins anew (queryd and DuckDB's database are started, the time of which does not count), and the tables' files \
         leave the page cache.\n\n## Answers\n\n{}\n",
        circumstances(&record),
        bar_table(&record.bars()),
        timings(&record, Heat::Hot),
        record.rounds,
        record.cold_rounds,
        answers(&record),
    );
    let file = folder.join(PAGE);
    fs::write(&file, page).with_context(|| format!("write {}", file.display()))?;
    Ok(file)
}

/// When, where and from what.
fn circumstances(record: &Record) -> String {
    let (machine, build) = (&record.machine, &record.build);
    let changes = if build.has_uncommitted_changes == Some(true) { " with uncommitted changes" } else { "" };
    let others = record.others.map_or("unknown".to_owned(), |others| {
        let (processes, stolen) = (others.other_processes * 100.0, others.stolen * 100.0);
        format!("other processes {processes:.1} % (daemons and peers included, while they run), hypervisor {stolen:.1} %")
    });
    let version = |engine| record.versions.get(&engine).map_or(ABSENT, String::as_str);
    format!(
        "Scale {}, {} MB of Parquet as ingestd writes it; {} threads and {} MB for each engine; DuckDB {}, DataFusion {} \
         (Python package). {}, {:.0} s; commit {}{changes}, {}; {} ({}), {} cores, {} MB; CPU taken by others meanwhile: \
         {others}.\n",
        record.scale,
        megabytes(record.data_bytes),
        record.threads,
        megabytes(record.memory_bytes as u64),
        version(Engine::Duckdb),
        version(Engine::Datafusion),
        record.date.strftime("%Y-%m-%d %H:%M UTC"),
        record.elapsed_s,
        build.git_commit.as_deref().unwrap_or("unknown"),
        build.profile,
        machine.cpu,
        machine.features.join(" "),
        machine.cores,
        machine.memory_bytes.map_or("unknown".to_owned(), megabytes),
    )
}

fn timings(record: &Record, heat: Heat) -> Table {
    let header =
        ["query", "DuckDB", "queryd, Arrow", "x", "queryd, JSON", "x", "in process", "x", "DataFusion", "x"];
    let others = [Engine::QuerydArrow, Engine::QuerydJson, Engine::InProcess, Engine::Datafusion];
    let time = |figures: &Figures, engine| {
        let spreads = if heat == Heat::Hot { &figures.hot } else { &figures.cold };
        spreads.get(&engine).map_or(ABSENT.to_owned(), |spread| format!("{:.1}", spread.median * 1e3))
    };
    let times = |ratio: Option<f64>| ratio.map_or(ABSENT.to_owned(), |ratio| format!("{ratio:.2}"));
    let rows = record.figures.iter().map(|figures| {
        let mut row = vec![figures.query.clone(), time(figures, Engine::Duckdb)];
        for engine in others {
            row.push(time(figures, engine));
            row.push(times(Record::ratio(figures, heat, engine, Engine::Duckdb)));
        }
        row
    });
    let mut mean = vec!["geometric mean".to_owned(), String::new()];
    for engine in others {
        mean.extend([String::new(), times(record.mean_ratio(heat, engine, Engine::Duckdb))]);
    }
    let rows = rows.chain([mean]).filter_map(|row| <[String; 10]>::try_from(row).ok());
    table(&header, rows, 1..=9)
}

fn answers(record: &Record) -> String {
    let row = |figures: &Figures| {
        let first = figures.answers.values().next();
        let rows = first.map_or(ABSENT.to_owned(), |answer| answer.rows.to_string());
        let hash = if figures.is_agreed() {
            first.map_or(ABSENT.to_owned(), |answer| answer.hash.clone())
        } else {
            let each = figures
                .answers
                .iter()
                .map(|(engine, answer)| format!("{}: {}", engine.as_str(), answer.hash));
            format!("**differ**: {}", each.collect::<Vec<_>>().join(", "))
        };
        [figures.query.clone(), rows, hash]
    };
    format!(
        "{}\n\nRows, and a hash of them that all engines share: numbers to four decimals, rows sorted.",
        table(&["query", "rows", "hash"], record.figures.iter().map(row), 1..=1)
    )
}

/// What settings bring.
pub(crate) fn trials(trials: &[Trial]) -> Table {
    let times = |ratio: f64| format!("{ratio:.3}");
    let row = |trial: &Trial| {
        let shown = |seconds: f64| format!("{:.1}", seconds * 1e3);
        let (ours, changed) = (trial.ours.median, trial.changed.median);
        [trial.query.clone(), shown(ours), shown(changed), times(changed / ours)]
    };
    let ratios: Vec<f64> = trials.iter().map(|trial| trial.changed.median / trial.ours.median).collect();
    let mean = geometric_mean(&ratios).map_or(ABSENT.to_owned(), times);
    let last = ["geometric mean".to_owned(), String::new(), String::new(), mean];
    table(&["query", "ours, ms", "changed, ms", "x"], trials.iter().map(row).chain([last]), 1..=3)
}
