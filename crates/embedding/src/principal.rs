//! Principal component analysis, of vectors of some hundred components.

/// The directions in which vectors differ most, the first most of all: `[kept, dimension]`, each of unit length.
pub(crate) struct Components {
    mean: Vec<f64>,
    directions: Vec<Vec<f64>>,
    /// How far the vectors lie apart along each: the standard deviation.
    pub(crate) spread: Vec<f64>,
}

/// A spread that is smaller than this part of the largest is rounding.
const LEAST_SPREAD: f64 = 1e-6;

/// Sweeps of rotations after which the rest is rounding: a matrix of 384 rows takes nine.
const MAX_SWEEPS: usize = 30;

impl Components {
    /// Those of `vectors`, `kept` of them.
    pub(crate) fn of(vectors: &[Vec<f32>], kept: usize) -> Self {
        let dimension = vectors.first().map_or(0, Vec::len);
        let count = vectors.len().max(1) as f64;
        let mut mean = vec![0.0; dimension];
        for vector in vectors {
            mean.iter_mut().zip(vector).for_each(|(sum, &x)| *sum += f64::from(x) / count);
        }
        let mut covariance = vec![vec![0.0; dimension]; dimension];
        let mut centred = vec![0.0; dimension];
        for vector in vectors {
            centred.iter_mut().zip(vector).zip(&mean).for_each(|((to, &x), mean)| *to = f64::from(x) - mean);
            for (row, &x) in covariance.iter_mut().zip(&centred) {
                row.iter_mut().zip(&centred).for_each(|(sum, y)| *sum += x * y / count);
            }
        }
        let (values, directions) = eigen(covariance);
        let mut order: Vec<usize> = (0..dimension).collect();
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        order.truncate(kept);
        let spread: Vec<f64> = order.iter().map(|&i| values[i].max(0.0).sqrt()).collect();
        let least = spread.first().map_or(0.0, |largest| largest * LEAST_SPREAD).max(f64::MIN_POSITIVE);
        let spread = spread.into_iter().map(|spread| spread.max(least)).collect();
        let directions = order.into_iter().map(|i| turned(&directions[i])).collect();
        Self { mean, directions, spread }
    }

    /// Where `vector` lies along each direction.
    pub(crate) fn project(&self, vector: &[f32]) -> Vec<f64> {
        let centred: Vec<f64> = vector.iter().zip(&self.mean).map(|(&x, mean)| f64::from(x) - mean).collect();
        let along = |direction: &Vec<f64>| direction.iter().zip(&centred).map(|(a, b)| a * b).sum();
        self.directions.iter().map(along).collect()
    }
}

/// Either direction of an axis will do: the one in which its largest component is positive, so that the same axis is always one direction.
fn turned(axis: &[f64]) -> Vec<f64> {
    let largest = axis.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(1.0);
    axis.iter().map(|x| x * largest.signum()).collect()
}

/// Eigenvalues and eigenvectors (rows) of a symmetric matrix, by Jacobi's cyclic rotations (Golub and Van Loan, Matrix Computations,
/// 4th edition, algorithm 8.5.3).
fn eigen(mut a: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let n = a.len();
    let mut vectors: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    let scale: f64 = (0..n).map(|i| a[i][i].abs()).sum();
    for _ in 0..MAX_SWEEPS {
        let rest: f64 = (0..n).flat_map(|i| a[i][i + 1..].iter()).map(|x| x * x).sum::<f64>().sqrt();
        if rest <= 1e-12 * scale {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut vectors, p, q);
            }
        }
    }
    ((0..n).map(|i| a[i][i]).collect(), vectors)
}

/// Makes `a[p][q]` zero.
fn rotate(a: &mut [Vec<f64>], vectors: &mut [Vec<f64>], p: usize, q: usize) {
    if a[p][q] == 0.0 {
        return;
    }
    let tau = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    let t = tau.signum() / (tau.abs() + tau.hypot(1.0));
    let c = 1.0 / t.hypot(1.0);
    let s = t * c;
    for row in a.iter_mut() {
        (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
    }
    for rows in [a, vectors] {
        let (head, tail) = rows.split_at_mut(q);
        for (x, y) in head[p].iter_mut().zip(&mut tail[0]) {
            (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvectors_of_a_known_matrix_are_found() {
        // Eigenvalues 3 and 1, along (1, 1) and (1, -1).
        let (values, vectors) = eigen(vec![vec![2.0, 1.0], vec![1.0, 2.0]]);
        let largest = if values[0] > values[1] { 0 } else { 1 };
        assert!((values[largest] - 3.0).abs() < 1e-12 && (values[1 - largest] - 1.0).abs() < 1e-12);
        assert!((vectors[largest][0] - vectors[largest][1]).abs() < 1e-12, "{vectors:?}");
    }

    #[test]
    fn projection_keeps_the_distances_of_vectors_that_lie_in_a_plane() {
        // Two numbers, spread over five components.
        let vector = |a: f32, b: f32| vec![a, a + b, 2.0 * b, -a, 3.0];
        let vectors: Vec<_> = (0..40).map(|i| vector((i % 7) as f32, (i * i % 11) as f32)).collect();
        let components = Components::of(&vectors, 2);
        let distance =
            |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
        let wide = |vector: &[f32]| vector.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        for (a, b) in vectors.iter().zip(&vectors[1..]) {
            let short = distance(&components.project(a), &components.project(b));
            let long = distance(&wide(a), &wide(b));
            assert!((long - short).abs() < 1e-9, "{long} {short}");
        }
        for (along, spread) in components.spread.iter().enumerate() {
            let squares: f64 = vectors.iter().map(|vector| components.project(vector)[along].powi(2)).sum();
            assert!(((squares / 40.0).sqrt() - spread).abs() < 1e-9, "{spread}");
        }
    }
}
