//! Nothing acknowledged is lost: not when a daemon is killed in the middle of writes, and not when the power fails.

use anyhow::Context;
use testkit::{Instrument, Stack, Unsynced};
use wire::DaemonName;

use crate::workload::{Acknowledged, Events, Objects, Pathways, Rows, Vectors, Workload, write_until};

/// Crashes in a row: what survived one must survive the next. `LAKEHOUSE_CRASH_ROUNDS` asks for more.
const ROUNDS: u64 = 4;

fn rounds() -> u64 {
    std::env::var("LAKEHOUSE_CRASH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS)
}

/// Acknowledged writes after which a crash comes: enough that logs roll over to another batch.
const WRITES: usize = 40;
/// What may stand in the logs: a survivor misses its killed peer; a torn write that nobody was told of is cut off.
const EXPECTED: [&str; 3] = ["peer", "unreachable", "dropped an unfinished last commit"];

/// Kills `victim` with SIGKILL in the middle of concurrent writes, again and again. The page cache survives that: what is
/// proved is that the daemon replays its log, and never half a record.
async fn survives_sigkill<W: Workload>(victim: DaemonName) -> anyhow::Result<()> {
    let mut stack = Stack::of(W::DAEMONS).start().await?;
    let mut acknowledged = Acknowledged::default();
    for round in 0..rounds() {
        let workload = W::connect(&stack).await?;
        let kill = async || stack.daemon(victim)?.kill9();
        acknowledged = write_until(workload, &acknowledged, WRITES, kill).await?;
        stack.daemon(victim)?.restart().await?;
        let found = W::connect(&stack).await?.verify(&acknowledged).await;
        found
            .or_else(|error| with_logs(error, &stack))
            .with_context(|| format!("after SIGKILL {round} of {victim}"))?;
    }
    stack.stop().await?;
    stack.assert_quiet(&EXPECTED)
}

/// An error, and what the daemons themselves say of it.
fn with_logs(error: anyhow::Error, stack: &Stack) -> anyhow::Result<()> {
    Err(match stack.assert_quiet(&EXPECTED) {
        Ok(()) => error,
        Err(logs) => error.context(format!("{logs:#}")),
    })
}

/// Cuts the power of all daemons in the middle of concurrent writes, again and again, by turns losing every unsynced
/// write and tearing them: this proves the syncs.
async fn survives_power_cuts<W: Workload>() -> anyhow::Result<()> {
    let mut stack = Stack::of(W::DAEMONS).instrument(Instrument::LossyDisk).start().await?;
    let mut acknowledged = Acknowledged::default();
    for round in 0..rounds() {
        let unsynced = if round % 2 == 0 { Unsynced::Lost } else { Unsynced::Torn(round) };
        let workload = W::connect(&stack).await?;
        let kill = async || stack.kill9();
        acknowledged = write_until(workload, &acknowledged, WRITES, kill).await?;
        stack.power_cut(unsynced).await?;
        let found = W::connect(&stack).await?.verify(&acknowledged).await;
        let found = found.or_else(|error| with_logs(error, &stack));
        found.with_context(|| format!("after power cut {round}, unsynced writes {unsynced:?}"))?;
    }
    stack.stop().await?;
    stack.assert_quiet(&EXPECTED)
}

#[tokio::test]
async fn vectord_keeps_acknowledged_adds_and_deletes_through_sigkill() -> anyhow::Result<()> {
    survives_sigkill::<Vectors>(DaemonName::Vectord).await
}

#[tokio::test]
async fn vectord_keeps_acknowledged_adds_and_deletes_through_power_cuts() -> anyhow::Result<()> {
    survives_power_cuts::<Vectors>().await
}

#[tokio::test]
async fn storaged_keeps_acknowledged_puts_and_deletes_through_sigkill() -> anyhow::Result<()> {
    survives_sigkill::<Objects>(DaemonName::Storaged).await
}

#[tokio::test]
async fn storaged_keeps_acknowledged_puts_and_deletes_through_power_cuts() -> anyhow::Result<()> {
    survives_power_cuts::<Objects>().await
}

#[tokio::test]
async fn appended_rows_are_there_once_after_sigkill_of_catalogd() -> anyhow::Result<()> {
    survives_sigkill::<Rows>(DaemonName::Catalogd).await
}

#[tokio::test]
async fn appended_rows_are_there_once_after_sigkill_of_ingestd() -> anyhow::Result<()> {
    survives_sigkill::<Rows>(DaemonName::Ingestd).await
}

#[tokio::test]
async fn appended_rows_are_there_once_after_power_cuts() -> anyhow::Result<()> {
    survives_power_cuts::<Rows>().await
}

#[tokio::test]
async fn pathwayd_keeps_acknowledged_pathways_through_sigkill() -> anyhow::Result<()> {
    survives_sigkill::<Pathways>(DaemonName::Pathwayd).await
}

#[tokio::test]
async fn pathwayd_keeps_acknowledged_pathways_through_power_cuts() -> anyhow::Result<()> {
    survives_power_cuts::<Pathways>().await
}

#[tokio::test]
async fn observerd_keeps_acknowledged_events_through_sigkill() -> anyhow::Result<()> {
    survives_sigkill::<Events>(DaemonName::Observerd).await
}

#[tokio::test]
async fn observerd_keeps_acknowledged_events_through_power_cuts() -> anyhow::Result<()> {
    survives_power_cuts::<Events>().await
}
