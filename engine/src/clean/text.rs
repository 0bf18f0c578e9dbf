//! Texts as sources write them, made comparable.

/// Longest code, invoice number, customer and country, in bytes: an entry of a PostgreSQL index holds 2,704.
pub(super) const MAX_NAME: usize = 2_000;
/// Longest description, in bytes.
pub(super) const MAX_DESCRIPTION: usize = 20_000;

/// How much of a value a message shows, in characters.
const SHOWN: usize = 60;

/// Words that exports write for "no value", in lower case.
const UNKNOWN: [&str; 8] = ["", "nan", "null", "none", "n/a", "\\n", "<na>", "#n/a"];

/// What R writes for a customer that is not known. As a country it is the code of Namibia, so it stands for itself there.
const UNKNOWN_CUSTOMER: &str = "NA";

/// Without Unicode white space (the no-break space included) at both ends.
pub(super) fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        // Most texts need no trimming, and two looks tell.
        [b'!'..=b'~'] | [b'!'..=b'~', .., b'!'..=b'~'] => text,
        _ => text.trim(),
    }
}

/// Whether a trimmed text stands for "no value".
pub(super) fn is_unknown(text: &str) -> bool {
    text.len() <= 4 && UNKNOWN.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// The text in upper case, in `buffer` where that differs from the text.
pub(super) fn upper<'a>(text: &'a str, buffer: &'a mut String) -> &'a str {
    if text
        .bytes()
        .all(|b| b.is_ascii() && !b.is_ascii_lowercase())
    {
        return text;
    }
    buffer.clear();
    buffer.extend(text.chars().flat_map(char::to_uppercase));
    buffer
}

/// The text trimmed, with blanks for control characters, in `buffer` where that changes it.
pub(super) fn without_controls<'a>(text: &'a str, buffer: &'a mut String) -> &'a str {
    if text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return trimmed(text);
    }
    buffer.clear();
    buffer.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
    trimmed(buffer)
}

/// A customer: empty when unknown; without the decimals of a number that went through a float (`13085.0`).
pub(super) fn customer(text: &str) -> &str {
    if is_unknown(text) || text == UNKNOWN_CUSTOMER {
        return "";
    }
    match text.split_once('.') {
        Some((whole, zeros))
            if is_run_of(whole, |b| b.is_ascii_digit()) && is_run_of(zeros, |b| b == b'0') =>
        {
            whole
        }
        _ => text,
    }
}

fn is_run_of(text: &str, wanted: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(wanted)
}

/// A value as messages show it: in quotation marks, escaped, shortened.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}...", text.get(..end).unwrap_or("")),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_goes_from_both_ends_only() {
        for (text, want) in [
            ("", ""),
            (" ", ""),
            ("a", "a"),
            ("a b", "a b"),
            ("\u{a0}\ta b\u{3000}\r\n", "a b"),
            ("é ", "é"),
        ] {
            assert_eq!(trimmed(text), want);
        }
    }

    #[test]
    fn words_for_no_value() {
        for word in [
            "", "NaN", "null", "NONE", "N/A", "\\N", "n/a", "<NA>", "<na>", "#N/A",
        ] {
            assert!(is_unknown(word), "{word}");
        }
        for word in ["0", "na", "NA", "none.", "13085", "Unspecified"] {
            assert!(!is_unknown(word), "{word}");
        }
    }

    #[test]
    fn customers() {
        for (text, want) in [
            ("13085.0", "13085"),
            ("13085.000", "13085"),
            ("13085", "13085"),
            ("007.0", "007"),
            ("13085.5", "13085.5"),
            ("13085.", "13085."),
            (".0", ".0"),
            ("A1.0", "A1.0"),
            ("1.0.0", "1.0.0"),
            ("nan", ""),
            ("NA", ""),
            ("<NA>", ""),
            ("#n/a", ""),
            ("na", "na"),
            ("NA1", "NA1"),
            ("Test", "Test"),
        ] {
            assert_eq!(customer(text), want);
        }
    }

    #[test]
    fn case_and_controls() {
        let mut buffer = String::from("old");
        assert_eq!(upper("85123a", &mut buffer), "85123A");
        assert_eq!(upper("BANK CHARGES", &mut buffer), "BANK CHARGES");
        assert_eq!(upper("größe", &mut buffer), "GRÖSSE");
        assert_eq!(
            without_controls("\u{1} A\tB\u{85}C\u{7f}\n", &mut buffer),
            "A B C"
        );
        assert_eq!(without_controls(" £5 bag ", &mut buffer), "£5 bag");
        assert_eq!(without_controls("  BAG ", &mut buffer), "BAG");
    }

    #[test]
    fn long_values_are_shown_in_part() {
        assert_eq!(quoted("a\"\0"), "\"a\\\"\\0\"");
        assert_eq!(
            quoted(&"é".repeat(61)),
            format!("\"{}\"...", "é".repeat(60))
        );
    }
}
