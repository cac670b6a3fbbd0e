//! From texts to tokens, as a model's tokenizer has it; and from the files of a model to bytes that are as described.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use models::{Installable, ModelFile, ModelKind, ModelSpec, sha256_hex};
use tokenizers::{Encoding, Token, Tokenizer};

use crate::embedding::{Extent, Item};
use crate::{Error, Result};

/// A tokenizer that cuts off what its model does not read.
pub(crate) struct Reader {
    tokenizer: Tokenizer,
    /// What it puts around a text.
    around: Vec<u32>,
    /// Whether the model reads that too.
    surrounds: bool,
    /// One more than the highest id.
    vocabulary: usize,
    /// Tokens of a text's own that are read.
    max_content: usize,
}

/// A text as the model reads it.
pub(crate) struct Tokens {
    pub(crate) ids: Vec<u32>,
    /// How many there were before the end was cut off.
    pub(crate) of: usize,
}

impl Tokens {
    /// How many are read, and whether that is all.
    pub(crate) fn counts(&self) -> (u32, Extent) {
        let count = |tokens: usize| u32::try_from(tokens).unwrap_or(u32::MAX);
        let is_cut = self.of > self.ids.len();
        (count(self.ids.len()), if is_cut { Extent::Cut(Some(count(self.of))) } else { Extent::Whole })
    }
}

impl Reader {
    /// Loads the tokenizer of `spec` from the cache `dir`. Its file may ask for padding and for a limit; each batch is padded to
    /// its longest text, and cut at the limit of `spec`.
    pub(crate) fn load(spec: &ModelSpec, dir: &Path) -> Result<Self> {
        let unusable = |reason: String| Error::unusable(spec, reason);
        let failed = |error: tokenizers::Error| unusable(error.to_string());
        let mut tokenizer =
            Tokenizer::from_bytes(read_checked(spec, dir, &spec.tokenizer)?).map_err(failed)?;
        tokenizer.with_padding(None).with_truncation(None).map_err(failed)?;
        let around = tokenizer.encode_fast("", true).map_err(failed)?.get_ids().to_vec();
        let surrounds = spec.kind == ModelKind::Encoder;
        let surrounding = if surrounds { around.len() } else { 0 };
        let max_content = spec.max_tokens.checked_sub(surrounding).filter(|max| *max > 0);
        let none_left = || unusable(format!("`max_tokens` is {}: that leaves a text none", spec.max_tokens));
        let vocabulary = tokenizer.get_vocab(true).into_values().max().map_or(0, |id| id as usize + 1);
        Ok(Self { tokenizer, max_content: max_content.ok_or_else(none_left)?, around, surrounds, vocabulary })
    }

    /// The tokens of a text with those that the tokenizer puts around it, `[CLS]` and `[SEP]`, cut off at the model's limit.
    ///
    /// Tokens that are given may have those around them already.
    pub(crate) fn read(&self, item: &Item) -> Result<Tokens> {
        let failed = |error: tokenizers::Error| Error::Inference(error.to_string());
        match item {
            Item::Text(text) => {
                let encoding = self.tokenizer.encode_fast(text.as_str(), false).map_err(failed)?;
                self.surround(encoding.get_ids()).map_err(failed)
            }
            Item::Tokens(ids) => self.surround(self.content(ids)).map_err(failed),
        }
    }

    /// How many tokens there are.
    pub(crate) fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// Refuses ids that are not in the vocabulary.
    pub(crate) fn check_tokens(&self, ids: &[u32]) -> Result<()> {
        let vocabulary = self.vocabulary();
        match ids.iter().find(|&&id| id as usize >= vocabulary) {
            None => Ok(()),
            Some(&id) => Err(Error::TokenOutOfRange { id, vocabulary }),
        }
    }

    /// What is between the tokens that the tokenizer would put there.
    fn content<'a>(&self, ids: &'a [u32]) -> &'a [u32] {
        match (self.around.as_slice(), ids) {
            ([first, last], [begin, content @ .., end]) if (begin, end) == (first, last) => content,
            _ => ids,
        }
    }

    fn surround(&self, content: &[u32]) -> tokenizers::Result<Tokens> {
        let read = &content[..content.len().min(self.max_content)];
        if !self.surrounds {
            return Ok(Tokens { ids: read.to_vec(), of: content.len() });
        }
        let tokens = read.iter().map(|&id| Token::new(id, String::new(), (0, 0))).collect();
        let encoding = self.tokenizer.post_process(Encoding::from_tokens(tokens, 0), None, true)?;
        Ok(Tokens { ids: encoding.get_ids().to_vec(), of: content.len() + self.around.len() })
    }
}

/// The bytes of a model's file, once they have been compared with its digest.
pub(crate) fn read_checked(spec: &ModelSpec, dir: &Path, file: &ModelFile) -> Result<Vec<u8>> {
    let path = dir.join(&spec.name).join(&file.file);
    let unusable = |reason: String| Error::unusable(spec, reason);
    let bytes = fs::read(&path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            Error::NotInstalled { model: spec.name.clone(), dir: dir.into(), remedy: spec.remedy() }
        }
        _ => unusable(format!("{}: {error}", path.display())),
    })?;
    let found = sha256_hex(&bytes);
    let differs =
        || unusable(format!("{} has SHA-256 {found}, described is {}", path.display(), file.sha256));
    (found == file.sha256).then_some(bytes).ok_or_else(differs)
}
