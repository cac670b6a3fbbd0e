//! The shapes in which texts are sent and vectors come back.

use clap::ValueEnum;
use serde_json::{Value, json};
use url::Url;

/// Who speaks like this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// Ours: `POST /v1/embed`, `{texts, model}` -> `{vectors, dimension, model}`.
    Native,
    /// The predecessors': `POST /ai/embed`, `{texts, model}` -> `{embeddings, dimensions, model?}`.
    Legacy,
    /// OpenAI's: `POST /v1/embeddings`, `{input, model}` -> `{data: [{index, embedding}], model}`.
    Openai,
    /// Ollama's: `POST /api/embed`, `{input, model}` -> `{embeddings, model}`.
    Ollama,
}

/// What came back, brought to one form.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    /// `[texts, dimension]`; lengths may differ in a wrong answer.
    pub(super) vectors: Vec<Vec<f64>>,
    pub(super) dimension: Option<u64>,
    pub(super) model: Option<String>,
}

impl Shape {
    /// The shape that a path is known for.
    pub(super) fn of(url: &Url) -> Option<Self> {
        let path = url.path().trim_end_matches('/');
        let known = [
            ("/ai/embed", Self::Legacy),
            ("/api/embed", Self::Ollama),
            ("/embeddings", Self::Openai),
            ("/embed", Self::Native),
        ];
        known.into_iter().find(|(end, _)| path.ends_with(end)).map(|(_, shape)| shape)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Legacy => "legacy",
            Self::Openai => "openai",
            Self::Ollama => "ollama",
        }
    }

    pub(super) fn request(self, texts: &[&str], model: &str) -> Value {
        match self {
            Self::Native | Self::Legacy => json!({ "texts": texts, "model": model }),
            Self::Openai => json!({ "input": texts, "model": model, "encoding_format": "float" }),
            Self::Ollama => json!({ "input": texts, "model": model }),
        }
    }

    /// # Errors
    /// Which member is not as it should be.
    pub(super) fn read(self, answer: &Value) -> Result<Answer, String> {
        let model = answer["model"].as_str().map(str::to_owned);
        let (vectors, dimension) = match self {
            Self::Native => (vectors(&answer["vectors"], "vectors")?, answer["dimension"].as_u64()),
            Self::Legacy => (vectors(&answer["embeddings"], "embeddings")?, answer["dimensions"].as_u64()),
            Self::Ollama => (vectors(&answer["embeddings"], "embeddings")?, None),
            Self::Openai => (in_order(&answer["data"])?, None),
        };
        Ok(Answer { vectors, dimension, model })
    }
}

fn vectors(list: &Value, member: &str) -> Result<Vec<Vec<f64>>, String> {
    let list = list.as_array().ok_or_else(|| format!("there is no list `{member}` in the answer"))?;
    list.iter().map(|numbers| vector(numbers, member)).collect()
}

fn vector(numbers: &Value, member: &str) -> Result<Vec<f64>, String> {
    let not_numbers = || format!("`{member}` has something else than lists of numbers");
    let numbers = numbers.as_array().ok_or_else(not_numbers)?;
    numbers.iter().map(|number| number.as_f64().ok_or_else(not_numbers)).collect()
}

/// `index` says which text an entry belongs to, wherever it stands.
fn in_order(data: &Value) -> Result<Vec<Vec<f64>>, String> {
    let data = data.as_array().ok_or("there is no list `data` in the answer")?;
    let mut entries = data
        .iter()
        .map(|entry| {
            let index = entry["index"].as_u64().ok_or("an entry of `data` has no `index`")?;
            Ok((index, vector(&entry["embedding"], "embedding")?))
        })
        .collect::<Result<Vec<_>, String>>()?;
    entries.sort_by_key(|(index, _)| *index);
    match entries.iter().enumerate().find(|(place, (index, _))| *place as u64 != *index) {
        None => Ok(entries.into_iter().map(|(_, vector)| vector).collect()),
        Some((place, _)) => Err(format!("no entry of `data` has index {place}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shape_is_known_by_the_path() {
        let of = |url: &str| Shape::of(&Url::parse(url).unwrap());
        assert_eq!(of("http://a/ai/embed"), Some(Shape::Legacy));
        assert_eq!(of("http://a/v1/embed/"), Some(Shape::Native));
        assert_eq!(of("http://a/embed"), Some(Shape::Native));
        assert_eq!(of("http://a/_go/v1/embed"), Some(Shape::Native));
        assert_eq!(of("http://a/v1/embeddings"), Some(Shape::Openai));
        assert_eq!(of("http://a/api/embed"), Some(Shape::Ollama));
        assert_eq!(of("http://a/"), None);
    }

    #[test]
    fn every_shape_is_brought_to_one_form() {
        let expected = |dimension| Answer {
            vectors: vec![vec![1.0, 0.0], vec![0.0, 1.0]],
            dimension,
            model: Some("m".into()),
        };
        let vectors = json!([[1.0, 0.0], [0.0, 1.0]]);
        let native = json!({"vectors": vectors, "dimension": 2, "model": "m"});
        assert_eq!(Shape::Native.read(&native), Ok(expected(Some(2))));
        let legacy = json!({"embeddings": vectors, "dimensions": 2, "model": "m"});
        assert_eq!(Shape::Legacy.read(&legacy), Ok(expected(Some(2))));
        assert_eq!(Shape::Ollama.read(&json!({"embeddings": vectors, "model": "m"})), Ok(expected(None)));
        let data = json!([{"index": 1, "embedding": [0.0, 1.0]}, {"index": 0, "embedding": [1.0, 0.0]}]);
        assert_eq!(Shape::Openai.read(&json!({"data": data, "model": "m"})), Ok(expected(None)));
    }

    #[test]
    fn answer_of_another_shape_is_refused_with_the_member_that_is_missing() {
        let legacy = json!({"embeddings": [[1.0]], "dimensions": 1});
        assert!(Shape::Native.read(&legacy).unwrap_err().contains("`vectors`"));
        assert!(Shape::Openai.read(&legacy).unwrap_err().contains("`data`"));
        assert!(Shape::Legacy.read(&json!({"embeddings": [[null]]})).unwrap_err().contains("numbers"));
        let twice = json!({"data": [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}]});
        assert!(Shape::Openai.read(&twice).unwrap_err().contains("index 1"));
    }
}
