//! DuckDB in a process of its own, driven by `duckdb_copy.py`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const PROGRAM: &str = include_str!("duckdb_copy.py");

/// A DuckDB that waits for tasks. It ends when this is dropped.
pub(crate) struct DuckDb {
    child: Child,
    tasks: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// As it says itself.
    pub(crate) version: String,
}

/// What came of a `COPY`.
#[derive(Debug, Deserialize)]
pub(crate) struct Copied {
    /// Until the file was synced.
    pub(crate) seconds: f64,
    pub(crate) rows: u64,
    /// Of the Parquet file.
    pub(crate) bytes: u64,
}

impl DuckDb {
    /// Starts it with so many threads. The Python packages are those of `scripts/python-packages.sh lake-clients`.
    pub(crate) fn start(threads: usize) -> anyhow::Result<Self> {
        let packages = Command::new("scripts/python-packages.sh").arg("lake-clients").output();
        let packages = packages.context("run scripts/python-packages.sh; start this in the checkout")?;
        ensure!(packages.status.success(), "{}", String::from_utf8_lossy(&packages.stderr));
        let mut child = Command::new("python3")
            .args(["-c", PROGRAM])
            .env("PYTHONPATH", String::from_utf8(packages.stdout)?.trim_end())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start python3")?;
        let tasks = child.stdin.take().context("no standard input")?;
        let answers = BufReader::new(child.stdout.take().context("no standard output")?);
        let mut duckdb = Self { child, tasks, answers, version: String::new() };
        let hello: Value = duckdb.ask(&json!({"threads": threads}))?;
        duckdb.version = hello["version"].as_str().unwrap_or_default().to_owned();
        Ok(duckdb)
    }

    /// CSV to Parquet.
    pub(crate) fn copy(&mut self, csv: &Path, parquet: &Path) -> anyhow::Result<Copied> {
        self.ask(&json!({"copy": csv, "to": parquet}))
    }

    /// Parquet to CSV, to have a body.
    pub(crate) fn export(&mut self, parquet: &Path, csv: &Path) -> anyhow::Result<()> {
        self.ask::<Value>(&json!({"export": parquet, "to": csv})).map(drop)
    }

    fn ask<T: DeserializeOwned>(&mut self, task: &Value) -> anyhow::Result<T> {
        writeln!(self.tasks, "{task}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        serde_json::from_str(&answer).with_context(|| format!("DuckDB failed at {task}"))
    }
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        // It may have ended already, and there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
