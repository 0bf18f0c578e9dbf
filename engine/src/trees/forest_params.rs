//! Parameters of random forests.

use super::ensemble::MAX_DEPTH;
use crate::params::{ParamError, wrong};

/// How many features are looked at for a split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxFeatures {
    /// The square root of their number, rounded down.
    Sqrt,
    /// The binary logarithm of their number, rounded down.
    Log2,
    /// All of them.
    All,
    /// A share of them, over 0 and at most 1, rounded down.
    Fraction(f64),
}

impl MaxFeatures {
    /// Of so many features, at least one.
    pub(super) fn of(self, features: usize) -> usize {
        let all = features as f64;
        let count = match self {
            MaxFeatures::Sqrt => all.sqrt(),
            MaxFeatures::Log2 => all.log2(),
            MaxFeatures::All => all,
            MaxFeatures::Fraction(share) => share * all,
        };
        (count as usize).clamp(1, features.max(1))
    }
}

/// Parameters of [`fit`](super::forest::fit); names and meaning are scikit-learn's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ForestParams {
    /// Trees, 1 to 10,000.
    pub n_estimators: usize,
    /// Depth of each tree, 1 to 64; none means 64.
    pub max_depth: Option<u32>,
    /// The least number of (different) rows in a leaf, at least 1.
    pub min_samples_leaf: usize,
    /// Features that are looked at for a split. Constant ones do not count, and the search goes on until a split is found.
    pub max_features: MaxFeatures,
    /// Whether each tree grows on as many rows drawn with replacement.
    pub bootstrap: bool,
}

impl Default for ForestParams {
    fn default() -> Self {
        ForestParams {
            n_estimators: 100,
            max_depth: None,
            min_samples_leaf: 1,
            max_features: MaxFeatures::Sqrt,
            bootstrap: true,
        }
    }
}

impl ForestParams {
    /// Verifies the ranges.
    ///
    /// # Errors
    /// [`ParamError::Value`] for the first parameter that is out of its range.
    pub fn check(&self) -> Result<(), ParamError> {
        if !(1..=10_000).contains(&self.n_estimators) {
            return Err(wrong("n_estimators", "must be between 1 and 10000"));
        }
        if self
            .max_depth
            .is_some_and(|d| !(1..=MAX_DEPTH).contains(&d))
        {
            return Err(wrong("max_depth", "must be between 1 and 64"));
        }
        if self.min_samples_leaf == 0 {
            return Err(wrong("min_samples_leaf", "must be at least 1"));
        }
        if let MaxFeatures::Fraction(share) = self.max_features
            && !(share > 0.0 && share <= 1.0)
        {
            return Err(wrong("max_features", "must be over 0 and at most 1"));
        }
        Ok(())
    }
}
