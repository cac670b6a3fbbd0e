//! ONNX Runtime on the same files, and the encoder in fp32: Python packages behind `peers/worker.py`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use bench_kit::peer::Peer;
use serde::{Deserialize, Serialize};
use wire::packed::unpack;

static PROGRAM: &str = include_str!("../peers/worker.py");

/// What runs the encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Engine {
    Onnx,
    Fp32,
}

#[derive(Serialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum Request<'a> {
    Hello,
    Open {
        folder: &'a Path,
        engine: Engine,
        threads: usize,
        max_length: usize,
        max_texts: usize,
        max_tokens: usize,
    },
    Embed {
        texts: &'a [String],
        vectors: bool,
    },
}

#[derive(Deserialize)]
struct Hello {
    versions: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Opened {
    sha256: String,
}

#[derive(Deserialize)]
struct Embedded {
    wall_s: f64,
    vectors_b64: Vec<String>,
}

/// One of them, with a model.
#[derive(Debug)]
pub(crate) struct Encoder {
    peer: Peer,
    /// Of the packages, by name.
    pub(crate) versions: BTreeMap<String, String>,
    /// Of the weights.
    pub(crate) sha256: String,
}

impl Encoder {
    /// Opens the model in `model`; limits and batches are embedd's.
    ///
    /// # Errors
    /// When the packages are not installed.
    pub(crate) fn open(python: &Path, engine: Engine, model: &Path, threads: usize) -> anyhow::Result<Self> {
        let mut peer = Peer::start(python, PROGRAM)?;
        let Hello { versions } = peer
            .call(&Request::Hello)
            .context("the peers do not start; `make embed-peers` installs them, --python names theirs")?;
        let (max_length, max_texts, max_tokens) = (256, 32, 1024);
        let open = Request::Open { folder: model, engine, threads, max_length, max_texts, max_tokens };
        let Opened { sha256 } = peer.call(&open)?;
        Ok(Self { peer, versions, sha256 })
    }

    /// The vectors of `texts`.
    pub(crate) fn vectors(&mut self, texts: &[String]) -> anyhow::Result<Vec<Vec<f32>>> {
        let Embedded { vectors_b64, .. } = self.peer.call(&Request::Embed { texts, vectors: true })?;
        vectors_b64.iter().map(|vector| unpack(vector).map_err(anyhow::Error::msg)).collect()
    }

    /// Seconds that requests of texts take, one after the other, from texts to vectors.
    pub(crate) fn time(&mut self, requests: &[Vec<String>]) -> anyhow::Result<f64> {
        let mut total_s = 0.0;
        for texts in requests {
            let Embedded { wall_s, .. } = self.peer.call(&Request::Embed { texts, vectors: false })?;
            total_s += wall_s;
        }
        Ok(total_s)
    }
}
