//! HTTP as a user's script does it, with failures that show what was asked and what came back.

use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use wire::error::PROBLEM_JSON;
use wire::{ErrorCode, Problem};

/// No call of a test waits longer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The part of a body that a failure shows, characters.
const SHOWN_BODY_CHARS: usize = 2_000;

/// A client of one daemon.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    base: String,
}

impl Http {
    /// A client for the daemon at `base`, a URL without a trailing slash. It keeps no connection open between calls, so
    /// that a call to a daemon that was killed and restarted never meets a dead connection.
    pub fn new(base: String) -> Self {
        static CLIENT: LazyLock<Client> = LazyLock::new(|| client_with_idle_connections(0));
        Self { client: CLIENT.clone(), base }
    }

    /// The same, but with connections of its own that are kept open between calls: for load, and only until the daemon is
    /// killed.
    #[must_use]
    pub fn keeping_connections(self) -> Self {
        Self { client: client_with_idle_connections(usize::MAX), ..self }
    }

    /// The whole URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A call of any method.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let url = format!("{}{path}", self.base);
        Call { what: format!("{method} {url}"), request: self.client.request(method, url) }
    }

    /// `GET path`.
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// `DELETE path`.
    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    /// `PUT path` with bytes.
    pub fn put(&self, path: &str, body: impl Into<Vec<u8>>) -> Call {
        self.call(Method::PUT, path).body("application/octet-stream", body)
    }

    /// `POST path` with JSON.
    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path).body("application/json", body.to_string())
    }
}

fn client_with_idle_connections(per_host: usize) -> Client {
    client::install_tls_provider();
    let client = Client::builder().timeout(TIMEOUT).pool_max_idle_per_host(per_host).no_proxy().build();
    client.unwrap_or_default()
}

/// A request that has not been sent.
#[derive(Debug)]
#[must_use = "a call does nothing until it is sent"]
pub struct Call {
    what: String,
    request: RequestBuilder,
}

impl Call {
    /// Sets a header.
    pub fn header(mut self, name: impl AsRef<str>, value: &str) -> Self {
        self.request = self.request.header(name.as_ref(), value);
        self
    }

    /// Sets the body and its media type.
    pub fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.request = self.request.header(CONTENT_TYPE, media_type).body(body.into());
        self
    }

    /// Sends it and reads the whole answer.
    ///
    /// # Errors
    /// When no answer comes back; an answer of any status is not an error.
    pub async fn send(self) -> anyhow::Result<Reply> {
        let what = self.what;
        let response = self.request.send().await.with_context(|| what.clone())?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.with_context(|| format!("{what}: body"))?.to_vec();
        Ok(Reply { what, status, headers, body })
    }

    /// Sends it and expects `status`: the JSON of the answer, `null` if it is empty.
    ///
    /// # Errors
    /// When no answer comes back, another status does, or a body that is not JSON.
    pub async fn expect(self, status: u16) -> anyhow::Result<Value> {
        self.send().await?.expect(status)
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    what: String,
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Reply {
    /// Whether the call succeeded: for a write, whether it was acknowledged.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header as text; empty if it is not there.
    pub fn header(&self, name: impl AsRef<str>) -> &str {
        self.headers.get(name.as_ref()).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON, `null` if it is empty.
    ///
    /// # Errors
    /// When the status is not `status`, or the body is not JSON: shows both.
    pub fn expect(&self, status: u16) -> anyhow::Result<Value> {
        ensure!(self.status == status, "{status} expected: {self}");
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body).with_context(|| format!("not JSON: {self}"))
    }

    /// The problem that the body describes.
    ///
    /// # Errors
    /// When status, media type or body are not those of a problem with `code`.
    pub fn expect_problem(&self, code: ErrorCode) -> anyhow::Result<Problem> {
        ensure!(self.status == code.status(), "{} {} expected: {self}", code.status(), code.as_str());
        ensure!(self.header("content-type") == PROBLEM_JSON, "{PROBLEM_JSON} expected: {self}");
        let problem: Problem =
            serde_json::from_slice(&self.body).with_context(|| format!("no problem: {self}"))?;
        ensure!(problem.code == code && problem.status == self.status, "{} expected: {self}", code.as_str());
        ensure!(
            !problem.detail.is_empty() && !problem.request_id.is_empty(),
            "detail and id expected: {self}"
        );
        Ok(problem)
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body: String = String::from_utf8_lossy(&self.body).chars().take(SHOWN_BODY_CHARS).collect();
        write!(f, "{} -> {} {} {body}", self.what, self.status, self.header("content-type"))
    }
}
