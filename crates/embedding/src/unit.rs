//! Vectors of length one: every vector that leaves this crate is one, so that cosine, dot and euclidean agree on order.

/// Scales `vector` to unit length in place. `None` if it has no direction: zero, NaN or infinite.
///
/// The sum of squares is taken in f64: a component of an f32 vector may be too small or too large to be squared in f32.
pub(crate) fn normalise(vector: &mut [f32]) -> Option<()> {
    let norm = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    if !norm.is_finite() || norm == 0.0 {
        return None;
    }
    for x in vector {
        // Narrowing is the point: the quotient is at most 1.
        *x = (f64::from(*x) / norm) as f32;
    }
    Some(())
}

/// Whether `vector` is what [`normalise`] leaves, as far as f32 can tell.
pub(crate) fn is_unit(vector: &[f32]) -> bool {
    let squares: f64 = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    (squares - 1.0).abs() < 1e-3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiny_and_huge_vectors_become_unit_vectors() {
        for scale in [1e-30_f32, 1.0, 1e30] {
            let mut vector = [3.0 * scale, 4.0 * scale];
            normalise(&mut vector).unwrap();
            assert!((vector[0] - 0.6).abs() < 1e-6 && (vector[1] - 0.8).abs() < 1e-6, "{vector:?}");
        }
    }

    #[test]
    fn vector_without_direction_is_refused() {
        for bad in [[0.0, 0.0], [f32::NAN, 1.0], [f32::INFINITY, 1.0]] {
            assert_eq!(normalise(&mut bad.clone()), None, "{bad:?}");
        }
    }
}
