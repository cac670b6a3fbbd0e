//! One user's connection to the gateway: HTTP/1.1 over a socket that is kept, and no more than that.
//!
//! The generator shares the processor with what it measures. A request costs it one write and mostly one read here; with
//! a general HTTP client, its pool, its headers as maps and its tasks, it cost twice as much (docs/decisions/0070-load-harness.md).

use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};

use anyhow::{Context, ensure};
use bench_kit::http::Reply;
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::context::Secret;

/// Most answers fit, so that they come with one read.
const ROOM_BYTES: usize = 8 << 10;

/// Where the gateway is, and what every request to it says.
#[derive(Debug, Clone)]
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    /// Header fields of every request, each with its line end.
    headers: String,
}

impl Gateway {
    /// # Errors
    /// When `url` is not the plain HTTP address of something on this network.
    pub(crate) fn new(url: &str, token: Option<&Secret>) -> anyhow::Result<Self> {
        let authority = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        let authority =
            authority.with_context(|| format!("{url}: the harness speaks plain HTTP, http://HOST:PORT"))?;
        ensure!(!authority.contains('/'), "{url}: give the gateway without a path");
        let address = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
        let mut addresses = address.to_socket_addrs().with_context(|| format!("look up {authority}"))?;
        let address = addresses.next().with_context(|| format!("{authority} has no address"))?;
        let mut headers = format!("host: {authority}\r\ncontent-type: application/json\r\n");
        if let Some(token) = token {
            headers += &format!("authorization: Bearer {}\r\n", token.expose());
        }
        Ok(Self { address, headers })
    }

    /// Appends the text of a request; `marks` are header fields of its own, each with its line end.
    pub(crate) fn write_request(&self, path: &str, marks: &str, body: &[u8], out: &mut Vec<u8>) {
        let (headers, length) = (&self.headers, body.len());
        // Writing to a vector cannot fail.
        let _ = write!(out, "POST {path} HTTP/1.1\r\n{headers}{marks}content-length: {length}\r\n");
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(body);
    }
}

/// A connection that is made when it is needed.
#[derive(Debug)]
pub(crate) struct Connection {
    gateway: Gateway,
    stream: Option<TcpStream>,
    body: Vec<u8>,
    output: Vec<u8>,
}

/// A whole answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    received: Vec<u8>,
    pub(crate) status: u16,
    body_from: usize,
}

impl Connection {
    pub(crate) fn new(gateway: Gateway) -> Self {
        Self { gateway, stream: None, body: Vec::new(), output: Vec::new() }
    }

    /// The next [`send`](Self::send) sends this.
    ///
    /// # Errors
    /// When `body` has no JSON form.
    pub(crate) fn write(&mut self, path: &str, marks: &str, body: &impl Serialize) -> serde_json::Result<()> {
        self.body.clear();
        serde_json::to_writer(&mut self.body, body)?;
        self.output.clear();
        self.gateway.write_request(path, marks, &self.body, &mut self.output);
        Ok(())
    }

    /// Sends what was written, again if it was sent before, and waits for the answer. When this fails, or is given up, the
    /// connection is not used again.
    ///
    /// # Errors
    /// When nobody listens, or the connection breaks.
    pub(crate) async fn send(&mut self) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.gateway.address).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        stream.write_all(&self.output).await?;
        let mut received = Vec::with_capacity(ROOM_BYTES);
        loop {
            if stream.read_buf(&mut received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let reply = Reply::parse(&received).map_err(io::Error::other)?;
            if let Some(Reply { status, body, .. }) = reply {
                let body_from = received.len() - body.len();
                self.stream = Some(stream);
                return Ok(Answer { received, status, body_from });
            }
        }
    }
}

impl Answer {
    pub(crate) fn body(&self) -> &[u8] {
        &self.received[self.body_from..]
    }

    /// The value of a header field.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        Reply::parse(&self.received).ok()??.headers.get(name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::net::TcpListener;

    use super::*;

    /// Answers each request of one connection with the next of `answers`, in pieces of ten bytes, then closes it.
    async fn serve(
        answers: Vec<&'static str>,
    ) -> anyhow::Result<(Gateway, tokio::task::JoinHandle<Vec<String>>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let gateway =
            Gateway::new(&format!("http://{}", listener.local_addr()?), Some(&Secret::new("s3cret")))?;
        let server = tokio::spawn(async move {
            let mut requests = Vec::new();
            let Ok((mut stream, _)) = listener.accept().await else { return requests };
            for answer in answers {
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.unwrap_or_default();
                requests.push(String::from_utf8_lossy(&request[..length]).into_owned());
                for piece in answer.as_bytes().chunks(10) {
                    let _ = stream.write_all(piece).await;
                    tokio::task::yield_now().await;
                }
            }
            requests
        });
        Ok((gateway, server))
    }

    #[tokio::test]
    async fn answers_are_read_whole_one_after_the_other_on_one_connection() {
        let ok = "HTTP/1.1 200 OK\r\ncontent-length: 16\r\nx-request-id: r1\r\n\r\n{\"results\": [1]}";
        let shed = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 2\r\n\r\n{}";
        let (gateway, server) = serve(vec![ok, shed]).await.unwrap();
        let mut connection = Connection::new(gateway);
        connection.write("/v1/a", "", &json!({"k": 1})).unwrap();
        let first = connection.send().await.unwrap();
        assert_eq!((first.status, first.body()), (200, &b"{\"results\": [1]}"[..]));
        assert_eq!(first.header("X-Request-Id"), Some("r1"));
        connection.write("/v1/b", "idempotency-key: key-7\r\n", &json!({"k": 2})).unwrap();
        let second = connection.send().await.unwrap();
        assert_eq!((second.status, second.header("retry-after")), (503, Some("1")));
        let requests = server.await.unwrap();
        assert!(
            requests[0].starts_with("POST /v1/a HTTP/1.1\r\n") && requests[0].ends_with("\r\n\r\n{\"k\":1}")
        );
        assert!(requests.iter().all(|request| request.contains("\r\nauthorization: Bearer s3cret\r\n")));
        assert!(
            requests[1].contains("\r\nidempotency-key: key-7\r\ncontent-length: 7\r\n\r\n"),
            "{}",
            requests[1]
        );
    }

    #[tokio::test]
    async fn connection_that_breaks_is_an_error_and_is_made_anew() {
        let (gateway, server) =
            serve(vec!["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"]).await.unwrap();
        let mut connection = Connection::new(gateway);
        connection.write("/", "", &json!({})).unwrap();
        assert_eq!(connection.send().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        server.await.unwrap();
        assert_eq!(connection.send().await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn gateway_is_a_plain_address() {
        let is_known = |url: &str| Gateway::new(url, None).map(|gateway| gateway.address.port());
        assert_eq!(is_known("http://127.0.0.1:4110/").unwrap(), 4110);
        assert_eq!(is_known("http://127.0.0.1").unwrap(), 80);
        assert!(is_known("https://127.0.0.1:4110").unwrap_err().to_string().contains("plain HTTP"));
        assert!(is_known("http://127.0.0.1:4110/x").unwrap_err().to_string().contains("without a path"));
    }
}
