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

/// The counts of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    /// Baskets with all items, n_xy; at least 1.
    pub both: u32,
    /// Baskets with the antecedent, n_x.
    pub left: u32,
    /// Baskets with the consequent, n_y.
    pub right: u32,
    /// All baskets, N.
    pub total: u32,
}

impl Counts {
    fn values(self) -> (f64, f64, f64, f64) {
        (
            f64::from(self.both),
            f64::from(self.left),
            f64::from(self.right),
            f64::from(self.total),
        )
    }

    /// n_xy N and n_x n_y: equal when the sides are independent.
    pub(super) fn found_and_expected(self) -> (u128, u128) {
        let product = |a, b| u128::from(a) * u128::from(b);
        (
            product(self.both, self.total),
            product(self.left, self.right),
        )
    }

    /// n_xy N - n_x n_y, without cancelling.
    fn excess(self) -> f64 {
        let (found, expected) = self.found_and_expected();
        // Each is below 2^64.
        (found as i128 - expected as i128) as f64
    }

    pub(super) fn support(self) -> f64 {
        let (both, _, _, total) = self.values();
        both / total
    }

    pub(super) fn confidence(self) -> f64 {
        let (both, left, ..) = self.values();
        both / left
    }

    pub(super) fn lift(self) -> f64 {
        let (found, expected) = self.found_and_expected();
        found as f64 / expected as f64
    }

    /// Piatetsky-Shapiro (1991).
    pub(super) fn leverage(self) -> f64 {
        let (.., total) = self.values();
        self.excess() / (total * total)
    }

    /// Brin et al. (1997); infinite when the rule never fails.
    pub(super) fn conviction(self) -> f64 {
        if self.both == self.left {
            return f64::INFINITY;
        }
        let (both, left, right, total) = self.values();
        (total - right) * left / (total * (left - both))
    }

    /// Zhang (2000): 1 when the consequent is only bought with the antecedent, -1 when never; 0 where nothing can be said.
    pub(super) fn zhang(self) -> f64 {
        let (both, left, right, total) = self.values();
        let most = (both * (total - left)).max(left * (right - both));
        if most == 0.0 {
            return 0.0;
        }
        self.excess() / most
    }

    pub(super) fn jaccard(self) -> f64 {
        let (both, left, right, _) = self.values();
        both / (left + right - both)
    }

    pub(super) fn cosine(self) -> f64 {
        let (both, left, right, _) = self.values();
        both / (left * right).sqrt()
    }

    pub(super) fn kulczynski(self) -> f64 {
        let (both, left, right, _) = self.values();
        (both / left + both / right) / 2.0
    }
}
