//! Names of segments that a marketer understands, from their profiles.

use std::ops::RangeInclusive;

use super::profile::{Profile, RFM};

/// Where a name fits. Numbers are mean ranks among all customers, from 0 to 1: how recently they bought, how often they buy
/// and how much they spend.
struct Rule {
    name: &'static str,
    recent: RangeInclusive<f64>,
    frequent: RangeInclusive<f64>,
    monetary: RangeInclusive<f64>,
}

const fn rule(
    name: &'static str,
    recent: (f64, f64),
    frequent: (f64, f64),
    monetary: (f64, f64),
) -> Rule {
    Rule {
        name,
        recent: recent.0..=recent.1,
        frequent: frequent.0..=frequent.1,
        monetary: monetary.0..=monetary.1,
    }
}

/// Each segment takes the first name that fits and that no segment of more value has taken. The ranges overlap, so that
/// segments side by side get names side by side, and together they leave no gap.
const RULES: [Rule; 16] = [
    rule("Champions", (0.70, 1.0), (0.82, 1.0), (0.80, 1.0)),
    rule("Cannot Lose Them", (0.0, 0.55), (0.80, 1.0), (0.75, 1.0)),
    rule("Big Spenders", (0.42, 1.0), (0.0, 0.75), (0.80, 1.0)),
    rule("Loyal", (0.55, 1.0), (0.65, 1.0), (0.0, 1.0)),
    rule("Potential Loyalist", (0.60, 1.0), (0.50, 0.84), (0.0, 1.0)),
    rule("Promising", (0.55, 1.0), (0.33, 0.66), (0.0, 1.0)),
    rule("New", (0.60, 1.0), (0.0, 0.33), (0.0, 1.0)),
    rule("Need Attention", (0.42, 0.60), (0.50, 1.0), (0.0, 1.0)),
    rule("About To Sleep", (0.42, 0.60), (0.0, 0.50), (0.0, 1.0)),
    rule("At Risk", (0.0, 0.42), (0.50, 1.0), (0.0, 1.0)),
    rule("Lost", (0.0, 0.30), (0.0, 0.25), (0.0, 1.0)),
    rule("Hibernating", (0.0, 0.42), (0.0, 0.50), (0.0, 1.0)),
    // Names for a second segment of a kind.
    rule("Regular", (0.50, 1.0), (0.60, 1.0), (0.0, 1.0)),
    rule("Occasional", (0.35, 0.80), (0.20, 0.60), (0.0, 1.0)),
    rule("One-Time", (0.0, 1.0), (0.0, 0.30), (0.0, 1.0)),
    rule("Lapsed Regular", (0.0, 0.42), (0.55, 1.0), (0.0, 1.0)),
];

/// Two segments of the same name must differ by this much to be told apart by words.
const APART: f64 = 0.02;
/// A feature whose mean rank is nearer to the middle than this does not characterise a segment.
const USUAL: f64 = 0.05;

/// The name of each segment, all different. A model with none of the three classic features has names made of the features
/// in which its segments stand out.
pub(super) fn named(profile: &Profile, features: &[String]) -> Vec<String> {
    let classic = features.iter().any(|f| RFM.contains(&f.as_str()));
    let names = if classic {
        by_rules(profile)
    } else {
        by_features(profile)
    };
    unique(names)
}

/// Mean ranks of a segment: recent, frequent, monetary.
fn scores(profile: &Profile, segment: usize) -> [f64; 3] {
    let [r, f, m] = [0, 1, 2].map(|column| profile.rank(segment, column));
    [1.0 - r, f, m]
}

fn by_rules(profile: &Profile) -> Vec<String> {
    let all: Vec<[f64; 3]> = (0..profile.customers.len())
        .map(|s| scores(profile, s))
        .collect();
    let mut order: Vec<usize> = (0..all.len()).collect();
    let value = |s: usize| all[s][1] + all[s][2];
    order.sort_by(|a, b| value(*b).total_cmp(&value(*a)).then(a.cmp(b)));

    let mut taken: Vec<(&str, Vec<usize>)> = Vec::new();
    for segment in order {
        let [r, f, m] = all[segment];
        let fits = |rule: &&Rule| {
            rule.recent.contains(&r) && rule.frequent.contains(&f) && rule.monetary.contains(&m)
        };
        let free = |rule: &&Rule| taken.iter().all(|(name, _)| *name != rule.name);
        let mut fitting = RULES.iter().filter(fits);
        let first = fitting.clone().next().map_or("Customers", |rule| rule.name);
        let name = fitting.find(free).map_or(first, |rule| rule.name);
        match taken.iter_mut().find(|(taken, _)| *taken == name) {
            Some((_, segments)) => segments.push(segment),
            None => taken.push((name, vec![segment])),
        }
    }
    let mut names = vec![String::new(); all.len()];
    for (name, segments) in taken {
        for (segment, suffix) in segments.iter().zip(suffixes(&segments, &all)) {
            names[*segment] = format!("{name}{suffix}");
        }
    }
    names
}

/// What tells segments of the same name apart: the score in which they differ most. More than two are only numbered, later.
fn suffixes(segments: &[usize], all: &[[f64; 3]]) -> Vec<&'static str> {
    const WORDS: [(&str, &str); 3] = [
        (", recent", ", longer ago"),
        (", frequent", ", infrequent"),
        (", high value", ", low value"),
    ];
    let [a, b] = segments else {
        return vec![""; segments.len()];
    };
    let difference = |score: usize| (all[*a][score] - all[*b][score]).abs();
    // Of equal ones the value, which matters most.
    let most = [2, 1, 0]
        .into_iter()
        .reduce(|x, y| if difference(y) > difference(x) { y } else { x })
        .unwrap_or(2);
    let (high, low) = WORDS[most];
    if difference(most) < APART {
        vec!["", ""]
    } else if all[*a][most] > all[*b][most] {
        vec![high, low]
    } else {
        vec![low, high]
    }
}

fn by_features(profile: &Profile) -> Vec<String> {
    (0..profile.customers.len())
        .map(|segment| {
            let mut deviations: Vec<(f64, &str)> = profile
                .columns
                .iter()
                .enumerate()
                .skip(RFM.len())
                .map(|(column, name)| (profile.rank(segment, column) - 0.5, name.as_str()))
                .filter(|(deviation, _)| deviation.abs() >= USUAL)
                .collect();
            // Stable: of equal ones the feature that was named first.
            deviations.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
            let words: Vec<String> = deviations
                .iter()
                .take(2)
                .map(|(d, name)| format!("{} {name}", if *d > 0.0 { "high" } else { "low" }))
                .collect();
            if words.is_empty() {
                "average".to_owned()
            } else {
                words.join(", ")
            }
        })
        .collect()
}

/// Numbers names that occur more than once.
fn unique(names: Vec<String>) -> Vec<String> {
    let mut numbered = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        let before = names[..at].iter().filter(|n| *n == name).count();
        let alone = before == 0 && !names[at + 1..].contains(name);
        numbered.push(if alone {
            name.clone()
        } else {
            format!("{name} {}", before + 1)
        });
    }
    numbered
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A profile of segments with the given ranks of recency_days, frequency, monetary and other columns.
    fn profile(columns: &[&str], ranks: &[&[f64]]) -> Profile {
        let columns: Vec<String> = RFM.iter().chain(columns).map(|c| (*c).to_owned()).collect();
        Profile {
            customers: vec![10; ranks.len()],
            means: vec![Some(1.0); ranks.len() * columns.len()],
            base: vec![Some(1.0); columns.len()],
            ranks: ranks.concat(),
            columns,
        }
    }

    fn rfm(ranks: &[&[f64]]) -> Vec<String> {
        named(&profile(&[], ranks), &["frequency".to_owned()])
    }

    #[test]
    fn the_corners_have_the_names_that_marketers_expect() {
        for (ranks, name) in [
            ([0.1, 0.95, 0.95], "Champions"),
            ([0.4, 0.75, 0.7], "Loyal"),
            ([0.7, 0.9, 0.9], "Cannot Lose Them"),
            ([0.3, 0.3, 0.9], "Big Spenders"),
            ([0.1, 0.1, 0.1], "New"),
            ([0.2, 0.4, 0.4], "Promising"),
            ([0.75, 0.6, 0.6], "At Risk"),
            ([0.65, 0.4, 0.4], "Hibernating"),
            ([0.9, 0.1, 0.1], "Lost"),
        ] {
            assert_eq!(rfm(&[&ranks]), [name], "{ranks:?}");
        }
    }

    #[test]
    fn the_rules_leave_no_gap() {
        for r in 0..=100 {
            for f in 0..=100 {
                let ranks = [f64::from(r) / 100.0, f64::from(f) / 100.0, 0.5];
                assert_ne!(rfm(&[&ranks]), ["Customers"], "{ranks:?}");
            }
        }
    }

    #[test]
    fn names_are_unique() {
        let lost: &[f64] = &[0.9, 0.1, 0.1];
        let poorer: &[f64] = &[0.92, 0.1, 0.02];
        let better: &[f64] = &[0.85, 0.12, 0.14];
        let best: &[f64] = &[0.85, 0.14, 0.16];
        // Lost, Hibernating and One-Time, and no fourth name fits: the two of the first name are told apart
        assert_eq!(
            rfm(&[poorer, lost, better, best]),
            [
                "Lost, low value",
                "One-Time",
                "Hibernating",
                "Lost, high value"
            ]
        );
        let same: Vec<&[f64]> = vec![lost; 50];
        let mut names = rfm(&same);
        assert_eq!(names[1..3], ["Hibernating", "One-Time"]);
        assert_eq!(names[49], "Lost 48");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 50);
    }

    #[test]
    fn without_classic_features_names_come_from_what_stands_out() {
        let ranks: [&[f64]; 4] = [
            &[0.9, 0.1, 0.1, 0.9, 0.3, 0.5],
            &[0.1, 0.9, 0.9, 0.47, 0.2, 0.5],
            &[0.5, 0.5, 0.5, 0.51, 0.5, 0.49],
            &[0.5, 0.5, 0.5, 0.52, 0.5, 0.48],
        ];
        let columns = ["returns_share", "units", "tenure"];
        let features = columns.map(str::to_owned);
        assert_eq!(
            named(&profile(&columns, &ranks), &features),
            [
                "high returns_share, low units",
                "low units",
                "average 1",
                "average 2"
            ]
        );
    }
}
