//! Chance that is the same on every machine.
//!
//! ChaCha8 gives the bits. What is made of them uses integers and the float operations that IEEE 754 fixes to the last
//! bit (`+ - * /`, `sqrt`, conversions): Rust neither reorders nor fuses them. [`ln`] and [`exp`] are therefore written
//! here, as series in these operations, instead of taken from the machine's libm, which may differ in the last bit.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Purposes of random numbers. Each has its own stream, so that a change in one leaves the others as they were.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    Products,
    Calendar,
    Customers,
    /// One day of trading, by its number.
    Day(u32),
}

/// A stream of random numbers.
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream of `seed` for a purpose.
    pub(super) fn new(seed: i64, stream: Stream) -> Chance {
        let mut key = *b"RetailScope sales sample ~~~~~~~";
        for (k, s) in key.iter_mut().skip(24).zip(seed.to_le_bytes()) {
            *k = s;
        }
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(match stream {
            Stream::Products => 1,
            Stream::Calendar => 2,
            Stream::Customers => 3,
            Stream::Day(d) => (1 << 32) | u64::from(d),
        });
        Chance(rng)
    }

    /// An integer in `0..n`; 0 when `n` is 0.
    pub(super) fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(n)) >> 32) as u32
    }

    /// One of the entries, or the default of the type when there are none.
    pub(super) fn pick<T: Copy + Default>(&mut self, from: &[T]) -> T {
        from.get(self.below(from.len() as u32) as usize)
            .copied()
            .unwrap_or_default()
    }

    /// True `parts` times in a million.
    pub(super) fn ppm(&mut self, parts: u32) -> bool {
        self.below(1_000_000) < parts
    }

    /// Uniform in `[0, 1)`, in steps of 2^-53.
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Exponential with mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        -ln(1.0 - self.unit())
    }

    /// Standard normal (Marsaglia's polar method: no sine).
    pub(super) fn normal(&mut self) -> f64 {
        loop {
            let x = 2.0 * self.unit() - 1.0;
            let y = 2.0 * self.unit() - 1.0;
            let s = x * x + y * y;
            if s > 0.0 && s < 1.0 {
                return x * (-2.0 * ln(s) / s).sqrt();
            }
        }
    }

    /// Gamma with this shape (at least 1/3) and mean 1 (Marsaglia and Tsang's method).
    pub(super) fn gamma(&mut self, shape: f64) -> f64 {
        let boosted = if shape < 1.0 { shape + 1.0 } else { shape };
        let d = boosted - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        let x = loop {
            let z = self.normal();
            let t = 1.0 + c * z;
            let v = t * t * t;
            if v > 0.0 && ln(1.0 - self.unit()) < 0.5 * z * z + d - d * v + d * ln(v) {
                break d * v;
            }
        };
        if shape < 1.0 {
            x * exp(ln(1.0 - self.unit()) / shape) / shape
        } else {
            x / shape
        }
    }

    /// Poisson; above a mean of 30 the rounded normal that it is close to.
    pub(super) fn poisson(&mut self, mean: f64) -> u32 {
        if mean > 30.0 {
            let n = mean + mean.sqrt() * self.normal() + 0.5;
            return n.max(0.0) as u32;
        }
        let floor = exp(-mean);
        let mut product = self.unit();
        let mut n = 0;
        while product > floor {
            product *= self.unit();
            n += 1;
        }
        n
    }
}

/// Natural logarithm of a positive, normal number, to about 1e-15.
pub(super) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let mut m = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | (1023 << 52));
    if m > std::f64::consts::SQRT_2 {
        m /= 2.0;
        exponent += 1;
    }
    // ln m = 2 artanh t, |t| <= 0.172: eleven terms reach the last bits.
    let t = (m - 1.0) / (m + 1.0);
    let t2 = t * t;
    let mut sum = 0.0;
    for k in (0..11).rev() {
        sum = sum * t2 + 1.0 / f64::from(2 * k + 1);
    }
    exponent as f64 * std::f64::consts::LN_2 + 2.0 * t * sum
}

/// e to the power of `x`, to about 1e-15 relative; 0 below -700, and `x` above 700 counts as 700.
pub(super) fn exp(x: f64) -> f64 {
    if x < -700.0 {
        return 0.0;
    }
    let x = x.min(700.0);
    let k = (x / std::f64::consts::LN_2 + if x < 0.0 { -0.5 } else { 0.5 }) as i64;
    let r = x - k as f64 * std::f64::consts::LN_2;
    let mut sum = 1.0;
    for n in (1..=14).rev() {
        sum = 1.0 + sum * r / f64::from(n);
    }
    sum * f64::from_bits(((1023 + k) as u64) << 52)
}

/// Draws positions in proportion to their weights, two numbers a draw (Walker's alias method).
pub(super) struct Weighted {
    /// Per position, the share of draws (of 2^32) that stay, and where the others go.
    cells: Vec<(u32, u32)>,
}

impl Weighted {
    /// Weights must not be negative; all zero draws position 0.
    pub(super) fn new(weights: &[f64]) -> Weighted {
        let n = weights.len();
        let total: f64 = weights.iter().sum();
        let mut level: Vec<f64> = weights
            .iter()
            .map(|w| {
                if total > 0.0 {
                    w * n as f64 / total
                } else {
                    1.0
                }
            })
            .collect();
        let mut cells: Vec<(u32, u32)> = (0..n as u32).map(|i| (u32::MAX, i)).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..n).partition(|&i| level[i] < 1.0);
        while let (Some(&s), Some(&l)) = (small.last(), large.last()) {
            small.pop();
            cells[s] = ((level[s] * 4_294_967_296.0) as u32, l as u32);
            level[l] -= 1.0 - level[s];
            if level[l] < 1.0 {
                large.pop();
                small.push(l);
            }
        }
        Weighted { cells }
    }

    /// A position.
    pub(super) fn draw(&self, chance: &mut Chance) -> u32 {
        let (i, u) = (
            chance.below(self.cells.len() as u32),
            chance.below(u32::MAX),
        );
        self.at(i, u)
    }

    /// The position that two uniform numbers stand for: `i` below [`Weighted::len`], `u` of 32 bits.
    pub(super) fn at(&self, i: u32, u: u32) -> u32 {
        match self.cells.get(i as usize) {
            Some(&(keep, other)) if u >= keep => other,
            _ => i,
        }
    }

    /// Number of positions.
    pub(super) fn len(&self) -> u32 {
        self.cells.len() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_logarithm_and_exponential_agree_with_libm() {
        let mut chance = Chance::new(1, Stream::Products);
        for _ in 0..10_000 {
            let x = (chance.unit() - 0.5) * 80.0;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-13, "exp {x}");
            let y = x.exp();
            assert!((ln(y) - y.ln()).abs() < 1e-13 * x.abs().max(1.0), "ln {y}");
        }
        assert_eq!(ln(1.0), 0.0);
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-1e9), 0.0);
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut chance = Chance::new(2, Stream::Customers);
        let n = 40_000;
        let mut moments = |draw: &mut dyn FnMut(&mut Chance) -> f64| {
            let x: Vec<f64> = (0..n).map(|_| draw(&mut chance)).collect();
            let mean = x.iter().sum::<f64>() / f64::from(n);
            (
                mean,
                x.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / f64::from(n),
            )
        };
        let near = |(mean, variance): (f64, f64), m: f64, v: f64| {
            assert!(
                (mean - m).abs() < 0.05 * m.max(1.0),
                "mean {mean} is not {m}"
            );
            assert!(
                (variance - v).abs() < 0.08 * v.max(1.0),
                "variance {variance} is not {v}"
            );
        };
        near(moments(&mut |c| c.normal()), 0.0, 1.0);
        near(moments(&mut |c| c.exponential()), 1.0, 1.0);
        near(moments(&mut |c| c.gamma(0.6)), 1.0, 1.0 / 0.6);
        near(moments(&mut |c| c.gamma(4.0)), 1.0, 0.25);
        near(moments(&mut |c| f64::from(c.poisson(3.5))), 3.5, 3.5);
        near(moments(&mut |c| f64::from(c.poisson(80.0))), 80.0, 80.0);
    }

    #[test]
    fn weighted_draws_keep_their_proportions() {
        let mut chance = Chance::new(3, Stream::Calendar);
        let weighted = Weighted::new(&[1.0, 0.0, 6.0, 3.0]);
        let mut seen = [0u32; 4];
        for _ in 0..100_000 {
            seen[weighted.draw(&mut chance) as usize] += 1;
        }
        assert_eq!(seen[1], 0);
        for (got, want) in [(seen[0], 10_000), (seen[2], 60_000), (seen[3], 30_000)] {
            assert!(u32::abs_diff(got, want) < 800, "{seen:?}");
        }
    }
}
