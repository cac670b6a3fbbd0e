//! How fast CSV becomes a table, beside DuckDB's `COPY … TO` Parquet: the same bytes, the same codec, two threads each, both
//! until the files are synced, in turn.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, ensure};
use bench_kit::progress::say;
use bench_kit::table::{Table, megabytes, table};
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::cli::Tools;
use crate::csv;
use crate::duckdb::DuckDb;
use crate::http::post_csv;
use crate::lakehouse::Lakehouse;
use crate::report::{Bar, Results};

/// What ingestd has to reach of DuckDB's rate.
const BAR: f64 = 0.7;
const LABOUR_STATISTICS: &str = "oews/oews_2025_staffing_metro_detailed.parquet";

#[derive(Debug, Clone, Args)]
pub(crate) struct RateArgs {
    /// Size of the generated CSV, millions of bytes.
    #[arg(long, default_value_t = 1_000)]
    megabytes: u64,
    /// How often each is measured.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// DuckDB's threads; ingestd has as many as there are cores.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

/// One table, ingested by both.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TableRates {
    name: String,
    csv_bytes: u64,
    rows: u64,
    /// Over HTTP, the durable commit included; one a round.
    ingestd_s: Vec<f64>,
    duckdb_s: Vec<f64>,
    ingestd_parquet_bytes: u64,
    duckdb_parquet_bytes: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RateResults {
    duckdb_version: String,
    threads: usize,
    tables: Vec<TableRates>,
}

impl RateArgs {
    pub(crate) fn measure(&self, tools: &Tools) -> anyhow::Result<RateResults> {
        let folder = tools.scratch()?;
        let mut duckdb = DuckDb::start(self.threads)?;
        let statistics = tools.data.join(LABOUR_STATISTICS).canonicalize();
        let statistics = statistics.context("find the labour statistics; --data says where they are")?;
        let bodies = [
            ("bls.oews", folder.path().join("oews.csv")),
            ("bench.shifts", folder.path().join("shifts.csv")),
        ];
        duckdb.export(&statistics, &bodies[0].1)?;
        say(&format!("Writing a CSV of {} MB.", self.megabytes));
        let mut output = BufWriter::new(File::create(&bodies[1].1)?);
        csv::generate(&mut output, self.megabytes * 1_000_000)?;
        output.flush()?;
        let tables =
            bodies.iter().map(|(name, body)| self.table(tools, folder.path(), &mut duckdb, name, body));
        let tables = tables.collect::<anyhow::Result<_>>()?;
        Ok(RateResults { duckdb_version: duckdb.version.clone(), threads: self.threads, tables })
    }

    fn table(
        &self,
        tools: &Tools,
        folder: &Path,
        duckdb: &mut DuckDb,
        name: &str,
        body: &PathBuf,
    ) -> anyhow::Result<TableRates> {
        let csv_bytes = fs::metadata(body)?.len();
        let parquet = folder.join("copy.parquet");
        let (mut ingestd_s, mut duckdb_s) = (Vec::new(), Vec::new());
        let (mut rows, mut sizes) = (0, (0, 0));
        // Before what counts, both have read the file once.
        for round in 0..=self.rounds {
            let data = tempfile::tempdir_in(folder)?;
            let lakehouse = Lakehouse::start(tools, data.path())?;
            let began = Instant::now();
            let answer = post_csv(
                lakehouse.ingestd(),
                &format!("/ingest?table={name}&mode=create"),
                Some(csv_bytes),
                |_, mut stream| io::copy(&mut File::open(body)?, &mut stream).map(drop),
            )?;
            let seconds = began.elapsed().as_secs_f64();
            let copied = duckdb.copy(body, &parquet)?;
            rows = answer["rows_written"].as_u64().unwrap_or_default();
            ensure!(rows == copied.rows, "ingestd wrote {rows} rows and DuckDB {}", copied.rows);
            sizes = (parquet_bytes(&data.path().join("warehouse"))?, copied.bytes);
            say(&format!("  {name} round {round}: ingestd {seconds:.3} s, DuckDB {:.3} s", copied.seconds));
            if round > 0 {
                ingestd_s.push(seconds);
                duckdb_s.push(copied.seconds);
            }
        }
        Ok(TableRates {
            name: name.to_owned(),
            csv_bytes,
            rows,
            ingestd_s,
            duckdb_s,
            ingestd_parquet_bytes: sizes.0,
            duckdb_parquet_bytes: sizes.1,
        })
    }
}

/// The size of all Parquet files below a folder.
fn parquet_bytes(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            bytes += parquet_bytes(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            bytes += fs::metadata(&path)?.len();
        }
    }
    Ok(bytes)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

impl TableRates {
    /// Millions of bytes of CSV a second: (ingestd, DuckDB).
    fn rates(&self) -> (f64, f64) {
        let rate = |seconds: &[f64]| self.csv_bytes as f64 / 1e6 / median(seconds);
        (rate(&self.ingestd_s), rate(&self.duckdb_s))
    }

    /// Of each round, so that what the machine does meanwhile falls on both.
    fn ratio(&self) -> f64 {
        let rounds = self.ingestd_s.iter().zip(&self.duckdb_s);
        median(&rounds.map(|(ours, theirs)| theirs / ours).collect::<Vec<_>>())
    }
}

impl Results for RateResults {
    const NAME: &'static str = "ingest_rate";
    const TITLE: &'static str = "Rate";

    fn bars(&self) -> Vec<Bar> {
        let bar = |table: &TableRates| Bar {
            what: format!("{}: rate, of DuckDB's", table.name),
            bar: format!(">= {BAR} x"),
            figure: format!("{:.2} x", table.ratio()),
            is_met: table.ratio() >= BAR,
        };
        self.tables.iter().map(bar).collect()
    }

    fn table(&self) -> Table {
        let rows = self.tables.iter().map(|rates| {
            let (ours, theirs) = rates.rates();
            [
                rates.name.clone(),
                rates.rows.to_string(),
                megabytes(rates.csv_bytes),
                format!("{ours:.0}"),
                format!("{theirs:.0}"),
                megabytes(rates.ingestd_parquet_bytes),
                megabytes(rates.duckdb_parquet_bytes),
            ]
        });
        let header = [
            "table",
            "rows",
            "CSV MB",
            "ingestd MB/s",
            "DuckDB MB/s",
            "ingestd Parquet MB",
            "DuckDB Parquet MB",
        ];
        table(&header, rows, 1..=6)
    }

    fn note(&self) -> String {
        format!(
            "DuckDB {} with {} threads. Medians of {} rounds, in each of which both take the same file in turn; zstd level 1; \
             both until their files are synced. ingestd receives the file over HTTP from a client on the same cores, and commits.",
            self.duckdb_version,
            self.threads,
            self.tables.first().map_or(0, |table| table.ingestd_s.len())
        )
    }
}
