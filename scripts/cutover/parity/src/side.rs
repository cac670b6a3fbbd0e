//! One of the two systems.

use std::env;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use url::Url;
use wire::context::Secret;

use crate::{SideArgs, SideEvidence};

/// What is repeated of an answer that is refused.
const SHOWN_CHARS: usize = 300;

/// An endpoint that is asked.
#[derive(Debug)]
pub struct Side {
    /// Where it is; without anything secret.
    pub url: Url,
    token: Option<Secret>,
    http: reqwest::Client,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nobody answers there now: nothing can be said.
    Unreachable(String),
    /// It answers otherwise than it should.
    Wrong(String),
}

impl Side {
    /// Both sides, left first; where no address is given, below the predecessor's gateway and ours.
    ///
    /// # Errors
    /// What is wrong with an address or a token.
    pub fn pair(args: &SideArgs, paths: [&str; 2]) -> anyhow::Result<[Self; 2]> {
        let timeout = Duration::from_secs(args.timeout);
        let side = |url: &Option<String>, default: String, token: &Option<String>| {
            Self::new(url.as_ref().unwrap_or(&default), token.as_deref(), timeout)
        };
        let [left, right] = paths;
        Ok([
            side(&args.left, format!("http://127.0.0.1:3100{left}"), &args.left_token_env)
                .context("--left")?,
            side(&args.right, format!("http://127.0.0.1:4110{right}"), &args.right_token_env)
                .context("--right")?,
        ])
    }

    /// An endpoint that is asked on behalf of the left or the right.
    ///
    /// # Errors
    /// What is wrong with the address or the token.
    pub(crate) fn new(url: &str, token_env: Option<&str>, timeout: Duration) -> anyhow::Result<Self> {
        // What cannot be read is not repeated: it might hold a password.
        let url = Url::parse(url).context(
            "this is no URL: give the whole address of the endpoint, such as http://127.0.0.1:4110/v1/embed",
        )?;
        anyhow::ensure!(
            matches!(url.scheme(), "http" | "https"),
            "the address must begin with http:// or https://"
        );
        anyhow::ensure!(
            url.username().is_empty() && url.password().is_none() && url.query().is_none(),
            "the address is written into the report: leave out user, password and query, and name a variable with a token instead"
        );
        let token = token_env.map(|variable| {
            env::var(variable).map(Secret::new).with_context(|| format!("the variable {variable} is not set"))
        });
        let http = reqwest::Client::builder().timeout(timeout).no_proxy().build()?;
        Ok(Self { url, token: token.transpose()?, http })
    }

    /// Posts a JSON body; returns the answer and how long it took, milliseconds.
    ///
    /// # Errors
    /// See [`Side::ask`]; [`Fault::Wrong`] also for what is no JSON.
    pub async fn post(&self, body: &Value) -> Result<(Value, f64), Fault> {
        let answer = self.ask(body).await?;
        let read = serde_json::from_slice(&answer.body);
        let value = read.map_err(|error| Fault::Wrong(format!("no JSON ({error}): {}", answer.said())))?;
        Ok((value, answer.took_ms))
    }

    /// Posts a JSON body.
    ///
    /// # Errors
    /// See [`Side::send`]; [`Fault::Wrong`] for any other answer than a success.
    pub async fn ask(&self, body: &Value) -> Result<Answer, Fault> {
        let answer = self.send(self.http.post(self.url.clone()).json(body)).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(Fault::Wrong(answer.said())) }
    }

    /// A request for what lies below the endpoint, under `key`.
    ///
    /// # Errors
    /// When no address can have such a key.
    pub fn below(&self, method: Method, key: &str) -> anyhow::Result<RequestBuilder> {
        let segments: Vec<String> = key.split('/').map(client::segment).collect();
        let url = format!("{}/{}", self.url.as_str().trim_end_matches('/'), segments.join("/"));
        Ok(self.http.request(method, Url::parse(&url)?))
    }

    /// Sends a request, with the side's token.
    ///
    /// # Errors
    /// [`Fault::Unreachable`] where nobody answers, or one that passes requests on and reaches nobody; [`Fault::Wrong`] where an
    /// answer breaks off.
    pub async fn send(&self, mut request: RequestBuilder) -> Result<Answer, Fault> {
        let started = Instant::now();
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        let answer = request.send().await.map_err(|error| Fault::Unreachable(innermost(&error)))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let broken =
            |error: reqwest::Error| Fault::Wrong(format!("its answer broke off: {}", innermost(&error)));
        let body = answer.bytes().await.map_err(broken)?;
        let answer = Answer { status, headers, body, took_ms: started.elapsed().as_secs_f64() * 1e3 };
        match status {
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                Err(Fault::Unreachable(answer.said()))
            }
            _ => Ok(answer),
        }
    }

    /// The side as it is known before it has answered; `shape` is how it is asked.
    pub(crate) fn evidence(&self, shape: &str) -> SideEvidence {
        let (url, shape) = (self.url.to_string(), shape.to_owned());
        SideEvidence { url, shape, request: Value::Null, took_ms: None, stated: Value::Null }
    }
}

/// What a side answered.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// All of its body.
    pub body: Bytes,
    /// From the request to the end of the body, milliseconds.
    pub took_ms: f64,
}

impl Answer {
    /// A header, or an empty text without it.
    pub fn header(&self, name: HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn said(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        format!("it answered {}: {}", self.status, text.chars().take(SHOWN_CHARS).collect::<String>())
    }
}

/// What was at the bottom of it: the text of the error itself says no more than that there was one.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
