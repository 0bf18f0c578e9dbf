//! What the baskets say of a rule beside its counts: money, months, and whether it holds outside the group too.

use rayon::prelude::*;

use super::store::{Baskets, MONEY_UNITS};
use super::threshold::Fraction;
use crate::calendar::civil_of_day;
use crate::control::{Charge, Control, Stop, reserve};
use crate::sorting::sort_by;

const PHASE: &str = "gathering evidence";
/// Baskets between two looks at the control.
const LOOK: usize = 1 << 16;
/// An item in so large a share of the baskets, or a larger one, has a bit for each of them beside its list.
const DENSE: usize = 64;

/// What is known of a rule from its baskets.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Evidence {
    /// What the rule's items earned in the baskets of the group that hold them all.
    pub revenue: f64,
    /// Months in which the antecedent was bought.
    pub months: u32,
    /// Months of these in which the rule reached the confidence that was asked for.
    pub months_held: u32,
    /// Baskets outside the group that hold the antecedent.
    pub rest_left: u32,
    /// Baskets outside the group that hold all items.
    pub rest_both: u32,
}

/// The baskets of each frequent item. Baskets have places: those of the group first, by month.
#[derive(Debug)]
pub(super) struct Sheet<'a> {
    baskets: &'a Baskets,
    /// An item's id, by its number.
    ids: &'a [u32],
    /// The basket at each place.
    order: Vec<u32>,
    /// A number for the month of each place.
    months: Vec<u32>,
    /// Places of the group.
    group: u32,
    /// Where the places of each item begin, and one more for the end.
    starts: Vec<usize>,
    /// Places by item, ascending.
    places: Vec<u32>,
    /// A bit for each place, of frequent items.
    bits: Vec<Vec<u64>>,
    _charge: Charge,
}

impl<'a> Sheet<'a> {
    /// Reads the baskets; those for which `selected` is true are the group, `ids` are the items by number.
    ///
    /// # Errors
    /// [`Stop`].
    pub(super) fn new(
        baskets: &'a Baskets,
        selected: &[bool],
        ids: &'a [u32],
        control: &dyn Control,
    ) -> Result<Sheet<'a>, Stop> {
        let mut number = vec![u32::MAX; baskets.labels().len()];
        for (to, id) in (0u32..).zip(ids) {
            if let Some(slot) = number.get_mut(*id as usize) {
                *slot = to;
            }
        }
        let number_of = |id: &u32| number.get(*id as usize).copied().unwrap_or(u32::MAX);
        let mut starts = vec![0usize; ids.len() + 1];
        for basket in 0..baskets.len() {
            for item in baskets.items(basket) {
                if let Some(count) = starts.get_mut((number_of(item) as usize).saturating_add(1)) {
                    *count += 1;
                }
            }
        }
        let dense = |count: &&usize| **count * DENSE >= baskets.len();
        let words = baskets.len().div_ceil(64);
        let pairs: usize = starts.iter().sum();
        let bytes = baskets.len() * 8 + pairs * 4 + starts.iter().filter(dense).count() * words * 8;
        let charge = Charge::new(bytes as u64, PHASE, control)?;
        let mut sum = 0;
        for slot in &mut starts {
            sum += *slot;
            *slot = sum;
        }
        let (order, months, group) = by_month(baskets, selected, control)?;
        let mut places: Vec<u32> = Vec::new();
        reserve(&mut places, pairs, PHASE)?;
        places.resize(pairs, 0);
        let mut next = starts.clone();
        for (place, basket) in (0u32..).zip(&order) {
            if (place as usize).is_multiple_of(LOOK) {
                control.check()?;
            }
            for item in baskets.items(*basket as usize) {
                if let Some(at) = next.get_mut(number_of(item) as usize)
                    && let Some(slot) = places.get_mut(*at)
                {
                    *slot = place;
                    *at += 1;
                }
            }
        }
        let mut sheet = Sheet {
            baskets,
            ids,
            order,
            months,
            group,
            starts,
            places,
            bits: Vec::new(),
            _charge: charge,
        };
        for item in 0..ids.len() as u32 {
            control.check()?;
            let list = sheet.list(item);
            let mut bits: Vec<u64> = Vec::new();
            if dense(&&list.len()) {
                reserve(&mut bits, words, PHASE)?;
                bits.resize(words, 0);
                for place in list {
                    if let Some(word) = bits.get_mut(*place as usize / 64) {
                        *word |= 1 << (place % 64);
                    }
                }
            }
            sheet.bits.push(bits);
        }
        Ok(sheet)
    }

    fn list(&self, item: u32) -> &[u32] {
        let at = item as usize;
        match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(start), Some(end)) => self.places.get(*start..*end).unwrap_or_default(),
            _ => &[],
        }
    }

    fn holds(&self, place: u32, item: u32) -> bool {
        match self.bits.get(item as usize) {
            Some(bits) if !bits.is_empty() => {
                let word = bits.get(place as usize / 64).copied().unwrap_or(0);
                word >> (place % 64) & 1 == 1
            }
            _ => self.list(item).binary_search(&place).is_ok(),
        }
    }

    /// Calls `each` with the places that hold all of `items` (ascending numbers: the rarest first).
    fn for_each_place(
        &self,
        items: &[u32],
        control: &dyn Control,
        mut each: impl FnMut(u32),
    ) -> Result<(), Stop> {
        let Some((rarest, others)) = items.split_first() else {
            return Ok(());
        };
        for places in self.list(*rarest).chunks(LOOK) {
            control.check()?;
            for place in places {
                if others.iter().all(|item| self.holds(*place, *item)) {
                    each(*place);
                }
            }
        }
        Ok(())
    }

    /// What some items cost in the basket at a place, in parts of [`MONEY_UNITS`].
    fn amount(&self, place: u32, items: &[u32]) -> i128 {
        let basket = self
            .order
            .get(place as usize)
            .map_or(usize::MAX, |b| *b as usize);
        let (held, amounts) = (self.baskets.items(basket), self.baskets.amounts(basket));
        let amount = |item: &u32| {
            let id = self.ids.get(*item as usize)?;
            amounts.get(held.binary_search(id).ok()?)
        };
        items
            .iter()
            .filter_map(amount)
            .map(|a| i128::from(*a))
            .sum()
    }

    /// What some items earned in the baskets of the group that hold them all.
    ///
    /// # Errors
    /// [`Stop`].
    pub(super) fn revenue(&self, items: &[u32], control: &dyn Control) -> Result<f64, Stop> {
        let mut sum = 0;
        self.for_each_place(items, control, |place| {
            if place < self.group {
                sum += self.amount(place, items);
            }
        })?;
        Ok(sum as f64 / MONEY_UNITS)
    }

    /// The evidence of a rule; sides as ascending numbers.
    ///
    /// # Errors
    /// [`Stop`].
    pub(super) fn evidence(
        &self,
        antecedent: &[u32],
        consequent: &[u32],
        min_confidence: Fraction,
        control: &dyn Control,
    ) -> Result<Evidence, Stop> {
        let mut found = Evidence::default();
        let mut sum = 0;
        // The month that is counted, and its baskets with the antecedent and with both.
        let mut month = (None, 0u32, 0u32);
        let mut close = |(_, left, both): (Option<u32>, u32, u32)| {
            if left > 0 {
                found.months += 1;
                let held = min_confidence.is_reached_by(both.into(), left.into());
                found.months_held += u32::from(held);
            }
        };
        let (mut rest_left, mut rest_both) = (0, 0);
        self.for_each_place(antecedent, control, |place| {
            let both = consequent.iter().all(|item| self.holds(place, *item));
            if place >= self.group {
                rest_left += 1;
                rest_both += u32::from(both);
                return;
            }
            let now = self.months.get(place as usize).copied();
            if now != month.0 {
                close(std::mem::replace(&mut month, (now, 0, 0)));
            }
            month.1 += 1;
            if both {
                month.2 += 1;
                sum += self.amount(place, antecedent) + self.amount(place, consequent);
            }
        })?;
        close(month);
        (found.rest_left, found.rest_both) = (rest_left, rest_both);
        found.revenue = sum as f64 / MONEY_UNITS;
        Ok(found)
    }
}

type ByMonth = (Vec<u32>, Vec<u32>, u32);

/// Baskets by group and month, the month of each, and how many are of the group.
fn by_month(baskets: &Baskets, selected: &[bool], control: &dyn Control) -> Result<ByMonth, Stop> {
    type Entry = (bool, i64, u32);
    let _charge = Charge::new((baskets.len() * size_of::<Entry>()) as u64, PHASE, control)?;
    let mut entries: Vec<Entry> = Vec::new();
    reserve(&mut entries, baskets.len(), PHASE)?;
    baskets
        .about()
        .par_iter()
        .zip(selected)
        .zip(0..baskets.len() as u32)
        .map(|((about, selected), basket)| {
            let (year, month, _) = civil_of_day(about.day.into());
            (!selected, year * 12 + i64::from(month), basket)
        })
        .collect_into_vec(&mut entries);
    control.check()?;
    sort_by(&mut entries, Entry::cmp, PHASE, control)?;
    let (mut order, mut months): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
    reserve(&mut order, entries.len(), PHASE)?;
    reserve(&mut months, entries.len(), PHASE)?;
    let (mut group, mut last, mut number) = (0, None, 0);
    for (outside, month, basket) in &entries {
        group += u32::from(!outside);
        number += u32::from(last.is_some_and(|last| last != *month));
        last = Some(*month);
        order.push(*basket);
        months.push(number);
    }
    Ok((order, months, group))
}
