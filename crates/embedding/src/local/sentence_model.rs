//! A BERT-style sentence encoder: tokens in, one unit vector a text out.
//!
//! Sentence-BERT (Reimers and Gurevych, 2019, section 3) with mean pooling, as the model card of all-MiniLM-L6-v2 asks:
//! the mean of the last hidden states over the attention mask, scaled to unit length.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value};
use rten_tensor::{Layout, NdTensor};
use tokenizers::{Tokenizer, TruncationParams};

use super::lookup;
use crate::models::{MODEL_FILE, PinnedModel, TOKENIZER_FILE, sha256_hex};
use crate::unit::normalise;
use crate::{Error, Result};

/// A loaded model; shared by the threads that tokenise and the one that infers.
pub(crate) struct SentenceModel {
    dimension: usize,
    tokenizer: Tokenizer,
    graph: Model,
    inputs: [NodeId; 3],
    output: NodeId,
    threads: Arc<ThreadPool>,
}

impl SentenceModel {
    /// Loads the files of `pinned` from the cache `dir`, after comparing the bytes with their pins.
    ///
    /// `threads` is the number that one inference uses. Blocks for some hundred milliseconds.
    pub(crate) fn load(pinned: &PinnedModel, dir: &Path, threads: usize) -> Result<Self> {
        let started = Instant::now();
        let unusable = |reason: String| Error::Unusable { model: pinned.name.into(), reason };
        let tokenizer = read_pinned(pinned, dir, TOKENIZER_FILE)?;
        let tokenizer = load_tokenizer(&tokenizer, pinned.max_tokens).map_err(|e| unusable(e.to_string()))?;
        let graph = lookup::before_scaling(&read_pinned(pinned, dir, MODEL_FILE)?);
        let graph = ModelOptions::with_all_ops()
            .prepack_weights(true)
            .load(graph.map_err(|error| unusable(error.to_string()))?)
            .map_err(|error| unusable(error.to_string()))?;
        let node = |name| graph.node_id(name).map_err(|error| unusable(error.to_string()));
        let inputs = [node("input_ids")?, node("attention_mask")?, node("token_type_ids")?];
        let output = node("last_hidden_state")?;
        let threads = Arc::new(ThreadPool::with_num_threads(threads));
        let took_ms = started.elapsed().as_secs_f64() * 1e3;
        tracing::info!(model = pinned.name, took_ms, "model loaded");
        Ok(Self { dimension: pinned.dimension, tokenizer, graph, inputs, output, threads })
    }

    /// The ids of the tokens of `text`, `[CLS]` first and `[SEP]` last, cut off at the model's limit.
    pub(crate) fn tokenise(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self.tokenizer.encode_fast(text, true);
        encoding.map(|e| e.get_ids().to_vec()).map_err(|error| Error::Inference(error.to_string()))
    }

    /// One unit vector for each row of token ids.
    pub(crate) fn embed(&self, rows: &[&[u32]]) -> Result<Vec<Vec<f32>>> {
        let hidden = self.last_hidden_state(rows).map_err(Error::Inference)?;
        let width = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        let text_len = width * self.dimension;
        let texts = hidden.chunks_exact(text_len);
        rows.iter()
            .zip(texts)
            .map(|(row, states)| {
                let mut vector = self.sum_states(&states[..row.len() * self.dimension]);
                // The mean and the sum have one direction, and only the direction is kept.
                normalise(&mut vector).ok_or_else(|| Error::Inference("vector without direction".into()))?;
                Ok(vector)
            })
            .collect()
    }

    fn sum_states(&self, states: &[f32]) -> Vec<f32> {
        let mut sum = vec![0.0; self.dimension];
        for state in states.chunks_exact(self.dimension) {
            for (total, x) in sum.iter_mut().zip(state) {
                *total += x;
            }
        }
        sum
    }

    /// Runs the graph over `rows` padded to one width: `[rows, width, dimension]`, flat.
    fn last_hidden_state(&self, rows: &[&[u32]]) -> std::result::Result<Vec<f32>, String> {
        let width = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        let shape = [rows.len(), width];
        // Padding is masked out of the attention, so a text's states do not depend on its neighbours' lengths.
        let (mut ids, mut mask) = (NdTensor::<i32, 2>::zeros(shape), NdTensor::<i32, 2>::zeros(shape));
        for (i, row) in rows.iter().enumerate() {
            for (j, &id) in row.iter().enumerate() {
                ids[[i, j]] = i32::try_from(id).map_err(|error| error.to_string())?;
                mask[[i, j]] = 1;
            }
        }
        let types = NdTensor::<i32, 2>::zeros(shape);
        let inputs = self.inputs.into_iter().zip([ids, mask, types]);
        let inputs = inputs.map(|(node, tensor)| (node, Value::from(tensor).into())).collect();
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.threads)));
        let [hidden] = self.graph.run_n(inputs, [self.output], Some(options)).map_err(|e| e.to_string())?;
        let hidden = NdTensor::<f32, 3>::try_from(hidden).map_err(|error| error.to_string())?;
        if hidden.shape() != [rows.len(), width, self.dimension] {
            return Err(format!("the graph answered with shape {:?}", hidden.shape()));
        }
        Ok(hidden.into_data())
    }
}

/// The bytes of a model's file, once they have been compared with the pin.
fn read_pinned(pinned: &PinnedModel, dir: &Path, name: &str) -> Result<Vec<u8>> {
    let path = dir.join(pinned.name).join(name);
    let unusable = |reason| Error::Unusable { model: pinned.name.into(), reason };
    let bytes = fs::read(&path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::NotInstalled { model: pinned.name.into(), dir: dir.into() },
        _ => unusable(format!("{}: {error}", path.display())),
    })?;
    let is_pinned = pinned.files().any(|file| file.name == name && file.sha256 == sha256_hex(&bytes));
    is_pinned.then_some(bytes).ok_or_else(|| unusable(format!("{} is not the pinned file", path.display())))
}

/// The file asks for padding to 128 tokens and a cut at 128; we pad each batch to its longest, and cut at `max_tokens`.
fn load_tokenizer(json: &[u8], max_tokens: usize) -> tokenizers::Result<Tokenizer> {
    let mut tokenizer = Tokenizer::from_bytes(json)?;
    tokenizer.with_padding(None);
    let truncation = TruncationParams { max_length: max_tokens, ..TruncationParams::default() };
    tokenizer.with_truncation(Some(truncation))?;
    Ok(tokenizer)
}
