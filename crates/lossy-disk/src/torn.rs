//! Which blocks of an unsynced file reached the platter, by chance.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What file systems write back at once.
const BLOCK_BYTES: usize = 4096;

/// Chance from a seed.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A file whose last synced state is `durable` and whose writes since led to `live`, after some of these writes
    /// reached the disk: its length is that of either, and each block too. Blocks that neither has read as zeros.
    pub(crate) fn tear(&mut self, durable: &[u8], live: &[u8]) -> Vec<u8> {
        let mut torn = vec![0; self.either(durable, live).len()];
        for (index, block) in torn.chunks_mut(BLOCK_BYTES).enumerate() {
            let source = self.either(durable, live).get(index * BLOCK_BYTES..).unwrap_or_default();
            let len = block.len().min(source.len());
            block[..len].copy_from_slice(&source[..len]);
        }
        torn
    }

    fn either<'a>(&mut self, a: &'a [u8], b: &'a [u8]) -> &'a [u8] {
        if self.0.random() { a } else { b }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn synced_file_is_never_torn() {
        let bytes: Vec<u8> = (0..20_000).map(|i| i as u8).collect();
        assert_eq!(Dice::new(7).tear(&bytes, &bytes), bytes);
    }

    #[test]
    fn every_block_is_of_either_state_and_both_occur() {
        let (durable, live) = (vec![b'd'; 64 * BLOCK_BYTES], vec![b'l'; 64 * BLOCK_BYTES]);
        let torn = Dice::new(7).tear(&durable, &live);
        let blocks: Vec<_> = torn.chunks(BLOCK_BYTES).collect();
        assert!(blocks.iter().all(|block| block.iter().all(|b| b == &block[0])));
        assert!(blocks.iter().any(|b| b[0] == b'd') && blocks.iter().any(|b| b[0] == b'l'));
    }

    #[test]
    fn appended_blocks_that_were_lost_read_as_zeros() {
        let live = vec![b'l'; 64 * BLOCK_BYTES];
        let grown = (0..).map(|seed| Dice::new(seed).tear(b"", &live)).find(|t| !t.is_empty()).unwrap();
        assert!(grown.iter().all(|b| matches!(b, 0 | b'l')) && grown.contains(&0) && grown.contains(&b'l'));
    }
}
