//! What the three shapes of request have in common: bounds, the embedder, metrics.

use std::sync::Arc;

use embedding::{Embedded, Embedder, Error};
use service::ApiError;
use wire::ErrorCode;
use wire::embed::TextKind;

use crate::Config;

/// Embeds the texts of a request, within the bounds that the configuration sets.
pub(crate) struct TextService {
    embedder: Arc<Embedder>,
    max_texts: usize,
    max_text_bytes: usize,
}

impl TextService {
    pub(crate) fn new(embedder: Arc<Embedder>, config: &Config) -> Self {
        Self { embedder, max_texts: config.max_texts, max_text_bytes: config.max_text_bytes }
    }

    /// One unit vector for each text.
    pub(crate) async fn embed(
        &self,
        model: Option<&str>,
        kind: Option<TextKind>,
        texts: &[String],
    ) -> Result<Embedded, ApiError> {
        self.check(texts)?;
        let embedded = self.embedder.embed(model, kind, texts).await.map_err(api_error)?;
        let labels = [("model", embedded.model.clone())];
        metrics::counter!("embedd_texts_total", &labels).increment(texts.len() as u64);
        metrics::counter!("embedd_cache_hits_total", &labels).increment(embedded.cached as u64);
        Ok(embedded)
    }

    fn check(&self, texts: &[String]) -> Result<(), ApiError> {
        if texts.is_empty() {
            return Err(ApiError::invalid("the list of texts is empty: send at least one"));
        }
        if texts.len() > self.max_texts {
            let (found, limit) = (texts.len(), self.max_texts);
            let detail =
                format!("{found} texts in one request, at most {limit} are taken: send them in parts");
            return Err(ApiError::invalid(detail));
        }
        match texts.iter().position(|text| text.len() > self.max_text_bytes) {
            None => Ok(()),
            Some(position) => {
                let (found, limit) = (texts[position].len(), self.max_text_bytes);
                let detail =
                    format!("text {position} (counted from 0) has {found} bytes, at most {limit} are taken");
                Err(ApiError::invalid(detail))
            }
        }
    }
}

fn api_error(error: Error) -> ApiError {
    let code = match &error {
        Error::UnknownModel { .. } => ErrorCode::NotFound,
        Error::NotInstalled { .. } | Error::Loading { .. } | Error::Unusable { .. } => ErrorCode::Unavailable,
        Error::Overloaded { .. } => ErrorCode::Overloaded,
        Error::Provider(error) => error.code(),
        Error::Inference(_) | Error::Configuration(_) => return ApiError::internal(error),
    };
    ApiError::new(code, error.to_string())
}
