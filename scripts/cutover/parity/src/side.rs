//! One of the two systems.

use std::env;
use std::time::{Duration, Instant};

use anyhow::Context;
use reqwest::StatusCode;
use serde_json::Value;
use url::Url;
use wire::context::Secret;

use crate::SideArgs;

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
    /// Both sides, left first.
    ///
    /// # Errors
    /// What is wrong with an address or a token.
    pub fn pair(args: &SideArgs) -> anyhow::Result<[Self; 2]> {
        let timeout = Duration::from_secs(args.timeout);
        Ok([
            Self::new(&args.left, args.left_token_env.as_deref(), timeout).context("--left")?,
            Self::new(&args.right, args.right_token_env.as_deref(), timeout).context("--right")?,
        ])
    }

    fn new(url: &str, token_env: Option<&str>, timeout: Duration) -> anyhow::Result<Self> {
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
    /// [`Fault::Unreachable`] where nobody answers, or one that passes requests on and reaches nobody; [`Fault::Wrong`] for any other
    /// answer than a success in JSON.
    pub async fn post(&self, body: &Value) -> Result<(Value, f64), Fault> {
        let started = Instant::now();
        let mut request = self.http.post(self.url.clone()).json(body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        let answer = request.send().await.map_err(|error| Fault::Unreachable(innermost(&error)))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| Fault::Unreachable(innermost(&error)))?;
        let took_ms = started.elapsed().as_secs_f64() * 1e3;
        let said = || format!("it answered {status}: {}", text.chars().take(SHOWN_CHARS).collect::<String>());
        match status {
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                Err(Fault::Unreachable(said()))
            }
            status if status.is_success() => {
                let answer = serde_json::from_str(&text)
                    .map_err(|error| Fault::Wrong(format!("no JSON ({error}): {}", said())))?;
                Ok((answer, took_ms))
            }
            _ => Err(Fault::Wrong(said())),
        }
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
