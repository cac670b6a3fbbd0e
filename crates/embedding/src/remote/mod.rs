//! Models that run elsewhere: Ollama, and whatever speaks OpenAI's interface.

mod settings;

use std::sync::OnceLock;

use provider::{Endpoint, Kind};
use wire::embed::{
    EncodedVector, Input, OllamaEmbedRequest, OllamaEmbedResponse, OpenAiEmbedRequest, OpenAiEmbedResponse,
    VectorEncoding,
};

pub use settings::ProviderSettings;

use crate::unit::normalise;
use crate::{Error, Result};

/// One model at one provider.
pub(crate) struct RemoteModel {
    endpoint: Endpoint,
    model: String,
    batch_texts: usize,
    /// Learnt from the first answer: one model makes vectors of one dimension, and an index relies on it.
    dimension: OnceLock<usize>,
}

impl RemoteModel {
    pub(crate) fn new(endpoint: Endpoint, model: String, batch_texts: usize) -> Self {
        Self { endpoint, model, batch_texts: batch_texts.max(1), dimension: OnceLock::new() }
    }

    /// One unit vector for each text, in order. The provider is called once for every `batch_texts` texts.
    pub(crate) async fn embed(&self, mut texts: Vec<String>) -> Result<Vec<Vec<f32>>> {
        let mut vectors = Vec::with_capacity(texts.len());
        while !texts.is_empty() {
            let rest = texts.split_off(texts.len().min(self.batch_texts));
            vectors.extend(self.embed_batch(std::mem::replace(&mut texts, rest)).await?);
        }
        Ok(vectors)
    }

    async fn embed_batch(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>> {
        let expected = texts.len();
        let mut vectors = match self.endpoint.kind() {
            Kind::Ollama => self.ask_ollama(texts).await?,
            Kind::OpenAi => self.ask_openai(texts).await?,
        };
        if vectors.len() != expected {
            return Err(self.malformed(format!("{} vectors for {expected} texts", vectors.len())));
        }
        for vector in &mut vectors {
            self.check_dimension(vector.len())?;
            normalise(vector).ok_or_else(|| self.malformed("a vector is zero or not finite".into()))?;
        }
        Ok(vectors)
    }

    fn path(&self) -> &'static str {
        match self.endpoint.kind() {
            Kind::Ollama => "/api/embed",
            Kind::OpenAi => "/v1/embeddings",
        }
    }

    async fn ask_ollama(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>> {
        let request = OllamaEmbedRequest { model: self.model.clone(), input: Input::Many(texts) };
        let answer: OllamaEmbedResponse = self.endpoint.post(self.path(), &self.model, &request).await?;
        Ok(answer.embeddings)
    }

    async fn ask_openai(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>> {
        let request = OpenAiEmbedRequest {
            input: Input::Many(texts),
            model: self.model.clone(),
            encoding_format: VectorEncoding::Float,
            dimensions: None,
        };
        let mut answer: OpenAiEmbedResponse = self.endpoint.post(self.path(), &self.model, &request).await?;
        answer.data.sort_by_key(|entry| entry.index);
        if answer.data.iter().enumerate().any(|(position, entry)| entry.index != position) {
            return Err(self.malformed("the indexes of its vectors are not 0, 1, 2…".into()));
        }
        let vectors = answer.data.into_iter().map(|entry| match entry.embedding {
            EncodedVector::Float(vector) => Ok(vector),
            EncodedVector::Base64(_) => Err(self.malformed("base64 was sent, floats were asked for".into())),
        });
        vectors.collect()
    }

    fn check_dimension(&self, found: usize) -> Result<()> {
        let expected = *self.dimension.get_or_init(|| found);
        if found == expected && found > 0 {
            return Ok(());
        }
        Err(self.malformed(format!("a vector of dimension {found}, expected {expected}")))
    }

    fn malformed(&self, reason: String) -> Error {
        self.endpoint.malformed(self.path(), reason).into()
    }
}
