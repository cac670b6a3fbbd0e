//! What the tests of several probes need.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::Value;

/// Nothing listens on the port of tcpmux.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:1";

/// Runs a probe, whose report goes to `folder`: its exit code and its verdict.
pub(crate) async fn probe(
    name: &str,
    [left, right]: [&str; 2],
    folder: &Path,
    more: &[&str],
) -> (Option<i32>, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parity"));
    command.args([name, "--json", "--left", left, "--right", right, "--report-dir"]).arg(folder).args(more);
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
