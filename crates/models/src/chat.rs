//! What is said of a chat model.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::{Installable, ModelFile, Package, installable};

/// The chat model that is built in.
pub const DEFAULT_CHAT_MODEL: &str = "SmolLM2-135M-Instruct";

/// A shorter one has no room for a question and its answer; a longer one is taken for a slip of the pen.
const CONTEXT: RangeInclusive<usize> = 64..=1_048_576;

/// A chat model that runs here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatModelSpec {
    /// The name that requests use, and the name of its folder.
    pub name: String,
    /// Tokens of conversation and answer together. Memory grows with it.
    pub context: usize,
    /// How a conversation becomes one text.
    pub template: Template,
    /// SPDX identifier of the licence of the weights.
    pub licence: String,
    /// Weights, vocabulary and settings in one file, in GGUF.
    pub weights: ModelFile,
    /// Where its file comes from; none if the operator puts it there.
    #[serde(default)]
    pub packages: Vec<Package>,
}

/// How a conversation becomes the one text that a chat model goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Template {
    /// Each message between `<|im_start|>` with its role and `<|im_end|>`.
    Chatml,
}

impl ChatModelSpec {
    pub(crate) fn check(&self) -> Result<(), String> {
        installable::check(self)?;
        if !CONTEXT.contains(&self.context) {
            let (least, most) = CONTEXT.into_inner();
            return Err(format!("`context` is {}: it is from {least} to {most} tokens", self.context));
        }
        Ok(())
    }
}

impl Installable for ChatModelSpec {
    fn name(&self) -> &str {
        &self.name
    }

    fn files(&self) -> Vec<&ModelFile> {
        vec![&self.weights]
    }

    fn packages(&self) -> &[Package] {
        &self.packages
    }

    fn remedy(&self) -> String {
        installable::remedy(self)
    }
}
