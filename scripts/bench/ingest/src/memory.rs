//! The memory that ingestd takes for a body of 5 GB, which is made while it is sent.

use std::time::Instant;

use anyhow::ensure;
use bench_kit::progress::say;
use bench_kit::table::{Table, megabytes, table};
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::cli::Tools;
use crate::csv;
use crate::http::post_csv;
use crate::lakehouse::Lakehouse;
use crate::report::{Bar, Results};

const BAR_MB: f64 = 300.0;

#[derive(Debug, Clone, Args)]
pub(crate) struct MemoryArgs {
    /// Size of the body, millions of bytes.
    #[arg(long, default_value_t = 5_000)]
    megabytes: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MemoryResults {
    body_bytes: u64,
    rows: u64,
    elapsed_s: f64,
    /// Of ingestd, before the body came.
    idle_rss_bytes: u64,
    peak_rss_bytes: u64,
}

impl MemoryArgs {
    pub(crate) fn measure(&self, tools: &Tools) -> anyhow::Result<MemoryResults> {
        let folder = tools.scratch()?;
        let lakehouse = Lakehouse::start(tools, folder.path())?;
        let idle_rss_bytes = lakehouse.peak_rss_bytes()?;
        say(&format!("Sending {} MB of CSV.", self.megabytes));
        let began = Instant::now();
        let (mut rows, mut body_bytes) = (0, 0);
        let answer =
            post_csv(lakehouse.ingestd(), "/ingest?table=bench.shifts&mode=create", None, |body, _| {
                (rows, body_bytes) = csv::generate(body, self.megabytes * 1_000_000)?;
                Ok(())
            })?;
        let elapsed_s = began.elapsed().as_secs_f64();
        ensure!(answer["rows_written"] == rows, "{rows} rows were sent: {answer}");
        let peak_rss_bytes = lakehouse.peak_rss_bytes()?;
        Ok(MemoryResults { body_bytes, rows, elapsed_s, idle_rss_bytes, peak_rss_bytes })
    }
}

impl Results for MemoryResults {
    const NAME: &'static str = "ingest_memory";
    const TITLE: &'static str = "Memory";

    fn bars(&self) -> Vec<Bar> {
        let peak_mb = self.peak_rss_bytes as f64 / 1e6;
        vec![Bar {
            what: format!("ingestd under a body of {} MB: peak RSS", megabytes(self.body_bytes)),
            bar: format!("<= {BAR_MB} MB"),
            figure: format!("{peak_mb:.0} MB"),
            is_met: peak_mb <= BAR_MB,
        }]
    }

    fn table(&self) -> Table {
        let row = [
            megabytes(self.body_bytes),
            self.rows.to_string(),
            format!("{:.1}", self.elapsed_s),
            megabytes(self.idle_rss_bytes),
            megabytes(self.peak_rss_bytes),
        ];
        table(&["body MB", "rows", "seconds", "idle MB", "peak MB"], [row], 0..=4)
    }

    fn note(&self) -> String {
        "`VmHWM` of ingestd with its defaults. The client makes the rows while it sends them, chunked, and takes its part of the \
         machine."
            .to_owned()
    }
}
