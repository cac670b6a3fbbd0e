//! `/healthz`, `/readyz`, `/metrics`, `/openapi.json`: what operators and the gateway ask of every daemon.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use hdrhistogram::Histogram;
use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::Mutex;
use wire::DaemonName;
use wire::health::{Health, Readiness as ReadinessBody};

use crate::Json;

/// The paths of this module: not counted, not shed, not authorised.
pub(crate) const PROBES: [&str; 4] = ["/healthz", "/readyz", "/metrics", "/openapi.json"];

/// What `/readyz` says; cheap to clone. A daemon is ready once it is built and nothing is [`Readiness::not_ready`].
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Mutex<Conditions>>);

#[derive(Debug, Default)]
struct Conditions {
    missing: BTreeMap<String, String>,
    degraded: BTreeMap<String, String>,
}

impl Readiness {
    /// Says that the daemon cannot serve until `what` is there, and why.
    pub fn not_ready(&self, what: &str, reason: impl Into<String>) {
        self.0.lock().missing.insert(what.to_owned(), reason.into());
    }

    /// Says that `what` is there now.
    pub fn ready(&self, what: &str) {
        self.0.lock().missing.remove(what);
    }

    /// Says that `what` is impaired although the daemon serves, and how.
    pub fn degrade(&self, what: &str, reason: impl Into<String>) {
        self.0.lock().degraded.insert(what.to_owned(), reason.into());
    }

    /// Says that `what` is whole again.
    pub fn restore(&self, what: &str) {
        self.0.lock().degraded.remove(what);
    }

    /// What `/readyz` answers.
    pub fn report(&self) -> ReadinessBody {
        let state = self.0.lock();
        ReadinessBody {
            ready: state.missing.is_empty(),
            reasons: state.missing.values().cloned().collect(),
            degraded: state.degraded.values().cloned().collect(),
        }
    }
}

/// Counts and times the requests of one process.
pub(crate) struct Vitals {
    daemon: DaemonName,
    started: Instant,
    requests: AtomicU64,
    /// Microseconds, two significant digits, up to an hour.
    latency: Mutex<Histogram<u64>>,
}

impl Vitals {
    pub(crate) fn new(daemon: DaemonName) -> anyhow::Result<Self> {
        let latency = Mutex::new(Histogram::new_with_bounds(1, 3_600_000_000, 2)?);
        Ok(Self { daemon, started: Instant::now(), requests: AtomicU64::new(0), latency })
    }

    pub(crate) fn record(&self, took: Duration) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.latency.lock().saturating_record(micros.max(1));
    }

    fn health(&self) -> Health {
        let (p50, p99) = {
            let latency = self.latency.lock();
            (latency.value_at_quantile(0.5), latency.value_at_quantile(0.99))
        };
        Health {
            status: "ok".to_owned(),
            daemon: self.daemon,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: self.started.elapsed().as_secs(),
            rss_bytes: resident_bytes(),
            requests: self.requests.load(Ordering::Relaxed),
            p50_ms: p50 as f64 / 1e3,
            p99_ms: p99 as f64 / 1e3,
        }
    }
}

/// Resident memory of this process (`VmRSS`, proc_pid_status(5)); 0 where there is no procfs.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
    kib.unwrap_or(0u64) * 1024
}

#[derive(Clone)]
pub(crate) struct Probes {
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) readiness: Readiness,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) openapi: Arc<str>,
}

pub(crate) fn routes(probes: Probes) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(prometheus))
        .route("/openapi.json", get(openapi))
        .with_state(probes)
}

async fn healthz(State(probes): State<Probes>) -> Json<Health> {
    Json(probes.vitals.health())
}

async fn readyz(State(probes): State<Probes>) -> impl IntoResponse {
    let report = probes.readiness.report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report))
}

async fn prometheus(State(probes): State<Probes>) -> impl IntoResponse {
    metrics::gauge!("process_resident_memory_bytes").set(resident_bytes() as f64);
    metrics::gauge!("process_uptime_seconds").set(probes.vitals.started.elapsed().as_secs_f64());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], probes.metrics.render())
}

async fn openapi(State(probes): State<Probes>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], probes.openapi.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_is_ready_once_nothing_is_missing() {
        let readiness = Readiness::default();
        readiness.not_ready("model", "model is not installed");
        assert_eq!(readiness.report().reasons, ["model is not installed"]);
        readiness.degrade("index x", "index x is quarantined");
        readiness.ready("model");
        let report = readiness.report();
        assert!(report.ready);
        assert_eq!(report.degraded, ["index x is quarantined"]);
    }

    #[test]
    fn health_tells_quantiles_and_memory() {
        let vitals = Vitals::new(DaemonName::Vectord).unwrap();
        for millis in 1..=100 {
            vitals.record(Duration::from_millis(millis));
        }
        let health = vitals.health();
        assert_eq!(health.requests, 100);
        assert!((49.0..=52.0).contains(&health.p50_ms), "{health:?}");
        assert!(health.rss_bytes > 0);
    }
}
