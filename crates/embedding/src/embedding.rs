//! What goes in and what comes out.

use std::sync::Arc;

use wire::embed::TextKind;

use crate::unit::normalise;
use crate::{Error, Result};

/// A vector of unit length, shared between the cache and those who read it.
pub type Vector = Arc<[f32]>;

/// What is asked of an [`Embedder`](crate::Embedder).
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Which model; the default one if absent.
    pub model: Option<&'a str>,
    /// What the texts are, which decides on their prefix.
    pub kind: Option<TextKind>,
    /// The texts.
    pub input: Input<'a>,
    /// Whether a text that is longer than the model reads is cut off; if not, the request fails.
    pub truncate: bool,
    /// Components wanted of each vector; all of them if absent.
    pub dimensions: Option<usize>,
}

impl<'a> Request<'a> {
    /// Of these texts, by the default model.
    pub fn texts(texts: &'a [String]) -> Self {
        Self { model: None, kind: None, input: Input::Texts(texts), truncate: true, dimensions: None }
    }
}

/// Texts, or their tokens.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// As they are written.
    Texts(&'a [String]),
    /// As ids in the model's own vocabulary; no prefix is put before them.
    Tokens(&'a [Vec<u32>]),
}

impl Input<'_> {
    /// How many texts.
    pub fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Tokens(lists) => lists.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One text as a model reads it, its prefix included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Text(String),
    Tokens(Vec<u32>),
}

/// A text's vector, and what was read for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// Of unit length.
    pub vector: Vector,
    /// How many tokens were read.
    pub read: u32,
    /// Whether that is all.
    pub extent: Extent,
}

/// How much of a text was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// Its beginning; the text has so many tokens, where that is known.
    Cut(Option<u32>),
}

impl Embedding {
    /// The first `dimension` components, at unit length again.
    ///
    /// What is left of a model that was trained for it (Kusupati et al., 2022, "Matryoshka Representation Learning") is nearly as
    /// good; of any other, less so.
    pub(crate) fn cut_to(&self, dimension: usize) -> Result<Self> {
        let all = self.vector.len();
        if !(1..=all).contains(&dimension) {
            return Err(Error::Dimension { wanted: dimension, all });
        }
        if dimension == all {
            return Ok(self.clone());
        }
        let mut vector = self.vector[..dimension].to_vec();
        let undirected = || Error::Inference(format!("the first {dimension} components are all zero"));
        normalise(&mut vector).ok_or_else(undirected)?;
        Ok(Self { vector: vector.into(), ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedding(vector: &[f32]) -> Embedding {
        Embedding { vector: vector.into(), read: 3, extent: Extent::Whole }
    }

    #[test]
    fn shortened_vector_has_unit_length_again() {
        let short = embedding(&[0.36, 0.48, 0.8]).cut_to(2).unwrap();
        assert!((short.vector[0] - 0.6).abs() < 1e-6 && (short.vector[1] - 0.8).abs() < 1e-6, "{short:?}");
        assert_eq!(embedding(&[0.6, 0.8]).cut_to(2).unwrap(), embedding(&[0.6, 0.8]));
    }

    #[test]
    fn dimension_that_the_model_does_not_have_is_refused_with_those_it_has() {
        for wanted in [0, 3, usize::MAX] {
            let refused = embedding(&[0.6, 0.8]).cut_to(wanted).unwrap_err();
            assert!(matches!(refused, Error::Dimension { all: 2, .. }), "{refused}");
        }
        assert!(embedding(&[0.0, 1.0]).cut_to(1).is_err(), "nothing is left that has a direction");
    }
}
