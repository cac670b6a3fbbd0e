//! The side that asks.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Engine, Graph, Request};
use crate::data::{K, Source};
use bench_kit::took::Took;

/// The peers' side of the protocol, passed to Python as a text: this program needs no file beside it.
static PEER_PROGRAM: &str = include_str!("../../peers/worker.py");

/// A process that runs one engine. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) engine: Engine,
    pub(crate) version: String,
    child: Child,
    /// Closed to end the process.
    requests: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
}

/// How long a build took.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Built {
    /// Until the vectors were stored, where that is a step of its own.
    pub(crate) load: Took,
    /// From then on until all of them were in the graph.
    pub(crate) build: Took,
}

/// Answers, and how long they took together.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Answers {
    pub(crate) took: Took,
    /// By query; empty if they were not asked for.
    pub(crate) ids: Vec<Vec<u32>>,
}

#[derive(Deserialize)]
struct Hello {
    version: String,
}

/// Starts those of `engines` that are installed, and says which are not. Ours and hnswlib must be.
pub(crate) fn start_installed(engines: &[Engine], python: &Path) -> anyhow::Result<Vec<Worker>> {
    let mut workers = Vec::new();
    for engine in engines {
        match Worker::start(*engine, python) {
            Ok(worker) => workers.push(worker),
            Err(error) if matches!(engine, Engine::Usearch | Engine::Faiss) => {
                bench_kit::progress::say(&format!("Without {}: {error:#}", engine.as_str()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(workers)
}

impl Worker {
    /// # Errors
    /// When the engine is not installed.
    pub(crate) fn start(engine: Engine, python: &Path) -> anyhow::Result<Self> {
        let mut command = match engine {
            Engine::Ours => {
                let mut command = Command::new(env::current_exe()?);
                command.arg("worker");
                command
            }
            peer => {
                let mut command = Command::new(python);
                command.args(["-c", PEER_PROGRAM, peer.as_str()]);
                command
            }
        };
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.with_context(|| format!("start {}", command.get_program().display()))?;
        let requests = child.stdin.take();
        let replies = BufReader::new(child.stdout.take().context("a pipe was asked for")?);
        let mut worker = Self { engine, version: String::new(), child, requests, replies };
        let hello: Hello = worker.call(&Request::Hello).with_context(|| {
            format!(
                "{} does not start; `make peers` installs the peers, --python names theirs",
                engine.as_str()
            )
        })?;
        worker.version = hello.version;
        Ok(worker)
    }

    /// The process, as `/proc` knows it.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Reads vectors and queries.
    pub(crate) fn load(&mut self, source: &Source) -> anyhow::Result<()> {
        self.load_rows(source, source.max_rows)
    }

    /// Reads the queries alone.
    pub(crate) fn load_queries(&mut self, source: &Source) -> anyhow::Result<()> {
        self.load_rows(source, 0)
    }

    fn load_rows(&mut self, source: &Source, rows: usize) -> anyhow::Result<()> {
        // Numbers that fit into a slice of Python.
        let bounded = |rows: usize| rows.min(u32::MAX as usize);
        let (rows, query_rows) = (bounded(rows), bounded(source.max_queries));
        let (base, queries) = (source.base.clone(), source.queries.clone());
        self.call::<Nothing>(&Request::Load { base, queries, rows, query_rows }).map(drop)
    }

    /// Builds an index of the vectors that were loaded.
    pub(crate) fn build(&mut self, folder: &Path, graph: Graph) -> anyhow::Result<Built> {
        self.call(&Request::Build { folder: folder.to_owned(), graph })
    }

    /// Writes the index into `folder`.
    pub(crate) fn save(&mut self, folder: &Path) -> anyhow::Result<()> {
        self.call::<Nothing>(&Request::Save { folder: folder.to_owned() }).map(drop)
    }

    /// Opens the index in `folder`.
    pub(crate) fn open(&mut self, folder: &Path) -> anyhow::Result<()> {
        self.call::<Nothing>(&Request::Open { folder: folder.to_owned() }).map(drop)
    }

    /// Answers the first `count` queries and returns the answers.
    pub(crate) fn answer(&mut self, ef: usize, count: usize) -> anyhow::Result<Answers> {
        self.call(&Request::Search { k: K, ef, first: 0, count, ids: true })
    }

    /// How long the first `count` queries take, one after the other on one thread.
    pub(crate) fn time(&mut self, ef: usize, count: usize) -> anyhow::Result<Took> {
        self.time_from(ef, 0, count)
    }

    /// The same for `count` queries from the `first` on.
    pub(crate) fn time_from(&mut self, ef: usize, first: usize, count: usize) -> anyhow::Result<Took> {
        let answers: Answers = self.call(&Request::Search { k: K, ef, first, count, ids: false })?;
        Ok(answers.took)
    }

    fn call<T: DeserializeOwned>(&mut self, request: &Request) -> anyhow::Result<T> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Reply<T> {
            Failed { error: String },
            Done(T),
        }
        let requests = self.requests.as_mut().context("the worker was stopped")?;
        writeln!(requests, "{}", serde_json::to_string(request)?)?;
        requests.flush()?;
        let mut line = String::new();
        self.replies.read_line(&mut line)?;
        if line.is_empty() {
            bail!("{} ended without an answer: {}", self.engine.as_str(), self.child.wait()?);
        }
        match serde_json::from_str(&line)
            .with_context(|| format!("{} answered {line}", self.engine.as_str()))?
        {
            Reply::Done(done) => Ok(done),
            Reply::Failed { error } => bail!("{}: {error}", self.engine.as_str()),
        }
    }
}

/// A reply that says no more than that it is done.
#[derive(Deserialize)]
struct Nothing {}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.requests.take());
        // It has been told to end; nobody is left to tell how it did.
        let _ = self.child.wait();
    }
}
