//! A daemon's routes with the scope that each needs, and how they become a server.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use wire::DaemonName;

use crate::ApiError;
use crate::auth::{AuthConfig, Gatekeeper, Scope};
use crate::config::ServiceConfig;
use crate::health::{self, Probes, Readiness, Vitals};
use crate::request::{Guard, Observer, guard, no_such_method, no_such_path, observe};

/// Work to do after the last request and before the exit.
type Hook = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a daemon serves. Each route stands under the scope that it needs, so that none can be left unguarded.
#[derive(Default)]
pub struct App {
    routes: Vec<Routes>,
    on_shutdown: Vec<Hook>,
}

struct Routes {
    scope: Scope,
    is_streaming: bool,
    router: OpenApiRouter,
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
        self.add(Scope::Read, false, router)
    }

    /// Adds routes that add or change data.
    #[must_use]
    pub fn write(self, router: OpenApiRouter) -> Self {
        self.add(Scope::Write, false, router)
    }

    /// Adds routes that drop things or maintain them.
    #[must_use]
    pub fn admin(self, router: OpenApiRouter) -> Self {
        self.add(Scope::Admin, false, router)
    }

    /// Adds routes whose bodies are streamed: no limit on the body, which the handler bounds itself, and
    /// `service.stream_timeout_ms` to finish.
    #[must_use]
    pub fn stream(self, scope: Scope, router: OpenApiRouter) -> Self {
        self.add(scope, true, router)
    }

    /// Adds work to do after the last request and before the exit, such as a flush.
    #[must_use]
    pub fn on_shutdown(mut self, hook: impl Future<Output = ()> + Send + 'static) -> Self {
        self.on_shutdown.push(Box::pin(hook));
        self
    }

    fn add(mut self, scope: Scope, is_streaming: bool, router: OpenApiRouter) -> Self {
        self.routes.push(Routes { scope, is_streaming, router });
        self
    }

    /// The router that is served, and what to do after the last request.
    pub(crate) fn into_parts(self, shell: &Shell) -> anyhow::Result<(Router, Vec<Hook>)> {
        let vitals = Arc::new(Vitals::new(shell.daemon)?);
        let in_flight = Arc::new(Semaphore::new(shell.service.max_in_flight));
        let gatekeeper = Gatekeeper::new(&shell.auth)?;
        let mut routes = OpenApiRouter::with_openapi(document(shell.daemon));
        for Routes { scope, is_streaming, router } in self.routes {
            let service = &shell.service;
            let (timeout, limit) = if is_streaming {
                (service.stream_timeout(), DefaultBodyLimit::disable())
            } else {
                (service.request_timeout(), DefaultBodyLimit::max(service.max_body_bytes))
            };
            let (gatekeeper, in_flight) = (gatekeeper.clone(), Arc::clone(&in_flight));
            let before = Guard { gatekeeper, scope, in_flight, timeout };
            routes = routes.merge(router.route_layer(from_fn_with_state(before, guard)).layer(limit));
        }
        let (routes, openapi) = routes.split_for_parts();
        let openapi = openapi.to_json()?.into();
        let observer = Observer {
            vitals: Arc::clone(&vitals),
            access_log: shell.service.access_log,
            timeout: shell.service.request_timeout(),
        };
        let probes =
            Probes { vitals, readiness: shell.readiness.clone(), metrics: shell.metrics.clone(), openapi };
        let router = routes
            .merge(health::routes(probes))
            .fallback(no_such_path)
            .method_not_allowed_fallback(no_such_method)
            .layer(CatchPanicLayer::custom(panic_to_problem))
            .layer(from_fn_with_state(observer, observe));
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

/// A panic ends its own request and nothing else.
#[expect(clippy::needless_pass_by_value, reason = "the signature that the layer asks for")]
fn panic_to_problem(panic: Box<dyn Any + Send>) -> Response {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message");
    ApiError::internal(anyhow::anyhow!("panic: {message}")).into_response()
}
