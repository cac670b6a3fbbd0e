//! Dot products of byte vectors: unsigned in storage, signed in the query, as the VNNI instructions want them.
//!
//! All sums are exact integers, so every path gives the same answer.

use crate::table::{Line, Table};

/// Rows that are fetched ahead of the one that is being multiplied: enough to cover a miss in the last cache (about
/// 80 ns) at about 15 ns a row.
const ROWS_AHEAD: usize = 4;

/// The instructions that dot products are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isa {
    /// Any CPU.
    Portable,
    /// 16 products an instruction.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 64 products an instruction.
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
}

impl Isa {
    /// The fastest that this CPU has.
    pub(crate) fn detect() -> Self {
        Self::available().pop().unwrap_or(Self::Portable)
    }

    /// All that this CPU has, the fastest last.
    pub(crate) fn available() -> Vec<Self> {
        let mut available = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx2") {
                available.push(Self::Avx2);
            }
            if std::arch::is_x86_feature_detected!("avx512bw")
                && std::arch::is_x86_feature_detected!("avx512vnni")
            {
                available.push(Self::Avx512Vnni);
            }
        }
        available
    }

    /// `row . query` for each of `slots`, whose rows are unsigned bytes; `query` is signed bytes of the same width.
    /// `out` has one place for each slot.
    #[inline]
    pub(crate) fn dots(self, rows: &Table<Line>, query: &[Line], slots: &[u32], out: &mut [i32]) {
        assert_eq!(
            (rows.width(), slots.len()),
            (query.len(), out.len()),
            "a query and places of the same size"
        );
        match self {
            Self::Portable => portable::dots(rows, query, slots, out),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => x86::dots_avx2(rows, query, slots, out),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => x86::dots_avx512(rows, query, slots, out),
        }
    }
}

impl Isa {
    /// The dot product of two rows of unsigned bytes that stand for signed ones, 128 less each.
    #[inline]
    pub(crate) fn dot_between(self, a: &[Line], b: &[Line]) -> i32 {
        assert_eq!(a.len(), b.len(), "two rows of the same size");
        match self {
            Self::Portable => portable::dot_between(a, b),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => x86::dot_between_avx2(a, b),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => x86::dot_between_avx512(a, b),
        }
    }
}

/// Asks for the cache line at `at` to be fetched. A hint only: any address will do.
#[inline(always)]
pub(crate) fn prefetch<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch never faults, whatever the address.
    #[expect(unsafe_code, reason = "there is no safe form of it")]
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

#[inline(always)]
fn for_each_row(rows: &Table<Line>, slots: &[u32], mut work: impl FnMut(usize, &[Line])) {
    for slot in slots.iter().take(ROWS_AHEAD) {
        fetch(rows, *slot);
    }
    for (place, slot) in slots.iter().enumerate() {
        if let Some(ahead) = slots.get(place + ROWS_AHEAD) {
            fetch(rows, *ahead);
        }
        work(place, rows.row(*slot as usize));
    }
}

#[inline(always)]
fn fetch(rows: &Table<Line>, slot: u32) {
    for line in rows.row(slot as usize) {
        prefetch(line);
    }
}

mod portable {
    use super::{Line, Table, for_each_row};

    pub(super) fn dots(rows: &Table<Line>, query: &[Line], slots: &[u32], out: &mut [i32]) {
        for_each_row(rows, slots, |place, row| {
            out[place] = row.iter().zip(query).map(|(a, b)| dot_line(a, b)).sum();
        });
    }

    #[inline(always)]
    pub(super) fn dot_between(a: &[Line], b: &[Line]) -> i32 {
        let signed = |x: &u8| i32::from(*x) - 128;
        let (a, b) = (a.iter().flat_map(|line| &line.0), b.iter().flat_map(|line| &line.0));
        a.zip(b).map(|(a, b)| signed(a) * signed(b)).sum()
    }

    fn dot_line(row: &Line, query: &Line) -> i32 {
        let product = |(a, b): (&u8, &u8)| i32::from(*a) * i32::from(b.cast_signed());
        row.0.iter().zip(&query.0).map(product).sum()
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "instructions that only some CPUs have, and loads from raw addresses")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Line, Table, for_each_row};

    pub(super) fn dots_avx2(rows: &Table<Line>, query: &[Line], slots: &[u32], out: &mut [i32]) {
        // SAFETY: `Isa::available` has seen that this CPU has AVX2.
        unsafe { avx2(rows, query, slots, out) }
    }

    pub(super) fn dots_avx512(rows: &Table<Line>, query: &[Line], slots: &[u32], out: &mut [i32]) {
        // SAFETY: `Isa::available` has seen that this CPU has AVX-512 BW and VNNI.
        unsafe { avx512(rows, query, slots, out) }
    }

    pub(super) fn dot_between_avx2(a: &[Line], b: &[Line]) -> i32 {
        // SAFETY: as in `dots_avx2`.
        unsafe { between_avx2(a, b) }
    }

    pub(super) fn dot_between_avx512(a: &[Line], b: &[Line]) -> i32 {
        // SAFETY: as in `dots_avx512`.
        unsafe { between_avx512(a, b) }
    }

    /// `(a - 128) . (b - 128)`, of which the instruction gives `a . (b - 128)` and `1 . (b - 128)`.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn between_avx512(a: &[Line], b: &[Line]) -> i32 {
        let (mut dot, mut sum) = (_mm512_setzero_si512(), _mm512_setzero_si512());
        let (sign, ones) = (_mm512_set1_epi8(i8::MIN), _mm512_set1_epi8(1));
        // SAFETY: a line is 64 readable bytes at an address divisible by 64.
        let load = |line: &Line| unsafe { _mm512_load_si512(std::ptr::from_ref(line).cast()) };
        for (a, b) in a.iter().zip(b) {
            let b = _mm512_xor_si512(load(b), sign);
            dot = _mm512_dpbusd_epi32(dot, load(a), b);
            sum = _mm512_dpbusd_epi32(sum, ones, b);
        }
        _mm512_reduce_add_epi32(_mm512_sub_epi32(dot, _mm512_slli_epi32::<7>(sum)))
    }

    /// The portable source, compiled for 32-byte registers.
    #[target_feature(enable = "avx2")]
    fn between_avx2(a: &[Line], b: &[Line]) -> i32 {
        super::portable::dot_between(a, b)
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn avx512(rows: &Table<Line>, query: &[Line], slots: &[u32], out: &mut [i32]) {
        for_each_row(rows, slots, |place, row| {
            let (mut even, mut odd) = (_mm512_setzero_si512(), _mm512_setzero_si512());
            // SAFETY: a line is 64 readable bytes at an address divisible by 64.
            let load = |line: &Line| unsafe { _mm512_load_si512(std::ptr::from_ref(line).cast()) };
            let (row_pairs, row_last) = row.as_chunks::<2>();
            let (query_pairs, query_last) = query.as_chunks::<2>();
            for (a, b) in row_pairs.iter().zip(query_pairs) {
                even = _mm512_dpbusd_epi32(even, load(&a[0]), load(&b[0]));
                odd = _mm512_dpbusd_epi32(odd, load(&a[1]), load(&b[1]));
            }
            for (a, b) in row_last.iter().zip(query_last) {
                even = _mm512_dpbusd_epi32(even, load(a), load(b));
            }
            out[place] = _mm512_reduce_add_epi32(_mm512_add_epi32(even, odd));
        });
    }

    /// By 16-bit products: those of two 8-bit numbers, added in pairs, would saturate.
    #[target_feature(enable = "avx2")]
    fn avx2(rows: &Table<Line>, query: &[Line], slots: &[u32], out: &mut [i32]) {
        for_each_row(rows, slots, |place, row| {
            let mut sums = [_mm256_setzero_si256(); 4];
            for (a, b) in row.iter().zip(query) {
                for (part, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: a line is 64 readable bytes: four parts of 16.
                    let (a, b) = unsafe {
                        let at = |line: &Line| line.0.as_ptr().add(16 * part).cast();
                        (_mm_loadu_si128(at(a)), _mm_loadu_si128(at(b)))
                    };
                    let products = _mm256_madd_epi16(_mm256_cvtepu8_epi16(a), _mm256_cvtepi8_epi16(b));
                    *sum = _mm256_add_epi32(*sum, products);
                }
            }
            let [a, b, c, d] = sums;
            let sum = _mm256_add_epi32(_mm256_add_epi32(a, b), _mm256_add_epi32(c, d));
            let halves = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
            let quarters = _mm_add_epi32(halves, _mm_unpackhi_epi64(halves, halves));
            out[place] = _mm_cvtsi128_si32(quarters) + _mm_extract_epi32::<1>(quarters);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of the extremes and of all between, without chance.
    fn line(seed: usize) -> Line {
        Line(std::array::from_fn(|i| match (seed + i) % 5 {
            0 => 0,
            1 => 255,
            2 => 128,
            3 => 127,
            _ => (seed * 31 + i * 97) as u8,
        }))
    }

    #[test]
    fn every_path_gives_the_exact_sum_at_every_width() {
        for width in 1..12 {
            let mut rows = Table::new(width);
            for row in 0..40 {
                rows.push(&(0..width).map(|i| line(row * 13 + i)).collect::<Vec<_>>());
            }
            let query: Vec<Line> = (0..width).map(|i| line(i * 7 + 3)).collect();
            let slots: Vec<u32> = (0..40).rev().collect();
            let exact = |slot: u32| -> i64 {
                let row = rows.row(slot as usize).iter().flat_map(|line| line.0);
                let query = query.iter().flat_map(|line| line.0);
                row.zip(query).map(|(a, b)| i64::from(a) * i64::from(b.cast_signed())).sum()
            };
            for isa in Isa::available() {
                let mut out = vec![0; slots.len()];
                isa.dots(&rows, &query, &slots, &mut out);
                for (slot, sum) in slots.iter().zip(out) {
                    assert_eq!(i64::from(sum), exact(*slot), "{isa:?}, width {width}, row {slot}");
                }
                for (a, b) in [(0, 0), (1, 2), (39, 20)] {
                    let (a, b) = (rows.row(a), rows.row(b));
                    assert_eq!(isa.dot_between(a, b), portable::dot_between(a, b), "{isa:?}, width {width}");
                }
            }
        }
    }
}
