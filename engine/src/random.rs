//! Named streams of random numbers: the same seed gives the same numbers on every machine and whatever the threads.
//!
//! Each purpose (a tree, a fold, a start of k-means) has a stream of its own, so that work may be done in any order.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use sha2::{Digest, Sha256};

/// A stream of random numbers (ChaCha8).
#[derive(Debug, Clone)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of `seed` for the `index`-th piece of work of a purpose.
    #[must_use]
    pub fn new(seed: i64, purpose: &str, index: u64) -> Stream {
        let key: [u8; 32] = Sha256::new_with_prefix(seed.to_le_bytes())
            .chain_update(purpose)
            .finalize()
            .into();
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(index);
        Stream(rng)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `[0, 1)`, in steps of 2^-53.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// An integer in `0..n`; 0 when `n` is 0. Its bias is below n / 2^64.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.0.next_u64()) * n as u128) >> 64) as usize
    }

    /// Puts the items in a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }

    /// `k` of `0..n` without repetition, ascending; all of them when `k` is not less than `n`. Takes O(k log k) time and
    /// memory (Floyd's algorithm).
    pub fn sample(&mut self, n: usize, k: usize) -> Vec<usize> {
        if k >= n {
            return (0..n).collect();
        }
        let mut chosen = std::collections::BTreeSet::new();
        for j in n - k..n {
            let candidate = self.below(j + 1);
            if !chosen.insert(candidate) {
                chosen.insert(j);
            }
        }
        chosen.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_repeatable_and_apart() {
        let first = |seed, purpose, index| Stream::new(seed, purpose, index).bits();
        assert_eq!(first(42, "tree", 3), first(42, "tree", 3));
        assert_ne!(first(42, "tree", 3), first(42, "tree", 4));
        assert_ne!(first(42, "tree", 3), first(42, "fold", 3));
        assert_ne!(first(42, "tree", 3), first(-42, "tree", 3));
    }

    #[test]
    fn samples_are_without_repetition_and_even() {
        let mut stream = Stream::new(1, "test", 0);
        let mut counts = [0u32; 20];
        for _ in 0..10_000 {
            let chosen = stream.sample(20, 5);
            assert_eq!(chosen.len(), 5);
            assert!(chosen.is_sorted_by(|a, b| a < b));
            for i in chosen {
                counts[i] += 1;
            }
        }
        // 2,500 expected each, standard deviation 43
        assert!(
            counts.iter().all(|c| (2_300..2_700).contains(c)),
            "{counts:?}"
        );
        assert_eq!(stream.sample(3, 9), [0, 1, 2]);
        let mut items: Vec<usize> = (0..100).collect();
        stream.shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
