//! Brute force over raw vectors, in 64 bits.

use anyhow::ensure;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// What 32-bit distances may be off.
pub(super) const TOLERANCE: f64 = 1e-5;

/// `1 - cos`.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot =
        |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum() };
    1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Euclidean.
pub(super) fn euclidean(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2)).sum::<f64>().sqrt()
}

/// A vector of small whole numbers, of which many coincide: ties are common and exact.
pub(super) fn coarse_vector(rng: &mut ChaCha8Rng, dimension: usize) -> Vec<f32> {
    let mut vector: Vec<f32> = (0..dimension).map(|_| f32::from(rng.random_range(-2_i8..=2))).collect();
    vector[0] += 5.0;
    vector
}

/// A vector without structure.
pub(super) fn random_vector(rng: &mut ChaCha8Rng, dimension: usize) -> Vec<f32> {
    (0..dimension).map(|_| rng.random_range(-1.0_f32..1.0)).collect()
}

/// Ensures that `found` is a right answer to "the `k` nearest of `all`": each as far away as it is said to be, in order,
/// and no nearer one left out. What is equally far may stand for each other.
pub(super) fn ensure_nearest<I: Ord + Clone + std::fmt::Debug>(
    found: &[(I, f64)],
    all: &[(I, f64)],
    k: usize,
) -> anyhow::Result<()> {
    let mut expected = all.to_vec();
    expected.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
    expected.truncate(k);
    ensure!(found.len() == expected.len(), "{} found, {} expected", found.len(), expected.len());
    let mut seen = std::collections::BTreeSet::new();
    for (at, ((id, distance), (_, nearest))) in found.iter().zip(&expected).enumerate() {
        let Some((_, own)) = all.iter().find(|(other, _)| other == id) else {
            anyhow::bail!("{id:?} must not be found")
        };
        ensure!(seen.insert(id), "{id:?} is found twice");
        ensure!((distance - own).abs() < TOLERANCE, "{id:?} is {own} away, not {distance}");
        ensure!(
            (distance - nearest).abs() < TOLERANCE,
            "place {at}: {distance}, but something is {nearest} away"
        );
    }
    Ok(())
}
