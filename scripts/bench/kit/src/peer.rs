//! A program in another language that is measured beside ours: a process that answers a JSON request a line with a JSON reply a line.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A Python program at work. It ends when this is dropped.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    /// Closed to end the process.
    requests: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts `program`, a text, with the interpreter `python`.
    ///
    /// # Errors
    /// When there is no such interpreter.
    pub fn start(python: &Path, program: &str) -> anyhow::Result<Self> {
        let mut command = Command::new(python);
        command.args(["-c", program]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("start {}", python.display()))?;
        let requests = child.stdin.take();
        let replies = BufReader::new(child.stdout.take().context("a pipe was asked for")?);
        Ok(Self { child, requests, replies })
    }

    /// Sends a request and waits for its reply.
    ///
    /// # Errors
    /// What the reply's `error` says; that the process has ended; that the reply is another one than was expected.
    pub fn call<T: DeserializeOwned>(&mut self, request: &impl Serialize) -> anyhow::Result<T> {
        let requests = self.requests.as_mut().context("the peer was stopped")?;
        writeln!(requests, "{}", serde_json::to_string(request)?)?;
        requests.flush()?;
        let mut line = String::new();
        self.replies.read_line(&mut line)?;
        if line.is_empty() {
            bail!("the peer ended without an answer: {}", self.child.wait()?);
        }
        let reply: Value =
            serde_json::from_str(&line).with_context(|| format!("the peer answered {line}"))?;
        if let Some(error) = reply.get("error") {
            bail!("the peer failed: {error}");
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
