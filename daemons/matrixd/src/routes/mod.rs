//! The HTTP face: extract, call, map.

mod corpora;
mod draft;
mod playbooks;
mod retrieve;
mod search;
mod validate;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::matrix::Matrix;

/// Routes that read, search or judge.
pub(crate) fn read(matrix: Arc<Matrix>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(search::search))
        .routes(routes!(retrieve::retrieve))
        .routes(routes!(playbooks::list))
        .routes(routes!(playbooks::get))
        .routes(routes!(corpora::list))
        .routes(routes!(validate::email))
        .routes(routes!(validate::sms))
        .routes(routes!(validate::fill))
        .with_state(matrix)
}

/// Routes that record and take back.
pub(crate) fn write(matrix: Arc<Matrix>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(playbooks::record))
        .routes(routes!(playbooks::delete))
        .with_state(matrix)
}

/// Routes that read a great deal.
pub(crate) fn evaluate(matrix: Arc<Matrix>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(playbooks::evaluate))
        .routes(routes!(playbooks::export))
        .with_state(matrix)
}

/// The route that waits for models.
pub(crate) fn draft(matrix: Arc<Matrix>) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(draft::draft)).with_state(matrix)
}

/// The route that records a great deal.
pub(crate) fn import(matrix: Arc<Matrix>) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(playbooks::import)).with_state(matrix)
}

/// The route that refills the playbook memory: it may take longer than a request does.
pub(crate) fn rebuild(matrix: Arc<Matrix>) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(playbooks::rebuild)).with_state(matrix)
}
