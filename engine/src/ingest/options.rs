//! The options of an ingestion, parsed from JSON.

use encoding_rs::Encoding;
use serde_json::Value;

use super::{IngestError, encoding};
use crate::names::{did_you_mean, listed, shown};
use crate::params::kind;

/// How a source is to be read and cleaned.
#[derive(Debug, Clone)]
pub struct Options {
    /// The byte between fields; `None`: found from the header.
    pub delimiter: Option<u8>,
    /// The encoding of the text; `None`: UTF-8, or what a byte order mark says.
    pub encoding: Option<&'static Encoding>,
    /// Formats of `sold_at` to try in this order; empty: the usual ones.
    pub date_formats: Vec<String>,
    /// Numbers are written `1.234,56`.
    pub decimal_comma: bool,
    /// Line kinds follow the table of code patterns.
    pub rules: bool,
    /// Lines that are equal in all columns are all loaded.
    pub keep_duplicates: bool,
    /// Longer lines are refused; in bytes.
    pub max_line_bytes: usize,
    /// Fail at once when another ingestion holds the lock.
    pub nowait: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            delimiter: None,
            encoding: None,
            date_formats: Vec::new(),
            decimal_comma: false,
            rules: true,
            keep_duplicates: false,
            max_line_bytes: 1 << 20,
            nowait: false,
        }
    }
}

/// All keys, in the order in which messages list them.
const KEYS: [&str; 8] = [
    "delimiter",
    "encoding",
    "date_format",
    "decimal_comma",
    "rules",
    "keep_duplicates",
    "max_line_bytes",
    "nowait",
];

/// The range of `max_line_bytes`: a reader holds a few lines at once, so that this bounds its memory.
const LINE_BYTES: std::ops::RangeInclusive<u64> = 64..=64 << 20;

impl Options {
    /// Reads options from a JSON object; keys that are not given keep their defaults.
    ///
    /// # Errors
    /// [`IngestError::UnknownOption`], [`IngestError::Option`] for a value of the wrong type or out of range,
    /// [`IngestError::OptionsShape`] when it is no object.
    pub fn parse(json: &Value) -> Result<Options, IngestError> {
        let Value::Object(object) = json else {
            return Err(IngestError::OptionsShape { found: kind(json) });
        };
        let mut options = Options::default();
        for (key, value) in object {
            match key.as_str() {
                "delimiter" => options.delimiter = Some(delimiter(text("delimiter", value)?)?),
                "encoding" => options.encoding = Some(encoding::named(text("encoding", value)?)?),
                "date_format" => options.date_formats = date_formats(value)?,
                "decimal_comma" => options.decimal_comma = boolean("decimal_comma", value)?,
                "rules" => options.rules = boolean("rules", value)?,
                "keep_duplicates" => options.keep_duplicates = boolean("keep_duplicates", value)?,
                "max_line_bytes" => options.max_line_bytes = line_bytes(value)?,
                "nowait" => options.nowait = boolean("nowait", value)?,
                _ => {
                    return Err(IngestError::UnknownOption {
                        key: key.chars().take(60).collect(),
                        near: did_you_mean(key, &KEYS),
                        options: listed(&KEYS),
                    });
                }
            }
        }
        Ok(options)
    }
}

pub(super) fn wrong(key: &'static str, problem: impl Into<String>) -> IngestError {
    IngestError::Option {
        key,
        problem: problem.into(),
    }
}

fn text<'a>(key: &'static str, value: &'a Value) -> Result<&'a str, IngestError> {
    value
        .as_str()
        .ok_or_else(|| wrong(key, format!("must be a string, not {}", kind(value))))
}

fn boolean(key: &'static str, value: &Value) -> Result<bool, IngestError> {
    value
        .as_bool()
        .ok_or_else(|| wrong(key, format!("must be true or false, not {}", kind(value))))
}

fn delimiter(given: &str) -> Result<u8, IngestError> {
    let byte = match (given, given.as_bytes()) {
        ("tab" | "\\t", _) => b'\t',
        (_, [byte]) => *byte,
        _ => 0,
    };
    let fit = byte == b'\t'
        || (matches!(byte, b' '..=b'~') && !byte.is_ascii_alphanumeric() && byte != b'"');
    if fit {
        Ok(byte)
    } else {
        Err(wrong(
            "delimiter",
            format!(
                "must be one ASCII character such as \",\" \";\" \"|\" or \"tab\", not {}",
                shown(given)
            ),
        ))
    }
}

fn date_formats(value: &Value) -> Result<Vec<String>, IngestError> {
    let single = |v: &Value| match v.as_str() {
        Some(s) if !s.trim().is_empty() => Ok(s.to_owned()),
        Some(_) => Err(wrong("date_format", "must not be empty")),
        None => Err(wrong(
            "date_format",
            format!("must be a string or a list of strings, not {}", kind(v)),
        )),
    };
    match value {
        Value::Array(list) if list.is_empty() => {
            Err(wrong("date_format", "must not be an empty list"))
        }
        Value::Array(list) if list.len() > 20 => Err(wrong(
            "date_format",
            format!("has {} formats, the limit is 20", list.len()),
        )),
        Value::Array(list) => list.iter().map(single).collect(),
        other => Ok(vec![single(other)?]),
    }
}

fn line_bytes(value: &Value) -> Result<usize, IngestError> {
    match value.as_u64() {
        Some(n) if LINE_BYTES.contains(&n) => {
            usize::try_from(n).map_err(|_| wrong("max_line_bytes", "is too large"))
        }
        _ => Err(wrong(
            "max_line_bytes",
            format!(
                "must be a whole number from {} to {}, not {value:.40}",
                LINE_BYTES.start(),
                LINE_BYTES.end()
            ),
        )),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::{Class, Classified};

    #[test]
    fn no_keys_give_the_defaults() {
        let o = Options::parse(&json!({})).unwrap();
        assert_eq!(
            (o.delimiter, o.encoding, o.date_formats.len()),
            (None, None, 0)
        );
        assert!(o.rules && !o.decimal_comma && !o.keep_duplicates && !o.nowait);
        assert_eq!(o.max_line_bytes, 1_048_576);
    }

    #[test]
    fn every_key_is_read() {
        let o = Options::parse(&json!({
            "delimiter": ";", "encoding": "cp1252", "date_format": ["%d.%m.%Y", "%Y-%m-%d"], "decimal_comma": true,
            "rules": false, "keep_duplicates": true, "max_line_bytes": 4096, "nowait": true
        }))
        .unwrap();
        assert_eq!(o.delimiter, Some(b';'));
        assert_eq!(o.encoding, Some(encoding_rs::WINDOWS_1252));
        assert_eq!(o.date_formats, ["%d.%m.%Y", "%Y-%m-%d"]);
        assert!(o.decimal_comma && !o.rules && o.keep_duplicates && o.nowait);
        assert_eq!(o.max_line_bytes, 4096);
        assert_eq!(
            Options::parse(&json!({"date_format": "%Y"}))
                .unwrap()
                .date_formats,
            ["%Y"]
        );
        for tab in ["\t", "\\t", "tab"] {
            assert_eq!(
                Options::parse(&json!({"delimiter": tab}))
                    .unwrap()
                    .delimiter,
                Some(b'\t')
            );
        }
        for (label, name) in [
            ("utf_8", "UTF-8"),
            ("CP932", "Shift_JIS"),
            ("latin1", "windows-1252"),
            ("gbk", "GBK"),
        ] {
            assert_eq!(
                Options::parse(&json!({"encoding": label}))
                    .unwrap()
                    .encoding
                    .unwrap()
                    .name(),
                name
            );
        }
    }

    #[test]
    fn wrong_values_name_the_key_and_what_it_takes() {
        for (json, words) in [
            (
                json!({"delimitr": ","}),
                "unknown option \"delimitr\", did you mean \"delimiter\"?",
            ),
            (
                json!({"zzz": 1}),
                "unknown option \"zzz\"; the options are \"delimiter\", \"encoding\", \"date_format\"",
            ),
            (
                json!({"rules": "yes"}),
                "option rules: must be true or false, not a string",
            ),
            (
                json!({"delimiter": 5}),
                "option delimiter: must be a string, not a number",
            ),
            (
                json!({"delimiter": "\""}),
                "option delimiter: must be one ASCII character",
            ),
            (
                json!({"delimiter": "ab"}),
                "option delimiter: must be one ASCII character",
            ),
            (
                json!({"delimiter": "\n"}),
                "option delimiter: must be one ASCII character",
            ),
            (
                json!({"encoding": "cp9999"}),
                "option encoding: \"cp9999\" is not known; some that are: utf-8",
            ),
            (json!({"encoding": "replacement"}), "is not known"),
            (
                json!({"date_format": []}),
                "option date_format: must not be an empty list",
            ),
            (
                json!({"date_format": ["%Y", 3]}),
                "option date_format: must be a string or a list of strings, not a number",
            ),
            (
                json!({"max_line_bytes": -1}),
                "option max_line_bytes: must be a whole number from 64 to 67108864, not -1",
            ),
            (json!({"max_line_bytes": 1e300}), "option max_line_bytes"),
            (
                json!({"nowait": null}),
                "option nowait: must be true or false, not null",
            ),
            (json!([]), "options must be a JSON object, not an array"),
        ] {
            let error = Options::parse(&json).unwrap_err();
            assert!(error.to_string().contains(words), "{error} lacks {words}");
            assert_eq!(error.class(), Class::InvalidParameter);
        }
    }
}
