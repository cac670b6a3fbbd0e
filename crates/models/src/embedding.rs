//! What is said of an embedding model.

use serde::{Deserialize, Serialize};

use crate::{Installable, ModelFile, Package, installable};

/// The model for requests that name none, unless the configuration says otherwise.
pub const DEFAULT_MODEL: &str = "all-MiniLM-L6-v2";

/// Vectors of more components are taken for a slip of the pen.
const MAX_DIMENSION: usize = 65_536;
/// A text needs room for a token of its own between the first and the last one.
const MIN_TOKENS: usize = 3;

/// An embedding model that runs here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// The name that requests use, and the name of its folder.
    pub name: String,
    /// What it is.
    #[serde(default)]
    pub kind: ModelKind,
    /// Components of a vector.
    pub dimension: usize,
    /// Tokens of a text that are read, those that the tokenizer adds included; what follows is cut off.
    pub max_tokens: usize,
    /// How the states of the tokens become one vector.
    pub pooling: Pooling,
    /// Put before each text of kind `query`.
    #[serde(default)]
    pub query_prefix: String,
    /// Put before each text of kind `document`.
    #[serde(default)]
    pub document_prefix: String,
    /// SPDX identifier of the licence of the weights.
    pub licence: String,
    /// The graph in ONNX of an encoder: takes `input_ids`, `attention_mask` and perhaps `token_type_ids`, gives the last hidden
    /// states. Of a static model its vectors in safetensors: one tensor `embeddings`, `[vocabulary, dimension]`.
    pub graph: ModelFile,
    /// The tokenizer, as Hugging Face's `tokenizers` writes it.
    pub tokenizer: ModelFile,
    /// Where its files come from; none if the operator puts them there.
    #[serde(default)]
    pub packages: Vec<Package>,
    /// What it was distilled from, if it was.
    #[serde(default)]
    pub distilled_from: Option<Origin>,
}

/// What a model was distilled from, and how: the same, distilled again on the same machine, gives the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The encoder.
    pub model: String,
    /// The SHA-256 of its graph.
    pub sha256: String,
    /// The version of the method.
    pub recipe: u32,
}

/// How a model makes vectors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// An encoder in the manner of BERT: what a token means depends on what stands beside it.
    #[default]
    Encoder,
    /// One vector for each token, whatever stands beside it; `pooling` is the mean.
    Static,
}

/// How the states of a text's tokens become its vector (Reimers and Gurevych, 2019, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The mean over all tokens.
    Mean,
    /// The state of the first token.
    Cls,
}

impl ModelSpec {
    /// Whether it can be what is said of it.
    ///
    /// # Errors
    /// What cannot be.
    pub fn check(&self) -> Result<(), String> {
        installable::check(self)?;
        if !(1..=MAX_DIMENSION).contains(&self.dimension) {
            return Err(format!("`dimension` is {}: it is from 1 to {MAX_DIMENSION}", self.dimension));
        }
        if self.max_tokens < MIN_TOKENS {
            return Err(format!("`max_tokens` is {}: it is at least {MIN_TOKENS}", self.max_tokens));
        }
        if self.kind == ModelKind::Static && self.pooling != Pooling::Mean {
            return Err("`pooling` of a static model is \"mean\"".into());
        }
        if self.graph.file == self.tokenizer.file {
            return Err("graph and tokenizer are one file".into());
        }
        Ok(())
    }
}

impl Installable for ModelSpec {
    fn name(&self) -> &str {
        &self.name
    }

    fn files(&self) -> Vec<&ModelFile> {
        vec![&self.graph, &self.tokenizer]
    }

    fn packages(&self) -> &[Package] {
        &self.packages
    }

    fn remedy(&self) -> String {
        match &self.distilled_from {
            Some(origin) => format!(
                "run `lakectl models distill {} --name {} --dimension {}`",
                origin.model, self.name, self.dimension
            ),
            None => installable::remedy(self),
        }
    }
}
