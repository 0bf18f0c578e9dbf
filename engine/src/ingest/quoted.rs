//! Records with quotes: RFC 4180, and what to do when a quote is never closed.

use memchr::memchr;

use super::window::Window;
use super::{IngestError, MAX_COLUMNS};
use crate::control::{Charge, Control, Stop};

/// Bytes unescaped, or quotes looked at, between two looks at the control.
const LOOK: usize = 1 << 18;

/// What a record with a quote turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// It ends, within its own line or after lines that belong to it.
    Whole {
        /// Bytes up to its end, with the line end.
        total: usize,
        /// Its fields, also where they are too many or too few.
        fields: usize,
    },
    /// It opens a quote that does not end as it should; says how.
    Unbalanced(String),
}

/// Splits and unescapes records with csv-core.
pub(super) struct Quoted {
    delimiter: u8,
    core: csv_core::Reader,
    out: Vec<u8>,
    charge: Charge,
    ends: Vec<usize>,
    /// Bytes that the last call went over, whatever came of it.
    pub scanned: usize,
}

impl Quoted {
    pub(super) fn new(delimiter: u8) -> Quoted {
        // `\r` is taken off by hand: csv-core would also end a record at a `\r` alone
        let core = csv_core::ReaderBuilder::new()
            .delimiter(delimiter)
            .terminator(csv_core::Terminator::Any(b'\n'))
            .build();
        Quoted {
            delimiter,
            core,
            out: Vec::new(),
            charge: Charge::default(),
            ends: Vec::new(),
            scanned: 0,
        }
    }

    /// The unescaped fields of the last record that was whole, up to `width`.
    pub(super) fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let field = self.out.get(start..end).unwrap_or(&[]);
            start = end;
            field
        })
    }

    /// Reads the record at the beginning of the window, whose first physical line has `first` bytes with its end.
    ///
    /// A record that leaves its first line must have `expected` fields (a header: any number), at most `limit` bytes, and
    /// no text after a closing quote: two stray quotes would otherwise swallow all lines between them. It is given up at the
    /// first field too many, and that is what keeps a hostile file from costing its square: every line that opens a
    /// quote, when read from inside another quote, closes that one and so adds a field; hence no byte is read more than
    /// about `width` times.
    pub(super) fn record(
        &mut self,
        window: &mut Window,
        first: usize,
        expected: Option<usize>,
        limit: usize,
        control: &dyn Control,
    ) -> Result<Record, IngestError> {
        let width = expected.unwrap_or(MAX_COLUMNS);
        self.core.reset();
        self.ends.clear();
        self.ends.resize(width + 1, 0);
        let (mut at, mut written, mut fields, mut filled) = (0, 0, 0, 0);
        let mut text_ended = false;
        loop {
            let data = window.data();
            // the end of the text ends a line: were it inside a quote, the line end would be swallowed
            let input = if text_ended {
                b"\n"
            } else {
                data.get(at..data.len().min(limit + 2).min(at + LOOK))
                    .unwrap_or(&[])
            };
            if input.is_empty() {
                if at > limit + 1 {
                    return Ok(Record::Unbalanced(format!(
                        "the record that starts here is longer than {limit} bytes"
                    )));
                }
                text_ended = !window.fill(control)?;
                continue;
            }
            if at > 0 {
                control.check()?;
            }
            self.charge.lengthen(
                &mut self.out,
                written + input.len(),
                "reading lines",
                control,
            )?;
            let out = self.out.get_mut(written..).unwrap_or(&mut []);
            let ends = self.ends.get_mut(filled..).unwrap_or(&mut []);
            let (result, taken, given, ended) = self.core.read_record(input, out, ends);
            written += given;
            filled += ended;
            fields += ended;
            if !text_ended {
                at += taken;
                self.scanned = at;
            }
            match result {
                csv_core::ReadRecordResult::InputEmpty if text_ended => {
                    return Ok(Record::Unbalanced("the file ends inside it".into()));
                }
                csv_core::ReadRecordResult::InputEmpty => {}
                // There is a byte of room for each of the input.
                csv_core::ReadRecordResult::OutputFull => {}
                csv_core::ReadRecordResult::OutputEndsFull => filled = 0,
                csv_core::ReadRecordResult::Record | csv_core::ReadRecordResult::End => {
                    if at > first && expected.is_some_and(|e| e != fields) {
                        return Ok(Record::Unbalanced(format!(
                            "the record that starts here runs over several lines and has {fields} fields, expected {width}"
                        )));
                    }
                    let whole = window.data().get(..at).unwrap_or(&[]);
                    if at > first && !closes_well(whole, self.delimiter, control)? {
                        return Ok(Record::Unbalanced(
                            "the record that starts here runs over several lines and has text after a closing quote"
                                .into(),
                        ));
                    }
                    self.ends.truncate(filled);
                    Self::drop_carriage_return(&self.out, &mut self.ends, whole);
                    return Ok(Record::Whole { total: at, fields });
                }
            }
            if fields > width && at > first {
                return Ok(Record::Unbalanced(format!(
                    "the record that starts here runs over several lines and has more than {width} fields"
                )));
            }
        }
    }

    /// Takes the `\r` of the line end off the last field, which it was read into.
    fn drop_carriage_return(out: &[u8], ends: &mut [usize], record: &[u8]) {
        let ends_so = record.strip_suffix(b"\n").unwrap_or(record).last() == Some(&b'\r');
        let before = ends
            .len()
            .checked_sub(2)
            .and_then(|i| ends.get(i))
            .copied()
            .unwrap_or(0);
        if let Some(end) = ends.last_mut().filter(|_| ends_so)
            && *end > before
            && out.get(*end - 1) == Some(&b'\r')
        {
            *end -= 1;
        }
    }
}

/// Whether every closing quote of a record is followed by a delimiter or the end of the record.
fn closes_well(record: &[u8], delimiter: u8, control: &dyn Control) -> Result<bool, Stop> {
    let mut rest = record;
    let mut looked = record.len();
    loop {
        if looked - rest.len() > LOOK {
            looked = rest.len();
            control.check()?;
        }
        if let Some(mut inside) = rest.strip_prefix(b"\"") {
            let after = loop {
                let Some(quote) = memchr(b'"', inside) else {
                    return Ok(false);
                };
                let after = inside.get(quote + 1..).unwrap_or(&[]);
                match after.strip_prefix(b"\"") {
                    Some(escaped) => inside = escaped,
                    None => break after,
                }
            };
            rest = match after {
                [] | b"\n" | b"\r" | b"\r\n" => return Ok(true),
                [next, rest @ ..] if *next == delimiter => rest,
                _ => return Ok(false),
            };
        } else {
            let Some(end) = memchr(delimiter, rest) else {
                return Ok(true);
            };
            rest = rest.get(end + 1..).unwrap_or(&[]);
        }
    }
}
