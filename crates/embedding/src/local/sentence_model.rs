//! A BERT-style sentence encoder: tokens in, one unit vector a text out.
//!
//! Sentence-BERT (Reimers and Gurevych, 2019, section 3): the last hidden states of a text's tokens are pooled into one vector,
//! which is scaled to unit length.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value};
use rten_tensor::{Layout, NdTensor};
use tokenizers::{Tokenizer, TruncationParams};

use super::lookup;
use crate::models::{ModelFile, ModelSpec, Pooling, sha256_hex};
use crate::unit::normalise;
use crate::{Error, Result};

/// A loaded model; shared by the threads that tokenise and the one that infers.
pub(crate) struct SentenceModel {
    dimension: usize,
    pooling: Pooling,
    tokenizer: Tokenizer,
    graph: Model,
    inputs: Inputs,
    output: NodeId,
    threads: Arc<ThreadPool>,
}

struct Inputs {
    ids: NodeId,
    mask: NodeId,
    /// Not every graph tells first from second sentences.
    types: Option<NodeId>,
}

impl SentenceModel {
    /// Loads the files of `spec` from the cache `dir`, after comparing their bytes with their digests, and tries the model.
    ///
    /// `threads` is the number that one inference uses. Blocks for some hundred milliseconds.
    pub(crate) fn load(spec: &ModelSpec, dir: &Path, threads: usize) -> Result<Self> {
        let started = Instant::now();
        let unusable = |reason: String| Error::Unusable { model: spec.name.clone(), reason };
        let tokenizer = read_checked(spec, dir, &spec.tokenizer)?;
        let tokenizer = load_tokenizer(&tokenizer, spec.max_tokens).map_err(|e| unusable(e.to_string()))?;
        let graph = lookup::before_scaling(&read_checked(spec, dir, &spec.graph)?);
        let graph = ModelOptions::with_all_ops()
            .prepack_weights(true)
            .load(graph.map_err(|error| unusable(error.to_string()))?)
            .map_err(|error| unusable(error.to_string()))?;
        let node = |name| graph.node_id(name).map_err(|error| unusable(error.to_string()));
        let types = graph.node_id("token_type_ids").ok();
        let inputs = Inputs { ids: node("input_ids")?, mask: node("attention_mask")?, types };
        let output = node("last_hidden_state")?;
        let threads = Arc::new(ThreadPool::with_num_threads(threads));
        let (dimension, pooling) = (spec.dimension, spec.pooling);
        let model = Self { dimension, pooling, tokenizer, graph, inputs, output, threads };
        // A description that does not fit its files is found now, not by the first caller.
        model.tokenise("").and_then(|row| model.embed(&[&row])).map_err(|e| unusable(e.to_string()))?;
        let took_ms = started.elapsed().as_secs_f64() * 1e3;
        tracing::info!(model = spec.name, took_ms, "model loaded");
        Ok(model)
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
                let mut vector = match self.pooling {
                    // The mean and the sum have one direction, and only the direction is kept.
                    Pooling::Mean => self.sum_states(&states[..row.len() * self.dimension]),
                    Pooling::Cls => states[..self.dimension].to_vec(),
                };
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
        let mut inputs = vec![(self.inputs.ids, ids), (self.inputs.mask, mask)];
        inputs.extend(self.inputs.types.map(|types| (types, NdTensor::zeros(shape))));
        let inputs = inputs.into_iter().map(|(node, tensor)| (node, Value::from(tensor).into())).collect();
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.threads)));
        let [hidden] = self.graph.run_n(inputs, [self.output], Some(options)).map_err(|e| e.to_string())?;
        let hidden = NdTensor::<f32, 3>::try_from(hidden).map_err(|error| error.to_string())?;
        if hidden.shape() != [rows.len(), width, self.dimension] {
            return Err(format!("the graph answered with shape {:?}", hidden.shape()));
        }
        Ok(hidden.into_data())
    }
}

/// The bytes of a model's file, once they have been compared with its digest.
fn read_checked(spec: &ModelSpec, dir: &Path, file: &ModelFile) -> Result<Vec<u8>> {
    let path = dir.join(&spec.name).join(&file.file);
    let unusable = |reason| Error::Unusable { model: spec.name.clone(), reason };
    let bytes = fs::read(&path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::NotInstalled { model: spec.name.clone(), dir: dir.into() },
        _ => unusable(format!("{}: {error}", path.display())),
    })?;
    let found = sha256_hex(&bytes);
    let differs =
        || unusable(format!("{} has SHA-256 {found}, described is {}", path.display(), file.sha256));
    (found == file.sha256).then_some(bytes).ok_or_else(differs)
}

/// The file asks for padding to 128 tokens and a cut at 128; we pad each batch to its longest, and cut at `max_tokens`.
fn load_tokenizer(json: &[u8], max_tokens: usize) -> tokenizers::Result<Tokenizer> {
    let mut tokenizer = Tokenizer::from_bytes(json)?;
    tokenizer.with_padding(None);
    let truncation = TruncationParams { max_length: max_tokens, ..TruncationParams::default() };
    tokenizer.with_truncation(Some(truncation))?;
    Ok(tokenizer)
}
