//! Date formats that people give: Postgres templates (`MM/DD/YYYY HH24:MI`) and strftime (`%d.%m.%Y %H:%M`).

use super::error::CleanError;
use crate::calendar::Moment;

/// Longest format, in characters.
const MAX_FORMAT: usize = 100;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// What came of reading a text by one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// A moment, in microseconds since 1970.
    Moment(i64),
    /// The text has the form, but there is no such day or time.
    Impossible,
    /// The text has another form.
    OtherForm,
}

impl Reading {
    pub fn of(moment: &Moment) -> Reading {
        moment
            .since_1970()
            .map_or(Reading::Impossible, Reading::Moment)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Year,
    ShortYear,
    Month,
    Day,
    Hour24,
    Hour12,
    /// `HH`: of 12 hours where the format has AM/PM, of 24 where it has not.
    Hour,
    Minute,
    Second,
    /// Digits of the fraction of a second; the number is how many at most.
    Fraction(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Number { unit: Unit, min: usize, max: usize },
    MonthName,
    HalfOfDay,
    Offset,
    Blank,
    Literal(char),
}

impl Part {
    const fn number(unit: Unit) -> Part {
        let (min, max) = match unit {
            Unit::Year => (4, 4),
            Unit::ShortYear => (2, 2),
            Unit::Fraction(max) => (1, max),
            _ => (1, 2),
        };
        Part::Number { unit, min, max }
    }

    /// What the part tells; a format may tell a thing once only. `None` for what only separates.
    fn tells(self) -> Option<&'static str> {
        Some(match self {
            Part::Number { unit, .. } => match unit {
                Unit::Year | Unit::ShortYear => "year",
                Unit::Month => "month",
                Unit::Day => "day",
                Unit::Hour24 | Unit::Hour12 | Unit::Hour => "hour",
                Unit::Minute => "minute",
                Unit::Second => "second",
                Unit::Fraction(_) => "fraction of a second",
            },
            Part::MonthName => "month",
            Part::HalfOfDay => "half of the day",
            Part::Offset => "offset",
            Part::Blank | Part::Literal(_) => return None,
        })
    }
}

/// The parts of a Postgres template; a name comes before the names that it starts with.
const POSTGRES: [(&str, Part); 17] = [
    ("YYYY", Part::number(Unit::Year)),
    ("YY", Part::number(Unit::ShortYear)),
    ("MONTH", Part::MonthName),
    ("MON", Part::MonthName),
    ("MM", Part::number(Unit::Month)),
    ("MI", Part::number(Unit::Minute)),
    ("MS", Part::number(Unit::Fraction(3))),
    ("DD", Part::number(Unit::Day)),
    ("HH24", Part::number(Unit::Hour24)),
    ("HH12", Part::number(Unit::Hour12)),
    ("HH", Part::number(Unit::Hour)),
    ("SS", Part::number(Unit::Second)),
    ("US", Part::number(Unit::Fraction(6))),
    ("A.M.", Part::HalfOfDay),
    ("P.M.", Part::HalfOfDay),
    ("AM", Part::HalfOfDay),
    ("PM", Part::HalfOfDay),
];

/// A compiled date format.
#[derive(Debug, Clone)]
pub(super) struct Template {
    parts: Vec<Part>,
}

impl Template {
    pub fn new(format: &str) -> Result<Template, CleanError> {
        let refuse = |problem: String| CleanError::DateFormat {
            format: format.to_owned(),
            problem,
        };
        if format.chars().count() > MAX_FORMAT {
            return Err(refuse(format!("it is longer than {MAX_FORMAT} characters")));
        }
        let text = format.trim();
        let parts = if text.contains('%') {
            strftime(text)
        } else {
            postgres(text)
        }
        .map_err(refuse)?;
        let mut template = Template { parts };
        template.check().map_err(refuse)?;
        template.fix_widths();
        Ok(template)
    }

    fn check(&self) -> Result<(), String> {
        let told: Vec<&str> = self.parts.iter().filter_map(|p| p.tells()).collect();
        for (i, what) in told.iter().enumerate() {
            if told.iter().skip(i + 1).any(|other| other == what) {
                return Err(format!("the {what} stands in it twice"));
            }
        }
        for what in ["year", "month", "day"] {
            if !told.contains(&what) {
                return Err(format!("it has no {what}"));
            }
        }
        for (what, needs) in [
            ("minute", "hour"),
            ("second", "minute"),
            ("fraction of a second", "second"),
            ("half of the day", "hour"),
        ] {
            if told.contains(&what) && !told.contains(&needs) {
                return Err(format!("it has a {what} but no {needs}"));
            }
        }
        let has = |unit| self.parts.contains(&Part::number(unit));
        match told.contains(&"half of the day") {
            true if has(Unit::Hour24) => Err("hours of 24 do not go with AM or PM".into()),
            false if has(Unit::Hour12) => Err("hours of 12 need AM or PM".into()),
            _ => Ok(()),
        }
    }

    /// Whether the format has the year first and the day before the month: `2011-03-02` is then the third of February, and
    /// in ISO 8601 the second of March.
    pub fn contradicts_iso(&self) -> bool {
        let told = self.parts.iter().filter_map(|p| p.tells());
        let order: Vec<&str> = told
            .filter(|t| ["year", "month", "day"].contains(t))
            .collect();
        order == ["year", "day", "month"]
    }

    /// Numbers that touch must have all their digits, or `1112009` could be read in two ways.
    fn fix_widths(&mut self) {
        let is_number = |p: Option<&Part>| matches!(p, Some(Part::Number { .. }));
        let touches: Vec<bool> = (0..self.parts.len())
            .map(|i| {
                is_number(self.parts.get(i + 1))
                    || is_number(i.checked_sub(1).and_then(|j| self.parts.get(j)))
            })
            .collect();
        for (part, touches) in self.parts.iter_mut().zip(touches) {
            if let Part::Number { min, max, .. } = part
                && touches
            {
                *min = *max;
            }
        }
    }

    /// Reads a trimmed text; all of it must match.
    pub fn read(&self, text: &str) -> Reading {
        let Some(found) = self.matched(text) else {
            return Reading::OtherForm;
        };
        let mut moment = found.moment;
        if let Some(afternoon) = found.afternoon {
            if !(1..=12).contains(&moment.hour) {
                return Reading::Impossible;
            }
            moment.hour = moment.hour % 12 + if afternoon { 12 } else { 0 };
        }
        Reading::of(&moment)
    }

    fn matched(&self, text: &str) -> Option<Found> {
        let mut found = Found::default();
        let mut rest = text;
        for part in &self.parts {
            rest = match *part {
                Part::Number { unit, min, max } => {
                    let (digits, value, after) = number(rest, min, max)?;
                    found.set(unit, digits, value);
                    after
                }
                Part::MonthName => {
                    let (month, after) = month_name(rest)?;
                    found.moment.month = month;
                    after
                }
                Part::HalfOfDay => {
                    let (afternoon, after) = half_of_day(rest)?;
                    found.afternoon = Some(afternoon);
                    after
                }
                Part::Offset => offset(rest)?,
                Part::Blank => {
                    let after = rest.trim_start();
                    if after.len() == rest.len() {
                        return None;
                    }
                    after
                }
                Part::Literal(c) => rest.strip_prefix(c)?,
            };
        }
        rest.is_empty().then_some(found)
    }
}

#[derive(Default)]
struct Found {
    moment: Moment,
    afternoon: Option<bool>,
}

impl Found {
    fn set(&mut self, unit: Unit, digits: usize, value: u32) {
        let m = &mut self.moment;
        match unit {
            Unit::Year => m.year = value as i32,
            // As Postgres does: the year nearest to 2020.
            Unit::ShortYear => m.year = value as i32 + if value < 70 { 2000 } else { 1900 },
            Unit::Month => m.month = value,
            Unit::Day => m.day = value,
            Unit::Hour24 | Unit::Hour12 | Unit::Hour => m.hour = value,
            Unit::Minute => m.minute = value,
            Unit::Second => m.second = value,
            Unit::Fraction(_) => m.micros = value * 10_u32.pow(6_u32.saturating_sub(digits as u32)),
        }
    }
}

/// How many digits, their value, and what follows them.
fn number(text: &str, min: usize, max: usize) -> Option<(usize, u32, &str)> {
    let digits = text
        .bytes()
        .take(max)
        .take_while(u8::is_ascii_digit)
        .count();
    if digits < min {
        return None;
    }
    let (head, rest) = text.split_at_checked(digits)?;
    Some((digits, head.parse().ok()?, rest))
}

/// The month that a text starts with, in full or by its first three letters.
pub(super) fn month_name(text: &str) -> Option<(u32, &str)> {
    (1..).zip(MONTHS).find_map(|(number, name)| {
        let after = without_prefix(text, name).or_else(|| without_prefix(text, name.get(..3)?))?;
        Some((number, after))
    })
}

fn half_of_day(text: &str) -> Option<(bool, &str)> {
    [("a.m.", false), ("p.m.", true), ("am", false), ("pm", true)]
        .into_iter()
        .find_map(|(name, afternoon)| Some((afternoon, without_prefix(text, name)?)))
}

/// What follows an offset from UTC (`Z`, `+hh`, `+hhmm`, `+hh:mm`). The offset itself says nothing about the shop's day.
pub(super) fn offset(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix(['Z', 'z']) {
        return Some(rest);
    }
    let (_, hours, rest) = number(text.strip_prefix(['+', '-'])?, 2, 2)?;
    let (colon, after) = rest
        .strip_prefix(':')
        .map_or((false, rest), |after| (true, after));
    match number(after, 2, 2) {
        Some((_, minutes, rest)) if hours <= 15 && minutes <= 59 => Some(rest),
        None if hours <= 15 && !colon => Some(rest),
        _ => None,
    }
}

/// The text after a prefix of ASCII letters, upper and lower case being the same.
fn without_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn separator(c: char) -> Part {
    if c.is_whitespace() {
        Part::Blank
    } else {
        Part::Literal(c)
    }
}

fn postgres(format: &str) -> Result<Vec<Part>, String> {
    let (mut parts, mut rest) = (Vec::new(), format);
    while let Some(c) = rest.chars().next() {
        if let Some((part, after)) = POSTGRES
            .iter()
            .find_map(|(n, p)| Some((*p, without_prefix(rest, n)?)))
        {
            parts.push(part);
            rest = after;
            continue;
        }
        let after = rest.get(c.len_utf8()..).unwrap_or("");
        // FM only says that numbers come without zeros, which is read anyway.
        if let Some(after) = without_prefix(rest, "FM") {
            rest = after;
        } else if c == '"' {
            let (quoted, after) = after
                .split_once('"')
                .ok_or("a quotation mark is not closed")?;
            parts.extend(quoted.chars().map(separator));
            rest = after;
        } else if c.is_alphabetic() && !(c == 'T' && without_prefix(after, "HH").is_some()) {
            let part: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
            return Err(format!("unknown part {part:?}"));
        } else {
            if !(c.is_whitespace() && parts.last() == Some(&Part::Blank)) {
                parts.push(separator(c));
            }
            rest = after;
        }
    }
    Ok(parts)
}

fn strftime(format: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            if !(c.is_whitespace() && parts.last() == Some(&Part::Blank)) {
                parts.push(separator(c));
            }
            continue;
        }
        // Flags for padding change nothing in what is read.
        let name = chars.by_ref().find(|c| !matches!(c, '-' | '_' | '#'));
        let number = |unit| vec![Part::number(unit)];
        let colon = Part::Literal(':');
        let minutes = [
            Part::number(Unit::Hour24),
            colon,
            Part::number(Unit::Minute),
        ];
        parts.extend(match name.ok_or("a % stands at its end")? {
            'Y' => number(Unit::Year),
            'y' => number(Unit::ShortYear),
            'm' => number(Unit::Month),
            'd' | 'e' => number(Unit::Day),
            'H' | 'k' => number(Unit::Hour24),
            'I' | 'l' => number(Unit::Hour12),
            'M' => number(Unit::Minute),
            'S' => number(Unit::Second),
            'f' => number(Unit::Fraction(6)),
            'b' | 'B' | 'h' => vec![Part::MonthName],
            'p' | 'P' => vec![Part::HalfOfDay],
            'z' => vec![Part::Offset],
            'R' => minutes.to_vec(),
            'T' => [&minutes[..], &[colon, Part::number(Unit::Second)]].concat(),
            'F' => dated([Unit::Year, Unit::Month, Unit::Day], '-'),
            'D' => dated([Unit::Month, Unit::Day, Unit::ShortYear], '/'),
            '%' => vec![Part::Literal('%')],
            other => return Err(format!("unknown part \"%{other}\"")),
        });
    }
    Ok(parts)
}

fn dated([a, b, c]: [Unit; 3], separator: char) -> Vec<Part> {
    let between = Part::Literal(separator);
    vec![
        Part::number(a),
        between,
        Part::number(b),
        between,
        Part::number(c),
    ]
}
