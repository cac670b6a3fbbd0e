//! A 2xx on a write means that it is on disk: `strace` shows the sync before the answer leaves.

use std::process::Command;

use anyhow::{Context, ensure};
use testkit::{Instrument, Stack};
use wire::DaemonName;

use crate::workload::{Events, Objects, Pathways, Rows, Vectors, Workload, write_in_turn};

/// Writes that are watched, one after the other.
const WRITES: usize = 8;

/// Fails unless every answer of the `writing` daemons left after the sync of everything written before it, and every
/// write was synced at all.
async fn syncs_before_it_answers<W: Workload>(writing: &[DaemonName]) -> anyhow::Result<()> {
    if Command::new("strace").arg("-V").output().is_err() {
        skip("strace is not installed");
        return Ok(());
    }
    let mut stack = Stack::of(W::DAEMONS).instrument(Instrument::Strace).start().await?;
    write_in_turn(&W::connect(&stack).await?, WRITES).await?;
    stack.stop().await?;
    let data = stack.data();
    for name in writing {
        let answers = stack.daemon(*name)?.trace().await?.answers(&data);
        let early = answers.iter().find(|answer| !answer.unsynced.is_empty());
        ensure!(early.is_none(), "{name} answered before it synced: {early:?}");
        let synced = answers.iter().filter(|answer| answer.syncs > 0).count();
        ensure!(synced >= WRITES, "{name} synced before {synced} answers, {WRITES} writes were acknowledged");
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a test that does not run says so")]
fn skip(reason: &str) {
    println!("SKIPPED: {reason}");
}

#[tokio::test]
async fn vectord_syncs_before_it_answers() -> anyhow::Result<()> {
    syncs_before_it_answers::<Vectors>(&[DaemonName::Vectord]).await
}

#[tokio::test]
async fn storaged_syncs_before_it_answers() -> anyhow::Result<()> {
    syncs_before_it_answers::<Objects>(&[DaemonName::Storaged]).await
}

#[tokio::test]
async fn ingestd_and_catalogd_sync_before_they_answer() -> anyhow::Result<()> {
    let writing = [DaemonName::Ingestd, DaemonName::Catalogd];
    syncs_before_it_answers::<Rows>(&writing).await.context("append rows")
}

#[tokio::test]
async fn pathwayd_syncs_before_it_answers() -> anyhow::Result<()> {
    syncs_before_it_answers::<Pathways>(&[DaemonName::Pathwayd]).await
}

#[tokio::test]
async fn observerd_syncs_before_it_answers() -> anyhow::Result<()> {
    syncs_before_it_answers::<Events>(&[DaemonName::Observerd]).await
}
