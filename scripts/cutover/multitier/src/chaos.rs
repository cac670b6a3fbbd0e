//! Daemons that die under the users: SIGKILL, and at once a new process, one daemon after the other.

use std::time::{Duration, Instant};

use anyhow::ensure;
use bench_kit::progress::say;
use client::{PeerUrls, Peers};
use serde::Serialize;
use tokio::time::sleep;
use wire::health::Readiness;
use wire::{CallContext, DaemonName};

use crate::calls::Waits;
use crate::stack::Stack;
use crate::verify::Kept;

/// Who is killed, in turn.
const VICTIMS: [DaemonName; 3] = [DaemonName::Vectord, DaemonName::Embedd, DaemonName::Matrixd];
const POLL_INTERVAL: Duration = Duration::from_millis(20);
const PROBE_PATIENCE: Duration = Duration::from_secs(1);
/// How long a daemon may take until it is ready again.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// One kill.
#[derive(Debug, Clone, Serialize)]
pub struct Kill {
    /// Of whom.
    pub daemon: DaemonName,
    /// Seconds from the start of the phase.
    pub after_s: f64,
    /// From the kill until the new process was ready, seconds.
    pub ready_after_s: f64,
}

/// What killing daemons came to.
#[derive(Debug, Clone, Serialize)]
pub struct Chaos {
    /// In order.
    pub kills: Vec<Kill>,
    /// What users were told meanwhile.
    pub waits: Waits,
    /// What became of what they recorded.
    pub kept: Kept,
}

/// Kills and restarts a daemon of `stack` every `interval`, for `duration`: first when users are at work, and last so early
/// that everybody is back when the checks begin.
///
/// # Errors
/// When one cannot be killed or started, or is not ready again in time.
pub(crate) async fn kill_in_turn(
    stack: &mut Stack,
    port_offset: u16,
    interval: Duration,
    duration: Duration,
) -> anyhow::Result<Vec<Kill>> {
    let peers = Peers::new(PeerUrls::on_loopback(port_offset))?;
    let started = Instant::now();
    let mut kills = Vec::new();
    for (number, daemon) in (0..).zip(VICTIMS.into_iter().cycle()) {
        let due = interval / 4 + interval * number;
        if due + interval / 2 > duration {
            break;
        }
        sleep(due.saturating_sub(started.elapsed())).await;
        let killed = Instant::now();
        stack.running.kill(daemon)?;
        stack.launch.restart(daemon, &mut stack.running)?;
        wait_until_ready(&peers, daemon).await?;
        let ready_after_s = killed.elapsed().as_secs_f64();
        say(&format!("  {daemon} was killed, and is ready again after {ready_after_s:.2} s"));
        kills.push(Kill { daemon, after_s: (killed - started).as_secs_f64(), ready_after_s });
    }
    Ok(kills)
}

async fn wait_until_ready(peers: &Peers, daemon: DaemonName) -> anyhow::Result<()> {
    let (started, peer) = (Instant::now(), peers.peer(daemon));
    loop {
        let readiness = peer.get_any_status(&CallContext::root(PROBE_PATIENCE), "/readyz").await;
        let state = readiness.map(|readiness: Readiness| readiness.ready);
        if matches!(state, Ok(true)) {
            return Ok(());
        }
        ensure!(
            started.elapsed() < START_PATIENCE,
            "{daemon} is not ready again after {START_PATIENCE:?}: {state:?}"
        );
        sleep(POLL_INTERVAL).await;
    }
}
