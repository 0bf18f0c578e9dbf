//! From itemsets to rules: every split of an itemset in two is tested, and those that reach the thresholds are kept.

use rayon::prelude::*;

use super::evidence::Sheet;
use super::gate::Cap;
use super::index::Index;
use super::measures::{Counts, Measure};
use super::options::LONGEST_RULE;
use super::rules::{Found, Level, Rule, rank};
use super::significance::{adjusted, fisher};
use super::splits::{Subsets, Thresholds};
use super::threshold::Fraction;
use super::{Mined, RuleParams};
use crate::control::{Charge, Control, Stop, reserve};
use crate::sorting::sort_by;

const PHASE: &str = "testing rules";

/// The most rules that are tested; over it the longest are dropped, but for those of two items.
const MOST_TESTED: u64 = 10_000_000;
/// The most comparisons of rules with simpler ones, which grow as 3 to the power of the items.
const MOST_COMPARED: u64 = 2_000_000_000;
/// Subsets that a thread looks at in one go.
const SUBSETS: usize = 1 << 14;
/// Pieces of work between two appends to the result.
const PIECES: usize = 32;
/// Splits between two looks at the control.
const LOOK: u32 = 1 << 10;

/// What is tested, and against what.
pub(super) struct Search<'a> {
    /// The itemsets.
    pub mined: &'a Mined,
    /// The options.
    pub params: &'a RuleParams,
    /// Items of which a rule must have one, by id.
    pub included: Option<&'a [bool]>,
    /// The baskets of items, where rules are ranked by what they earned.
    pub sheet: Option<&'a Sheet<'a>>,
    /// True when the time is up.
    pub late: &'a (dyn Fn() -> bool + Sync),
    /// Watches over it.
    pub control: &'a dyn Control,
}

/// The outcome of a part of the itemsets.
#[derive(Default)]
struct Part {
    rules: Vec<Rule>,
    tested: Vec<f64>,
    passed: u64,
}

impl Search<'_> {
    /// All rules that reach the thresholds, the best of them when there are too many; and the number of itemsets that were
    /// kept.
    ///
    /// # Errors
    /// [`Stop`].
    pub(super) fn run(&self) -> Result<(Found, u64), Stop> {
        let index = Index::new(&self.mined.itemsets, self.control)?;
        let kept = self.params.itemsets.kept(&index, self.control)?;
        // Parameters were checked when they were read.
        let fraction = |value| Fraction::of(value).unwrap_or(Fraction::ZERO);
        let thresholds = Thresholds {
            confidence: fraction(self.params.min_confidence),
            lift: fraction(self.params.min_lift),
            improvement: self.params.min_improvement.map(fraction),
        };
        let mut found = Found {
            rules: Vec::new(),
            q_values: Vec::new(),
            tested: 0,
            longest: self.mined.longest,
            caps: Vec::new(),
            levels: Vec::new(),
            _charge: Charge::default(),
        };
        let wanted = self.params.top_k.unwrap_or(usize::MAX);
        let most = wanted.min(self.params.max_rules);
        let (mut tested, mut compared, mut passed) = (Vec::new(), 0u64, 0);
        let mut tested_charge = Charge::default();
        for length in 2..=self.mined.longest.min(LONGEST_RULE) {
            let level = self.level(length, &kept)?;
            let itemsets = (level.paths.len() / length) as u64;
            let (splits, simpler) = self.splits(length);
            found.tested += itemsets.saturating_mul(splits);
            compared = itemsets.saturating_mul(simpler).saturating_add(compared);
            if length > 2 && (found.tested > MOST_TESTED || compared > MOST_COMPARED) {
                found.tested -= itemsets.saturating_mul(splits);
                found.cut(length, Cap::Tests);
                break;
            }
            tested_charge.set(found.tested * 8, PHASE, self.control)?;
            reserve(&mut tested, (itemsets * splits) as usize, PHASE)?;
            found.levels.push(level);
            let before = tested.len();
            match self.test(&mut found, &index, &thresholds, most, &mut tested)? {
                Some(more) => passed += more,
                None => {
                    tested.truncate(before);
                    found.tested = before as u64;
                    found.cut(length, Cap::Time);
                    break;
                }
            }
        }
        if passed > self.params.max_rules as u64 && wanted > self.params.max_rules {
            found.caps.push(Cap::Rules);
        }
        found.q_values = self.q_values(&found.rules, &mut tested)?;
        let itemsets = kept.iter().filter(|kept| **kept).count() as u64;
        Ok((found, itemsets))
    }

    /// The itemsets of a length that are kept and, where items are named, have one of them.
    fn level(&self, length: usize, kept: &[bool]) -> Result<Level, Stop> {
        let itemsets = &self.mined.itemsets;
        let of_length = itemsets.nodes().iter().zip(kept);
        let count = of_length
            .filter(|(node, kept)| **kept && node.depth as usize == length)
            .count();
        let charge = Charge::new((count * length * 4) as u64, PHASE, self.control)?;
        let mut paths: Vec<u32> = Vec::new();
        reserve(&mut paths, count * length, PHASE)?;
        let named = |item: &u32| {
            let id = self.mined.database.ids.get(*item as usize);
            self.included
                .is_none_or(|flags| id.is_some_and(|id| flags.get(*id as usize) == Some(&true)))
        };
        itemsets.try_for_each(|at, path, _| {
            if at % SUBSETS == 0 {
                self.control.check()?;
            }
            if path.len() == length && kept.get(at) == Some(&true) && path.iter().any(named) {
                paths.extend_from_slice(path);
            }
            Ok::<(), Stop>(())
        })?;
        Ok(Level {
            length,
            paths,
            _charge: charge,
        })
    }

    fn within(&self, antecedent: u32, consequent: u32) -> bool {
        antecedent as usize <= self.params.max_antecedent
            && consequent as usize <= self.params.max_consequent
    }

    /// How many rules an itemset of a length has, and how many simpler ones they are compared with at most.
    fn splits(&self, length: usize) -> (u64, u64) {
        let (mut ways, mut splits, mut simpler) = (1u64, 0, 0);
        for left in 1..length as u64 {
            ways = ways * (length as u64 - left + 1) / left;
            if self.within(left as u32, length as u32 - left as u32) {
                splits += ways;
                simpler += ways << left;
            }
        }
        (splits, simpler)
    }

    /// Tests the last level of `found`; how many rules passed, or `None` when the time is up.
    fn test(
        &self,
        found: &mut Found,
        index: &Index<'_>,
        thresholds: &Thresholds,
        most: usize,
        tested: &mut Vec<f64>,
    ) -> Result<Option<u64>, Stop> {
        let Some((length, all)) = found.levels.last().map(|l| (l.length, l.paths.len())) else {
            return Ok(Some(0));
        };
        let piece = (SUBSETS >> length).max(1);
        let (mut fresh, mut charge, mut passed) = (Vec::new(), Charge::default(), 0);
        for start in (0..all).step_by(piece * length * PIECES) {
            self.control.progress(PHASE, start as u64, all as u64);
            let level = found.levels.last();
            let paths = level.and_then(|l| l.paths.get(start..)).unwrap_or_default();
            let parts: Result<Vec<Option<Part>>, Stop> = paths
                .par_chunks(piece * length)
                .take(PIECES)
                .enumerate()
                .map(|(nth, paths)| {
                    let first = start / length + nth * piece;
                    self.test_piece(length, first as u32, paths, index, thresholds)
                })
                .collect();
            for part in parts? {
                let Some(part) = part else { return Ok(None) };
                tested.extend_from_slice(&part.tested);
                passed += part.passed;
                let bytes = (fresh.len() + part.rules.len()) * 2 * size_of::<Rule>();
                charge.set(bytes as u64, PHASE, self.control)?;
                reserve(&mut fresh, part.rules.len(), PHASE)?;
                fresh.extend_from_slice(&part.rules);
            }
            if fresh.len() / 2 > most {
                self.best(&mut fresh, &found.levels, most)?;
            }
        }
        let bytes = (found.rules.len() + fresh.len()) * size_of::<Rule>();
        found._charge.set(bytes as u64, PHASE, self.control)?;
        reserve(&mut found.rules, fresh.len(), PHASE)?;
        found.rules.append(&mut fresh);
        self.best(&mut found.rules, &found.levels, most)?;
        Ok(Some(passed))
    }

    fn test_piece(
        &self,
        length: usize,
        first: u32,
        paths: &[u32],
        index: &Index<'_>,
        thresholds: &Thresholds,
    ) -> Result<Option<Part>, Stop> {
        let mut part = Part::default();
        let mut subsets = Subsets::default();
        self.control.budget(PHASE, 8 << length)?;
        let full = (1u32 << length) - 1;
        for (at, path) in (first..).zip(paths.chunks_exact(length)) {
            if length > 2 && (self.late)() {
                return Ok(None);
            }
            self.control.check()?;
            if !subsets.read(path, index, self.mined.database.total) {
                continue;
            }
            let revenue = match self.sheet {
                Some(sheet) => sheet.revenue(path, self.control)?,
                None => 0.0,
            };
            // Each pair of sides once: the first item is on the one side.
            for left in (1..full).step_by(2) {
                if (left >> 1) % LOOK == LOOK - 1 {
                    self.control.check()?;
                }
                let right = full ^ left;
                let sizes = (left.count_ones(), right.count_ones());
                let ways = [
                    (left, right, self.within(sizes.0, sizes.1)),
                    (right, left, self.within(sizes.1, sizes.0)),
                ];
                if !ways.iter().any(|way| way.2) {
                    continue;
                }
                let counts = Counts {
                    both: subsets.support(full),
                    left: subsets.support(left),
                    right: subsets.support(right),
                    total: self.mined.database.total,
                };
                let p_value = fisher(counts.both, counts.left, counts.right, counts.total);
                for (mask, other, _) in ways.into_iter().filter(|way| way.2) {
                    part.tested.push(p_value);
                    let counts = Counts {
                        left: subsets.support(mask),
                        right: subsets.support(other),
                        ..counts
                    };
                    let Some(improvement) =
                        thresholds.passed(counts, || subsets.best_simpler(mask, other))
                    else {
                        continue;
                    };
                    part.passed += 1;
                    part.rules.push(Rule {
                        value: self.value(counts, p_value, revenue),
                        counts,
                        p_value,
                        improvement,
                        length,
                        at,
                        mask,
                    });
                }
            }
        }
        Ok(Some(part))
    }

    fn value(&self, counts: Counts, p_value: f64, revenue: f64) -> f64 {
        match self.params.rank_by {
            Measure::Lift => counts.lift(),
            Measure::Confidence => counts.confidence(),
            Measure::Support => counts.support(),
            Measure::Leverage => counts.leverage(),
            Measure::Conviction => counts.conviction(),
            Measure::Zhang => counts.zhang(),
            Measure::Jaccard => counts.jaccard(),
            Measure::Cosine => counts.cosine(),
            Measure::Kulczynski => counts.kulczynski(),
            Measure::PValue => -p_value,
            Measure::Revenue => revenue,
        }
    }

    /// The best rules, by rank.
    fn best(&self, rules: &mut Vec<Rule>, levels: &[Level], most: usize) -> Result<(), Stop> {
        let ids = &self.mined.database.ids;
        let order = |a: &Rule, b: &Rule| rank(a, b, levels, ids);
        sort_by(rules, order, PHASE, self.control)?;
        rules.truncate(most);
        Ok(())
    }

    /// The p-values of rules after Benjamini and Hochberg.
    fn q_values(&self, rules: &[Rule], tested: &mut Vec<f64>) -> Result<Vec<f64>, Stop> {
        let mut wanted: Vec<(f64, u32)> = Vec::new();
        self.control.budget(PHASE, rules.len() as u64 * 40)?;
        reserve(&mut wanted, rules.len(), PHASE)?;
        wanted.extend(rules.iter().map(|r| r.p_value).zip(0u32..));
        let by_p = |a: &(f64, u32), b: &(f64, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        sort_by(&mut wanted, by_p, PHASE, self.control)?;
        let p_values: Vec<f64> = wanted.iter().map(|w| w.0).collect();
        let adjusted = adjusted(tested, &p_values, self.control)?;
        let mut q_values = vec![1.0; rules.len()];
        for ((_, at), q) in wanted.iter().zip(adjusted) {
            if let Some(slot) = q_values.get_mut(*at as usize) {
                *slot = q;
            }
        }
        Ok(q_values)
    }
}
