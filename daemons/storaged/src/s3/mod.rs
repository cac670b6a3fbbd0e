//! The S3 face, on a port of its own: what DuckDB, PyIceberg, `aws` and their like speak. It serves one bucket,
//! [`BUCKET`], whose objects are those of `/storage`: so table locations (`s3://lakehouse/…`) are what they say.
//!
//! Every request is signed (Signature Version 4, checked by `s3s`) with the one key pair of the face. Puts keep the
//! promises of the `objects` crate; parts of an upload wait in the daemon's own folder until it is completed.

mod body;
mod credentials;
mod error;
mod face;
mod listing;
mod uploads;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use s3s::service::{S3Service, S3ServiceBuilder};
use service::Env;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::Storage;
use crate::config::S3Config;

use credentials::KeyPair;
use face::Face;
pub(crate) use uploads::Uploads;

/// The only bucket.
pub(crate) const BUCKET: &str = "lakehouse";

/// Starts to serve, and says in the daemon's folder where: in `s3.addr`.
///
/// # Errors
/// When the address is taken, or the daemon's folder cannot be written.
pub(crate) async fn start(
    config: &S3Config,
    storage: Storage,
    uploads: Uploads,
    env: &Env,
) -> anyhow::Result<()> {
    let key_pair = KeyPair::find(config, &env.data_dir)?;
    let mut builder = S3ServiceBuilder::new(Face::new(storage, uploads.clone()));
    builder.set_auth(key_pair);
    let gate = Gate { service: builder.build(), turns: Arc::new(Semaphore::new(config.max_in_flight)) };

    let listener = TcpListener::bind(config.bind)
        .await
        .with_context(|| format!("listen on {} for S3 (storaged.s3.bind)", config.bind))?;
    let address = listener.local_addr()?;
    service::announce(&listen_file(&env.data_dir), address)?;
    tracing::info!(%address, bucket = BUCKET, "the S3 face is listening");
    let router = Router::new().fallback(move |request: Request| gate.clone().answer(request));
    let serving =
        axum::serve(listener, router).with_graceful_shutdown(env.shutdown.clone().cancelled_owned());
    env.tasks.spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "the S3 face has ended");
        }
    });
    env.tasks.spawn(env.shutdown.clone().run_until_cancelled_owned(uploads.sweep_forever()));
    Ok(())
}

fn listen_file(folder: &std::path::Path) -> PathBuf {
    folder.join("s3.addr")
}

/// Lets so many requests in at once.
#[derive(Clone)]
struct Gate {
    service: S3Service,
    turns: Arc<Semaphore>,
}

impl Gate {
    async fn answer(self, request: Request) -> Response {
        let Ok(_turn) = self.turns.try_acquire() else {
            count(StatusCode::SERVICE_UNAVAILABLE);
            return error::slow_down();
        };
        let response = match self.service.call(request.map(s3s::Body::http_body_unsync)).await {
            Ok(response) => response.map(Body::new),
            Err(error) => {
                tracing::error!(?error, "an S3 request could not be answered");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        };
        count(response.status());
        response
    }
}

fn count(status: StatusCode) {
    metrics::counter!("storaged_s3_requests_total", "status" => status.as_u16().to_string()).increment(1);
}
