//! A daemon's routes with the scope that each needs, and how they become a server.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;
use utoipa_axum::router::OpenApiRouter;
use wire::DaemonName;

use crate::auth::{AuthConfig, Gatekeeper, Scope};
use crate::config::ServiceConfig;
use crate::health::{self, Probes, Readiness, Vitals};
use crate::request::{Around, Guard, Observer, handle, no_such_method, no_such_path};

/// Work to do after the last request and before the exit.
pub type Hook = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a daemon serves. Each route stands under the scope that it needs, so that none can be left unguarded.
#[derive(Default)]
pub struct App {
    routes: Vec<Routes>,
    on_shutdown: Vec<Hook>,
}

struct Routes {
    scope: Scope,
    kind: Kind,
    router: OpenApiRouter,
}

/// How much routes may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Long,
    Conversation { max_body_bytes: usize },
    Stream,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("routers", &self.routes.len()).finish_non_exhaustive()
    }
}

impl App {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds routes that read or search.
    #[must_use]
    pub fn read(self, router: OpenApiRouter) -> Self {
        self.add(Scope::Read, Kind::Plain, router)
    }

    /// Adds routes that add or change data.
    #[must_use]
    pub fn write(self, router: OpenApiRouter) -> Self {
        self.add(Scope::Write, Kind::Plain, router)
    }

    /// Adds routes that drop things or maintain them.
    #[must_use]
    pub fn admin(self, router: OpenApiRouter) -> Self {
        self.add(Scope::Admin, Kind::Plain, router)
    }

    /// Adds routes whose bodies are streamed: no limit on the body, which the handler bounds itself, and
    /// `service.stream_timeout_ms` to finish.
    #[must_use]
    pub fn stream(self, scope: Scope, router: OpenApiRouter) -> Self {
        self.add(scope, Kind::Stream, router)
    }

    /// Adds routes that are asked for in few words and take as long as a stream, such as maintenance.
    #[must_use]
    pub fn long(self, scope: Scope, router: OpenApiRouter) -> Self {
        self.add(scope, Kind::Long, router)
    }

    /// Adds work to do after the last request and before the exit, such as a flush.
    #[must_use]
    pub fn on_shutdown(mut self, hook: impl Future<Output = ()> + Send + 'static) -> Self {
        self.on_shutdown.push(Box::pin(hook));
        self
    }

    /// Adds routes that may take as long as a stream, and whose bodies may have `max_body_bytes` instead of
    /// `service.max_body_bytes`.
    #[must_use]
    pub fn conversation(self, scope: Scope, max_body_bytes: usize, router: OpenApiRouter) -> Self {
        self.add(scope, Kind::Conversation { max_body_bytes }, router)
    }

    fn add(mut self, scope: Scope, kind: Kind, router: OpenApiRouter) -> Self {
        self.routes.push(Routes { scope, kind, router });
        self
    }

    /// The router that is served, and what to do after the last request.
    pub(crate) fn into_parts(self, shell: &Shell) -> anyhow::Result<(Router, Vec<Hook>)> {
        let vitals = Arc::new(Vitals::new(shell.daemon)?);
        let in_flight = Arc::new(Semaphore::new(shell.service.max_in_flight));
        let gatekeeper = Gatekeeper::new(&shell.auth)?;
        let observer = Arc::new(Observer {
            vitals: Arc::clone(&vitals),
            meters: Arc::default(),
            access_log: shell.service.access_log,
            timeout: shell.service.request_timeout(),
        });
        let around =
            |guard| from_fn_with_state(Arc::new(Around { observer: Arc::clone(&observer), guard }), handle);
        let mut routes = OpenApiRouter::with_openapi(document(shell.daemon));
        for Routes { scope, kind, router } in self.routes {
            let service = &shell.service;
            let timeout = match kind {
                Kind::Plain => service.request_timeout(),
                Kind::Long | Kind::Conversation { .. } | Kind::Stream => service.stream_timeout(),
            };
            let body_limit = match kind {
                Kind::Plain | Kind::Long => DefaultBodyLimit::max(service.max_body_bytes),
                Kind::Conversation { max_body_bytes } => DefaultBodyLimit::max(max_body_bytes),
                Kind::Stream => DefaultBodyLimit::disable(),
            };
            let (gatekeeper, in_flight) = (gatekeeper.clone(), Arc::clone(&in_flight));
            let guard = Guard { gatekeeper, scope, in_flight, body_limit, timeout };
            routes = routes.merge(router.route_layer(around(Some(guard))));
        }
        let (routes, openapi) = routes.split_for_parts();
        let openapi = openapi.to_json()?.into();
        let probes =
            Probes { vitals, readiness: shell.readiness.clone(), metrics: shell.metrics.clone(), openapi };
        let router = routes
            .merge(health::routes(probes).route_layer(around(None)))
            .fallback(no_such_path.layer(around(None)))
            .method_not_allowed_fallback(no_such_method.layer(around(None)));
        Ok((router, self.on_shutdown))
    }
}

/// What surrounds a daemon's own routes.
pub(crate) struct Shell {
    pub(crate) daemon: DaemonName,
    pub(crate) service: ServiceConfig,
    pub(crate) auth: AuthConfig,
    pub(crate) readiness: Readiness,
    pub(crate) metrics: PrometheusHandle,
}

impl Shell {
    /// How long requests in flight may finish.
    pub(crate) fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.service.drain_timeout_ms)
    }
}

fn document(daemon: DaemonName) -> utoipa::openapi::OpenApi {
    let mut document = utoipa::openapi::OpenApi::default();
    document.info.title = daemon.to_string();
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    document
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use axum::body::{Body, to_bytes};
    use axum::http::header::RETRY_AFTER;
    use axum::http::{Request, StatusCode};
    use axum::response::Response;
    use axum::routing::{get, post};
    use serde_json::Value;
    use tokio::sync::Notify;
    use tower::ServiceExt;
    use wire::context::{DEADLINE_MS, REQUEST_ID, TRACEPARENT, TraceContext};

    use super::*;
    use crate::telemetry;

    fn served(routes: Router, service: ServiceConfig) -> Router {
        serve(App::new().read(routes.into()), service)
    }

    fn serve(app: App, service: ServiceConfig) -> Router {
        let shell = Shell {
            daemon: DaemonName::Vectord,
            service,
            auth: AuthConfig::default(),
            readiness: Readiness::default(),
            metrics: telemetry::detached_metrics().unwrap(),
        };
        app.into_parts(&shell).unwrap().0
    }

    fn request(path: &str) -> Request<Body> {
        Request::get(path).header(REQUEST_ID, "r-1").body(Body::empty()).unwrap()
    }

    async fn problem(response: Response, status: StatusCode, code: &str) -> Value {
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let body = to_bytes(response.into_body(), 1 << 16).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&body["code"], &body["request_id"]), (&code.into(), &"r-1".into()), "{body}");
        body
    }

    #[tokio::test]
    async fn panic_ends_its_own_request_and_keeps_its_message_from_the_caller() {
        async fn broken() {
            panic!("a detail that is nobody's business");
        }
        let routes = Router::new().route("/broken", get(broken)).route("/fine", get(async || "fine"));
        let router = served(routes, ServiceConfig::default());
        let answer = router.clone().oneshot(request("/broken")).await.unwrap();
        let body = problem(answer, StatusCode::INTERNAL_SERVER_ERROR, "internal").await;
        assert!(!body.to_string().contains("nobody's business"), "{body}");
        assert_eq!(router.oneshot(request("/fine")).await.unwrap().status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn call_that_outlasts_the_callers_deadline_answers_504() {
        let router = served(Router::new().route("/slow", get(pending::<()>)), ServiceConfig::default());
        let mut request = request("/slow");
        request.headers_mut().insert(DEADLINE_MS, "20".parse().unwrap());
        problem(router.oneshot(request).await.unwrap(), StatusCode::GATEWAY_TIMEOUT, "deadline_exceeded")
            .await;
    }

    #[tokio::test]
    async fn request_beyond_the_limit_is_shed_at_once_and_probes_are_not() {
        let (begun, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let held = {
            let (begun, release) = (Arc::clone(&begun), Arc::clone(&release));
            async move || {
                begun.notify_one();
                release.notified().await;
            }
        };
        let service = ServiceConfig { max_in_flight: 1, ..ServiceConfig::default() };
        let router = served(Router::new().route("/held", get(held)), service);
        let first = tokio::spawn(router.clone().oneshot(request("/held")));
        begun.notified().await;

        let shed = router.clone().oneshot(request("/held")).await.unwrap();
        assert_eq!(shed.headers()[RETRY_AFTER], "1");
        problem(shed, StatusCode::TOO_MANY_REQUESTS, "overloaded").await;
        assert_eq!(router.oneshot(request("/healthz")).await.unwrap().status(), StatusCode::OK);

        release.notify_one();
        assert_eq!(first.await.unwrap().unwrap().status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn bodies_are_bounded_by_the_kind_of_their_route() {
        let echo = |path: &str| Router::new().route(path, post(async |body: String| body)).into();
        let app = App::new()
            .read(echo("/plain"))
            .long(Scope::Read, echo("/long"))
            .conversation(Scope::Read, 9, echo("/conversation"))
            .stream(Scope::Read, echo("/stream"));
        let router = serve(app, ServiceConfig { max_body_bytes: 5, ..ServiceConfig::default() });
        let bounds = [("/plain", Some(5)), ("/long", Some(5)), ("/conversation", Some(9)), ("/stream", None)];
        for (path, bound) in bounds {
            for length in [5, 6, 9, 10] {
                let request = Request::post(path).body(Body::from("x".repeat(length))).unwrap();
                let status = router.clone().oneshot(request).await.unwrap().status();
                let is_taken = bound.is_none_or(|bound| length <= bound);
                let expected = if is_taken { StatusCode::OK } else { StatusCode::PAYLOAD_TOO_LARGE };
                assert_eq!(status, expected, "{path}, {length} bytes");
            }
        }
    }

    #[tokio::test]
    async fn path_or_method_that_there_is_not_is_told_in_a_problem_with_the_request_id() {
        let router = served(Router::new().route("/fine", post(async || "fine")), ServiceConfig::default());
        let missing = router.clone().oneshot(request("/none")).await.unwrap();
        problem(missing, StatusCode::NOT_FOUND, "not_found").await;
        let refused = router.oneshot(request("/fine")).await.unwrap();
        problem(refused, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed").await;
    }

    #[tokio::test]
    async fn answer_carries_the_request_id_and_stays_in_the_callers_trace() {
        let router = served(Router::new().route("/fine", get(async || "fine")), ServiceConfig::default());
        let trace = TraceContext::root();
        let mut request = request("/fine");
        request.headers_mut().insert(TRACEPARENT, trace.to_string().parse().unwrap());
        let answer = router.oneshot(request).await.unwrap();
        assert_eq!(answer.headers()[REQUEST_ID], "r-1");
        let answered = TraceContext::parse(answer.headers()[TRACEPARENT].to_str().unwrap()).unwrap();
        assert_eq!(answered.trace_id(), trace.trace_id());
        assert_ne!(answered, trace);
    }
}
