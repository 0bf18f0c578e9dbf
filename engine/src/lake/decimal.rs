//! Amounts read back from exact decimal text, as `clean::decimal::format_decimal` writes it.

use crate::clean::line::AMOUNT_SCALE;

/// The amount that a text such as `-12.50` states, with [`AMOUNT_SCALE`] decimals; `None` for anything else, for more
/// decimals that are not zero, and for what does not fit 128 bits.
#[must_use]
pub fn parse_amount(text: &str) -> Option<i128> {
    let (negative, digits) = text
        .strip_prefix('-')
        .map_or((false, text), |rest| (true, rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(part) {
        return None;
    }
    let part = part.trim_end_matches('0');
    if part.len() > AMOUNT_SCALE as usize {
        return None;
    }
    let mut value = 0_i128;
    let zeros = std::iter::repeat_n(b'0', AMOUNT_SCALE as usize - part.len());
    for digit in whole.bytes().chain(part.bytes()).chain(zeros) {
        let digit = i128::from(digit - b'0');
        // Downwards for negative amounts, so that the smallest fits too.
        let next = value.checked_mul(10)?;
        value = if negative {
            next.checked_sub(digit)?
        } else {
            next.checked_add(digit)?
        };
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clean::decimal::format_decimal;

    #[test]
    fn amounts_are_exact_text() {
        for (amount, text) in [
            (0, "0"),
            (25_000_000_000, "2.5"),
            (-25_000_000_000, "-2.5"),
            (1, "0.0000000001"),
            (-1, "-0.0000000001"),
            (193_247_711_600_000_000, "19324771.16"),
            (i128::MAX, "17014118346046923173168730371.5884105727"),
            (i128::MIN, "-17014118346046923173168730371.5884105728"),
        ] {
            assert_eq!(format_decimal(amount, AMOUNT_SCALE), text);
            assert_eq!(parse_amount(text), Some(amount));
        }
        assert_eq!(parse_amount("2.500000000000"), Some(25_000_000_000));
    }

    #[test]
    fn what_is_no_exact_amount_is_refused() {
        for text in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "--1",
            "+1",
            "1e3",
            "NaN",
            "Infinity",
            " 1",
            "1,5",
            "0x1",
            "1.2.3",
            "0.00000000001",
            "17014118346046923173168730371.5884105728",
            "99999999999999999999999999999999999999999",
        ] {
            assert_eq!(parse_amount(text), None, "{text}");
        }
    }
}
