//! `POST /ai/embed`: texts to vectors.

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use axum::http::request::Parts;
use service::{ApiError, Ctx, JsonBody};
use utoipa::ToSchema;
use wire::embed::Truncated;
use wire::{DaemonName, Problem};

use super::adapter::{Adapter, chosen, known, ours_only};
use super::translate::translate;
use crate::forward::Target;
use crate::table::leaf;

pub(crate) const ADAPTER: Adapter = Adapter {
    line: leaf("/ai/embed", DaemonName::Embedd, "/embed"),
    methods: "POST",
    native: "/v1/embed",
    about: "Texts to vectors. The legacy system answered with unit vectors and so do we, on both paths; the Go stack's had norms of \
            20 to 23. The numbers are passed on as embedd wrote them.",
    request: &[
        known("texts", "texts", "texts", "texts, at least one").required(),
        known("model", "model", "model", "which model; the configured default if absent"),
        ours_only("kind", "`query` or `document`; the legacy path sends none, so that no prefix is added"),
        ours_only("encoding", "`float` or `base64`; the legacy path has numbers only"),
    ],
    answer: &[
        known("embeddings", "vectors", "vectors", "one unit vector for each text, in order").required(),
        known("dimensions", "dimension", "dimension", "numbers in a vector").required(),
        chosen("model", "the model that made them").required(),
        chosen("truncated", "texts that are longer than the model reads; absent if there is none"),
        chosen("truncated[].index", "which text, from 0").required(),
        chosen("truncated[].read", "tokens read").required(),
        chosen("truncated[].tokens", "tokens that it has; absent where the provider does not say"),
        ours_only("vectors_b64", "in place of `vectors`, where `encoding` asks for it"),
    ],
};

/// The legacy path of `POST /v1/embed`.
#[utoipa::path(
    post, path = "/ai/embed", request_body = LegacyEmbedRequest,
    responses(
        (status = 200, body = LegacyEmbedResponse),
        (status = 400, body = Problem, description = "a field that is not known here, or what embedd refuses"),
        (status = "4XX", body = Problem),
        (status = "5XX", body = Problem),
    )
)]
pub(crate) async fn embed(
    State(target): State<Target>,
    Ctx(ctx): Ctx,
    parts: Parts,
    body: JsonBody,
) -> Result<Response<Body>, ApiError> {
    translate(&ADAPTER, &target, &ctx, parts, &body).await
}

/// Body of `POST /ai/embed`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the interface description: what is read is in the table")]
struct LegacyEmbedRequest {
    /// The texts, at least one.
    texts: Vec<String>,
    /// Which model; the configured default if absent.
    model: Option<String>,
}

/// Answer to [`LegacyEmbedRequest`].
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the interface description: what is sent is in the table")]
struct LegacyEmbedResponse {
    /// One unit vector for each text, in order.
    embeddings: Vec<Vec<f32>>,
    /// Components of a vector.
    dimensions: usize,
    /// The model that made them.
    model: String,
    /// The texts that are longer than the model reads, and were cut off; absent if there is none.
    truncated: Option<Vec<Truncated>>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use utoipa::PartialSchema;
    use wire::embed::{EmbedRequest, EmbedResponse, TextKind, VectorEncoding};

    use super::*;
    use crate::legacy::members::Members;
    use crate::legacy::testing::{assert_answer, assert_request, object};

    fn members(value: &Value) -> Members {
        serde_json::from_str(&value.to_string()).unwrap()
    }

    fn native_answer() -> EmbedResponse {
        let truncated = vec![Truncated { index: 0, read: 256, tokens: Some(300) }];
        let (vectors, vectors_b64) = (vec![vec![0.6, 0.8]], vec!["mpkZP83MTD8=".to_owned()]);
        EmbedResponse { vectors, vectors_b64, dimension: 2, model: "m".into(), truncated }
    }

    #[test]
    fn table_has_every_field_of_the_native_route() {
        let request = EmbedRequest {
            texts: vec!["a".into()],
            model: Some("m".into()),
            kind: Some(TextKind::Query),
            encoding: VectorEncoding::Float,
        };
        assert_request::<EmbedRequest>(&ADAPTER, &json!(request), &[]);
        let truncated = vec![Truncated { tokens: None, ..native_answer().truncated[0] }];
        let least = EmbedResponse { vectors_b64: vec![], truncated, ..native_answer() };
        assert_answer(&ADAPTER, &json!(native_answer()), &json!(least), &["truncated"]);
    }

    #[test]
    fn request_reads_the_same_in_both_formats() {
        let legacy = json!({"texts": ["a", "b"], "model": "m"});
        let native: EmbedRequest = object(&ADAPTER.native_request(members(&legacy)).unwrap());
        assert_eq!(
            (native.texts, native.model.as_deref()),
            (vec!["a".to_owned(), "b".to_owned()], Some("m"))
        );
        assert_eq!((native.kind, native.encoding), (None, VectorEncoding::Float));
    }

    #[test]
    fn answer_says_the_same_in_both_formats() {
        let native = native_answer();
        let legacy: Value = object(&ADAPTER.legacy_answer(members(&json!(native))).unwrap());
        let truncated = json!([{"index": 0, "read": 256, "tokens": 300}]);
        let expected =
            json!({"embeddings": native.vectors, "dimensions": 2, "model": "m", "truncated": truncated});
        assert_eq!(legacy, expected);
    }

    #[test]
    fn unknown_and_missing_fields_are_refused_with_those_that_are_known() {
        for (body, what) in [
            (json!({"texts": ["a"], "kind": "query", "input": 1}), "unknown field `input`, `kind`"),
            (json!({"model": "m"}), "missing field `texts`"),
        ] {
            let error = ADAPTER.native_request(members(&body)).unwrap_err();
            assert!(error.detail().contains(what), "{error:?}");
            assert!(error.detail().contains("/ai/embed takes `texts`, `model`;"), "{error:?}");
        }
    }

    #[test]
    fn answer_without_vectors_is_not_passed_off_as_one() {
        let error = ADAPTER.legacy_answer(members(&json!({"dimension": 2, "model": "m"}))).unwrap_err();
        assert_eq!(error.code(), wire::ErrorCode::Internal);
    }

    #[test]
    fn interface_description_has_the_fields_of_the_table() {
        let described = |schema: Value| {
            let mut names: Vec<String> = schema["properties"].as_object().unwrap().keys().cloned().collect();
            names.sort_unstable();
            names
        };
        let listed = |fields: &[crate::legacy::adapter::Field]| {
            let names = fields.iter().filter_map(|field| field.legacy).filter(|name| !name.contains('['));
            let mut names: Vec<String> = names.map(str::to_owned).collect();
            names.sort_unstable();
            names
        };
        assert_eq!(described(json!(LegacyEmbedRequest::schema())), listed(ADAPTER.request));
        assert_eq!(described(json!(LegacyEmbedResponse::schema())), listed(ADAPTER.answer));
    }
}
