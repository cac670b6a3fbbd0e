//! What the tests of several probes need.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::Value;

/// Nothing listens on the port of tcpmux.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:1";

/// The variable with what moto takes for a token: it reads the service that is meant, and checks no more.
pub(crate) const S3_TOKEN: (&str, &str) = ("S3_TOKEN", "test/20260101/us-east-1/s3/aws4_request");

/// Runs a probe, whose report goes to `folder`: its exit code and its verdict.
pub(crate) async fn probe(
    name: &str,
    [left, right]: [&str; 2],
    folder: &Path,
    more: &[&str],
) -> (Option<i32>, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parity"));
    command.args([name, "--json", "--left", left, "--right", right, "--report-dir"]).arg(folder).args(more);
    command.env(S3_TOKEN.0, S3_TOKEN.1);
    let output = run(command).await;
    (output.status.code(), verdict(&output))
}

/// Runs a command to its end, while servers of the test go on.
pub(crate) async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
}

/// What it printed as JSON.
pub(crate) fn verdict(output: &Output) -> Value {
    let complaint = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {complaint}"))
}

/// An endpoint that gives one answer to whatever it is asked.
pub(crate) async fn answering(status: StatusCode, body: Value) -> String {
    listening(Router::new().fallback(post(move || async move { (status, axum::Json(body)) }))).await
}

/// Serves on a free port: the address.
pub(crate) async fn listening(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// Numbers from -1 to 1 without structure, always the same ones.
pub(crate) fn numbers(seed: u64) -> impl Iterator<Item = f32> {
    // Knuth's constants for 64 bits; only the upper bits are good.
    let next = |x: u64| x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let states = std::iter::successors(Some(next(seed)), move |x| Some(next(*x)));
    states.map(|x| (x >> 40) as f32 / (1 << 23) as f32 - 1.0)
}

/// Writes a matrix as numpy does: `kind` is such as `<f2`, and `values` are the bytes of each.
pub(crate) fn write_npy<const N: usize>(
    path: &Path,
    kind: &str,
    columns: usize,
    values: impl IntoIterator<Item = [u8; N]>,
) {
    let values: Vec<[u8; N]> = values.into_iter().collect();
    let rows = values.len() / columns;
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({rows}, {columns}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.as_flattened());
    fs::write(path, bytes).unwrap();
}
