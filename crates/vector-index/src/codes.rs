//! Vectors in one byte a number: what a search reads of most items, a quarter of the memory and of the bandwidth.
//!
//! A vector `x` is stored as whole numbers `c` in -127..=127 and a scale of its own, `x ~ scale * c`. A scale for each
//! vector needs no training, so that an item has its code the moment it is written, and no vector can fall outside
//! of a range that was chosen before it came (compare the per-vector bounds of Aguerrebere et al. 2023, "Similarity
//! search in the blink of an eye with compressed indices", <https://arxiv.org/abs/2304.04759>).

use crate::distance::Distance;
use crate::kernel::{self, Isa};
use crate::table::{Line, Table};

/// From this dimension on, a code takes fewer bytes than the vector by enough to pay for looking twice.
pub(crate) const SCAN_FROM_DIMENSION: usize = 48;
/// Bytes of a line.
const LINE: usize = 64;
/// Added to a code in storage: the VNNI instructions multiply unsigned bytes by signed ones.
const ZERO: u8 = 128;
/// How many rows are multiplied at once.
const BATCH: usize = 64;

/// The codes of all slots. Clones are cheap and see what was there when they were made.
#[derive(Debug, Clone)]
pub(crate) struct Codes {
    isa: Isa,
    dimension: usize,
    lines: Table<Line>,
    /// `[scale]`: apart, because it is all that a walk under cosine reads beside the lines.
    scales: Table<f32>,
    /// `[squared length of the vector, length of what its code leaves out]`
    lengths: Table<f32>,
}

/// A vector as signed bytes, to be compared with [`Codes`].
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    lines: Vec<Line>,
    scale: f32,
    /// What [`ZERO`] adds to each product.
    bias: i32,
    squared_length: f32,
    distance: Distance,
}

/// A vector as two probes, the second of what the first leaves out: as good as 16 bits a number.
#[derive(Debug)]
pub(crate) struct FineProbe {
    coarse: Probe,
    fine: Probe,
    /// Length of what both leave out.
    left_out: f32,
}

impl Codes {
    pub(crate) fn new(dimension: usize) -> Self {
        Self::on(Isa::detect(), dimension)
    }

    fn on(isa: Isa, dimension: usize) -> Self {
        let lines = Table::new(dimension.div_ceil(LINE));
        Self { isa, dimension, lines, scales: Table::new(1), lengths: Table::new(2) }
    }

    /// Numbers per vector.
    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    /// How many slots there are.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Appends the code of a stored vector.
    pub(crate) fn push(&mut self, row: &[f32]) {
        let mut lines = vec![Line([ZERO; LINE]); self.lines.width()];
        let (scale, left_out) = quantize(row, |at, code| {
            lines[at / LINE].0[at % LINE] = code.cast_unsigned().wrapping_add(ZERO);
        });
        self.lines.push(&lines);
        self.scales.push(&[scale]);
        self.lengths.push(&[kernel::dot(row, row), left_out]);
    }

    /// The codes of the first `slots` of `self`, and behind them those of `others`.
    pub(crate) fn rearranged(&self, slots: u32, others: &[u32]) -> Self {
        let mut codes = self.clone();
        codes.lines.truncate(slots as usize);
        codes.scales.truncate(slots as usize);
        codes.lengths.truncate(slots as usize);
        for slot in others.iter().map(|slot| *slot as usize) {
            codes.lines.push(self.lines.row(slot));
            codes.scales.push(self.scales.row(slot));
            codes.lengths.push(self.lengths.row(slot));
        }
        codes
    }

    fn scale(&self, slot: u32) -> f32 {
        self.scales.row(slot as usize)[0]
    }

    /// Squared length of the vector of `slot`.
    pub(crate) fn squared_length(&self, slot: u32) -> f32 {
        self.lengths.row(slot as usize)[0]
    }

    /// `vector`, in the stored form, to be compared under `distance`.
    pub(crate) fn probe(&self, vector: &[f32], distance: Distance) -> Probe {
        let mut lines = vec![Line([0; LINE]); self.lines.width()];
        let mut sum = 0;
        let (scale, _) = quantize(vector, |at, code| {
            lines[at / LINE].0[at % LINE] = code.cast_unsigned();
            sum += i32::from(code);
        });
        let bias = i32::from(ZERO) * sum;
        Probe { lines, scale, bias, squared_length: kernel::dot(vector, vector), distance }
    }

    /// The same, for ranks with bounds that are narrow enough to scan by.
    pub(crate) fn fine_probe(&self, vector: &[f32], distance: Distance) -> FineProbe {
        let coarse = self.probe(vector, distance);
        let codes = coarse.lines.iter().flat_map(|line| line.0).map(|x| f32::from(x.cast_signed()));
        let rest: Vec<f32> = vector.iter().zip(codes).map(|(x, code)| x - coarse.scale * code).collect();
        let (_, left_out) = quantize(&rest, |_, _| ());
        FineProbe { fine: self.probe(&rest, distance), coarse, left_out }
    }

    /// Makes `probe` one for the vector of `slot`.
    pub(crate) fn probe_slot(&self, slot: u32, distance: Distance, probe: &mut Probe) {
        probe.lines.clear();
        probe.lines.extend(self.lines.row(slot as usize).iter().map(|line| Line(line.0.map(|x| x ^ ZERO))));
        let sum: i32 = probe.lines.iter().flat_map(|line| &line.0).map(|x| i32::from(x.cast_signed())).sum();
        probe.bias = i32::from(ZERO) * sum;
        probe.scale = self.scale(slot);
        probe.squared_length = self.squared_length(slot);
        probe.distance = distance;
    }

    /// What [`Distance::rank`] of two slots' vectors is, as far as codes tell.
    #[inline]
    pub(crate) fn rank_between(&self, a: u32, b: u32, distance: Distance) -> f32 {
        let sum = self.isa.dot_between(self.lines.row(a as usize), self.lines.row(b as usize));
        let dot = self.scale(a) * self.scale(b) * sum as f32;
        match distance {
            Distance::Cosine => (1.0 - dot).max(0.0),
            Distance::Dot => -dot,
            Distance::Euclidean => (self.squared_length(a) + self.squared_length(b) - 2.0 * dot).max(0.0),
        }
    }

    /// A number that is the same for slots of the same code.
    pub(crate) fn hash(&self, slot: u32) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        self.lines.row(slot as usize).iter().for_each(|line| hasher.update(&line.0));
        hasher.finalize()
    }

    /// The vectors' dot products with the probe's, as far as codes tell, of each of `slots`, into `out`.
    #[inline]
    fn dots(&self, probe: &Probe, slots: &[u32], out: &mut [f32]) {
        let mut sums = [0; BATCH];
        for (slots, out) in slots.chunks(BATCH).zip(out.chunks_mut(BATCH)) {
            let sums = &mut sums[..slots.len()];
            self.isa.dots(&self.lines, &probe.lines, slots, sums);
            for ((slot, sum), dot) in slots.iter().zip(sums).zip(out) {
                *dot = probe.scale * self.scale(*slot) * (*sum - probe.bias) as f32;
            }
        }
    }

    /// What [`Distance::rank`] is, as far as codes tell, for each of `slots`, into `out`: never less than 0 where a
    /// rank is not.
    #[inline]
    pub(crate) fn ranks(&self, probe: &Probe, slots: &[u32], out: &mut Vec<f32>) {
        out.clear();
        out.resize(slots.len(), 0.0);
        self.dots(probe, slots, out);
        match probe.distance {
            Distance::Cosine => out.iter_mut().for_each(|dot| *dot = (1.0 - *dot).max(0.0)),
            Distance::Dot => out.iter_mut().for_each(|dot| *dot = -*dot),
            Distance::Euclidean => {
                for (slot, dot) in slots.iter().zip(out) {
                    *dot = (probe.squared_length + self.squared_length(*slot) - 2.0 * *dot).max(0.0);
                }
            }
        }
    }
}

impl Codes {
    /// By how much [`Codes::ranks`] may be wrong about `slot`, to three standard deviations: what rounding leaves out of
    /// each number is as good as uniform and independent, and has a variance of a twelfth of the squared scale.
    pub(crate) fn doubt(&self, probe: &Probe, slot: u32) -> f32 {
        let of_slot = self.scale(slot).powi(2) * probe.squared_length;
        let of_probe = probe.scale.powi(2) * self.squared_length(slot);
        let deviation = ((of_slot + of_probe) / 12.0).sqrt();
        3.0 * deviation * if probe.distance == Distance::Euclidean { 2.0 } else { 1.0 }
    }

    /// For each of `slots` a bound that its [`Distance::rank`] is certainly not below, into `lower`, and one that it
    /// is certainly not above, into `upper`.
    pub(crate) fn bounds(
        &self,
        probe: &FineProbe,
        slots: &[u32],
        lower: &mut Vec<f32>,
        upper: &mut Vec<f32>,
    ) {
        let FineProbe { coarse, fine, left_out } = probe;
        for out in [&mut *lower, &mut *upper] {
            out.clear();
            out.resize(slots.len(), 0.0);
        }
        self.dots(coarse, slots, lower);
        self.dots(fine, slots, upper);
        let length = coarse.squared_length.sqrt();
        for ((slot, lower), upper) in slots.iter().zip(lower).zip(upper) {
            let [square, of_slot] = *self.lengths.row(*slot as usize) else { continue };
            let dot = *lower + *upper;
            // q.x - q'.x' = q.(x - x') + (q - q').x', and Cauchy-Schwarz; and what f32 sums may lose.
            let slack = length * of_slot
                + left_out * (square.sqrt() + of_slot)
                + ROUNDING * (square + coarse.squared_length);
            (*lower, *upper) = match coarse.distance {
                Distance::Cosine => (1.0 - dot - slack, 1.0 - dot + slack),
                Distance::Dot => (-dot - slack, -dot + slack),
                Distance::Euclidean => {
                    let rank = coarse.squared_length + square - 2.0 * dot;
                    (rank - 2.0 * slack, rank + 2.0 * slack)
                }
            };
        }
    }
}

/// What f32 arithmetic may lose of a rank, as a part of the squared lengths that it comes from: sums of up to 16,384
/// products in 32 partial sums lose less than 600 times half a unit in the last place.
const ROUNDING: f32 = 4e-5;

/// Gives the code of each number to `put`, and returns the scale and the length of what the codes leave out.
///
/// The scale is the one that keeps the vector's length, not the step of the codes: with it a code is at distance 0 from
/// itself, and of near-duplicates a vector is the nearest to itself, whatever rounding has done to the others.
fn quantize(row: &[f32], mut put: impl FnMut(usize, i8)) -> (f32, f32) {
    let largest = row.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
    // Of a vector whose numbers are all (almost) nothing, the code says nothing: all of it is left out.
    let inverse = if largest > MIN_LARGEST { 127.0 / largest } else { 0.0 };
    let code = |x: f32| round(x * inverse);
    let (mut squares, mut code_squares) = (0.0_f32, 0.0_f32);
    for (at, x) in row.iter().enumerate() {
        let code = code(*x);
        put(at, code as i8);
        squares += x * x;
        code_squares += code * code;
    }
    let scale = if code_squares > 0.0 { (squares / code_squares).sqrt() } else { 0.0 };
    let left_out = row.iter().map(|x| (x - scale * code(*x)).powi(2)).sum::<f32>().sqrt();
    (scale, left_out)
}

/// To the nearest whole number, ties to the even one, for numbers below 2^22: behind this addend no bits are left for a
/// fraction. `round_ties_even` is a call into the C library on CPUs without SSE 4.1, which is what this is compiled for.
#[inline(always)]
fn round(x: f32) -> f32 {
    const NO_FRACTION: f32 = 12_582_912.0; // 1.5 * 2^23
    (x + NO_FRACTION) - NO_FRACTION
}

/// Below this, the step of the codes has no exact inverse.
const MIN_LARGEST: f32 = 1e-30;

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(n: usize, dimension: usize) -> Vec<Vec<f32>> {
        let wave = |i: usize, j: usize| ((i * 7919 + j * 104_729 + 1) as f32).sin();
        (0..n).map(|i| (0..dimension).map(|j| wave(i, j)).collect()).collect()
    }

    fn coded(isa: Isa, rows: &[Vec<f32>]) -> Codes {
        let mut codes = Codes::on(isa, rows[0].len());
        rows.iter().for_each(|row| codes.push(row));
        codes
    }

    #[test]
    fn ranks_of_codes_are_close_to_those_of_vectors_and_the_same_on_every_path() {
        for distance in [Distance::Cosine, Distance::Dot, Distance::Euclidean] {
            for dimension in [1, 3, 63, 64, 65, 384] {
                let rows: Vec<Vec<f32>> = (rows(50, dimension).into_iter())
                    .map(|row| distance.admit(row, dimension).unwrap())
                    .collect();
                let slots: Vec<u32> = (0..50).collect();
                let mut by_path = Vec::new();
                for isa in Isa::available() {
                    let codes = coded(isa, &rows);
                    let mut ranks = Vec::new();
                    codes.ranks(&codes.probe(&rows[7], distance), &slots, &mut ranks);
                    let tolerance = 0.02 * kernel::dot(&rows[7], &rows[7]).max(1.0);
                    for (slot, rank) in ranks.iter().enumerate() {
                        let exact = distance.rank(&rows[7], &rows[slot]);
                        assert!(
                            (rank - exact).abs() < tolerance,
                            "{distance} {dimension}: {rank} for {exact}"
                        );
                    }
                    by_path.push(ranks);
                }
                assert!(by_path.iter().all(|ranks| *ranks == by_path[0]));
            }
        }
    }

    #[test]
    fn bounds_hold_and_are_narrow() {
        for distance in [Distance::Cosine, Distance::Dot, Distance::Euclidean] {
            for dimension in [1, 3, 64, 384] {
                let rows: Vec<Vec<f32>> = (rows(200, dimension).into_iter())
                    .map(|row| distance.admit(row, dimension).unwrap())
                    .collect();
                let codes = coded(Isa::detect(), &rows);
                let slots: Vec<u32> = (0..200).collect();
                let (mut lower, mut upper) = (Vec::new(), Vec::new());
                codes.bounds(&codes.fine_probe(&rows[7], distance), &slots, &mut lower, &mut upper);
                let scale = kernel::dot(&rows[7], &rows[7]).max(1.0);
                for (slot, row) in rows.iter().enumerate() {
                    let (exact, bounds) = (distance.rank(&rows[7], row), lower[slot]..=upper[slot]);
                    assert!(bounds.contains(&exact), "{distance} {dimension}: {exact} not in {bounds:?}");
                    assert!(upper[slot] - lower[slot] < 0.05 * scale, "{distance} {dimension}: {bounds:?}");
                }
            }
        }
    }

    #[test]
    fn probe_of_a_slot_is_the_probe_of_its_vector() {
        let rows = rows(20, 100);
        let codes = coded(Isa::detect(), &rows);
        let mut of_slot = codes.probe(&rows[0], Distance::Euclidean);
        codes.probe_slot(9, Distance::Euclidean, &mut of_slot);
        let of_vector = codes.probe(&rows[9], Distance::Euclidean);
        assert_eq!((of_slot.lines, of_slot.bias), (of_vector.lines, of_vector.bias));
        assert_eq!((of_slot.scale, of_slot.squared_length), (of_vector.scale, of_vector.squared_length));
    }

    #[test]
    fn numbers_round_to_the_nearest_and_ties_to_the_even() {
        for i in -1270..=1270_i16 {
            let x = f32::from(i) / 10.0;
            assert_eq!(round(x), x.round_ties_even(), "{x}");
        }
    }

    #[test]
    fn vectors_of_almost_nothing_have_codes_of_nothing() {
        let codes = coded(Isa::detect(), &[vec![0.0; 3], vec![1e-44, 0.0, -1e-44]]);
        let mut ranks = Vec::new();
        codes.ranks(&codes.probe(&[1.0, 2.0, 3.0], Distance::Dot), &[0, 1], &mut ranks);
        assert_eq!(ranks, [0.0, 0.0]);
    }
}
