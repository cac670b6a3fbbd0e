//! What the three shapes of request have in common: bounds, the embedder, metrics.

use std::sync::Arc;

use embedding::{Embedded, Embedder, Error, Extent, Input, Request};
use service::ApiError;
use wire::ErrorCode;
use wire::embed::Truncated;

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
    pub(crate) async fn embed(&self, request: Request<'_>) -> Result<Embedded, ApiError> {
        self.check(request.input)?;
        let embedded = self.embedder.embed(request).await.map_err(api_error)?;
        let labels = [("model", embedded.model.clone())];
        let count =
            |name: &'static str, number: usize| metrics::counter!(name, &labels).increment(number as u64);
        count("embedd_texts_total", embedded.embeddings.len());
        count("embedd_cache_hits_total", embedded.cached);
        count("embedd_truncated_texts_total", truncated(&embedded).len());
        Ok(embedded)
    }

    fn check(&self, input: Input<'_>) -> Result<(), ApiError> {
        if input.is_empty() {
            return Err(ApiError::invalid("the list of texts is empty: send at least one"));
        }
        if input.len() > self.max_texts {
            let (found, limit) = (input.len(), self.max_texts);
            let detail =
                format!("{found} texts in one request, at most {limit} are taken: send them in parts");
            return Err(ApiError::invalid(detail));
        }
        // An id says as much as a few letters.
        let bytes: Vec<_> = match input {
            Input::Texts(texts) => texts.iter().map(String::len).collect(),
            Input::Tokens(lists) => lists.iter().map(|ids| size_of_val(ids.as_slice())).collect(),
        };
        match bytes.iter().position(|bytes| *bytes > self.max_text_bytes) {
            None => Ok(()),
            Some(position) => {
                let (found, limit) = (bytes[position], self.max_text_bytes);
                let detail =
                    format!("text {position} (counted from 0) has {found} bytes, at most {limit} are taken");
                Err(ApiError::invalid(detail))
            }
        }
    }
}

/// The texts that were cut off.
pub(crate) fn truncated(embedded: &Embedded) -> Vec<Truncated> {
    let of = embedded.embeddings.iter().enumerate().filter_map(|(index, embedding)| match embedding.extent {
        Extent::Whole => None,
        Extent::Cut(tokens) => {
            Some(Truncated { index, read: u64::from(embedding.read), tokens: tokens.map(u64::from) })
        }
    });
    of.collect()
}

fn api_error(error: Error) -> ApiError {
    let code = match &error {
        Error::UnknownModel { .. } => ErrorCode::NotFound,
        Error::NotInstalled { .. } | Error::Loading { .. } | Error::Unusable { .. } => ErrorCode::Unavailable,
        Error::Overloaded { retry_after, .. } => {
            let retry_after = *retry_after;
            return ApiError::new(ErrorCode::Overloaded, error.to_string()).retry_after(retry_after);
        }
        Error::Dimension { .. }
        | Error::TooLong { .. }
        | Error::TokenOutOfRange { .. }
        | Error::TokensNotTaken { .. } => ErrorCode::InvalidArgument,
        Error::Provider(error) => error.code(),
        Error::Inference(_) | Error::Configuration(_) => return ApiError::internal(error),
    };
    ApiError::new(code, error.to_string())
}
