//! The customers: who they are, when they come, and when they stay away.

use super::calendar::Day;
use super::chance::Chance;
use super::words::{COUNTRIES, FAMILIES};
use crate::control::{Control, Stop};

/// A type of customer.
pub(super) struct Kind {
    /// Share of all customers in a million.
    share: u32,
    /// Orders per year, and the shape of the gamma law that spreads them among customers.
    rate: f64,
    shape: f64,
    /// Chance in a million to be lost after an order.
    churn: u32,
    /// Lines of an order, on average.
    pub lines: f64,
    /// Buys by the pack.
    pub wholesale: bool,
}

/// The types: big accounts, shops, households, and those who try it once or twice.
pub(super) const KINDS: [Kind; 4] = [
    Kind {
        share: 6_000,
        rate: 40.0,
        shape: 4.0,
        churn: 3_000,
        lines: 24.0,
        wholesale: true,
    },
    Kind {
        share: 174_000,
        rate: 9.5,
        shape: 1.3,
        churn: 30_000,
        lines: 17.0,
        wholesale: true,
    },
    Kind {
        share: 450_000,
        rate: 6.5,
        shape: 1.0,
        churn: 75_000,
        lines: 12.0,
        wholesale: false,
    },
    Kind {
        share: 370_000,
        rate: 2.6,
        shape: 0.9,
        churn: 340_000,
        lines: 9.0,
        wholesale: false,
    },
];

/// Chance in a million that a lost customer comes back once more.
const REACTIVATED: u32 = 150_000;
/// No customer and no day.
const NONE: u32 = u32::MAX;

/// A customer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Customer {
    /// Orders per year.
    rate: f64,
    churn: u32,
    /// Position in [`KINDS`].
    pub kind: u8,
    /// Position in [`COUNTRIES`].
    pub country: u8,
    /// The families that are liked best.
    pub taste: [u8; 2],
    /// Multiplies quantities.
    pub size: u8,
}

/// All customers and the day on which each comes next.
pub(super) struct Customers {
    all: Vec<Customer>,
    /// Per day the first customer who comes, and per customer the next one of the same day.
    first: Vec<u32>,
    next: Vec<u32>,
}

impl Customers {
    /// Bytes that `count` customers take.
    pub(super) fn bytes(count: u32, days: &[Day]) -> u64 {
        u64::from(count) * (size_of::<Customer>() + 4) as u64 + 4 * days.len() as u64
    }

    /// Draws `count` customers and the day on which each first comes.
    ///
    /// # Errors
    /// [`Stop`] when cancelled, or when they would take too much memory.
    pub(super) fn new(
        count: u32,
        days: &[Day],
        chance: &mut Chance,
        control: &dyn Control,
    ) -> Result<Customers, Stop> {
        control.budget("the sample's customers", Customers::bytes(count, days))?;
        let mut out = Customers {
            all: Vec::with_capacity(count as usize),
            first: vec![NONE; days.len()],
            next: vec![NONE; count as usize],
        };
        let total = days.last().map_or(0.0, |d| d.until);
        let period = days.len() as f64;
        for i in 0..count {
            if i % 4096 == 0 {
                control.check()?;
            }
            let customer = draw(chance);
            // The longer the period, the more of its customers are new; the others were there before it began and take
            // up their rhythm within a year.
            let new = chance.unit() < period / (period + 540.0);
            let when = chance.unit();
            let rhythm = chance.exponential() / customer.rate;
            out.all.push(customer);
            out.schedule(i, if new { when * total } else { rhythm.min(when) }, days);
        }
        Ok(out)
    }

    pub(super) fn get(&self, i: u32) -> Option<&Customer> {
        self.all.get(i as usize)
    }

    /// Who comes on a day.
    pub(super) fn due(&self, day: usize) -> impl Iterator<Item = u32> + '_ {
        let link = |i: u32| (i != NONE).then_some(i);
        let first = self.first.get(day).copied().and_then(link);
        std::iter::successors(first, move |&i| {
            self.next.get(i as usize).copied().and_then(link)
        })
    }

    /// After an order on `day`: when the customer comes again, if ever.
    pub(super) fn ordered(&mut self, i: u32, day: usize, days: &[Day], chance: &mut Chance) {
        let (Some(customer), Some(today)) = (self.get(i), days.get(day)) else {
            return;
        };
        let gap = if !chance.ppm(customer.churn) {
            chance.exponential() / customer.rate
        } else if chance.ppm(REACTIVATED) {
            0.4 + 0.8 * chance.unit()
        } else {
            return;
        };
        self.schedule(i, today.until + gap, days);
    }

    /// Puts a customer down for the day on which demand passes `target`: more customers come when demand is high, and
    /// none on a closed day, when it stands still.
    fn schedule(&mut self, i: u32, target: f64, days: &[Day]) {
        let day = days.partition_point(|d| d.until <= target);
        if let (Some(first), Some(next)) = (self.first.get_mut(day), self.next.get_mut(i as usize))
        {
            *next = *first;
            *first = i;
        }
    }
}

fn draw(chance: &mut Chance) -> Customer {
    let mut at = chance.below(1_000_000);
    let mut kind = 0;
    while kind + 1 < KINDS.len() && at >= KINDS[kind].share {
        at -= KINDS[kind].share;
        kind += 1;
    }
    let k = &KINDS[kind];
    let rate = (k.rate * chance.gamma(k.shape)).max(0.3);
    let churn = k.churn / 100 * (40 + chance.below(121));
    let size = match kind {
        0 => chance.pick(&[1, 2, 2, 3]),
        1 => chance.pick(&[1, 1, 1, 1, 1, 1, 1, 2]),
        _ => 1,
    };
    let families = FAMILIES.len() as u32;
    let taste = [chance.below(families) as u8, chance.below(families) as u8];
    Customer {
        rate,
        churn,
        kind: kind as u8,
        country: country(chance),
        taste,
        size,
    }
}

/// A country by its share of the customers.
pub(super) fn country(chance: &mut Chance) -> u8 {
    let mut at = chance.below(1_000);
    for (i, &(_, share)) in COUNTRIES.iter().enumerate() {
        if at < share {
            return i as u8;
        }
        at -= share;
    }
    0
}
