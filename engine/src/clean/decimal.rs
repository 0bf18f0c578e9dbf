//! Exact decimal numbers: text to a mantissa with a fixed number of decimals, and back.

use crate::error::{Class, Classified};

/// Absolute values must be less than this power of ten: 10^12, since the lake's prices have 12 digits before the point.
const MAX_POWER: u32 = 12;

/// Significant digits that every double keeps. A literal with more is a printed double.
const DOUBLE_DIGITS: usize = 15;

/// Digits that always fit 64 bits: 12 before the point and 6 after it.
const EXACT_DIGITS: usize = 19;

/// Longest text that is looked at as a number, in bytes.
const MAX_BYTES: usize = 256;

/// Currencies that may stand beside a number. A list, because any three letters would make the code `PAD12` a 12.
const CURRENCIES: &str = "AED ARS AUD BDT BGN BHD BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK \
    JPY KES KRW KWD LKR MAD MXN MYR NGN NOK NZD PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR";

/// Why a text is not a number that can be kept exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// The text is no number.
    #[error("is not a number")]
    NotANumber,
    /// The number has more decimals than the scale.
    #[error("has more than {0} decimals")]
    TooManyDecimals(u32),
    /// The number is not between -10^12 and 10^12.
    #[error("is out of range (between -10^12 and 10^12)")]
    OutOfRange,
}

impl Classified for DecimalError {
    fn class(&self) -> Class {
        match self {
            DecimalError::NotANumber | DecimalError::TooManyDecimals(_) => Class::BadData,
            DecimalError::OutOfRange => Class::OutOfRange,
        }
    }
}

/// Reads a number as a mantissa with `scale` decimals: `"2.55"` at scale 6 is 2,550,000.
///
/// Besides plain digits it takes a sign (before, or a minus after), parentheses for negative numbers, one currency (a
/// symbol, or three capital letters of ISO 4217) on either side, thousands separators that stand where they should, and exponents.
/// The decimal point is `.`, or `,` with `decimal_comma`; the thousands separator is the other of the two, a blank or an
/// apostrophe. A literal of more than 15 significant digits that has more than `scale` decimals is a printed double and is
/// read as that double rounded to 15 digits: `2.5500000000000003` is 2.55.
///
/// # Errors
/// [`DecimalError`] when the text is no number, has more than `scale` decimals that are not zero, or is not
/// between -10^12 and 10^12.
pub fn parse_decimal(text: &str, decimal_comma: bool, scale: u32) -> Result<i64, DecimalError> {
    let text = text.trim();
    let point = if decimal_comma { b',' } else { b'.' };
    if let Some(number) = plain(text.as_bytes(), point) {
        return number.at_scale(scale);
    }
    if text.len() > MAX_BYTES {
        return Err(DecimalError::NotANumber);
    }
    let (negative, body) = undecorated(text);
    let literal = Literal::read(body, decimal_comma).ok_or(DecimalError::NotANumber)?;
    literal.number(negative, scale)?.at_scale(scale)
}

/// Writes a mantissa of `scale` decimals as text, without trailing zeros: `-0.5`, `12`, `0`.
#[must_use]
pub fn format_decimal(mantissa: i128, scale: u32) -> String {
    let width = scale as usize + 1;
    let digits = format!("{:0>width$}", mantissa.unsigned_abs());
    let (whole, fraction) = digits.split_at(digits.len() - scale as usize);
    let fraction = fraction.trim_end_matches('0');
    let sign = if mantissa < 0 { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

/// `digits * 10^exponent`, with a sign.
struct Number {
    negative: bool,
    digits: u64,
    exponent: i32,
}

impl Number {
    fn at_scale(&self, scale: u32) -> Result<i64, DecimalError> {
        if self.digits == 0 {
            return Ok(0);
        }
        if self.exponent >= MAX_POWER as i32 {
            return Err(DecimalError::OutOfRange);
        }
        let mut digits = u128::from(self.digits);
        let mut shift = self.exponent.saturating_add_unsigned(scale);
        while shift < 0 && digits % 10 == 0 {
            digits /= 10;
            shift += 1;
        }
        let shift = u32::try_from(shift).map_err(|_| DecimalError::TooManyDecimals(scale))?;
        let power = |n: u32| 10_u128.checked_pow(n).ok_or(DecimalError::OutOfRange);
        let mantissa = digits
            .checked_mul(power(shift)?)
            .ok_or(DecimalError::OutOfRange)?;
        if mantissa >= power(MAX_POWER.saturating_add(scale))? {
            return Err(DecimalError::OutOfRange);
        }
        let mantissa = i64::try_from(mantissa).map_err(|_| DecimalError::OutOfRange)?;
        Ok(if self.negative { -mantissa } else { mantissa })
    }
}

/// The common case without any decoration: a sign, up to 15 digits, one point. `None` is not yet a refusal.
fn plain(text: &[u8], point: u8) -> Option<Number> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if rest.len() > DOUBLE_DIGITS + 1 {
        return None;
    }
    let (mut digits, mut count, mut decimals, mut after_point) = (0_u64, 0, 0, false);
    for &b in rest {
        if b.is_ascii_digit() {
            digits = digits * 10 + u64::from(b - b'0');
            count += 1;
            decimals += i32::from(after_point);
        } else if b == point && !after_point {
            after_point = true;
        } else {
            return None;
        }
    }
    (1..=DOUBLE_DIGITS).contains(&count).then_some(Number {
        negative,
        digits,
        exponent: -decimals,
    })
}

/// Takes sign, parentheses and currency off, each at most once, and tells whether the number is negative.
fn undecorated(text: &str) -> (bool, &str) {
    let (mut rest, mut negative, mut signed, mut priced) = (text, false, false, false);
    loop {
        rest = rest.trim();
        if !signed {
            let minus = ['-', '\u{2212}'];
            if let Some(inner) = rest
                .strip_prefix(minus)
                .or_else(|| rest.strip_suffix(minus))
                .or_else(|| rest.strip_prefix('(').and_then(|r| r.strip_suffix(')')))
            {
                (rest, negative, signed) = (inner, true, true);
                continue;
            }
            if let Some(inner) = rest.strip_prefix('+') {
                (rest, signed) = (inner, true);
                continue;
            }
        }
        match without_currency(rest) {
            Some(inner) if !priced => (rest, priced) = (inner, true),
            _ => return (negative, rest),
        }
    }
}

fn without_currency(text: &str) -> Option<&str> {
    // Not the cent sign: that number would be off by a factor of a hundred.
    let symbol = |c: char| matches!(c, '$' | '£' | '¥' | '¤' | '\u{20a0}'..='\u{20cf}');
    if let Some(rest) = text
        .strip_prefix(symbol)
        .or_else(|| text.strip_suffix(symbol))
    {
        return Some(rest);
    }
    CURRENCIES.split(' ').find_map(|code| {
        let before = text
            .strip_prefix(code)
            .filter(|rest| !rest.starts_with(char::is_alphabetic));
        before.or_else(|| {
            text.strip_suffix(code)
                .filter(|rest| !rest.ends_with(char::is_alphabetic))
        })
    })
}

/// A number as written: its significant digits (no zeros at either end) and the power of ten of the last.
struct Literal {
    digits: String,
    exponent: i32,
}

impl Literal {
    fn read(text: &str, decimal_comma: bool) -> Option<Literal> {
        let (mantissa, power) = match text.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, Some(exponent(power)?)),
            None => (text, None),
        };
        let point = if decimal_comma { ',' } else { '.' };
        let (whole, fraction) = mantissa.split_once(point).unwrap_or((mantissa, ""));
        let mut digits = ungrouped(whole, decimal_comma)?;
        if !all_digits(fraction) || (digits.is_empty() && fraction.is_empty()) {
            return None;
        }
        if power.is_some() && digits.len() != whole.len() {
            return None;
        }
        digits.push_str(fraction);
        let significant = digits.trim_end_matches('0');
        let zeros = digits.len() - significant.len();
        // Both lengths are at most MAX_BYTES and the power has at most six digits.
        let exponent = power.unwrap_or(0) + zeros as i32 - fraction.len() as i32;
        Some(Literal {
            digits: significant.trim_start_matches('0').to_owned(),
            exponent,
        })
    }

    fn number(&self, negative: bool, scale: u32) -> Result<Number, DecimalError> {
        if self.digits.is_empty() {
            return Ok(Number {
                negative,
                digits: 0,
                exponent: 0,
            });
        }
        let magnitude = self.exponent.saturating_add(self.digits.len() as i32);
        if magnitude > MAX_POWER as i32 {
            return Err(DecimalError::OutOfRange);
        }
        // What the column holds exactly is meant exactly, however long.
        let exact =
            i64::from(self.exponent) >= -i64::from(scale) && self.digits.len() <= EXACT_DIGITS;
        if exact || self.digits.len() <= DOUBLE_DIGITS {
            let digits = self.digits.parse().map_err(|_| DecimalError::NotANumber)?;
            return Ok(Number {
                negative,
                digits,
                exponent: self.exponent,
            });
        }
        // Smaller than any decimal of any scale, and near where doubles lose digits.
        if magnitude < -100 {
            return Err(DecimalError::TooManyDecimals(scale));
        }
        let double: f64 = format!("{}e{}", self.digits, self.exponent)
            .parse()
            .map_err(|_| DecimalError::NotANumber)?;
        let rounded = format!("{double:.*e}", DOUBLE_DIGITS - 1);
        let (mantissa, power) = rounded.split_once('e').ok_or(DecimalError::NotANumber)?;
        let digits = mantissa
            .replace('.', "")
            .parse()
            .map_err(|_| DecimalError::NotANumber)?;
        let power: i32 = power.parse().map_err(|_| DecimalError::NotANumber)?;
        Ok(Number {
            negative,
            digits,
            exponent: power - (DOUBLE_DIGITS as i32 - 1),
        })
    }
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

fn exponent(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || digits.len() > 6 || !all_digits(digits) {
        return None;
    }
    text.parse().ok()
}

/// The digits before the point, without separators that stand in the right places; `None` when one does not.
fn ungrouped(whole: &str, decimal_comma: bool) -> Option<String> {
    let Some(separator) = whole.chars().find(|c| !c.is_ascii_digit()) else {
        return Some(whole.to_owned());
    };
    let other_point = if decimal_comma { '.' } else { ',' };
    if separator != other_point
        && !matches!(separator, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '\u{2019}')
    {
        return None;
    }
    let mut groups = whole.split(separator);
    let first = groups.next()?;
    // "0,125" is a decimal comma in the wrong place, not a hundred and twenty-five.
    let well_placed = (1..=3).contains(&first.len())
        && all_digits(first)
        && !first.starts_with('0')
        && groups.all(|g| g.len() == 3 && all_digits(g));
    well_placed.then(|| whole.chars().filter(char::is_ascii_digit).collect())
}
