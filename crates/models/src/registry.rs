//! The models that there are, described in TOML: [`BUILT_IN`], and what an operator adds in a file of the same form.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use figment::Figment;
use figment::providers::{Format, Toml};
use serde::Deserialize;

use crate::{ChatModelSpec, Installable, ModelSpec, ModelsError};

/// The file in the folder of model files that adds to what is built in.
pub const REGISTRY_FILE: &str = "registry.toml";

const BUILT_IN: &str = include_str!("registry.toml");

/// Every model that is described.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Registry {
    /// Embedding models that run here.
    pub models: Vec<ModelSpec>,
    /// Chat models that run here.
    pub chat_models: Vec<ChatModelSpec>,
    /// What the texts of models begin with that run elsewhere.
    pub prefixes: Vec<Prefixes>,
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
        registry.chat_models.splice(..0, built_in.chat_models);
        registry.prefixes.extend(built_in.prefixes);
        registry.check(&place)?;
        Ok(registry)
    }

    /// The embedding model of that name.
    pub fn find(&self, name: &str) -> Option<&ModelSpec> {
        self.models.iter().find(|model| model.name == name)
    }

    /// The chat model of that name.
    pub fn find_chat(&self, name: &str) -> Option<&ChatModelSpec> {
        self.chat_models.iter().find(|model| model.name == name)
    }

    /// The prefixes of a model that runs elsewhere, by the name that its provider knows.
    pub fn prefixes_of(&self, model: &str) -> Option<&Prefixes> {
        let name = model.rsplit_once('/').map_or(model, |(_, name)| name);
        let name = name.split_once(':').map_or(name, |(name, _)| name);
        self.prefixes.iter().find(|prefixes| prefixes.models.iter().any(|known| known == name))
    }

    /// What `toml` describes, without what is built in; errors call it `place`.
    ///
    /// # Errors
    /// [`ModelsError::Registry`] with what is wrong in it.
    pub fn parse(toml: &str, place: &str) -> Result<Self, ModelsError> {
        let parsed = Figment::from(Toml::string(toml)).extract::<Self>();
        let registry = parsed.map_err(|error| wrong(place, error.to_string()))?;
        registry.check(place)?;
        Ok(registry)
    }

    fn check(&self, place: &str) -> Result<(), ModelsError> {
        let at = |name: &str, reason: String| wrong(place, format!("model {name:?}: {reason}"));
        for model in &self.models {
            model.check().map_err(|reason| at(&model.name, reason))?;
        }
        for model in &self.chat_models {
            model.check().map_err(|reason| at(&model.name, reason))?;
        }
        // Of both kinds: each has a folder of its name.
        let mut names = BTreeSet::new();
        let all =
            self.models.iter().map(Installable::name).chain(self.chat_models.iter().map(Installable::name));
        match all.into_iter().find(|name| !names.insert(*name)) {
            None => Ok(()),
            Some(name) => Err(at(name, "it is described twice: give one of them another name".into())),
        }
    }
}

fn wrong(place: &str, reason: String) -> ModelsError {
    ModelsError::Registry { place: place.into(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DEFAULT_CHAT_MODEL, DEFAULT_MODEL, Pooling, Template};

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

    const CHAT_MODEL: &str = r#"
        [[chat_models]]
        name = "smollm2-360m"
        context = 4096
        template = "chatml"
        licence = "Apache-2.0"
        weights = { file = "model.gguf", sha256 = "2222222222222222222222222222222222222222222222222222222222222222" }
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
    fn chat_model_that_is_built_in_is_whole_and_is_the_default_one() {
        let registry = Registry::built_in().unwrap();
        let model = registry.find_chat(DEFAULT_CHAT_MODEL).unwrap();
        assert_eq!((model.context, model.template), (2048, Template::Chatml));
        let members: Vec<_> = model.packages.iter().flat_map(|package| &package.members).collect();
        assert_eq!(members.iter().map(|member| member.file.as_str()).collect::<Vec<_>>(), ["model.gguf"]);
        assert_eq!(model.files(), [&model.weights]);
        assert_eq!(registry.find(DEFAULT_CHAT_MODEL), None);
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
    fn file_beside_the_models_adds_chat_models() {
        let registry = load(CHAT_MODEL).unwrap();
        let names: Vec<_> = registry.chat_models.iter().map(|model| model.name.as_str()).collect();
        assert_eq!(names, [DEFAULT_CHAT_MODEL, "smollm2-360m"]);
        assert_eq!(registry.find_chat("smollm2-360m").unwrap().context, 4096);
        assert!(registry.find(DEFAULT_MODEL).is_some());
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
    fn mistake_in_a_chat_model_is_named_with_the_file_and_the_model() {
        let cases = [
            (CHAT_MODEL.replace("4096", "63"), "`context` is 63"),
            (CHAT_MODEL.replace("4096", "1048577"), "`context` is 1048577"),
            (CHAT_MODEL.replace("2222", "22"), "sha256sum"),
            (CHAT_MODEL.replace("model.gguf", "/etc/passwd"), "plain name"),
            (format!("{CHAT_MODEL}{}", MODEL.replace("bge", "smollm2-360m")), "twice"),
        ];
        for (text, reason) in cases {
            let error = load(&text).unwrap_err().to_string();
            let is_named = error.contains(REGISTRY_FILE) && error.contains("\"smollm2-360m\"");
            assert!(error.contains(reason) && is_named, "{reason}: {error}");
        }
        let unknown = load(&CHAT_MODEL.replace("chatml", "alpaca")).unwrap_err().to_string();
        assert!(unknown.contains("alpaca") && unknown.contains(REGISTRY_FILE), "{unknown}");
        for context in ["64", "1048576"] {
            load(&CHAT_MODEL.replace("4096", context)).unwrap();
        }
    }

    #[test]
    fn name_of_a_model_that_is_built_in_is_taken_for_both_kinds() {
        for text in
            [MODEL.replace("bge", DEFAULT_CHAT_MODEL), CHAT_MODEL.replace("smollm2-360m", DEFAULT_MODEL)]
        {
            let error = load(&text).unwrap_err().to_string();
            assert!(error.contains("twice"), "{error}");
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
