//! A server that knows no HTTP library: it reads a request, keeps it, and writes the bytes that it was given.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How a response ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// As HTTP has it.
    Whole,
    /// The connection closes in the middle of the body.
    Cut,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) body: Value,
}

pub(crate) struct Exchange {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Exchange {
    /// Answers the first request with the first of `responses`, and so on; the last one is repeated.
    pub(crate) async fn serving(responses: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        tokio::spawn(async move {
            for nth in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let Some(request) = read(&mut stream).await else { continue };
                kept.lock().unwrap().push(request);
                let response = &responses[nth.min(responses.len() - 1)];
                // A caller that has read enough may be gone already.
                drop(stream.write_all(response).await);
                drop(stream.shutdown().await);
            }
        });
        Self { url, asked }
    }

    /// The requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            if bytes.len() >= end + 4 + length {
                let body = serde_json::from_slice(&bytes[end + 4..]).unwrap_or_default();
                return Some(Asked { head, body });
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// A response whose body comes in `chunks`, each of which a caller sees by itself (RFC 9112, section 7.1).
pub(crate) fn chunked(media_type: &str, chunks: &[&[u8]], end: End) -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    )
    .into_bytes();
    for chunk in chunks {
        bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    if end == End::Whole {
        bytes.extend_from_slice(b"0\r\n\r\n");
    }
    bytes
}

/// A response with a length, with `headers` after the status line.
pub(crate) fn plain(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
        .into_bytes()
}
