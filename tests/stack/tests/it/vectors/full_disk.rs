//! A disk that is full: writes are refused, searches go on, and with space again everything goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::{Http, Reply, wait_for};
use wire::packed::pack;
use wire::vectors::IndexStatus;
use wire::{DaemonName, ErrorCode};

use super::history::vector;
use super::proof::{PATIENCE, Proof};
use super::{create, indexes_folder, info, vectord};

/// Of the disk: a few hundred items.
const DISK_BYTES: usize = 4 << 20;
const DIMENSION: usize = 1024;
const BATCH: u64 = 20;
/// Bytes that somebody else takes and gives back.
const BALLAST_BYTES: usize = 1 << 20;
/// The daemon says what it refused, and that it could not seal.
const EXPECTED: [&str; 2] = ["insufficient_storage", "an index could not be sealed"];

/// A small disk of its own, mounted on a folder.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where this user may not mount.
    fn mount(folder: &Path) -> anyhow::Result<Option<Self>> {
        let size = format!("size={DISK_BYTES}");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder).output();
        let is_mounted = mount.is_ok_and(|mount| mount.status.success());
        Ok(is_mounted.then(|| Self(folder.to_owned())))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: after a failed test the daemon may still be there.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

async fn add(http: &Http, tokens: std::ops::Range<u64>) -> anyhow::Result<Reply> {
    let item = |token| json!({"id": format!("{token}"), "vector_b64": pack(&vector(token, DIMENSION))});
    let items = json!({"items": tokens.map(item).collect::<Vec<_>>()});
    http.post("/vectors/index/t/add", &items).send().await
}

async fn check_contents(http: &Http, items: u64) -> anyhow::Result<()> {
    for token in 0..items {
        let body = json!({"vector_b64": pack(&vector(token, DIMENSION)), "k": 1});
        let found: Value = http.post("/vectors/index/t/search", &body).expect(200).await?;
        let id = token.to_string();
        ensure!(found["results"][0]["id"] == id.as_str(), "item {id}: {found}");
    }
    let info = http.get("/vectors/index/t").expect(200).await?;
    ensure!(info["count"] == items, "{items} items expected: {info}");
    Ok(())
}

#[tokio::test]
async fn full_disk_answers_507_to_writes_while_searches_go_on() -> anyhow::Result<()> {
    let proof = Proof::begin("vectors-full-disk");
    let mut stack = vectord().start().await?;
    stack.stop().await?;
    let Some(disk) = SmallDisk::mount(&indexes_folder(&stack))? else {
        skip("mounting a small disk takes root");
        return Ok(());
    };
    stack.daemon(DaemonName::Vectord)?.restart().await?;
    let http = stack.http(DaemonName::Vectord)?;
    create(&http, "t", DIMENSION).await?;
    let ballast = disk.0.join("ballast");
    fs::write(&ballast, vec![1; BALLAST_BYTES]).context("take space")?;

    let mut stored = 0;
    let refused = loop {
        let reply = add(&http, stored..stored + BATCH).await?;
        if !reply.is_success() {
            break reply;
        }
        stored += BATCH;
        ensure!(stored < 10_000, "the disk never got full");
    };
    refused.expect_problem(ErrorCode::InsufficientStorage)?;
    // A batch has not fitted; now nothing does. A seal that fails would give space back.
    wait_for("the end of a seal", PATIENCE, async || {
        let info = info(&http, "t").await?;
        ensure!(info.status == IndexStatus::Ready, "{info:?}");
        Ok(())
    })
    .await?;
    let rest = disk.0.join("rest");
    ensure!(fs::write(&rest, vec![1; DISK_BYTES]).is_err(), "the disk is larger than it should be");
    let created = http.post("/vectors/index", &json!({"name": "another", "dimension": 2})).send().await?;
    created.expect_problem(ErrorCode::InsufficientStorage)?;
    http.get("/vectors/index/another").expect(404).await?;
    check_contents(&http, stored).await?;

    [ballast, rest].into_iter().try_for_each(fs::remove_file).context("give space back")?;
    create(&http, "another", 2).await?;
    add(&http, stored..stored + BATCH).await?.expect(200).context("a write with space again")?;
    stored += BATCH;
    check_contents(&http, stored).await?;
    stack.daemon(DaemonName::Vectord)?.kill9()?;
    stack.daemon(DaemonName::Vectord)?.restart().await?;
    check_contents(&stack.http(DaemonName::Vectord)?, stored).await?;
    stack.stop().await?;
    stack.assert_quiet(&EXPECTED)?;
    let found = json!({"items_stored": stored, "refused_with": 507, "losses": 0});
    proof.record(&json!({"disk_bytes": DISK_BYTES, "dimension": DIMENSION}), &found)
}

#[expect(clippy::print_stdout, reason = "a test that does not run says so")]
fn skip(reason: &str) {
    println!("SKIPPED: {reason}");
}
