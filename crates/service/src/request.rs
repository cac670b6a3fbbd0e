//! What happens around every request: context in, context out, one log line, metrics, shedding, deadlines.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tokio::sync::Semaphore;
use tracing::Instrument;
use wire::context::{DEADLINE_MS, REQUEST_ID, Secret, TRACEPARENT, TraceContext, request_id_or_new};
use wire::{CallContext, ErrorCode};

use crate::ApiError;
use crate::auth::{Gatekeeper, Scope, bearer};
use crate::config::AccessLog;
use crate::health::{PROBES, Vitals};
use crate::meters::Meters;

/// What happens around the requests of some routes: one middleware for all of it, because each that an axum router is given costs
/// every request a copy of the service behind it and a future on the heap.
pub(crate) struct Around {
    pub(crate) observer: Arc<Observer>,
    /// `None` for probes and for paths that there are not.
    pub(crate) guard: Option<Guard>,
}

/// What every request is given, and who is told about it.
pub(crate) struct Observer {
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) access_log: AccessLog,
    /// The deadline of a request whose route sets none.
    pub(crate) timeout: Duration,
}

/// Gives the request its context, renders its error if it fails, and tells log and metrics about it.
pub(crate) async fn handle(State(around): State<Arc<Around>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let observer = &*around.observer;
    let path = request.extensions().get::<MatchedPath>().cloned();
    let (context, method) = (call_context(request.headers(), observer.timeout), request.method().clone());
    let trace_id = context.trace.trace_id();
    let span = tracing::info_span!("request", request_id = context.request_id, %trace_id);
    request.extensions_mut().insert(context.clone());
    let asked = request.uri().path().to_owned();
    async {
        let answered = AssertUnwindSafe(around.answer(request, next)).catch_unwind().await;
        let mut response = answered.unwrap_or_else(|panic| panic_to_problem(&*panic));
        if let Some(error) = response.extensions_mut().remove::<ApiError>() {
            let rendered = error.render(&context.request_id, &asked);
            response = keep_headers(rendered, response.headers());
        }
        stamp(&context, response.headers_mut());
        let path = path.as_ref().map_or("unmatched", MatchedPath::as_str);
        if !PROBES.contains(&path) {
            observer.tell(&method, path, response.status(), started.elapsed());
        }
        response
    }
    .instrument(span)
    .await
}

impl Around {
    async fn answer(&self, request: Request, next: Next) -> Response {
        match &self.guard {
            Some(guard) => guard.admit(request, next).await,
            None => next.run(request).await,
        }
    }
}

/// What a handler said beside its error, such as the `Content-Range` of a 416.
fn keep_headers(mut rendered: Response, said: &HeaderMap) -> Response {
    let is_of_no_body = |name: &HeaderName| *name == CONTENT_LENGTH || *name == CONTENT_TYPE;
    for (name, value) in said.iter().filter(|(name, _)| !is_of_no_body(name)) {
        rendered.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    rendered
}

impl Observer {
    fn tell(&self, method: &Method, path: &str, status: StatusCode, took: Duration) {
        self.vitals.record(took);
        self.meters.record(method, path, status, took);
        let is_failure = status.is_client_error() || status.is_server_error();
        if is_failure || self.access_log == AccessLog::All {
            let took_ms = took.as_secs_f64() * 1e3;
            tracing::info!(%method, path, status = status.as_u16(), took_ms, "request");
        }
    }
}

/// A panic ends its own request and nothing else.
fn panic_to_problem(panic: &(dyn Any + Send)) -> Response {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message");
    ApiError::internal(anyhow::anyhow!("panic: {message}")).into_response()
}

fn call_context(headers: &HeaderMap, timeout: Duration) -> CallContext {
    CallContext {
        request_id: request_id_or_new(text(headers, REQUEST_ID)),
        trace: text(headers, TRACEPARENT)
            .and_then(TraceContext::parse)
            .map_or_else(TraceContext::root, TraceContext::child),
        token: bearer(headers).map(Secret::new),
        deadline: deadline(headers, timeout),
    }
}

/// When the caller stops waiting: as it says, but not later than after `timeout`.
fn deadline(headers: &HeaderMap, timeout: Duration) -> Instant {
    let asked = text(headers, DEADLINE_MS).and_then(|ms| ms.parse().ok()).map(Duration::from_millis);
    Instant::now() + asked.unwrap_or(timeout).min(timeout)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn stamp(context: &CallContext, headers: &mut HeaderMap) {
    if let Ok(id) = HeaderValue::from_str(&context.request_id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Ok(trace) = HeaderValue::try_from(context.trace.to_string()) {
        headers.insert(TRACEPARENT, trace);
    }
}

/// What stands before the routes of one scope.
pub(crate) struct Guard {
    pub(crate) gatekeeper: Gatekeeper,
    pub(crate) scope: Scope,
    pub(crate) in_flight: Arc<Semaphore>,
    /// What a body may have, unless its handler bounds it itself.
    pub(crate) body_limit: DefaultBodyLimit,
    pub(crate) timeout: Duration,
}

impl Guard {
    /// Sheds load, checks the token, and bounds the body and the time that the handler may take.
    async fn admit(&self, mut request: Request, next: Next) -> Response {
        let Ok(_permit) = self.in_flight.try_acquire() else {
            metrics::counter!("http_requests_shed_total").increment(1);
            let detail = "service.max_in_flight requests are being served already";
            return ApiError::new(ErrorCode::Overloaded, detail).into_response();
        };
        if let Err(refusal) = self.gatekeeper.check(request.headers(), self.scope) {
            return refusal.into_response();
        }
        self.body_limit.apply(&mut request);
        let deadline = deadline(request.headers(), self.timeout);
        if let Some(context) = request.extensions_mut().get_mut::<CallContext>() {
            context.deadline = deadline;
        }
        let remaining = deadline.saturating_duration_since(Instant::now());
        match tokio::time::timeout(remaining, next.run(request)).await {
            Ok(response) => response,
            Err(_) => {
                let detail = format!("no answer was ready after {} ms", remaining.as_millis());
                ApiError::new(ErrorCode::DeadlineExceeded, detail).into_response()
            }
        }
    }
}

/// The answer to a path that does not exist.
pub(crate) async fn no_such_path(request: Request) -> ApiError {
    let detail = format!("no path {} here; /openapi.json lists them", request.uri().path());
    ApiError::new(ErrorCode::NotFound, detail)
}

/// The answer to a method that the path does not take.
pub(crate) async fn no_such_method(request: Request) -> ApiError {
    let detail = format!("{} does not take {}", request.uri().path(), request.method());
    ApiError::new(ErrorCode::MethodNotAllowed, detail)
}
