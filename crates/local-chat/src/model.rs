//! A model in memory.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use candle_core::quantized::gguf_file::Content;
use candle_core::quantized::tokenizer::TokenizerFromGguf;
use candle_core::{Device, Tensor};
use candle_transformers::models::quantized_llama::{MAX_SEQ_LEN, ModelWeights};
use models::{ChatModelSpec, Installable, ModelState, Template};
use tokenizers::Tokenizer;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;

use crate::error::{Error, Result};
use crate::prompt::Writer;

/// The ways of cutting text into words that candle reads from a GGUF file as their models were trained with.
const KNOWN_CUTS: [&str; 4] = ["qwen2", "llama3", "smaug-bpe", "lfm2"];
/// Tokens of a prompt that are read at a time: attention takes memory by their number times that of all before them.
const PROMPT_STEP: usize = 128;

/// A model of the Llama family, with its vocabulary.
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) writer: Writer,
    /// Tokens of a conversation and its answer.
    pub(crate) context: usize,
    weights: ModelWeights,
}

/// One conversation with a model; what has been read is remembered.
pub(crate) struct Session {
    weights: ModelWeights,
    read: usize,
}

impl Model {
    /// Loads `spec` from the cache `dir`, if its file is the pinned one.
    pub(crate) fn load(spec: &ChatModelSpec, dir: &Path) -> Result<Self> {
        match models::verify(spec, dir)? {
            ModelState::Installed => {}
            ModelState::Missing => return Err(Error::NotInstalled(spec.remedy())),
            ModelState::Damaged { file } => {
                let reason = format!("{} is not the pinned file: {}", file.display(), spec.remedy());
                return Err(Error::NotInstalled(reason));
            }
        }
        if spec.context > MAX_SEQ_LEN {
            let reason = format!("`context` is {}: this program reads {MAX_SEQ_LEN} at most", spec.context);
            return Err(Error::Failed(reason));
        }
        let path = dir.join(&spec.name).join(&spec.weights.file);
        let unreadable = |error| Error::Failed(format!("{}: {error}", path.display()));
        let mut file = BufReader::new(File::open(&path).map_err(unreadable)?);
        let content = Content::read(&mut file)?;
        let mut tokenizer = tokenizer(&content)?;
        let writer = match spec.template {
            Template::Chatml => Writer::chatml(&mut tokenizer)?,
        };
        let weights = ModelWeights::from_gguf(content, &mut file, &Device::Cpu)?;
        Ok(Self { name: spec.name.clone(), tokenizer, writer, context: spec.context, weights })
    }

    /// Begins a conversation. The weights are shared.
    pub(crate) fn begin(&self) -> Session {
        Session { weights: self.weights.clone(), read: 0 }
    }
}

impl Session {
    /// Reads `tokens`, at least one, and says how likely each token of the vocabulary is to follow, as logits. `None` if
    /// `is_wanted` says no on the way.
    pub(crate) fn read(&mut self, tokens: &[u32], is_wanted: impl Fn() -> bool) -> Result<Option<Tensor>> {
        let mut logits = None;
        for tokens in tokens.chunks(PROMPT_STEP) {
            if !is_wanted() {
                return Ok(None);
            }
            let batch = Tensor::new(tokens, &Device::Cpu)?.unsqueeze(0)?;
            logits = Some(self.weights.forward(&batch, self.read)?.squeeze(0)?);
            self.read += tokens.len();
        }
        Ok(logits)
    }
}

fn tokenizer(content: &Content) -> Result<Tokenizer> {
    let mut tokenizer = Tokenizer::from_gguf(content)?;
    let cut = content.metadata.get("tokenizer.ggml.pre").and_then(|cut| cut.to_string().ok());
    match cut.map(String::as_str) {
        // As in the model's own tokenizer.json, and in llama.cpp: each digit is a word, and none begins with a space of ours.
        Some("smollm") => {
            let cuts = [Digits::new(true).into(), ByteLevel::new(false, true, true).into()];
            tokenizer.with_pre_tokenizer(Some(PreTokenizerWrapper::from(Sequence::new(cuts.into()))));
        }
        Some(cut) if KNOWN_CUTS.contains(&cut) => {}
        cut => {
            return Err(Error::Failed(format!("its tokenizer cuts words in a way not known here: {cut:?}")));
        }
    }
    Ok(tokenizer)
}
