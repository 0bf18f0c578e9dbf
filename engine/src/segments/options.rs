//! The parameters of a segmentation.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::SegmentError;
use crate::names::{did_you_mean, listed};
use crate::params::{Params, wrong};

/// The most segments of a model.
pub const MOST_SEGMENTS: usize = 50;
/// The most features of a model.
pub const MOST_FEATURES: usize = 200;

const KEYS: [&str; 8] = [
    "features", "log", "n_init", "k_min", "k_max", "max_iter", "sample", "promote",
];

/// How customers are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// k-means: each customer belongs to the nearest centre.
    KMeans,
    /// A mixture of Gaussians with full covariances: each customer belongs to the most probable component.
    GaussianMixture,
}

impl Algorithm {
    const ALL: [Algorithm; 2] = [Algorithm::KMeans, Algorithm::GaussianMixture];

    /// The name in SQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::KMeans => "kmeans",
            Algorithm::GaussianMixture => "gaussian_mixture",
        }
    }

    /// The algorithm of a name.
    ///
    /// # Errors
    /// [`SegmentError::Algorithm`].
    pub fn parse(name: &str) -> Result<Algorithm, SegmentError> {
        let known = Algorithm::ALL.map(Algorithm::name);
        Algorithm::ALL
            .into_iter()
            .find(|a| a.name() == name)
            .ok_or_else(|| SegmentError::Algorithm {
                given: name.to_owned(),
                near: did_you_mean(name, &known),
                known: listed(&known),
            })
    }
}

/// Parameters as given; [`SegmentParams::check`] makes them usable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentParams {
    /// How customers are grouped.
    pub algorithm: Algorithm,
    /// Names of the features, in the order of the matrix's columns.
    pub features: Vec<String>,
    /// Whether a feature `x` is replaced by `sign(x) ln(1 + |x|)`.
    pub log: bool,
    /// Starts of k-means; the one with the lowest inertia counts.
    pub n_init: u64,
    /// The least segments that are tried when k is not given.
    pub k_min: u64,
    /// The most segments that are tried when k is not given.
    pub k_max: u64,
    /// The most steps of one start, and of the mixture's.
    pub max_iter: u64,
    /// The most customers by which the silhouette is computed.
    pub sample: u64,
    /// Whether the model is to be promoted.
    pub promote: bool,
}

impl Default for SegmentParams {
    fn default() -> Self {
        SegmentParams {
            algorithm: Algorithm::KMeans,
            features: ["recency_days", "frequency", "monetary"]
                .map(str::to_owned)
                .to_vec(),
            log: true,
            n_init: 10,
            k_min: 2,
            k_max: 10,
            max_iter: 300,
            sample: 10_000,
            promote: true,
        }
    }
}

impl SegmentParams {
    /// Reads parameters; keys that are left out have their defaults.
    ///
    /// # Errors
    /// [`SegmentError::Algorithm`], [`SegmentError::Params`].
    pub fn parse(algorithm: &str, json: &Value) -> Result<SegmentParams, SegmentError> {
        let algorithm = Algorithm::parse(algorithm)?;
        let params = Params::parse(json, &KEYS)?;
        let mut all = SegmentParams {
            algorithm,
            ..SegmentParams::default()
        };
        if let Some(features) = params.texts("features")? {
            all.features = features.into_iter().map(str::to_owned).collect();
        }
        all.log = params.boolean("log")?.unwrap_or(all.log);
        all.n_init = params.integer("n_init", 1..=100)?.unwrap_or(all.n_init);
        let k = 2..=MOST_SEGMENTS as u64;
        all.k_max = params.integer("k_max", k.clone())?.unwrap_or(all.k_max);
        all.k_min = params.integer("k_min", k)?.unwrap_or(all.k_min);
        all.max_iter = params
            .integer("max_iter", 1..=10_000)?
            .unwrap_or(all.max_iter);
        all.sample = params
            .integer("sample", 100..=100_000)?
            .unwrap_or(all.sample);
        all.promote = params.boolean("promote")?.unwrap_or(all.promote);
        Ok(all)
    }

    /// Checks the parameters as a whole, against the features that there are.
    ///
    /// # Errors
    /// [`SegmentError::Feature`], [`SegmentError::Params`].
    pub fn check(self, known: &[&str]) -> Result<ValidSegmentParams, SegmentError> {
        let most = MOST_SEGMENTS as u64;
        let in_range = |key, value: u64, low: u64, high: u64| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err(wrong(
                key,
                format!("must be from {low} to {high}, not {value}"),
            ))
        };
        in_range("n_init", self.n_init, 1, 100)?;
        in_range("max_iter", self.max_iter, 1, 10_000)?;
        in_range("sample", self.sample, 100, 100_000)?;
        in_range("k_max", self.k_max, 2, most)?;
        in_range("k_min", self.k_min, 2, most)?;
        if self.k_min > self.k_max {
            let problem = format!("must not be more than \"k_max\", which is {}", self.k_max);
            return Err(wrong("k_min", problem).into());
        }
        if self.features.is_empty() || self.features.len() > MOST_FEATURES {
            return Err(wrong("features", format!("must be 1 to {MOST_FEATURES} names")).into());
        }
        match self.features.iter().find(|f| !known.contains(&f.as_str())) {
            None => Ok(ValidSegmentParams(self)),
            Some(given) => Err(SegmentError::Feature {
                given: given.clone(),
                near: did_you_mean(given, known),
                known: listed(known),
            }),
        }
    }
}

/// Parameters that have been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidSegmentParams(SegmentParams);

impl std::ops::Deref for ValidSegmentParams {
    type Target = SegmentParams;

    fn deref(&self) -> &SegmentParams {
        &self.0
    }
}

/// The number of segments asked for, from an argument of SQL.
///
/// # Errors
/// [`SegmentError::Segments`] when it is not from 2 to 50.
pub fn check_k(k: Option<i32>) -> Result<Option<usize>, SegmentError> {
    k.map(|k| match usize::try_from(k) {
        Ok(valid) if (2..=MOST_SEGMENTS).contains(&valid) => Ok(valid),
        _ => Err(SegmentError::Segments(k.into())),
    })
    .transpose()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::error::Classified;
    use serde_json::json;

    const KNOWN: [&str; 4] = ["recency_days", "frequency", "monetary", "units"];

    fn parse(algorithm: &str, json: Value) -> Result<ValidSegmentParams, SegmentError> {
        SegmentParams::parse(algorithm, &json)?.check(&KNOWN)
    }

    #[test]
    fn parameters_have_defaults_and_are_read() {
        let params = parse("kmeans", json!({})).unwrap();
        assert_eq!(*params, SegmentParams::default());
        let json = json!({"features": ["units"], "log": false, "n_init": 3, "k_min": 3, "k_max": 5,
                          "max_iter": 9, "sample": 500, "promote": false});
        let params = parse("gaussian_mixture", json).unwrap();
        assert_eq!(params.algorithm, Algorithm::GaussianMixture);
        assert_eq!(params.features, ["units"]);
        assert!(!params.log && !params.promote);
        let numbers = (
            params.n_init,
            params.k_min,
            params.k_max,
            params.max_iter,
            params.sample,
        );
        assert_eq!(numbers, (3, 3, 5, 9, 500));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_a_hint() {
        for (algorithm, json, part, hint) in [
            (
                "kmean",
                json!({}),
                "did you mean \"kmeans\"?",
                "\"gaussian_mixture\"",
            ),
            (
                "kmeans",
                json!({"features": ["frequncy"]}),
                "did you mean \"frequency\"?",
                "\"units\"",
            ),
            ("kmeans", json!({"k_max": 51}), "from 2 to 50, not 51", ""),
            (
                "kmeans",
                json!({"k_min": 11}),
                "more than \"k_max\", which is 10",
                "",
            ),
            (
                "kmeans",
                json!({"n_inti": 1}),
                "did you mean \"n_init\"?",
                "\"n_init\"",
            ),
            ("kmeans", json!({"sample": 99}), "from 100 to 100000", ""),
        ] {
            let error = parse(algorithm, json).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
            assert!(error.hint().unwrap_or_default().contains(hint), "{error:?}");
            assert_eq!(error.class(), crate::error::Class::InvalidParameter);
        }
        let many = (0..201).map(|i| i.to_string()).collect();
        let params = SegmentParams {
            features: many,
            ..SegmentParams::default()
        };
        assert!(params.check(&KNOWN).is_err());
        assert_eq!(check_k(None).unwrap(), None);
        assert_eq!(check_k(Some(50)).unwrap(), Some(50));
        for k in [i32::MIN, -1, 0, 1, 51, i32::MAX] {
            assert!(check_k(Some(k)).is_err(), "{k}");
        }
    }
}
