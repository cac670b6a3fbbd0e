//! A Python package as a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::stack::{Means, Stack};

/// The other side of the protocol, passed to Python as a text: this program needs no file beside it.
static PROGRAM: &str = include_str!("../../peers/worker.py");

/// A process that runs one package. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Peer {
    name: &'static str,
    version: String,
    child: Child,
    /// Closed to end the process.
    requests: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
struct Hello {
    version: String,
}

#[derive(Deserialize)]
struct Ran {
    wall_s: f64,
}

impl Peer {
    /// # Errors
    /// When the package is not installed.
    pub(crate) fn start(
        name: &'static str,
        python: &Path,
        stack: &Stack,
        means: Means,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(python);
        command.args(["-c", PROGRAM, name]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("start {}", python.display()))?;
        let requests = child.stdin.take();
        let replies = BufReader::new(child.stdout.take().context("a pipe was asked for")?);
        let mut peer = Self { name, version: String::new(), child, requests, replies };
        let hello: Hello = peer.call(&json!({"do": "hello"})).with_context(|| {
            format!("{name} does not start; `make tpch-peers` installs the peers, --python names theirs")
        })?;
        peer.version = hello.version;
        peer.open(stack, means)?;
        Ok(peer)
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Begins anew, with nothing in memory.
    pub(crate) fn open(&mut self, stack: &Stack, means: Means) -> anyhow::Result<()> {
        let tables: Map<String, Value> =
            stack.tables.iter().map(|table| (table.name.to_owned(), json!(table.files))).collect();
        let request = json!({
            "do": "open",
            "tables": tables,
            "threads": means.threads,
            "memory_bytes": means.memory_bytes,
            "spill": stack.spill(self.name)?,
        });
        self.call::<Value>(&request).map(drop)
    }

    /// Runs a statement, writes its result to a file as an Arrow stream if one is named, and returns the seconds that the
    /// statement took.
    pub(crate) fn query(&mut self, sql: &str, result: Option<&Path>) -> anyhow::Result<f64> {
        let ran: Ran = self.call(&json!({"do": "query", "sql": sql, "result": result}))?;
        Ok(ran.wall_s)
    }

    fn call<T: DeserializeOwned>(&mut self, request: &Value) -> anyhow::Result<T> {
        let requests = self.requests.as_mut().context("the worker was stopped")?;
        writeln!(requests, "{request}")?;
        requests.flush()?;
        let mut line = String::new();
        self.replies.read_line(&mut line)?;
        if line.is_empty() {
            bail!("{} ended without an answer: {}", self.name, self.child.wait()?);
        }
        let reply: Value =
            serde_json::from_str(&line).with_context(|| format!("{} answered {line}", self.name))?;
        if let Some(error) = reply.get("error") {
            bail!("{}: {error}", self.name);
        }
        Ok(serde_json::from_value(reply)?)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.requests.take());
        // It has been told to end; nobody is left to tell how it did.
        let _ = self.child.wait();
    }
}
