//! Models that run elsewhere: Ollama, and whatever speaks OpenAI's interface.

mod settings;

use std::sync::OnceLock;

use provider::{Endpoint, Kind};
use wire::embed::{
    EncodedVector, Input, OllamaEmbedRequest, OllamaEmbedResponse, OpenAiEmbedRequest, OpenAiEmbedResponse,
    OpenAiInput, VectorEncoding,
};

pub use settings::ProviderSettings;

use crate::embedding::{Embedding, Extent, Item};
use crate::unit::normalise;
use crate::{Error, Result};

/// What a provider says of one call's texts.
struct Answer {
    vectors: Vec<Vec<f32>>,
    /// Of all of them.
    tokens: u64,
}

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

    /// What each text becomes, in order. The provider is called once for every `batch_texts` texts.
    pub(crate) async fn embed(&self, mut items: Vec<Item>) -> Result<Vec<Embedding>> {
        let mut made = Vec::with_capacity(items.len());
        while !items.is_empty() {
            let rest = items.split_off(items.len().min(self.batch_texts));
            made.extend(self.embed_batch(&std::mem::replace(&mut items, rest)).await?);
        }
        Ok(made)
    }

    /// Ollama cuts long texts off without a word, unless it is told not to. Then it refuses them all, and which one is too long is
    /// found by asking for each.
    async fn embed_batch(&self, items: &[Item]) -> Result<Vec<Embedding>> {
        match self.ask(items, false).await {
            Err(error) if is_too_long(&error) && self.endpoint.kind() == Kind::Ollama => {}
            answer => return answer,
        }
        let mut made = Vec::with_capacity(items.len());
        for item in items {
            let item = std::slice::from_ref(item);
            match self.ask(item, false).await {
                Err(error) if is_too_long(&error) => {
                    let cut = self.ask(item, true).await?;
                    made.extend(cut.into_iter().map(|cut| Embedding { extent: Extent::Cut(None), ..cut }));
                }
                answer => made.extend(answer?),
            }
        }
        Ok(made)
    }

    async fn ask(&self, items: &[Item], truncate: bool) -> Result<Vec<Embedding>> {
        let expected = items.len();
        let Answer { mut vectors, tokens } = match self.endpoint.kind() {
            Kind::Ollama => self.ask_ollama(items, truncate).await?,
            Kind::OpenAi => self.ask_openai(items).await?,
        };
        if vectors.len() != expected {
            return Err(self.malformed(format!("{} vectors for {expected} texts", vectors.len())));
        }
        for vector in &mut vectors {
            self.check_dimension(vector.len())?;
            normalise(vector).ok_or_else(|| self.malformed("a vector is zero or not finite".into()))?;
        }
        let embedding =
            |(vector, read): (Vec<f32>, _)| Embedding { vector: vector.into(), read, extent: Extent::Whole };
        Ok(vectors.into_iter().zip(shares(items, tokens)).map(embedding).collect())
    }

    fn path(&self) -> &'static str {
        match self.endpoint.kind() {
            Kind::Ollama => "/api/embed",
            Kind::OpenAi => "/v1/embeddings",
        }
    }

    async fn ask_ollama(&self, items: &[Item], truncate: bool) -> Result<Answer> {
        let texts = items.iter().map(|item| match item {
            Item::Text(text) => Ok(text.clone()),
            Item::Tokens(_) => Err(Error::TokensNotTaken { provider: self.endpoint.name().to_owned() }),
        });
        let request = OllamaEmbedRequest {
            model: self.model.clone(),
            input: Input::Many(texts.collect::<Result<_>>()?),
            truncate: Some(truncate),
            dimensions: None,
        };
        let answer: OllamaEmbedResponse = self.endpoint.post(self.path(), &self.model, &request).await?;
        Ok(Answer { vectors: answer.embeddings, tokens: answer.prompt_eval_count })
    }

    async fn ask_openai(&self, items: &[Item]) -> Result<Answer> {
        let request = OpenAiEmbedRequest {
            input: openai_input(items),
            model: self.model.clone(),
            encoding_format: Some(VectorEncoding::Float),
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
        Ok(Answer { vectors: vectors.collect::<Result<_>>()?, tokens: answer.usage.prompt_tokens })
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

/// The texts, or else their tokens: a request has the one or the other.
fn openai_input(items: &[Item]) -> OpenAiInput {
    let texts: Option<Vec<_>> = items
        .iter()
        .map(|item| match item {
            Item::Text(text) => Some(text.clone()),
            Item::Tokens(_) => None,
        })
        .collect();
    let tokens = || {
        items.iter().filter_map(|item| match item {
            Item::Tokens(ids) => Some(ids.clone()),
            Item::Text(_) => None,
        })
    };
    texts.map_or_else(
        || OpenAiInput::TokenLists(tokens().collect()),
        |texts| OpenAiInput::Texts(Input::Many(texts)),
    )
}

/// What each text has of the tokens that the provider counted in all of them, by its length: the sum is what it counted.
fn shares(items: &[Item], tokens: u64) -> Vec<u32> {
    let length = |item: &Item| match item {
        Item::Text(text) => text.len() + 1,
        Item::Tokens(ids) => ids.len() + 1,
    };
    let total: usize = items.iter().map(length).sum();
    let (mut before, mut given) = (0, 0);
    let share = |item| {
        before += length(item);
        let until = u128::from(tokens) * before as u128 / total as u128;
        let share = until - given;
        given = until;
        u32::try_from(share).unwrap_or(u32::MAX)
    };
    items.iter().map(share).collect()
}

/// Ollama: "the input length exceeds the context length", with status 400.
fn is_too_long(error: &Error) -> bool {
    matches!(error, Error::Provider(provider::Error::Refused { status: 400, message, .. }) if message.contains("context length"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_the_tokens_add_up_to_what_the_provider_counted() {
        let items: Vec<_> = ["", "a", "forklift operator", "x"].map(|text| Item::Text(text.into())).to_vec();
        for tokens in [0, 1, 7, 100, 8192] {
            assert_eq!(shares(&items, tokens).iter().map(|share| u64::from(*share)).sum::<u64>(), tokens);
        }
        assert_eq!(shares(&items[2..3], 5), [5]);
        assert!(shares(&[], 0).is_empty());
    }
}
