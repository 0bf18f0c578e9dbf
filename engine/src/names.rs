//! Names of columns and options: how they are compared, suggested and listed.

/// The most characters of a name that are compared or shown; a hostile header has longer ones.
const SHOWN: usize = 60;
/// The most names in a list.
const LISTED: usize = 30;

/// A name without case, blanks, underscores and hyphens.
pub fn normal(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_whitespace() && *c != '_' && *c != '-')
        .flat_map(char::to_lowercase)
        .collect()
}

/// A name for a message: in quotes, cut when very long.
pub fn shown(name: &str) -> String {
    let cut: String = name.chars().take(SHOWN).collect();
    let dots = if cut.len() < name.len() { "..." } else { "" };
    format!("\"{}{dots}\"", cut.escape_debug())
}

/// Names for a message, separated by commas, cut when very many.
pub fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let mut out = names
        .iter()
        .take(LISTED)
        .map(|n| shown(n.as_ref()))
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > LISTED {
        out.push_str(&format!(" and {} more", names.len() - LISTED));
    }
    out
}

/// The candidate that a misspelt name was near to, if any is.
pub fn nearest<'a, S: AsRef<str>>(name: &str, candidates: &'a [S]) -> Option<&'a str> {
    let wanted: Vec<char> = normal(name).chars().take(SHOWN).collect();
    candidates
        .iter()
        .map(AsRef::as_ref)
        .map(|c| {
            (
                distance(&wanted, &normal(c).chars().take(SHOWN).collect::<Vec<_>>()),
                c,
            )
        })
        .filter(|(d, c)| *d <= (wanted.len().max(c.chars().count()) / 3).clamp(1, 6))
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}

/// [`nearest`] as the tail of a sentence: `, did you mean "x"?` or nothing.
pub fn did_you_mean<S: AsRef<str>>(name: &str, candidates: &[S]) -> String {
    nearest(name, candidates)
        .map(|c| format!(", did you mean {}?", shown(c)))
        .unwrap_or_default()
}

/// Levenshtein's distance, one row at a time.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, cb) in row.iter_mut().skip(1).zip(b) {
            let cost = (diagonal + usize::from(ca != cb))
                .min(left + 1)
                .min(*cell + 1);
            diagonal = *cell;
            *cell = cost;
            left = cost;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(a: &str, b: &str) -> usize {
        distance(
            &a.chars().collect::<Vec<_>>(),
            &b.chars().collect::<Vec<_>>(),
        )
    }

    #[test]
    fn distances_of_the_textbook() {
        assert_eq!(d("kitten", "sitting"), 3);
        assert_eq!(d("saturday", "sunday"), 3);
        assert_eq!(d("", "abc"), 3);
        assert_eq!(d("abc", ""), 3);
        assert_eq!(d("same", "same"), 0);
    }

    #[test]
    fn a_misspelt_name_finds_its_neighbour_and_a_strange_one_none() {
        let names = ["Order ID", "Order Date", "Qty"];
        assert_eq!(nearest("order_di", &names), Some("Order ID"));
        assert_eq!(nearest("ordr date", &names), Some("Order Date"));
        assert_eq!(nearest("colour", &names), None);
    }

    #[test]
    fn long_lists_and_names_are_cut() {
        let names: Vec<String> = (0..100).map(|i| format!("c{i}")).collect();
        assert!(listed(&names).ends_with("\"c29\" and 70 more"));
        assert_eq!(shown(&"x".repeat(1000)).len(), SHOWN + 5);
    }
}
