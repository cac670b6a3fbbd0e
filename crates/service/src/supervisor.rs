//! What the service manager is told (sd_notify(3)): that the daemon is ready, how it is, that it lives, and that it stops.

use std::time::Duration;

use client::Peer;
use sd_notify::NotifyState;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use wire::CallContext;
use wire::health::Readiness;

/// How often a daemon looks at itself if nobody waits for a sign of life.
const UNWATCHED: Duration = Duration::from_secs(10);
/// How often it does so until it is ready.
const STARTING: Duration = Duration::from_millis(250);
/// How much longer a start may take, told again and again by a daemon that answers but is not ready, microseconds.
const PATIENCE_USEC: u32 = 60_000_000;

/// Tells the service manager about the daemon that answers as `own`, until `shutdown`; does nothing where there is none.
pub(crate) async fn inform(own: Peer, shutdown: CancellationToken) {
    // Where it listens is a variable of the unit's environment: sd_notify(3).
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    let tell = |states: &[NotifyState<'_>]| {
        if let Err(error) = sd_notify::notify(states) {
            tracing::warn!(%error, "tell the service manager");
        }
    };
    let every = sd_notify::watchdog_enabled().map_or(UNWATCHED, |limit| limit / 3);
    shutdown.run_until_cancelled(watch(&own, every, tell)).await;
    tell(&[NotifyState::Stopping]);
}

/// Asks the daemon itself, over its own port: a daemon that does not accept, schedule or answer gives no sign of life, and the
/// watchdog ends it.
async fn watch(own: &Peer, every: Duration, tell: impl Fn(&[NotifyState<'_>])) {
    let (mut is_started, mut told) = (false, String::new());
    loop {
        let next = Instant::now() + if is_started { every } else { every.min(STARTING) };
        match own.get_any_status::<Readiness>(&CallContext::root(every), "/readyz").await {
            Ok(report) => {
                let status = in_words(&report);
                let mut states = vec![NotifyState::Watchdog];
                if status != told {
                    states.push(NotifyState::Status(&status));
                }
                if report.ready && !is_started {
                    is_started = true;
                    states.push(NotifyState::Ready);
                }
                if !is_started {
                    states.push(NotifyState::ExtendTimeoutUsec(PATIENCE_USEC));
                }
                tell(&states);
                told = status;
            }
            Err(error) => {
                tracing::warn!(%error, "no sign of life for the service manager: no answer of its own");
            }
        }
        sleep_until(next).await;
    }
}

/// One line for `systemctl status`.
fn in_words(report: &Readiness) -> String {
    let Readiness { ready, reasons, degraded } = report;
    match (ready, degraded.is_empty()) {
        (false, _) => format!("not ready: {}", reasons.join("; ")),
        (true, false) => format!("degraded: {}", degraded.join("; ")),
        (true, true) => "ready".to_owned(),
    }
    .replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;
    use client::{PeerUrls, Peers};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;
    use wire::DaemonName;

    use super::*;
    use crate::{Json, Readiness as Conditions};

    /// A daemon that answers `/readyz` from `conditions`, if it answers, and what it tells.
    async fn watched(
        conditions: Conditions,
        answers: Arc<tokio::sync::Semaphore>,
    ) -> mpsc::UnboundedReceiver<String> {
        let readyz = move || {
            let (conditions, answers) = (conditions.clone(), Arc::clone(&answers));
            async move {
                if let Ok(permit) = answers.acquire().await {
                    permit.forget();
                }
                let report = conditions.report();
                let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
                (status, Json(report))
            }
        };
        client::install_tls_provider();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut urls = PeerUrls::default();
        urls.set(DaemonName::Embedd, format!("http://{}", listener.local_addr().unwrap()));
        let server = axum::serve(listener, Router::new().route("/readyz", get(readyz)));
        tokio::spawn(server.into_future());
        let own = Peers::new(urls).unwrap().peer(DaemonName::Embedd);
        let (tell, told) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let tell = |states: &[NotifyState<'_>]| {
                states.iter().for_each(|state| tell.send(state.to_string()).unwrap_or_default());
            };
            watch(&own, Duration::from_millis(20), tell).await;
        });
        told
    }

    #[tokio::test]
    async fn manager_hears_that_a_daemon_is_ready_after_readyz_says_so_and_why_not_until_then() {
        let conditions = Conditions::default();
        conditions.not_ready("model", "model not installed:\nrun it");
        let mut told = watched(conditions.clone(), Arc::new(tokio::sync::Semaphore::new(1000))).await;
        let mut first = Vec::new();
        for _ in 0..3 {
            first.push(told.recv().await.unwrap());
        }
        assert_eq!(
            first,
            ["WATCHDOG=1", "STATUS=not ready: model not installed: run it", "EXTEND_TIMEOUT_USEC=60000000"]
        );
        conditions.ready("model");
        while let Some(state) = told.recv().await {
            assert_ne!(state, "READY=1", "before its status");
            if state == "STATUS=ready" {
                break;
            }
        }
        assert_eq!(told.recv().await.unwrap(), "READY=1");
        assert_eq!(told.recv().await.unwrap(), "WATCHDOG=1");
    }

    #[tokio::test]
    async fn daemon_that_does_not_answer_gives_no_sign_of_life() {
        let answers = Arc::new(tokio::sync::Semaphore::new(1));
        let mut told = watched(Conditions::default(), Arc::clone(&answers)).await;
        for expected in ["WATCHDOG=1", "STATUS=ready", "READY=1"] {
            assert_eq!(told.recv().await.unwrap(), expected);
        }
        let silence = tokio::time::timeout(Duration::from_millis(200), told.recv()).await;
        assert!(silence.is_err(), "{silence:?}");
        answers.add_permits(100);
        assert_eq!(told.recv().await.unwrap(), "WATCHDOG=1");
    }
}
