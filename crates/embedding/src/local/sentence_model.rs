//! A BERT-style sentence encoder: tokens in, one unit vector a text out.
//!
//! Sentence-BERT (Reimers and Gurevych, 2019, section 3): the last hidden states of a text's tokens are pooled into one vector,
//! which is scaled to unit length.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use models::{ModelSpec, Pooling};
use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value};
use rten_tensor::{Layout, NdTensor};

use super::lookup;
use super::reader::{Reader, read_checked};
use crate::embedding::Item;
use crate::unit::normalise;
use crate::{Error, Result};

/// A loaded model; shared by the threads that use it.
pub(crate) struct SentenceModel {
    dimension: usize,
    pooling: Pooling,
    reader: Reader,
    graph: Model,
    inputs: Inputs,
    output: NodeId,
}

/// The threads of an inference.
pub(crate) type Pool = Arc<ThreadPool>;

struct Inputs {
    ids: NodeId,
    mask: NodeId,
    /// Not every graph tells first from second sentences.
    types: Option<NodeId>,
}

impl SentenceModel {
    /// Loads the files of `spec` from the cache `dir`, after comparing their bytes with their digests, and tries the model.
    ///
    /// Blocks for some hundred milliseconds.
    pub(crate) fn load(spec: &ModelSpec, dir: &Path) -> Result<Self> {
        let started = Instant::now();
        let unusable = |reason: String| Error::unusable(spec, reason);
        let reader = Reader::load(spec, dir)?;
        let graph = lookup::before_scaling(&read_checked(spec, dir, &spec.graph)?);
        let graph = ModelOptions::with_all_ops()
            .prepack_weights(true)
            .load(graph.map_err(|error| unusable(error.to_string()))?)
            .map_err(|error| unusable(error.to_string()))?;
        let node = |name| graph.node_id(name).map_err(|error| unusable(error.to_string()));
        let types = graph.node_id("token_type_ids").ok();
        let inputs = Inputs { ids: node("input_ids")?, mask: node("attention_mask")?, types };
        let output = node("last_hidden_state")?;
        let (dimension, pooling) = (spec.dimension, spec.pooling);
        let model = Self { dimension, pooling, reader, graph, inputs, output };
        // A description that does not fit its files is found now, not by the first caller.
        let tokens = model.reader.read(&Item::Text(String::new()));
        let tried = tokens.and_then(|tokens| model.embed(&[&tokens.ids], &Self::pool(1)));
        tried.map_err(|error| unusable(error.to_string()))?;
        let took_ms = started.elapsed().as_secs_f64() * 1e3;
        tracing::info!(model = spec.name, took_ms, "model loaded");
        Ok(model)
    }

    /// Threads for inferences; they begin with the niceness of the one that calls.
    pub(crate) fn pool(threads: usize) -> Pool {
        Arc::new(ThreadPool::with_num_threads(threads))
    }

    /// What makes tokens of texts.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// One unit vector for each row of token ids.
    pub(crate) fn embed(&self, rows: &[&[u32]], pool: &Pool) -> Result<Vec<Vec<f32>>> {
        let hidden = self.last_hidden_state(rows, pool).map_err(Error::Inference)?;
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

    /// The state of each token at unit length, with nothing beside it but what the tokenizer puts around a text.
    pub(crate) fn embed_tokens(&self, ids: &[u32], pool: &Pool) -> Result<Vec<Vec<f32>>> {
        let read = |&id: &u32| Ok(self.reader.read(&Item::Tokens(vec![id]))?.ids);
        let texts = ids.iter().map(read).collect::<Result<Vec<_>>>()?;
        let rows: Vec<_> = texts.iter().map(Vec::as_slice).collect();
        let hidden = self.last_hidden_state(&rows, pool).map_err(Error::Inference)?;
        let width = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        let texts = rows.iter().zip(ids).zip(hidden.chunks_exact(width * self.dimension));
        texts
            .map(|((row, id), states)| {
                let place = row.iter().position(|token| token == id).unwrap_or(0);
                let mut state = states[place * self.dimension..][..self.dimension].to_vec();
                normalise(&mut state).ok_or_else(|| Error::Inference("vector without direction".into()))?;
                Ok(state)
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
    fn last_hidden_state(&self, rows: &[&[u32]], pool: &Pool) -> std::result::Result<Vec<f32>, String> {
        let width = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        if width == 0 {
            return Err("a text has no token, and its tokenizer puts none around it".to_owned());
        }
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
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(pool)));
        let [hidden] = self.graph.run_n(inputs, [self.output], Some(options)).map_err(|e| e.to_string())?;
        let hidden = NdTensor::<f32, 3>::try_from(hidden).map_err(|error| error.to_string())?;
        if hidden.shape() != [rows.len(), width, self.dimension] {
            return Err(format!("the graph answered with shape {:?}", hidden.shape()));
        }
        Ok(hidden.into_data())
    }
}
