//! Reading dates. What counts is the wall clock of the shop: an offset from UTC is read and dropped.

pub use crate::calendar::{civil, days};

use super::error::CleanError;
use super::template::{Reading, Template, month_name, offset};
use crate::calendar::Moment;

/// Most date formats that are tried for a text.
const MAX_FORMATS: usize = 20;

/// Reads dates by the formats given, in their order, and then as ISO 8601.
///
/// ISO 8601 is for texts of another form only: a text that has the form of a format but is no day in it is no date, and where
/// a format has the year first and the day before the month (`YYYY-DD-MM`), nothing is read as ISO 8601, which looks the same.
#[derive(Debug, Clone)]
pub struct DateParser {
    templates: Vec<Template>,
    iso_too: bool,
}

impl DateParser {
    /// A parser for Postgres templates (`MM/DD/YYYY HH24:MI`) and strftime formats (`%d.%m.%Y %H:%M`).
    ///
    /// # Errors
    /// [`CleanError::DateFormat`], which names the part that is wrong.
    pub fn new(formats: &[String]) -> Result<DateParser, CleanError> {
        if let Some(format) = formats.get(MAX_FORMATS) {
            let problem = format!("there are more than {MAX_FORMATS} date formats");
            return Err(CleanError::DateFormat {
                format: format.clone(),
                problem,
            });
        }
        let templates = formats
            .iter()
            .map(|f| Template::new(f))
            .collect::<Result<Vec<_>, _>>()?;
        let iso_too = !templates.iter().any(Template::contradicts_iso);
        Ok(DateParser { templates, iso_too })
    }

    /// Microseconds since 1970-01-01 00:00 on the wall clock; `None` when the text is no date, or no day from 1900 to
    /// 2199. Without a time it is midnight; digits beyond microseconds are cut off.
    #[must_use]
    pub fn parse(&self, text: &str) -> Option<i64> {
        let text = text.trim();
        let mut has_a_form = false;
        for template in &self.templates {
            match template.read(text) {
                Reading::Moment(micros) => return Some(micros),
                Reading::Impossible => has_a_form = true,
                Reading::OtherForm => {}
            }
        }
        if self.iso_too && !has_a_form {
            parse_iso(text)
        } else {
            None
        }
    }

    /// Whether a text that [`DateParser::parse`] refuses looks like a date in a form that no format describes.
    #[must_use]
    pub fn is_other_form(&self, text: &str) -> bool {
        let text = text.trim();
        let iso = self.iso_too && iso(text).is_some();
        let has_a_form = |template: &Template| template.read(text) != Reading::OtherForm;
        !iso && !self.templates.iter().any(has_a_form) && looks_like_a_date(text)
    }
}

/// Microseconds since 1970 of a date in ISO 8601, as [`DateParser::parse`] reads it.
#[must_use]
pub fn parse_iso(text: &str) -> Option<i64> {
    match iso(text.trim())? {
        Reading::Moment(micros) => Some(micros),
        Reading::Impossible | Reading::OtherForm => None,
    }
}

/// `YYYY-MM-DD` or `YYYY/MM/DD` with an optional time, or `YYYYMMDD`; `None` when the text has another form.
fn iso(text: &str) -> Option<Reading> {
    let b = text.as_bytes();
    let mut moment = Moment {
        year: (two(b, 0)? * 100 + two(b, 2)?) as i32,
        ..Moment::default()
    };
    let separator = *b.get(4)?;
    if b.len() == 8 {
        (moment.month, moment.day) = (two(b, 4)?, two(b, 6)?);
        return Some(Reading::of(&moment));
    }
    if !matches!(separator, b'-' | b'/') || *b.get(7)? != separator {
        return None;
    }
    (moment.month, moment.day) = (two(b, 5)?, two(b, 8)?);
    match b.get(10) {
        None => return Some(Reading::of(&moment)),
        Some(b' ' | b'T' | b't') if *b.get(13)? == b':' => {}
        Some(_) => return None,
    }
    (moment.hour, moment.minute) = (two(b, 11)?, two(b, 14)?);
    let mut at = 16;
    if b.get(at) == Some(&b':') {
        moment.second = two(b, at + 1)?;
        at += 3;
        if b.get(at) == Some(&b'.') {
            let digits = b
                .get(at + 1..)?
                .iter()
                .take_while(|d| d.is_ascii_digit())
                .count();
            if !(1..=9).contains(&digits) {
                return None;
            }
            for i in 1..=6 {
                moment.micros =
                    moment.micros * 10 + if i <= digits { digit(b, at + i)? } else { 0 };
            }
            at += 1 + digits;
        }
    }
    let zone = text.get(at..)?;
    (zone.is_empty() || offset(zone)?.is_empty()).then(|| Reading::of(&moment))
}

fn digit(b: &[u8], at: usize) -> Option<u32> {
    b.get(at)
        .filter(|d| d.is_ascii_digit())
        .map(|d| u32::from(d - b'0'))
}

fn two(b: &[u8], at: usize) -> Option<u32> {
    Some(digit(b, at)? * 10 + digit(b, at + 1)?)
}

/// Whether a text starts with three numbers, one of which may be a month's name: `12/14/2009 8:34`, `14 Dec 2009`.
fn looks_like_a_date(text: &str) -> bool {
    let mut names = 0;
    let mut parts = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|p| !p.is_empty())
        .take(3);
    let parts_fit = |part: &str| {
        if month_name(part).is_some() {
            names += 1;
        } else if part.len() > 4 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return false;
        }
        true
    };
    text.starts_with(char::is_alphanumeric)
        && parts.clone().count() == 3
        && parts.all(parts_fit)
        && names <= 1
}
