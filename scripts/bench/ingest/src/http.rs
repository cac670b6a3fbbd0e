//! One request over a connection of its own, whose body is written as it is made or straight from a file.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, ensure};
use serde_json::Value;

/// Sends `POST path` with a CSV body that `send` writes, and returns the JSON of the answer, which must be a 200.
///
/// # Errors
/// When the connection breaks, or anything but a 200 comes back: with what came.
pub(crate) fn post_csv(
    address: SocketAddr,
    path: &str,
    length: Option<u64>,
    send: impl FnOnce(&mut dyn Write, &TcpStream) -> io::Result<()>,
) -> anyhow::Result<Value> {
    let stream = TcpStream::connect(address).context("connect to ingestd")?;
    let framing = match length {
        Some(length) => format!("content-length: {length}"),
        None => "transfer-encoding: chunked".to_owned(),
    };
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: text/csv\r\nconnection: close\r\n{framing}\r\n\r\n"
    );
    (&stream).write_all(head.as_bytes())?;
    let mut chunked = Chunked(&stream);
    let sent = send(&mut chunked, &stream);
    if length.is_none() && sent.is_ok() {
        (&stream).write_all(b"0\r\n\r\n")?;
    }
    // A refusal may come, and close the connection, before everything has been sent.
    answer(&stream).with_context(|| format!("the body was sent: {sent:?}"))
}

/// `GET path`: the status.
///
/// # Errors
/// When no answer comes.
pub(crate) fn status(address: SocketAddr, path: &str) -> anyhow::Result<u16> {
    let stream = TcpStream::connect(address)?;
    (&stream).write_all(
        format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes(),
    )?;
    Ok(read_head(&mut BufReader::new(&stream))?)
}

/// Frames what is written as chunks: RFC 9112 section 7.1.
struct Chunked<'a>(&'a TcpStream);

impl Write for Chunked<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut stream = self.0;
        write!(stream, "{:x}\r\n", bytes.len())?;
        stream.write_all(bytes)?;
        stream.write_all(b"\r\n")?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn answer(stream: &TcpStream) -> anyhow::Result<Value> {
    let mut reader = BufReader::new(stream);
    let status = read_head(&mut reader)?;
    let mut body = String::new();
    reader.read_to_string(&mut body)?;
    ensure!(status == 200, "ingestd answered {status}: {body}");
    serde_json::from_str(&body).with_context(|| format!("not JSON: {body}"))
}

/// Reads up to the body; returns the status.
fn read_head(reader: &mut impl BufRead) -> io::Result<u16> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no status line"))
}
