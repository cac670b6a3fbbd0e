//! queryd over HTTP.

use std::time::Instant;

use anyhow::ensure;
use bench_kit::http::{Client, post_json};
use serde_json::json;

use crate::answer::Answer;
use crate::stack::Stack;

/// The form of its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Arrow,
    Json,
}

/// One connection to queryd.
#[derive(Debug)]
pub(crate) struct Served {
    client: Client,
    pub(crate) form: Form,
}

impl Served {
    pub(crate) fn connect(stack: &Stack, form: Form) -> anyhow::Result<Self> {
        Ok(Self { client: stack.queryd()?.client()?, form })
    }

    /// The seconds from the request to the last byte of the answer, and the answer.
    pub(crate) fn query(&mut self, sql: &str) -> anyhow::Result<(f64, Vec<u8>)> {
        let format = match self.form {
            Form::Arrow => "arrow",
            Form::Json => "json",
        };
        let body = json!({"sql": sql}).to_string();
        let request = post_json(&format!("/sql?format={format}"), body.as_bytes());
        let began = Instant::now();
        self.client.exchange(&request, |reply| {
            let wall_s = began.elapsed().as_secs_f64();
            ensure!(reply.status == 200, "queryd answered {reply}");
            Ok((wall_s, reply.body.to_vec()))
        })
    }

    pub(crate) fn answer(&mut self, sql: &str) -> anyhow::Result<Answer> {
        let (_, body) = self.query(sql)?;
        match self.form {
            Form::Arrow => Answer::of_arrow(body.as_slice()),
            Form::Json => Answer::of_json(&body),
        }
    }
}
