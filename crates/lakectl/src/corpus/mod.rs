//! Generated workers on a real labour market.
//!
//! Who works as what, where, and for how much is drawn from the Occupational Employment and Wage Statistics of the US
//! Bureau of Labor Statistics, May 2025 (public domain, `data/oews`): an occupation in a metro area comes as often as
//! people are employed in it there, and pays what it pays there. The people themselves are made up, reproducibly: a
//! seed and a number give the same worker, byte for byte, however many are generated.

mod market;
mod people;
mod tables;
mod trades;
mod worker;
mod write;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};

pub use worker::{METADATA_COLUMNS, TEXT_TEMPLATE, Worker, workers};

/// What every run says, on standard error: the data go to standard output.
const NOTICE: &str = "\
The people are generated: names, e-mail addresses (example.com), phones (555-01xx) and work lives are made up.
The labour market is real: occupations, areas, employment and wages are from the US Bureau of Labor Statistics,
Occupational Employment and Wage Statistics, May 2025 (https://www.bls.gov/oes/).";

/// Arguments of `lakectl corpus`.
#[derive(Debug, Args)]
pub struct CorpusArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Generate workers: made-up people on the real US labour market.
    Workers(WorkersArgs),
}

#[derive(Debug, Args)]
struct WorkersArgs {
    /// How many workers.
    #[arg(long, default_value_t = 5000)]
    count: u64,
    /// The same seed gives the same workers; a larger count begins with those of a smaller one.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to write; standard output when absent.
    #[arg(long)]
    out: Option<PathBuf>,
    /// In which format; by the ending of FILE when absent, else CSV.
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// How a corpus is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Comma-separated values with a header, RFC 4180.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// Runs `lakectl corpus`.
///
/// # Errors
/// When the output cannot be written.
pub fn run(args: CorpusArgs) -> anyhow::Result<()> {
    let Command::Workers(WorkersArgs { count, seed, out, format }) = args.command;
    let format = format.or_else(|| Format::of(out.as_deref()?)).unwrap_or(Format::Csv);
    writeln!(io::stderr(), "{NOTICE}")?;
    match &out {
        Some(path) => {
            let file = File::create(path).with_context(|| format!("create {}", path.display()))?;
            write_workers(count, seed, format, BufWriter::new(file))
                .with_context(|| format!("write {}", path.display()))?;
            writeln!(io::stderr(), "{count} workers of seed {seed} are in {}.", path.display())?;
        }
        None => write_workers(count, seed, format, BufWriter::new(io::stdout()))?,
    }
    Ok(())
}

/// Writes the first `count` workers of `seed`.
///
/// # Errors
/// When `output` cannot be written.
pub fn write_workers(count: u64, seed: u64, format: Format, output: impl Write + Send) -> anyhow::Result<()> {
    let workers = workers(count, seed)?;
    match format {
        Format::Csv => write::csv(workers, output),
        Format::Ndjson => write::ndjson(workers, output),
        Format::Parquet => write::parquet(workers, output),
    }
}
