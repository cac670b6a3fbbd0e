//! The three distances, the checks on vectors that come in, and the arithmetic under both.

use std::fmt;

use crate::error::Invalid;
use crate::kernel;

/// How far apart two vectors are; smaller is nearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Distance {
    /// `1 - cos(a, b)`, from 0 to 2. Vectors are normalised when they come in.
    #[default]
    Cosine,
    /// `-(a . b)`, unbounded on both sides.
    Dot,
    /// `|a - b|`, not squared.
    Euclidean,
}

impl Distance {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Dot => "dot",
            Self::Euclidean => "euclidean",
        }
    }

    /// The number that stands for it in files.
    pub(crate) const fn code(self) -> u32 {
        match self {
            Self::Cosine => 1,
            Self::Dot => 2,
            Self::Euclidean => 3,
        }
    }

    /// Inverse of [`Distance::code`].
    pub(crate) const fn from_code(code: u32) -> Option<Self> {
        match code {
            1 => Some(Self::Cosine),
            2 => Some(Self::Dot),
            3 => Some(Self::Euclidean),
            _ => None,
        }
    }

    /// Checks a vector that comes in and brings it into the stored form: of unit length under cosine.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn admit(self, mut vector: Vec<f32>, dimension: usize) -> Result<Vec<f32>, Invalid> {
        if vector.len() != dimension {
            return Err(Invalid::Dimension { expected: dimension, got: vector.len() });
        }
        if let Some(position) = vector.iter().position(|x| !x.is_finite()) {
            return Err(Invalid::NotFinite { position, value: vector[position] });
        }
        // In f64, because the square of an admissible f32 may overflow or vanish in f32.
        let length = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
        match self {
            Self::Cosine if length == 0.0 => return Err(Invalid::ZeroVector),
            Self::Cosine => {
                for x in &mut vector {
                    *x = (f64::from(*x) / length) as f32;
                }
            }
            Self::Dot | Self::Euclidean if length >= MAX_LENGTH => {
                return Err(Invalid::TooLong { length });
            }
            Self::Dot | Self::Euclidean => {}
        }
        for x in &mut vector {
            *x += 0.0; // -0.0 becomes 0.0, so that equal vectors have equal bits
        }
        Ok(vector)
    }

    /// A number that orders stored vectors as the distance to `query` does, without its square root.
    ///
    /// Cosine is half the squared Euclidean distance of unit vectors: equal to `1 - a . b` and, unlike it, free of
    /// cancellation, so that a vector is at exactly 0 from itself.
    #[inline]
    pub(crate) fn rank(self, query: &[f32], row: &[f32]) -> f32 {
        match self {
            Self::Cosine => (0.5 * kernel::squared_euclidean(query, row)).min(2.0),
            Self::Dot => -kernel::dot(query, row),
            Self::Euclidean => kernel::squared_euclidean(query, row),
        }
    }

    /// A rank that none of a distance up to `max` exceeds.
    pub(crate) fn max_rank_within(self, max: f32) -> f32 {
        match self {
            Self::Cosine | Self::Dot => max,
            Self::Euclidean if max < 0.0 => f32::NEG_INFINITY,
            // The square root of a little more may be rounded down to it.
            Self::Euclidean => max * max * (1.0 + 4.0 * f32::EPSILON),
        }
    }

    /// The distance that belongs to a [`Distance::rank`].
    pub(crate) fn distance_of_rank(self, rank: f32) -> f32 {
        match self {
            Self::Cosine => rank,
            Self::Dot => rank + 0.0, // not -0.0
            Self::Euclidean => rank.sqrt(),
        }
    }
}

/// Squared distances of vectors below this length stay below `f32::MAX`.
const MAX_LENGTH: f64 = 1e18;

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(of: Distance, a: &[f32], b: &[f32]) -> f32 {
        let a = of.admit(a.to_vec(), a.len()).unwrap();
        let b = of.admit(b.to_vec(), b.len()).unwrap();
        of.distance_of_rank(of.rank(&a, &b))
    }

    #[test]
    fn distances_are_those_of_the_wire_contract() {
        assert_eq!(distance(Distance::Cosine, &[3.0, 4.0], &[3.0, 4.0]), 0.0);
        assert!((distance(Distance::Cosine, &[2.0, 0.0], &[0.0, 5.0]) - 1.0).abs() < 1e-6);
        assert!((distance(Distance::Cosine, &[2.0, 0.0], &[-7.0, 0.0]) - 2.0).abs() < 1e-6);
        assert_eq!(distance(Distance::Dot, &[1.0, 2.0], &[3.0, 4.0]), -11.0);
        assert_eq!(distance(Distance::Euclidean, &[0.0, 0.0], &[3.0, 4.0]), 5.0);
    }

    #[test]
    fn tiny_and_huge_vectors_keep_their_direction_under_cosine() {
        assert!(distance(Distance::Cosine, &[1e-38, 0.0], &[1e38, 0.0]) < 1e-6);
        assert!((distance(Distance::Cosine, &[3e38, 3e38], &[1e-45, 0.0]) - 0.292_893_2).abs() < 1e-6);
    }

    #[test]
    fn vectors_that_would_poison_arithmetic_are_refused() {
        let admit = |of: Distance, v: &[f32]| of.admit(v.to_vec(), 2);
        for of in [Distance::Cosine, Distance::Dot, Distance::Euclidean] {
            assert!(matches!(admit(of, &[1.0]), Err(Invalid::Dimension { expected: 2, got: 1 })));
            assert!(matches!(admit(of, &[1.0, f32::NAN]), Err(Invalid::NotFinite { position: 1, .. })));
            assert!(matches!(admit(of, &[f32::INFINITY, 0.0]), Err(Invalid::NotFinite { position: 0, .. })));
        }
        assert_eq!(admit(Distance::Cosine, &[0.0, -0.0]), Err(Invalid::ZeroVector));
        assert!(admit(Distance::Dot, &[0.0, 0.0]).is_ok());
        assert!(matches!(admit(Distance::Euclidean, &[3e38, 0.0]), Err(Invalid::TooLong { .. })));
    }
}
