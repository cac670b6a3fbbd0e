//! Logs and metrics of the process.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use wire::DaemonName;

use crate::config::{LogFormat, ServiceConfig};
use crate::span_fields::SpanFields;

/// Seconds: from a cache hit to a long answer of a language model.
const LATENCY_BUCKETS: [f64; 15] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 120.0];
/// How often the recorder folds what was recorded into its buckets.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// A library that logs what callers do wrong as errors of ours. What fails here, we log ourselves.
const MUTED: &str = "s3s=off";

/// Sends the log to standard error.
pub(crate) fn start_logging(config: &ServiceConfig) -> anyhow::Result<()> {
    let directives = format!("{MUTED},{}", config.log);
    let filter =
        EnvFilter::try_new(&directives).with_context(|| format!("service.log = {:?}", config.log))?;
    let is_pretty = match config.log_format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Json => false,
        LogFormat::Pretty => true,
    };
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if is_pretty {
        logs.try_init()
    } else {
        let logs = logs.json().flatten_event(true).with_current_span(true).with_span_list(false);
        logs.fmt_fields(SpanFields).try_init()
    };
    started.map_err(|error| anyhow::anyhow!("start logging: {error}"))
}

fn recorder() -> anyhow::Result<PrometheusBuilder> {
    let is_latency = Matcher::Suffix("_seconds".to_owned());
    Ok(PrometheusBuilder::new().set_buckets_for_metric(is_latency, &LATENCY_BUCKETS)?)
}

/// Makes the `metrics` macros of the process record, labelled with the daemon's name.
pub(crate) fn start_metrics(daemon: DaemonName) -> anyhow::Result<PrometheusHandle> {
    let handle = recorder()?.add_global_label("daemon", daemon.as_str()).install_recorder()?;
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
        loop {
            ticks.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

/// A handle that nothing records into: tests share one process.
pub(crate) fn detached_metrics() -> anyhow::Result<PrometheusHandle> {
    Ok(recorder()?.build_recorder().handle())
}
