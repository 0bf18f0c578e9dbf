//! Which itemsets are kept.

/// Which of the frequent itemsets are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condense {
    /// All of them.
    All,
    /// Those that no larger itemset is as frequent as (Pasquier et al. 1999).
    Closed,
    /// Those that no larger frequent itemset contains (Bayardo 1998).
    Maximal,
}

impl Condense {
    /// The words for them in SQL, in the order of the kinds.
    pub const NAMES: [&'static str; 3] = ["all", "closed", "maximal"];

    /// By its name.
    #[must_use]
    pub fn of(name: &str) -> Option<Condense> {
        [Condense::All, Condense::Closed, Condense::Maximal]
            .into_iter()
            .find(|c| c.name() == name)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Condense::All => "all",
            Condense::Closed => "closed",
            Condense::Maximal => "maximal",
        }
    }
}
