//! Sums over two vectors of f32. One source is compiled twice, for the baseline and for AVX2; as neither contracts
//! multiply and add, both give the same bits.

/// Independent partial sums: enough to hide the latency of an addition in 8-wide registers.
const LANES: usize = 32;

#[inline(always)]
fn sum_over(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut lanes = [0.0_f32; LANES];
    for (x, y) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            lanes[lane] += term(x[lane], y[lane]);
        }
    }
    for (lane, (x, y)) in a_rest.iter().zip(b_rest).enumerate() {
        lanes[lane] += term(*x, *y);
    }
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

#[inline(always)]
fn dot_portable(a: &[f32], b: &[f32]) -> f32 {
    sum_over(a, b, |x, y| x * y)
}

#[inline(always)]
fn squared_euclidean_portable(a: &[f32], b: &[f32]) -> f32 {
    sum_over(a, b, |x, y| (x - y) * (x - y))
}

/// `a . b`
#[inline]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return avx2::dot(a, b);
    }
    dot_portable(a, b)
}

/// `|a - b|^2`
#[inline]
pub(crate) fn squared_euclidean(a: &[f32], b: &[f32]) -> f32 {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return avx2::squared_euclidean(a, b);
    }
    squared_euclidean_portable(a, b)
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod avx2 {
    #[target_feature(enable = "avx2")]
    fn dot_wide(a: &[f32], b: &[f32]) -> f32 {
        super::dot_portable(a, b)
    }

    #[target_feature(enable = "avx2")]
    fn squared_euclidean_wide(a: &[f32], b: &[f32]) -> f32 {
        super::squared_euclidean_portable(a, b)
    }

    pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
        // SAFETY: the only caller has seen that this CPU has AVX2.
        unsafe { dot_wide(a, b) }
    }

    pub(super) fn squared_euclidean(a: &[f32], b: &[f32]) -> f32 {
        // SAFETY: as above.
        unsafe { squared_euclidean_wide(a, b) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_portable_paths_give_the_same_bits_at_every_length() {
        for n in 0..200_usize {
            let a: Vec<f32> = (0..n).map(|i| (i as f32 * 0.37).sin()).collect();
            let b: Vec<f32> = (0..n).map(|i| (i as f32 * 0.11).cos()).collect();
            assert_eq!(dot(&a, &b).to_bits(), dot_portable(&a, &b).to_bits(), "{n}");
            assert_eq!(
                squared_euclidean(&a, &b).to_bits(),
                squared_euclidean_portable(&a, &b).to_bits(),
                "{n}"
            );
            let exact: f64 = a.iter().zip(&b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            assert!((f64::from(dot(&a, &b)) - exact).abs() < 1e-4, "{n}");
        }
    }
}
