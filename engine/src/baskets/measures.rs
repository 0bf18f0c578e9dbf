//! How interesting a rule is: what is computed from its three counts.
//!
//! N baskets, of which n_x hold the antecedent, n_y the consequent and n_xy both. The names are those of Tan, Kumar and
//! Srivastava (2004), "Selecting the right objective measure for association analysis".

/// What rules are ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Support of the rule over what it would be by chance.
    Lift,
    /// Share of the antecedent's baskets that hold the consequent too.
    Confidence,
    /// Share of all baskets that hold both.
    Support,
    /// Support less what it would be by chance.
    Leverage,
    /// How much less often the rule fails than it would by chance.
    Conviction,
    /// Zhang's measure, from -1 to 1.
    Zhang,
    /// Share of the baskets with either that hold both.
    Jaccard,
    /// Support over the geometric mean of the supports of the sides.
    Cosine,
    /// Mean of the confidences of the rule and its reverse.
    Kulczynski,
    /// Fisher's p-value; the smaller the better.
    PValue,
    /// What the items of the rule earned in its baskets.
    Revenue,
}

const ALL: [(&str, Measure); 11] = [
    ("lift", Measure::Lift),
    ("confidence", Measure::Confidence),
    ("support", Measure::Support),
    ("leverage", Measure::Leverage),
    ("conviction", Measure::Conviction),
    ("zhang", Measure::Zhang),
    ("jaccard", Measure::Jaccard),
    ("cosine", Measure::Cosine),
    ("kulczynski", Measure::Kulczynski),
    ("p_value", Measure::PValue),
    ("revenue", Measure::Revenue),
];

impl Measure {
    /// The names of all.
    pub const NAMES: [&'static str; 11] = {
        let mut names = [""; 11];
        let mut at = 0;
        while at < names.len() {
            names[at] = ALL[at].0;
            at += 1;
        }
        names
    };

    /// By its name.
    #[must_use]
    pub fn of(name: &str) -> Option<Measure> {
        ALL.iter().find(|(n, _)| *n == name).map(|(_, m)| *m)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        ALL.iter().find(|(_, m)| *m == self).map_or("", |(n, _)| n)
    }
}
