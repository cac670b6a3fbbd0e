//! A static model: each token has one vector, whatever stands beside it; a text's vector is the mean of those of its tokens.
//!
//! The file is that of Model2Vec (Tulkens and van Dongen, 2024): a tensor `embeddings`, `[vocabulary, dimension]`, in safetensors.
//! [`crate::distill`] makes one of an encoder.

use std::path::Path;

use half::f16;
use half::slice::HalfFloatSliceExt;
use models::ModelSpec;

use super::reader::{Reader, read_checked};
use crate::embedding::{Embedding, Item};
use crate::unit::normalise;
use crate::{Error, Result, safetensors};

/// A loaded one: two bytes a number.
pub(crate) struct StaticModel {
    reader: Reader,
    dimension: usize,
    /// `[vocabulary, dimension]`.
    table: Vec<f16>,
}

impl StaticModel {
    /// Loads the files of `spec` from the cache `dir`, after comparing their bytes with their digests.
    pub(crate) fn load(spec: &ModelSpec, dir: &Path) -> Result<Self> {
        let reader = Reader::load(spec, dir)?;
        let file = read_checked(spec, dir, &spec.graph)?;
        let shape = [reader.vocabulary(), spec.dimension];
        let table = safetensors::read(&file, shape).map_err(|reason| Error::unusable(spec, reason))?;
        Ok(Self { reader, dimension: spec.dimension, table })
    }

    /// Refuses tokens that the model does not have.
    pub(crate) fn check_tokens(&self, ids: &[u32]) -> Result<()> {
        self.reader.check_tokens(ids)
    }

    /// The vectors of texts, each at unit length.
    pub(crate) fn embed(&self, items: &[Item]) -> Result<Vec<Embedding>> {
        let mut row = vec![0.0; self.dimension];
        items.iter().map(|item| self.embed_one(item, &mut row)).collect()
    }

    fn embed_one(&self, item: &Item, row: &mut [f32]) -> Result<Embedding> {
        let tokens = self.reader.read(item)?;
        let mut vector = vec![0.0; self.dimension];
        // The mean and the sum have one direction, and only the direction is kept.
        for &id in &tokens.ids {
            let from = id as usize * self.dimension;
            self.table[from..from + self.dimension].convert_to_f32_slice(row);
            vector.iter_mut().zip(&*row).for_each(|(sum, x)| *sum += x);
        }
        if normalise(&mut vector).is_none() {
            // An empty text is a text, and every vector has unit length: one direction for all that say nothing.
            vector.fill(0.0);
            vector[0] = 1.0;
        }
        let (read, extent) = tokens.counts();
        Ok(Embedding { vector: vector.into(), read, extent })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use models::{ModelKind, ModelSpec, Registry, sha256_hex};

    const TOKENIZER: &str = r#"{"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":{"type":"Whitespace"},
        "post_processor":null,"decoder":null,"model":{"type":"WordLevel","vocab":{"?":0,"a":1,"b":2},"unk_token":"?"}}"#;

    /// Two words, `a` to the right and `b` upwards, in a folder that is gone after it is loaded.
    pub(in crate::local) fn model() -> StaticModel {
        load(&[vec![0.0, 0.0], vec![2.0, 0.0], vec![0.0, 2.0]]).unwrap_or_else(|error| panic!("{error}"))
    }

    fn load(rows: &[Vec<f32>]) -> Result<StaticModel> {
        let failed = |error: String| Error::Configuration(error);
        let dir = tempfile::tempdir().map_err(|error| failed(error.to_string()))?;
        let table = safetensors::write(rows).map_err(|error| failed(error.to_string()))?;
        let registry = Registry::built_in().map_err(|error| failed(error.to_string()))?;
        let mut spec = ModelSpec { kind: ModelKind::Static, dimension: 2, ..registry.models[0].clone() };
        let folder = dir.path().join(&spec.name);
        std::fs::create_dir(&folder).map_err(|error| failed(error.to_string()))?;
        for (file, bytes) in [(&mut spec.graph, &table[..]), (&mut spec.tokenizer, TOKENIZER.as_bytes())] {
            file.sha256 = sha256_hex(bytes);
            std::fs::write(folder.join(&file.file), bytes).map_err(|error| failed(error.to_string()))?;
        }
        StaticModel::load(&spec, dir.path())
    }

    #[test]
    fn text_is_the_mean_of_its_words_at_unit_length_and_one_that_says_nothing_has_a_vector_too() {
        let text = |text: &str| Item::Text(text.to_owned());
        let embedded =
            model().embed(&[text("a"), text("a b"), text("b b b"), text(""), text("what")]).unwrap();
        let half = 0.5_f32.sqrt();
        let vectors: Vec<_> = embedded.iter().map(|embedding| embedding.vector.to_vec()).collect();
        assert_eq!(vectors, [[1.0, 0.0], [half, half], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]);
        assert_eq!(embedded.iter().map(|embedding| embedding.read).collect::<Vec<_>>(), [1, 2, 3, 0, 1]);
    }

    #[test]
    fn table_that_has_not_a_row_for_every_token_is_refused() {
        let refused = load(&[vec![0.0, 0.0], vec![2.0, 0.0]]).err().unwrap().to_string();
        assert!(refused.contains("[2, 2]") && refused.contains("[3, 2]"), "{refused}");
    }
}
