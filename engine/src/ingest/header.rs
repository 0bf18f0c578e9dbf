//! The header of a CSV file: its names and its delimiter.

use memchr::memchr_iter;

use super::quoted::{Quoted, Record};
use super::window::{Physical, Window};
use super::{IngestError, MAX_COLUMNS, Options};
use crate::control::Control;

/// The delimiters that are looked for, the first of equals wins.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// How much of the beginning is examined for being text at all.
const SAMPLE: usize = 8 * 1024;

/// What the header says.
pub(super) struct Header {
    pub names: Vec<String>,
    pub delimiter: u8,
    /// The number of the line after it.
    pub line_no: u64,
}

/// Reads the header at the beginning of the window and consumes it.
pub(super) fn read_header(
    window: &mut Window,
    options: &Options,
    control: &dyn Control,
) -> Result<Header, IngestError> {
    let name = window.text.unpacked.stored.name.clone();
    let bad = |problem: String, hint: &'static str| IngestError::Header {
        name: name.clone(),
        problem,
        hint,
    };
    let limit = options.max_line_bytes;
    let mut line_no = 1;
    let mut delimiter = options.delimiter;
    loop {
        let (length, total) = match window.line(limit, control)? {
            Physical::End => return Err(IngestError::Empty { name }),
            Physical::TooLong => {
                looks_like_text(window, &name)?;
                return Err(bad(
                    format!("is longer than {limit} bytes"),
                    "Check that the file is CSV; the option max_line_bytes allows longer lines.",
                ));
            }
            Physical::Line { length, total } => (length, total),
        };
        looks_like_text(window, &name)?;
        let line = window.data().get(..length).unwrap_or(&[]);
        if line.is_empty() {
            window.consume(total);
            line_no += 1;
            continue;
        }
        // spreadsheets write and read this line
        if let Some(separator) = separator_line(line).filter(|_| line_no == 1) {
            delimiter = delimiter.or(Some(separator));
            window.consume(total);
            line_no += 1;
            continue;
        }
        if std::str::from_utf8(line).is_err() {
            let encoding = window.text.encoding.name();
            return Err(bad(
                format!("is not valid {encoding}"),
                "Give the option encoding, for example windows-1252.",
            ));
        }
        let delimiter = delimiter.unwrap_or_else(|| most_frequent(line));
        let mut quoted = Quoted::new(delimiter);
        let (total, fields) = match quoted.record(window, total, None, limit, control)? {
            Record::Whole { total, fields } => (total, fields),
            Record::Unbalanced(how) => {
                return Err(bad(
                    format!("has an unbalanced quote: {how}"),
                    "Export the file again.",
                ));
            }
        };
        if fields > MAX_COLUMNS {
            return Err(IngestError::TooManyColumns {
                columns: fields,
                limit: MAX_COLUMNS,
            });
        }
        let mut names = Vec::with_capacity(fields);
        for field in quoted.fields() {
            let Ok(text) = std::str::from_utf8(field) else {
                return Err(bad(
                    "is not valid text".into(),
                    "Give the option encoding, for example windows-1252.",
                ));
            };
            if text.contains('\r') && !text.contains('\n') {
                return Err(bad(
                    "is followed by a carriage return without a line feed".into(),
                    "Convert the line ends to LF or CRLF.",
                ));
            }
            names.push(text.trim().to_owned());
        }
        line_no += memchr_iter(b'\n', window.data().get(..total).unwrap_or(&[]))
            .count()
            .max(1) as u64;
        window.consume(total);
        return Ok(Header {
            names,
            delimiter,
            line_no,
        });
    }
}

/// The delimiter of a line `sep=;`.
fn separator_line(line: &[u8]) -> Option<u8> {
    match line {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', separator]
            if DELIMITERS.contains(separator) =>
        {
            Some(*separator)
        }
        _ => None,
    }
}

/// The delimiter that occurs most often outside quotes.
fn most_frequent(line: &[u8]) -> u8 {
    let mut counts = [0_usize; 4];
    let mut inside = false;
    for byte in line {
        if *byte == b'"' {
            inside = !inside;
        } else if !inside {
            for (count, delimiter) in counts.iter_mut().zip(DELIMITERS) {
                *count += usize::from(*byte == delimiter);
            }
        }
    }
    let mut best = (0, b',');
    for (count, delimiter) in counts.into_iter().zip(DELIMITERS) {
        if count > best.0 {
            best = (count, delimiter);
        }
    }
    best.1
}

/// Refuses what is no text: one NUL in a hundred bytes, or one in the first line. A stray one later costs its line only.
fn looks_like_text(window: &Window, name: &str) -> Result<(), IngestError> {
    let sample = window.data().get(..SAMPLE).unwrap_or(window.data());
    let nuls = memchr_iter(0, sample).count();
    let first = memchr::memchr(b'\n', sample)
        .and_then(|i| sample.get(..i))
        .unwrap_or(sample);
    if nuls * 100 <= sample.len() && !first.contains(&0) {
        return Ok(());
    }
    let at = |parity: usize| {
        sample
            .iter()
            .skip(parity)
            .step_by(2)
            .filter(|b| **b == 0)
            .count()
    };
    let (even, odd) = (at(0), at(1));
    let wide = !window.text.is_wide()
        && even.max(odd) * 3 > sample.len()
        && even.min(odd) * 20 < sample.len();
    let wide_hint = if odd > even {
        "Give the option encoding: utf-16le."
    } else {
        "Give the option encoding: utf-16be."
    };
    let name = name.to_owned();
    Err(if wide {
        IngestError::Header {
            name,
            problem: "looks like UTF-16 without a byte order mark".into(),
            hint: wide_hint,
        }
    } else {
        IngestError::NotAsNamed {
            name,
            claimed: "a text file",
            found: "binary data (it holds NUL bytes)",
        }
    })
}
