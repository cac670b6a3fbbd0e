//! A full disk is said to be one, and leaves everything as it was.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use reqwest::Method;
use serde_json::json;
use testkit::{Http, Stack};
use wire::DaemonName::{self, Catalogd, Ingestd, Storaged};
use wire::ErrorCode;

/// The most that a table may have: the footer of its files is larger than the disk takes, although the CSV is not.
const COLUMNS: usize = 4_096;
/// A name so long that the metadata of a table with that many of its kind are larger than the disk takes.
const LONG_NAME_BYTES: usize = 120;
const LARGE_BYTES: usize = 2 << 20;

/// Everything in a folder of the warehouse that is an object.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let shown = entries.filter(|path| !path.ends_with(".lakehouse"));
    shown.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

async fn create_wide_table(ingestd: &Http, name_bytes: usize) -> anyhow::Result<testkit::Reply> {
    let header: Vec<_> = (0..COLUMNS).map(|column| format!("{column:c>name_bytes$}")).collect();
    let csv = format!("{}\n{}\n", header.join(","), vec!["1"; COLUMNS].join(","));
    let call = ingestd.call(Method::POST, "/ingest?table=a.wide&mode=create");
    call.body("text/csv", csv).send().await
}

async fn wide_table_is_not_made(full_disk_for: DaemonName, name_bytes: usize) -> anyhow::Result<()> {
    let stack = Stack::of(&[Catalogd, Ingestd]).full_disk_for(full_disk_for).start().await?;
    let refused = create_wide_table(&stack.http(Ingestd)?, name_bytes).await?;
    refused.expect_problem(ErrorCode::InsufficientStorage)?;
    let tables = stack.http(Catalogd)?.get("/catalog/tables").expect(200).await?;
    ensure!(tables["tables"] == json!([]), "{tables}");
    let left = files(&stack.data().join("warehouse"));
    ensure!(left.is_empty(), "{left:?}");

    let small = stack.http(Ingestd)?.call(Method::POST, "/ingest?table=a.small&mode=create");
    small.body("text/csv", "n\n1\n").expect(200).await.map(drop)
}

#[tokio::test]
async fn put_that_does_not_fit_answers_507_and_keeps_the_object_as_it_was() -> anyhow::Result<()> {
    let stack = Stack::of(&[Storaged]).full_disk_for(Storaged).start().await?;
    let http = stack.http(Storaged)?;
    http.put("/storage/a", "before").expect(200).await?;
    for path in ["/storage/a", "/storage/b"] {
        let refused = http.put(path, vec![0; LARGE_BYTES]).send().await?;
        refused.expect_problem(ErrorCode::InsufficientStorage)?;
    }
    ensure!(http.get("/storage/a").send().await?.body == b"before");
    let left = files(&stack.data().join("warehouse"));
    ensure!(left.len() == 1, "{left:?}");
    http.put("/storage/b", "small").expect(200).await.map(drop)
}

#[tokio::test]
async fn rows_that_do_not_fit_answer_507_and_make_no_table() -> anyhow::Result<()> {
    wide_table_is_not_made(Ingestd, 5).await
}

#[tokio::test]
async fn metadata_that_does_not_fit_answers_507_and_makes_no_table() -> anyhow::Result<()> {
    wide_table_is_not_made(Catalogd, LONG_NAME_BYTES).await
}
