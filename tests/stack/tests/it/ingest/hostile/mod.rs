//! Bodies that no honest client sends, and those that honest clients send by mistake.

mod case;
mod compressed;
mod csv_files;
mod csv_rows;
mod json;
mod parquet_files;
mod requests;

use std::fs;

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::Value;
use testkit::Stack;
use wire::DaemonName::{Catalogd, Ingestd};

use case::Case;

/// What ingestd may take at its most, bytes: there are bodies of 100 MB, and some that become 200, none of which it holds.
/// Measured: 90 MB.
const MAX_PEAK_BYTES: u64 = 150 << 20;

fn cases() -> impl Iterator<Item = Case> {
    let of_all = [
        csv_files::cases(),
        csv_rows::cases(),
        compressed::cases(),
        json::cases(),
        parquet_files::cases(),
        requests::cases(),
    ];
    of_all.into_iter().flatten()
}

/// Sends a body and expects exactly its answer.
async fn is_answered(stack: &Stack, case: &Case) -> anyhow::Result<()> {
    let path = format!("/ingest?table={}", case.into);
    let mut call = stack.http(Ingestd)?.call(Method::POST, &path).body(case.media_type, (case.body)());
    if let Some(encoding) = case.encoding {
        call = call.header("content-encoding", encoding);
    }
    let (code, says) = case.answer;
    let problem = call.send().await?.expect_problem(code)?;
    ensure!(problem.detail.contains(says), "{says:?} expected: {:?}", problem.detail);
    ensure!(problem.detail.len() < 1_000, "the detail has {} bytes", problem.detail.len());
    Ok(())
}

/// Everything that there is of tables: names, snapshots, files.
async fn tables(stack: &Stack) -> anyhow::Result<(Value, Vec<String>)> {
    let tables = stack.http(Catalogd)?.get("/catalog/tables").expect(200).await?;
    let mut files = Vec::new();
    let mut folders = vec![stack.data().join("warehouse")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if !path.is_dir() {
                files.push(path.display().to_string());
            } else if !path.ends_with(".lakehouse") {
                folders.push(path);
            }
        }
    }
    files.sort();
    Ok((tables, files))
}

#[tokio::test]
async fn hostile_bodies_get_a_clear_answer_and_leave_no_row_no_table_and_no_file() -> anyhow::Result<()> {
    let mut stack = Stack::of(&[Catalogd, Ingestd]).start().await?;
    let people = stack.http(Ingestd)?.call(Method::POST, "/ingest?table=hr.people&mode=create");
    people.body("text/csv", "id,zip,pay\n1,00123,1.5\n").expect(200).await?;
    let before = tables(&stack).await?;
    for case in cases() {
        is_answered(&stack, &case).await.with_context(|| case.name)?;
        ensure!(tables(&stack).await? == before, "{} has changed something", case.name);
    }
    for folder in ["spool", "rejects"] {
        let left = fs::read_dir(stack.data().join("ingestd").join(folder))?.count();
        ensure!(left == 0, "{left} files are left in {folder}");
    }
    let peak = stack.daemon(Ingestd)?.peak_rss_bytes()?;
    println!("peak memory of ingestd over all bodies: {} MB", peak / 1_000_000);
    ensure!(peak < MAX_PEAK_BYTES, "ingestd took {peak} bytes");
    let good = stack.http(Ingestd)?.call(Method::POST, "/ingest?table=hr.people");
    good.body("text/csv", "id,zip\n2,00501\n").expect(200).await?;
    stack.stop().await?;
    // Decoders panic over damaged Parquet; nothing else may be loud.
    stack.assert_quiet(&["parquet"])
}
