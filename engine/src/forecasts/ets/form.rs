//! The taxonomy of exponential smoothing: error, trend and season, each absent, additive or multiplicative.

use serde::{Deserialize, Serialize};

use crate::params::{ParamError, wrong};

/// The longest season of a seasonal model.
pub const MOST_SEASON: usize = 24;

/// How a component enters a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Not at all.
    None,
    /// Added.
    Additive,
    /// Multiplied.
    Multiplicative,
}

use Kind::{Additive, Multiplicative, None as Absent};

impl Kind {
    fn letter(self) -> char {
        match self {
            Absent => 'N',
            Additive => 'A',
            Multiplicative => 'M',
        }
    }
}

/// A model of the taxonomy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Of the errors, never absent.
    pub error: Kind,
    /// Of the trend.
    pub trend: Kind,
    /// Whether the trend flattens out.
    pub damped: bool,
    /// Of the season.
    pub season: Kind,
}

impl Form {
    /// Simple exponential smoothing with additive errors, the plainest model.
    pub const SIMPLE: Form = Form {
        error: Additive,
        trend: Absent,
        damped: false,
        season: Absent,
    };

    /// True for a model that can be fitted. Additive errors do not go with multiplicative parts, and a multiplicative trend does
    /// not go with an additive season: such models are numerically unstable (Hyndman and Athanasopoulos, 2021, section 8.6).
    #[must_use]
    pub fn admitted(self) -> bool {
        match (self.error, self.trend, self.season) {
            (Absent, _, _) => false,
            (_, Absent, _) if self.damped => false,
            (Additive, Multiplicative, _) | (Additive, _, Multiplicative) => false,
            (_, Multiplicative, Additive) => false,
            _ => true,
        }
    }

    /// The usual name, such as `ETS(M,Ad,N)`.
    #[must_use]
    pub fn label(self) -> String {
        format!(
            "ETS({},{}{},{})",
            self.error.letter(),
            self.trend.letter(),
            if self.damped { "d" } else { "" },
            self.season.letter()
        )
    }

    /// True when only values above 0 can be modelled.
    #[must_use]
    pub fn positive(self) -> bool {
        self.error == Multiplicative
    }

    /// How many numbers are estimated with a season of so many steps: smoothing parameters, starting states and the
    /// variance.
    #[must_use]
    pub fn size(self, season: usize) -> usize {
        let trend = if self.trend == Absent { 0 } else { 2 };
        let seasonal = if self.season == Absent { 0 } else { season };
        3 + trend + usize::from(self.damped) + seasonal
    }
}

/// Which models are meant: a letter for each component, `Z` (here `None`) for any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern {
    error: Option<Kind>,
    trend: Option<Kind>,
    season: Option<Kind>,
    /// Damped or not; `None` for any where the trend is any, and for not damped where it is given.
    damped: Option<bool>,
}

impl Default for Pattern {
    /// All models but those with a multiplicative trend.
    fn default() -> Self {
        Pattern {
            error: None,
            trend: None,
            season: None,
            damped: None,
        }
    }
}

const KEY: &str = "model";

impl Pattern {
    /// Reads letters such as `ZZZ`, `MAM` or `AAdN`.
    ///
    /// # Errors
    /// [`ParamError::Value`] when the text is none or names a model that is not admitted.
    pub fn parse(text: &str) -> Result<Pattern, ParamError> {
        let letters: Vec<char> = text.chars().take(5).collect();
        let (error, trend, damped, season) = match letters[..] {
            [error, trend, season] => (error, trend, false, season),
            [error, trend, 'd', season] => (error, trend, true, season),
            _ => return Err(unknown(text)),
        };
        let kind = |letter| match letter {
            'Z' => Ok(None),
            'N' => Ok(Some(Absent)),
            'A' => Ok(Some(Additive)),
            'M' => Ok(Some(Multiplicative)),
            _ => Err(unknown(text)),
        };
        let pattern = Pattern {
            error: kind(error)?,
            trend: kind(trend)?,
            season: kind(season)?,
            damped: damped.then_some(true),
        };
        pattern.inhabited()
    }

    /// The same with a word on damping.
    ///
    /// # Errors
    /// [`ParamError::Value`] when no model is left.
    pub fn with_damped(self, damped: Option<bool>) -> Result<Pattern, ParamError> {
        match (self.damped, damped) {
            (_, None) => Ok(self),
            (Some(true), Some(false)) => Err(wrong("damped", "contradicts the d of the model")),
            (_, Some(_)) => Pattern { damped, ..self }.inhabited(),
        }
    }

    fn inhabited(self) -> Result<Pattern, ParamError> {
        if self.forms(true).is_empty() {
            return Err(wrong(
                KEY,
                "is a combination that does not exist or is not stable: additive errors go without multiplicative parts, \
                 a multiplicative trend goes without an additive season, and only a trend is damped",
            ));
        }
        Ok(self)
    }

    /// True when the letters ask for a season.
    #[must_use]
    pub fn seasonal(self) -> bool {
        self.season.is_some_and(|s| s != Absent)
    }

    /// The models that are meant, the smaller ones first; the seasonal ones where there is a season.
    #[must_use]
    pub fn forms(self, seasonal: bool) -> Vec<Form> {
        let among = |asked: Option<Kind>, all: &[Kind]| match asked {
            Some(kind) => vec![kind],
            None => all.to_vec(),
        };
        let damped: &[bool] = match (self.damped, self.trend) {
            (Some(true), _) => &[true],
            (Some(false), _) | (None, Some(_)) => &[false],
            (None, None) => &[false, true],
        };
        let mut forms = Vec::new();
        for season in among(self.season, &[Absent, Additive, Multiplicative]) {
            // A multiplicative trend grows without bounds: it is taken only where it is asked for.
            for trend in among(self.trend, &[Absent, Additive]) {
                for error in among(self.error, &[Additive, Multiplicative]) {
                    forms.extend(damped.iter().map(|damped| Form {
                        error,
                        trend,
                        damped: *damped,
                        season,
                    }));
                }
            }
        }
        forms.retain(|f| f.admitted() && (seasonal || f.season == Absent));
        forms
    }
}

fn unknown(text: &str) -> ParamError {
    wrong(
        KEY,
        format!(
            "must be a letter each for error (A, M, Z), trend (N, A, Ad, M, Md, Z) and season (N, A, M, Z), such as \"ZZZ\" or \
             \"MAdM\", not {}",
            crate::names::shown(text)
        ),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn labels(text: &str, seasonal: bool) -> Vec<String> {
        let forms = Pattern::parse(text).unwrap().forms(seasonal);
        forms.iter().map(|f| f.label()).collect()
    }

    #[test]
    fn fifteen_models_and_their_letters() {
        let all = labels("ZZZ", true);
        assert_eq!(all.len(), 15);
        assert!(all.iter().all(|l| !l.contains(",M,") && !l.contains("Md")));
        assert_eq!(labels("ZZZ", false).len(), 6);
        assert_eq!(labels("AAdN", true), ["ETS(A,Ad,N)"]);
        assert_eq!(labels("MAM", true), ["ETS(M,A,M)"]);
        assert_eq!(labels("MMN", true), ["ETS(M,M,N)"]);
        assert_eq!(labels("ZZdN", true), ["ETS(A,Ad,N)", "ETS(M,Ad,N)"]);
        let damped = Pattern::parse("AAN").unwrap().with_damped(Some(true));
        assert_eq!(damped.unwrap().forms(true)[0].label(), "ETS(A,Ad,N)");
        for wrong in [
            "", "AA", "AAAA", "NAN", "AAM", "ANM", "AMN", "MMA", "ANdN", "aan", "AAéN", "AZM",
        ] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
        let contradiction = Pattern::parse("AAdN").unwrap().with_damped(Some(false));
        assert!(contradiction.is_err());
        assert!(
            Pattern::parse("ANN")
                .unwrap()
                .with_damped(Some(true))
                .is_err()
        );
    }

    #[test]
    fn sizes_are_counted_as_r_does() {
        let size = |text, season| Pattern::parse(text).unwrap().forms(true)[0].size(season);
        assert_eq!(size("ANN", 1), 3);
        assert_eq!(size("AAdN", 1), 6);
        assert_eq!(size("MAM", 12), 17);
        assert_eq!(size("ANA", 7), 10);
    }
}
