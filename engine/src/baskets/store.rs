//! Baskets in memory: which items each holds, and, where known, when it was bought and for how much.

use hashbrown::HashTable;
use twox_hash::xxhash3_128::Hasher;

use super::BasketError;
use crate::control::{Charge, Control, Stop, reserve};

/// Parts of a unit of money that amounts are counted in: their sums are integers, the same in any order.
pub const MONEY_UNITS: f64 = 10_000.0;

const PHASE: &str = "reading baskets";
/// Lines between two looks at the control.
const LOOK: usize = 1 << 16;

/// Texts that are numbered in the order of their first appearance.
#[derive(Debug, Default)]
pub struct Numbered {
    bytes: Vec<u8>,
    /// Where each text ends in `bytes`.
    ends: Vec<usize>,
    table: HashTable<u32>,
    charge: Charge,
    /// The text asked for last and its number: the lines of a basket mostly stand together.
    last: Option<u32>,
}

fn hash(text: &[u8]) -> u64 {
    Hasher::oneshot(text) as u64
}

impl Numbered {
    /// The number of a text, a new one if it has none.
    ///
    /// # Errors
    /// [`BasketError::TooMany`], [`BasketError::Stopped`].
    pub fn number(&mut self, text: &[u8], control: &dyn Control) -> Result<u32, BasketError> {
        if let Some(last) = self.last
            && self.text(last) == text
        {
            return Ok(last);
        }
        let hash_of = hash(text);
        let (bytes, ends) = (&self.bytes, &self.ends);
        let found = self
            .table
            .find(hash_of, |at| slice(bytes, ends, *at) == text);
        let number = match found {
            Some(at) => *at,
            None => self.add(text, hash_of, control)?,
        };
        self.last = Some(number);
        Ok(number)
    }

    fn add(
        &mut self,
        text: &[u8],
        hash_of: u64,
        control: &dyn Control,
    ) -> Result<u32, BasketError> {
        let number = u32::try_from(self.ends.len())
            .ok()
            .filter(|n| *n < u32::MAX)
            .ok_or(BasketError::TooMany(u32::MAX, "baskets or items"))?;
        if self.bytes.len() + text.len() > self.bytes.capacity()
            || self.ends.len() == self.ends.capacity()
            || self.table.len() == self.table.capacity()
        {
            let bytes = (self.bytes.len() + text.len()).max(1024) * 3;
            let entries = self.ends.len().max(256) * 3;
            self.charge
                .set((bytes + entries * 20) as u64, PHASE, control)?;
        }
        reserve(&mut self.bytes, text.len(), PHASE)?;
        reserve(&mut self.ends, 1, PHASE)?;
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
        let (bytes, ends) = (&self.bytes, &self.ends);
        let rehash = |at: &u32| hash(slice(bytes, ends, *at));
        self.table
            .try_reserve(1, rehash)
            .map_err(crate::control::no_memory(PHASE, 8))?;
        self.table.insert_unique(hash_of, number, rehash);
        Ok(number)
    }

    /// A text by its number.
    #[must_use]
    pub fn text(&self, number: u32) -> &[u8] {
        slice(&self.bytes, &self.ends, number)
    }

    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True without any text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

fn slice<'a>(bytes: &'a [u8], ends: &[usize], number: u32) -> &'a [u8] {
    let at = number as usize;
    let start = match at.checked_sub(1) {
        Some(before) => ends.get(before).copied().unwrap_or(0),
        None => 0,
    };
    let end = ends.get(at).copied().unwrap_or(start);
    bytes.get(start..end).unwrap_or_default()
}

/// A line of a basket as it is read.
#[derive(Debug, Clone, Copy)]
struct Line {
    basket: u32,
    item: u32,
    /// In parts of [`MONEY_UNITS`].
    amount: i64,
}

/// What is known of a basket beside its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// The day, since 1970; the first one where lines differ.
    pub day: i32,
    /// True for baskets of the group that is mined (a country, a segment), by any of their lines; all of them without one.
    pub in_group: bool,
}

/// Collects lines in any order.
#[derive(Debug, Default)]
pub struct BasketsBuilder {
    baskets: Numbered,
    items: Numbered,
    lines: Vec<Line>,
    about: Vec<About>,
    charge: Charge,
}

impl BasketsBuilder {
    /// Adds a line. An item that stands in a basket twice is in it once, with the sum of the amounts; without an item the
    /// basket alone is known, maybe empty. A basket is of the group when any of its lines is.
    ///
    /// # Errors
    /// [`BasketError::TooMany`], [`BasketError::Stopped`].
    pub fn push(
        &mut self,
        basket: &[u8],
        item: Option<&[u8]>,
        amount: f64,
        about: About,
        control: &dyn Control,
    ) -> Result<(), BasketError> {
        let item = match item {
            Some(item) => Some(self.item(item, control)?),
            None => None,
        };
        // Saturates: a line of more than 9e14 is no sale.
        let units = (amount * MONEY_UNITS).round() as i64;
        self.push_numbered(basket, item, units, about, control)
    }

    /// The number of an item, for [`BasketsBuilder::push_numbered`]: whoever meets an item in a million lines has its text
    /// looked up once.
    ///
    /// # Errors
    /// As [`BasketsBuilder::push`].
    pub fn item(&mut self, item: &[u8], control: &dyn Control) -> Result<u32, BasketError> {
        self.items.number(item, control)
    }

    /// [`BasketsBuilder::push`] of an item by its number, with an amount in parts of [`MONEY_UNITS`].
    ///
    /// # Errors
    /// As there.
    pub fn push_numbered(
        &mut self,
        basket: &[u8],
        item: Option<u32>,
        amount: i64,
        about: About,
        control: &dyn Control,
    ) -> Result<(), BasketError> {
        let basket = self.baskets.number(basket, control)?;
        match self.about.get_mut(basket as usize) {
            Some(known) => {
                known.day = known.day.min(about.day);
                known.in_group |= about.in_group;
            }
            None => {
                reserve(&mut self.about, 1, PHASE)?;
                self.about.push(about);
            }
        }
        let Some(item) = item else { return Ok(()) };
        if self.lines.len() == self.lines.capacity() {
            // The lines, and what they become: items with amounts, by basket.
            let lines = self.lines.len().max(4096) * 2;
            let bytes = lines * (size_of::<Line>() + 12) + self.about.len() * 28;
            self.charge.set(bytes as u64, PHASE, control)?;
            let more = lines - self.lines.len();
            self.lines
                .try_reserve_exact(more)
                .map_err(crate::control::no_memory(PHASE, bytes as u64))?;
        }
        self.lines.push(Line {
            basket,
            item,
            amount,
        });
        Ok(())
    }

    /// True while no basket is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.about.is_empty()
    }

    /// Lines so far.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.lines.len()
    }

    /// The baskets. Items are numbered in the order of their bytes, so that no number depends on the order of lines.
    ///
    /// # Errors
    /// [`BasketError::NoBaskets`], [`BasketError::TooMany`], [`BasketError::Stopped`].
    pub fn finish(mut self, control: &dyn Control) -> Result<Baskets, BasketError> {
        if self.baskets.is_empty() {
            return Err(BasketError::NoBaskets);
        }
        if u32::try_from(self.lines.len()).is_err() {
            return Err(BasketError::TooMany(u32::MAX, "lines"));
        }
        control.check()?;
        let count = self.items.len();
        let mut order: Vec<u32> = (0..count as u32).collect();
        order.sort_unstable_by_key(|at| self.items.text(*at));
        let mut rank = vec![0u32; count];
        for (to, from) in (0u32..).zip(&order) {
            if let Some(slot) = rank.get_mut(*from as usize) {
                *slot = to;
            }
        }
        let labels = order
            .iter()
            .map(|at| String::from_utf8_lossy(self.items.text(*at)).into_owned())
            .collect();
        for line in &mut self.lines {
            line.item = rank.get(line.item as usize).copied().unwrap_or(0);
        }
        let keys = (0..self.baskets.len() as u32)
            .map(|at| hash(self.baskets.text(at)))
            .collect();
        let (offsets, items, amounts) = by_basket(&self.lines, self.about.len(), control)?;
        Ok(Baskets {
            offsets,
            items,
            amounts,
            about: self.about,
            keys,
            labels,
            _charge: self.charge,
        })
    }
}

type ByBasket = (Vec<u32>, Vec<u32>, Vec<i64>);

/// Lines sorted by basket and item, each pair once.
fn by_basket(lines: &[Line], baskets: usize, control: &dyn Control) -> Result<ByBasket, Stop> {
    let mut starts = vec![0u32; baskets + 1];
    for part in lines.chunks(LOOK) {
        control.check()?;
        for line in part {
            if let Some(slot) = starts.get_mut(line.basket as usize + 1) {
                *slot += 1;
            }
        }
    }
    let mut sum = 0;
    for slot in &mut starts {
        sum += *slot;
        *slot = sum;
    }
    let mut sorted: Vec<(u32, i64)> = Vec::new();
    reserve(&mut sorted, lines.len(), PHASE)?;
    sorted.resize(lines.len(), (0, 0));
    let mut next = starts.clone();
    for part in lines.chunks(LOOK) {
        control.check()?;
        for line in part {
            if let Some(at) = next.get_mut(line.basket as usize)
                && let Some(slot) = sorted.get_mut(*at as usize)
            {
                *slot = (line.item, line.amount);
                *at += 1;
            }
        }
    }
    let mut offsets = Vec::with_capacity(baskets + 1);
    let (mut items, mut amounts): (Vec<u32>, Vec<i64>) = (Vec::new(), Vec::new());
    reserve(&mut items, lines.len(), PHASE)?;
    reserve(&mut amounts, lines.len(), PHASE)?;
    offsets.push(0);
    let mut seen = 0;
    for bounds in starts.windows(2) {
        let &[start, end] = bounds else { continue };
        if end as usize - seen >= LOOK {
            control.check()?;
            seen = end as usize;
        }
        let basket = sorted
            .get_mut(start as usize..end as usize)
            .unwrap_or_default();
        basket.sort_unstable();
        let first = items.len();
        for (item, amount) in basket {
            match (items.last(), amounts.last_mut()) {
                (Some(last), Some(sum)) if last == item && items.len() > first => {
                    *sum = sum.saturating_add(*amount);
                }
                _ => {
                    items.push(*item);
                    amounts.push(*amount);
                }
            }
        }
        offsets.push(items.len() as u32);
    }
    Ok((offsets, items, amounts))
}

/// Baskets with distinct items.
#[derive(Debug)]
pub struct Baskets {
    offsets: Vec<u32>,
    items: Vec<u32>,
    amounts: Vec<i64>,
    about: Vec<About>,
    keys: Vec<u64>,
    labels: Vec<String>,
    _charge: Charge,
}

impl Baskets {
    /// Number of baskets, the empty ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.about.len()
    }

    /// True without any basket.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.about.is_empty()
    }

    /// What the items are called, by their numbers; in the order of their bytes.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// What is known of each basket.
    #[must_use]
    pub fn about(&self) -> &[About] {
        &self.about
    }

    /// A hash of each basket's name, the same in any order of lines.
    #[must_use]
    pub fn keys(&self) -> &[u64] {
        &self.keys
    }

    fn bounds(&self, basket: usize) -> std::ops::Range<usize> {
        match (self.offsets.get(basket), self.offsets.get(basket + 1)) {
            (Some(start), Some(end)) => *start as usize..*end as usize,
            _ => 0..0,
        }
    }

    /// The items of a basket, ascending.
    #[must_use]
    pub fn items(&self, basket: usize) -> &[u32] {
        self.items.get(self.bounds(basket)).unwrap_or_default()
    }

    /// What the items of a basket cost, in the order of [`Baskets::items`], in parts of [`MONEY_UNITS`].
    #[must_use]
    pub fn amounts(&self, basket: usize) -> &[i64] {
        self.amounts.get(self.bounds(basket)).unwrap_or_default()
    }

    /// Pairs of a basket and an item.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.items.len()
    }

    /// A number that tells these baskets from others, the same in any order of lines: hexadecimal, 128 bits.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut sum = 0u128;
        for (basket, (key, about)) in self.keys.iter().zip(&self.about).enumerate() {
            let mut bytes = Vec::with_capacity(16 + self.items(basket).len() * 12);
            bytes.extend_from_slice(&key.to_le_bytes());
            bytes.extend_from_slice(&about.day.to_le_bytes());
            bytes.push(u8::from(about.in_group));
            for (item, amount) in self.items(basket).iter().zip(self.amounts(basket)) {
                bytes.extend_from_slice(&item.to_le_bytes());
                bytes.extend_from_slice(&amount.to_le_bytes());
            }
            // A sum does not depend on the order of baskets.
            sum = sum.wrapping_add(Hasher::oneshot(&bytes));
        }
        let mut names = Vec::new();
        for label in &self.labels {
            names.extend_from_slice(label.as_bytes());
            names.push(0);
        }
        let names = Hasher::oneshot(&names);
        format!("{:032x}", sum ^ names)
    }
}
