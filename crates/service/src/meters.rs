//! What `/metrics` counts of every request.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram, counter, histogram};
use parking_lot::RwLock;

/// What is counted of one route, for one method and status.
struct Meter {
    requests: Counter,
    duration: Histogram,
}

impl Meter {
    fn new((method, status): (&'static str, StatusCode), path: &str) -> Self {
        let path = path.to_owned();
        Self {
            duration: histogram!("http_request_duration_seconds", "method" => method, "path" => path.clone()),
            requests: counter!(
                "http_requests_total", "method" => method, "path" => path, "status" => status.as_u16().to_string()
            ),
        }
    }

    fn record(&self, took: Duration) {
        self.requests.increment(1);
        self.duration.record(took.as_secs_f64());
    }
}

type ByPath = HashMap<String, Meter>;

/// The meters that have been used: making one formats its labels and looks it up in the registry, which costs more than
/// the rest of what happens around a short request.
#[derive(Default)]
pub(crate) struct Meters(RwLock<HashMap<(&'static str, StatusCode), ByPath>>);

impl Meters {
    /// Counts a request of the route `path`. Both labels are of a bounded kind: routes, and known methods.
    pub(crate) fn record(&self, method: &Method, path: &str, status: StatusCode, took: Duration) {
        let key = (name(method), status);
        if let Some(meter) = self.0.read().get(&key).and_then(|by_path| by_path.get(path)) {
            return meter.record(took);
        }
        let mut meters = self.0.write();
        let by_path = meters.entry(key).or_default();
        by_path.entry(path.to_owned()).or_insert_with(|| Meter::new(key, path)).record(took);
    }
}

/// A method as a label. A caller may make methods up; a label for each would never be given back.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn requests_are_counted_by_method_path_and_status_and_methods_made_up_are_one() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let meters = Meters::default();
        let made_up = ["BREW", "WHEN"].map(|name| Method::from_bytes(name.as_bytes()).unwrap());
        metrics::with_local_recorder(&recorder, || {
            let took = Duration::from_millis(1);
            for (method, status) in [(Method::GET, 200), (Method::GET, 200), (Method::GET, 404)] {
                meters.record(&method, "/a/{b}", StatusCode::from_u16(status).unwrap(), took);
            }
            made_up.iter().for_each(|method| meters.record(method, "unmatched", StatusCode::NOT_FOUND, took));
        });
        let text = recorder.handle().render();
        for line in [
            r#"http_requests_total{method="GET",path="/a/{b}",status="200"} 2"#,
            r#"http_requests_total{method="GET",path="/a/{b}",status="404"} 1"#,
            r#"http_requests_total{method="other",path="unmatched",status="404"} 2"#,
            r#"http_request_duration_seconds_count{method="GET",path="/a/{b}"} 3"#,
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }
}
