//! `/matrix/validate`: e-mail, SMS, fill. A draft that breaks rules is an answer, not an error.

use std::sync::Arc;

use axum::extract::State;
use service::{Ctx, Json, Result};
use validators::fill::{HoursPolicy, Known};
use wire::Problem;
use wire::matrix::{EmailDraft, FillProposal, SmsDraft, ValidationReport};

use crate::HoursConfig;
use crate::matrix::Matrix;

/// Judges an e-mail draft.
#[utoipa::path(post, path = "/matrix/validate/email", request_body = EmailDraft,
    responses((status = 200, body = ValidationReport), (status = 400, body = Problem)))]
pub(crate) async fn email(
    State(matrix): State<Arc<Matrix>>,
    Json(draft): Json<EmailDraft>,
) -> Json<ValidationReport> {
    Json(matrix.judged("email", validators::email::validate(&draft)))
}

/// Judges an SMS draft.
#[utoipa::path(post, path = "/matrix/validate/sms", request_body = SmsDraft,
    responses((status = 200, body = ValidationReport), (status = 400, body = Problem)))]
pub(crate) async fn sms(
    State(matrix): State<Arc<Matrix>>,
    Json(draft): Json<SmsDraft>,
) -> Json<ValidationReport> {
    Json(matrix.judged("sms", validators::sms::validate(&draft)))
}

/// Judges a proposal to fill a job; the workers are looked up in their corpus, the pay in the table of wages, if there is one.
#[utoipa::path(post, path = "/matrix/validate/fill", request_body = FillProposal,
    responses(
        (status = 200, body = ValidationReport),
        (status = 400, body = Problem),
        (status = 404, body = Problem, description = "there is no corpus of workers"),
        (status = 503, body = Problem, description = "names the peer that does not answer"),
    ))]
pub(crate) async fn fill(
    State(matrix): State<Arc<Matrix>>,
    Ctx(ctx): Ctx,
    Json(proposal): Json<FillProposal>,
) -> Result<Json<ValidationReport>> {
    let workers = matrix.facts(&ctx, &proposal.worker_ids).await?;
    let market = matrix.market.range(&ctx, &proposal.job).await;
    let HoursConfig { min_rest_h, max_day_h, max_week_h } = matrix.config.facts.hours;
    let known = Known {
        workers: &workers,
        market,
        today: jiff::Zoned::now().date(),
        hours: HoursPolicy { min_rest_h, max_day_h, max_week_h },
    };
    Ok(Json(matrix.judged("fill", validators::fill::validate(&proposal, &known))))
}

impl Matrix {
    /// Counts what was found, by rule; the drafts themselves go neither to log nor metrics.
    pub(crate) fn judged(&self, kind: &'static str, mut report: ValidationReport) -> ValidationReport {
        if self.switches.no_ssn_guard {
            report.violations.retain(|violation| !violation.rule.starts_with("ssn"));
            report = validators::report(report.violations);
        }
        metrics::counter!("matrixd_validations_total", "kind" => kind, "ok" => if report.ok { "true" } else { "false" })
            .increment(1);
        for violation in &report.violations {
            metrics::counter!("matrixd_violations_total", "rule" => violation.rule.clone()).increment(1);
        }
        report
    }
}
