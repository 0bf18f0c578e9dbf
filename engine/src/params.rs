//! Parameters of trainers: a JSON object with known keys, each of a type and within a range, checked before work starts.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::calendar;
use crate::error::{Class, Classified};
use crate::names::{did_you_mean, listed, shown};

/// Why parameters are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParamError {
    /// They are no JSON object.
    Shape {
        /// The JSON type found.
        found: &'static str,
    },
    /// A key that does not exist.
    Unknown {
        /// The key as given.
        key: String,
        /// `, did you mean "x"?` or nothing.
        near: String,
        /// The keys that exist.
        known: String,
    },
    /// A value of the wrong type or out of its range.
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong, as the rest of a sentence.
        problem: String,
    },
}

impl std::error::Error for ParamError {}

impl std::fmt::Display for ParamError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.said_of("params"))
    }
}

impl ParamError {
    /// The message, where the argument is called `argument`.
    pub(crate) fn said_of(&self, argument: &str) -> String {
        match self {
            ParamError::Shape { found } => {
                format!("{argument} must be a JSON object, not {found}")
            }
            ParamError::Unknown { key, near, .. } => {
                format!("unknown key in {argument}: {}{near}", shown(key))
            }
            ParamError::Value { key, problem } => format!("{argument}: \"{key}\" {problem}"),
        }
    }
}

impl Classified for ParamError {
    fn class(&self) -> Class {
        Class::InvalidParameter
    }

    fn hint(&self) -> Option<String> {
        match self {
            ParamError::Shape { .. } => Some("Params look like '{\"max_depth\": 4}'.".into()),
            ParamError::Unknown { known, .. } => Some(format!("The keys are {known}.")),
            ParamError::Value { .. } => None,
        }
    }
}

/// A [`ParamError::Value`].
pub fn wrong(key: &'static str, problem: impl Into<String>) -> ParamError {
    ParamError::Value {
        key,
        problem: problem.into(),
    }
}

/// The JSON type of a value, with its article.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// An object all of whose keys are known. Each reader gives `None` for a key that is not there or null.
#[derive(Debug, Clone, Copy)]
pub struct Params<'a>(&'a Map<String, Value>);

impl<'a> Params<'a> {
    /// Takes a JSON value whose keys are among `keys`.
    ///
    /// # Errors
    /// [`ParamError::Shape`], [`ParamError::Unknown`].
    pub fn parse(json: &'a Value, keys: &[&'static str]) -> Result<Params<'a>, ParamError> {
        let Value::Object(object) = json else {
            return Err(ParamError::Shape { found: kind(json) });
        };
        match object.keys().find(|k| !keys.contains(&k.as_str())) {
            None => Ok(Params(object)),
            Some(key) => Err(ParamError::Unknown {
                key: key.chars().take(60).collect(),
                near: did_you_mean(key, keys),
                known: listed(keys),
            }),
        }
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.get(key).filter(|v| !v.is_null())
    }

    /// True when the key has a value.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// True when the key has a number, where a word would do too.
    #[must_use]
    pub fn is_number(&self, key: &str) -> bool {
        self.get(key).is_some_and(Value::is_number)
    }

    /// An object, for [`Params::parse`].
    ///
    /// # Errors
    /// [`ParamError::Value`].
    pub fn object(&self, key: &'static str) -> Result<Option<&'a Value>, ParamError> {
        match self.get(key) {
            Some(value) if !value.is_object() => Err(wrong(
                key,
                format!("must be an object, not {}", kind(value)),
            )),
            value => Ok(value),
        }
    }

    /// A number within a range.
    ///
    /// # Errors
    /// [`ParamError::Value`].
    pub fn number(
        &self,
        key: &'static str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<f64>, ParamError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match value.as_f64() {
            Some(n) if range.contains(&n) => Ok(Some(n)),
            Some(n) => Err(wrong(
                key,
                format!("must be from {} to {}, not {n}", range.start(), range.end()),
            )),
            None => Err(wrong(key, format!("must be a number, not {}", kind(value)))),
        }
    }

    /// A whole number within a range.
    ///
    /// # Errors
    /// [`ParamError::Value`].
    pub fn integer(
        &self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ParamError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let whole = value.as_u64().or_else(|| {
            // 4.0 is a whole number too.
            let n = value.as_f64()?;
            (n >= 0.0 && n <= (1u64 << 53) as f64 && n.fract() == 0.0).then_some(n as u64)
        });
        match whole {
            Some(n) if range.contains(&n) => Ok(Some(n)),
            _ => Err(wrong(
                key,
                format!(
                    "must be a whole number from {} to {}, not {}",
                    range.start(),
                    range.end(),
                    match value {
                        Value::Number(n) => n.to_string(),
                        other => kind(other).to_owned(),
                    }
                ),
            )),
        }
    }

    /// True or false.
    ///
    /// # Errors
    /// [`ParamError::Value`].
    pub fn boolean(&self, key: &'static str) -> Result<Option<bool>, ParamError> {
        self.get(key)
            .map(|v| {
                v.as_bool()
                    .ok_or_else(|| wrong(key, format!("must be true or false, not {}", kind(v))))
            })
            .transpose()
    }

    /// One of some words.
    ///
    /// # Errors
    /// [`ParamError::Value`].
    pub fn choice(
        &self,
        key: &'static str,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, ParamError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let given = value
            .as_str()
            .ok_or_else(|| wrong(key, format!("must be a string, not {}", kind(value))))?;
        match words.iter().find(|w| **w == given) {
            Some(word) => Ok(Some(word)),
            None => Err(wrong(
                key,
                format!(
                    "must be one of {}, not {}{}",
                    listed(words),
                    shown(given),
                    did_you_mean(given, words)
                ),
            )),
        }
    }

    /// A string that is not empty.
    ///
    /// # Errors
    /// [`ParamError::Value`].
    pub fn text(&self, key: &'static str) -> Result<Option<&'a str>, ParamError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(Value::String(_)) => Err(wrong(key, "must not be empty")),
            Some(other) => Err(wrong(key, format!("must be a string, not {}", kind(other)))),
        }
    }

    /// A list of strings, at least one, none twice.
    ///
    /// # Errors
    /// [`ParamError::Value`].
    pub fn texts(&self, key: &'static str) -> Result<Option<Vec<&'a str>>, ParamError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let list = value.as_array().ok_or_else(|| {
            wrong(
                key,
                format!("must be an array of strings, not {}", kind(value)),
            )
        })?;
        let mut texts: Vec<&str> = Vec::new();
        let mut seen = HashSet::new();
        for entry in list {
            let text = entry.as_str().ok_or_else(|| {
                wrong(
                    key,
                    format!("must be an array of strings, one is {}", kind(entry)),
                )
            })?;
            if !seen.insert(text) {
                return Err(wrong(key, format!("has {} twice", shown(text))));
            }
            texts.push(text);
        }
        if texts.is_empty() {
            return Err(wrong(key, "must not be empty"));
        }
        Ok(Some(texts))
    }

    /// A list of at most `most` whole numbers within a range.
    ///
    /// # Errors
    /// [`ParamError::Value`].
    pub fn integers(
        &self,
        key: &'static str,
        range: RangeInclusive<u64>,
        most: usize,
    ) -> Result<Option<Vec<u64>>, ParamError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let wanted = || {
            wrong(
                key,
                format!(
                    "must be an array of 1 to {most} whole numbers from {} to {}",
                    range.start(),
                    range.end()
                ),
            )
        };
        let list = value.as_array().ok_or_else(wanted)?;
        if list.is_empty() || list.len() > most {
            return Err(wanted());
        }
        let numbers = list
            .iter()
            .map(|v| v.as_u64().filter(|n| range.contains(n)).ok_or_else(wanted));
        numbers.collect::<Result<_, _>>().map(Some)
    }

    /// A day such as `"2011-09-10"`, in days since 1970.
    ///
    /// # Errors
    /// [`ParamError::Value`].
    pub fn date(&self, key: &'static str) -> Result<Option<i32>, ParamError> {
        self.get(key).map(|v| day(key, v)).transpose()
    }

    /// Days in ascending order, at least one, none twice.
    ///
    /// # Errors
    /// [`ParamError::Value`].
    pub fn dates(&self, key: &'static str) -> Result<Option<Vec<i32>>, ParamError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let list = value.as_array().ok_or_else(|| {
            wrong(
                key,
                format!("must be an array of dates, not {}", kind(value)),
            )
        })?;
        let mut days = list
            .iter()
            .map(|v| day(key, v))
            .collect::<Result<Vec<i32>, _>>()?;
        let given = days.len();
        days.sort_unstable();
        days.dedup();
        if days.is_empty() || days.len() < given {
            return Err(wrong(key, "must name at least one date, and none twice"));
        }
        Ok(Some(days))
    }
}

fn day(key: &'static str, value: &Value) -> Result<i32, ParamError> {
    value.as_str().and_then(calendar::parse_day).ok_or_else(|| {
        let found = value.as_str().map_or_else(|| kind(value).to_owned(), shown);
        wrong(
            key,
            format!("must be a date such as \"2011-09-10\", not {found}"),
        )
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_read_by_type_and_range() {
        let json = json!({"c": 0.5, "n": 4.0, "log": false, "m": "soft", "f": ["a", "b"],
                          "order": [1, 0], "h": "2011-09-10", "days": ["2011-03-01", "2010-12-01"], "none": null});
        let keys = ["c", "n", "log", "m", "f", "order", "h", "days", "none"];
        let params = Params::parse(&json, &keys).unwrap();
        assert_eq!(params.number("c", 0.0..=1.0), Ok(Some(0.5)));
        assert_eq!(params.integer("n", 1..=9), Ok(Some(4)));
        assert_eq!(params.boolean("log"), Ok(Some(false)));
        assert_eq!(params.choice("m", &["hard", "soft"]), Ok(Some("soft")));
        assert_eq!(params.texts("f"), Ok(Some(vec!["a", "b"])));
        assert_eq!(params.integers("order", 0..=3, 2), Ok(Some(vec![1, 0])));
        for (range, most) in [(1..=3, 2), (0..=3, 1)] {
            let refused = params.integers("order", range, most).unwrap_err();
            assert!(refused.to_string().contains("must be an array of 1 to"));
        }
        assert_eq!(params.date("h"), Ok(Some(15_227)));
        assert_eq!(params.dates("days"), Ok(Some(vec![14_944, 15_034])));
        assert_eq!(params.number("none", 0.0..=1.0), Ok(None));
        assert!(!params.has("none"));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_name() {
        let message = |json: Value| {
            let keys = ["max_depth", "days"];
            Params::parse(&json, &keys)
                .and_then(|p| {
                    p.integer("max_depth", 1..=16)?;
                    p.dates("days")
                })
                .unwrap_err()
                .to_string()
        };
        for (json, part) in [
            (json!([]), "must be a JSON object, not an array"),
            (json!({"max_dept": 3}), "did you mean \"max_depth\"?"),
            (json!({"max_depth": 17}), "from 1 to 16, not 17"),
            (json!({"max_depth": 1e300}), "from 1 to 16, not 1e+300"),
            (json!({"max_depth": 2.5}), "from 1 to 16, not 2.5"),
            (json!({"max_depth": "3"}), "not a string"),
            (json!({"days": []}), "at least one date"),
            (json!({"days": ["2011-02-30"]}), "not \"2011-02-30\""),
            (json!({"days": ["2011-02-03", "2011-02-03"]}), "none twice"),
        ] {
            let message = message(json);
            assert!(message.contains(part), "{message}");
        }
    }
}
