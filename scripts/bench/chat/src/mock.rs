//! A mock of a provider with OpenAI's interface, as cheap as it can be: what it takes of the machine is not there for chatd.
//!
//! One thread, texts made by hand, one write for each token, as models give them out one by one.

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use memchr::memmem;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::script::{MODEL, Script, token};

/// What the mock answers at, beside OpenAI's paths: from then on it holds no stream.
pub(crate) const RELEASE: &str = "/release";
const READ_BYTES: usize = 16 << 10;
const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";

/// Where it listens.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    bind: SocketAddr,
    /// The file to write the bound address to.
    #[arg(long, value_name = "FILE")]
    listen_file: PathBuf,
}

/// Serves until the process is killed.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    // Beside what is measured, on the same cores: a model that waits for a turn would look like a slow chatd.
    let _ = scheduling::ask_for(scheduling::SHORT);
    let listener =
        TcpListener::bind(options.bind).await.with_context(|| format!("listen on {}", options.bind))?;
    let partial = options.listen_file.with_extension("partial");
    std::fs::write(&partial, listener.local_addr()?.to_string())?;
    std::fs::rename(&partial, &options.listen_file)?;
    let (release, released) = watch::channel(false);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let connection = Connection {
            stream,
            input: Vec::with_capacity(READ_BYTES),
            output: String::new(),
            whole: Whole::default(),
            release: release.clone(),
            released: released.clone(),
        };
        // A connection that breaks concerns nobody but its caller.
        tokio::spawn(async move { drop(connection.serve().await) });
    }
}

struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    output: String,
    whole: Whole,
    release: watch::Sender<bool>,
    released: watch::Receiver<bool>,
}

/// The last answer that was given out whole: most are for the same number of tokens, and need not be written anew.
#[derive(Default)]
struct Whole {
    tokens: u32,
    text: String,
}

/// What the mock reads of a body.
#[derive(Debug, Deserialize)]
struct Asked<'a> {
    #[serde(default)]
    stream: bool,
    #[serde(borrow)]
    messages: Vec<Said<'a>>,
}

#[derive(Debug, Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    content: Cow<'a, str>,
}

/// What becomes of a connection.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Request,
    Break,
}

impl Connection {
    async fn serve(mut self) -> io::Result<()> {
        while let Some(request) = self.request().await? {
            let next = match request.path.as_str() {
                RELEASE => {
                    self.release.send_replace(true);
                    self.answer("{}").await?
                }
                "/readyz" => self.answer("{}").await?,
                "/v1/models" => self.answer(&format!(r#"{{"data":[{{"id":"{MODEL}"}}]}}"#)).await?,
                _ => self.chat(&request.body).await?,
            };
            if next == Next::Break {
                break;
            }
        }
        Ok(())
    }

    /// The next request; `None` when the caller has left.
    async fn request(&mut self) -> io::Result<Option<Request>> {
        loop {
            if let Some((request, length)) = Request::parse(&self.input)? {
                self.input.drain(..length);
                return Ok(Some(request));
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Ok(None);
            }
        }
    }

    async fn chat(&mut self, body: &[u8]) -> io::Result<Next> {
        let asked: Asked<'_> = serde_json::from_slice(body)?;
        let said = asked.messages.first().map_or("", |message| &message.content);
        let script: Script = serde_json::from_str(said)?;
        if script.breaks_after == Some(0) {
            return self.break_off(&script);
        }
        if asked.stream {
            return self.stream(&script).await;
        }
        if self.whole.text.is_empty() || self.whole.tokens != script.tokens {
            self.whole = Whole { tokens: script.tokens, text: whole(script.tokens) };
        }
        self.stream.write_all(self.whole.text.as_bytes()).await?;
        Ok(Next::Request)
    }

    async fn stream(&mut self, script: &Script) -> io::Result<Next> {
        self.output.clear();
        self.output.push_str(STREAM_HEAD);
        self.push_chunk(r#"{"role":"assistant","content":""}"#, "null");
        self.flush().await?;
        let mut sent = 0;
        while sent < script.tokens || (script.is_held && !*self.released.borrow()) {
            if script.pause_ms == 0 {
                tokio::task::yield_now().await;
            } else {
                let released = self.released.wait_for(|is_released| *is_released && script.is_held);
                drop(tokio::time::timeout(Duration::from_millis(script.pause_ms), released).await);
            }
            self.push_chunk(&format!(r#"{{"content":"{}"}}"#, token(sent)), "null");
            self.flush().await?;
            sent += 1;
            if script.breaks_after == Some(sent) {
                return self.break_off(script);
            }
        }
        self.push_chunk("{}", r#""stop""#);
        self.push_event(&format!(
            r#"{{{},"choices":[],"usage":{}}}"#,
            head("chat.completion.chunk"),
            usage(sent)
        ));
        self.push_event("[DONE]");
        self.output.push_str("0\r\n\r\n");
        self.flush().await?;
        Ok(Next::Request)
    }

    fn break_off(&self, script: &Script) -> io::Result<Next> {
        if script.resets {
            self.stream.set_zero_linger()?;
        }
        Ok(Next::Break)
    }

    fn push_chunk(&mut self, delta: &str, finish_reason: &str) {
        let head = head("chat.completion.chunk");
        let choice = format!(r#"{{"index":0,"delta":{delta},"finish_reason":{finish_reason}}}"#);
        self.push_event(&format!(r#"{{{head},"choices":[{choice}]}}"#));
    }

    /// A server-sent event in an HTTP chunk of its own.
    fn push_event(&mut self, data: &str) {
        let length = "data: \n\n".len() + data.len();
        self.output.push_str(&format!("{length:x}\r\ndata: {data}\n\n\r\n"));
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(self.output.as_bytes()).await?;
        self.output.clear();
        Ok(())
    }

    async fn answer(&mut self, body: &str) -> io::Result<Next> {
        self.output = with_head(body);
        self.flush().await?;
        Ok(Next::Request)
    }
}

/// `body` as an answer of HTTP.
fn with_head(body: &str) -> String {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
    format!("{head} {}\r\n\r\n{body}", body.len())
}

/// An answer of `tokens`, at once.
fn whole(tokens: u32) -> String {
    let text: String = (0..tokens).map(token).collect();
    let message = format!(r#"{{"role":"assistant","content":"{text}"}}"#);
    let choice = format!(r#"{{"index":0,"message":{message},"finish_reason":"stop"}}"#);
    let (head, usage) = (head("chat.completion"), usage(tokens));
    with_head(&format!(r#"{{{head},"choices":[{choice}],"usage":{usage}}}"#))
}

fn head(object: &str) -> String {
    format!(r#""id":"chatcmpl-mock","object":"{object}","created":1767225600,"model":"{MODEL}""#)
}

fn usage(tokens: u32) -> String {
    format!(r#"{{"prompt_tokens":100,"completion_tokens":{tokens},"total_tokens":{}}}"#, 100 + tokens)
}

/// A request that has come whole.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    path: String,
    body: Vec<u8>,
}

impl Request {
    /// The one that `input` begins with, and its length; `None` while it is not complete.
    fn parse(input: &[u8]) -> io::Result<Option<(Self, usize)>> {
        let Some(end) = memmem::find(input, b"\r\n\r\n") else { return Ok(None) };
        let head = std::str::from_utf8(&input[..end]).map_err(io::Error::other)?;
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let length = head.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        let length = end + 4 + length.unwrap_or(0);
        Ok(input.get(end + 4..length).map(|body| (Self { path, body: body.to_owned() }, length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_is_complete_with_the_last_byte_of_its_body_and_the_next_one_is_left() {
        let text = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}GET / HTTP";
        let whole = text.len() - "GET / HTTP".len();
        for cut in 0..whole {
            assert_eq!(Request::parse(&text[..cut]).unwrap(), None, "{cut}");
        }
        let (request, length) = Request::parse(text).unwrap().unwrap();
        assert_eq!(
            (request.path.as_str(), request.body.as_slice(), length),
            ("/v1/chat/completions", &b"{}"[..], whole)
        );
        let (request, _) = Request::parse(b"GET /readyz HTTP/1.1\r\n\r\n").unwrap().unwrap();
        assert_eq!((request.path.as_str(), request.body.len()), ("/readyz", 0));
    }
}
