//! A day in the shop: who comes when, and what happens then.

use super::calendar::Day;
use super::chance::{Chance, Stream, Weighted};
use super::customers::{Customers, KINDS, country};
use super::lines::{Draft, Invoice, Item};
use super::orders::{Back, Buyer, RETURN_DAYS};
use super::products::Catalogue;
use super::words::NOTES;

/// Guest orders per customer and year.
const GUESTS: f64 = 1.35;
/// Stock notes per customer and year.
const WRITE_OFFS: f64 = 0.16;
/// Something that happens on a day.
#[derive(Debug, Clone, Copy)]
enum Event {
    Order(u32),
    Guest,
    /// Position in [`Shop::returning`].
    Return(usize),
    WriteOff,
    BankCharge,
}

/// The shop between two invoices.
pub(super) struct Shop {
    pub days: Vec<Day>,
    pub catalogue: Catalogue,
    pub customers: Customers,
    /// The present day; `days.len()` at the end.
    pub day: usize,
    /// Today's random numbers.
    pub chance: Chance,
    /// Number of the last invoice.
    pub last_invoice: u64,
    pub seed: i64,
    size: f64,
    /// Today's events by minute, and how many of them are done.
    events: Vec<(u32, Event)>,
    done: usize,
    returning: Vec<Back>,
    /// What comes back on the days ahead, by day modulo the length.
    pub ahead: Vec<Vec<Back>>,
    /// Demand for the families today.
    pub families: Weighted,
    /// Per product, the last invoice that has it: nothing is twice in a basket.
    pub taken: Vec<u64>,
}

impl Shop {
    /// A shop before its first day.
    pub(super) fn new(
        days: Vec<Day>,
        catalogue: Catalogue,
        customers: Customers,
        count: u32,
        seed: i64,
    ) -> Shop {
        let taken = vec![0; catalogue.products.len()];
        let mut shop = Shop {
            days,
            catalogue,
            customers,
            day: 0,
            chance: Chance::new(seed, Stream::Day(0)),
            last_invoice: 500_000,
            seed,
            size: f64::from(count),
            events: Vec::new(),
            done: 0,
            returning: Vec::new(),
            ahead: (0..=RETURN_DAYS).map(|_| Vec::new()).collect(),
            families: Weighted::new(&[1.0]),
            taken,
        };
        shop.open();
        shop
    }

    /// The next invoice and its lines; `None` after the last day.
    pub(super) fn next(&mut self, lines: &mut Vec<Draft>) -> Option<Invoice> {
        lines.clear();
        loop {
            if let Some(&(minute, event)) = self.events.get(self.done) {
                self.done += 1;
                return Some(self.serve(minute, event, lines));
            }
            if self.day >= self.days.len() {
                return None;
            }
            self.day += 1;
            self.open();
        }
    }

    /// Plans the present day.
    fn open(&mut self) {
        self.events.clear();
        self.done = 0;
        let Some(&day) = self.days.get(self.day) else {
            return;
        };
        self.chance = Chance::new(self.seed, Stream::Day(self.day as u32));
        let slot = self.day % self.ahead.len();
        self.returning = self
            .ahead
            .get_mut(slot)
            .map(std::mem::take)
            .unwrap_or_default();
        if !day.open() {
            return;
        }
        let chance = &mut self.chance;
        if day.weekday == 0 {
            for _ in 0..chance.poisson(6.0) {
                self.catalogue.reprice(chance);
            }
        }
        let mut weights = self.catalogue.weights;
        for (family, weight) in weights.iter_mut().enumerate() {
            let promoted = day
                .promotions
                .iter()
                .flatten()
                .any(|p| usize::from(p.family) == family);
            *weight *= day.season(family as u8) * if promoted { 2.2 } else { 1.0 };
        }
        self.families = Weighted::new(&weights);

        // Opening hours with the rush around noon; guests order later in the day.
        self.events
            .extend(self.customers.due(self.day).map(|i| (0, Event::Order(i))));
        for (minute, _) in &mut self.events {
            *minute = 470 + chance.below(330) + chance.below(330);
        }
        for _ in 0..chance.poisson(day.demand * self.size * GUESTS) {
            self.events
                .push((500 + chance.below(330) + chance.below(380), Event::Guest));
        }
        for i in 0..self.returning.len() {
            self.events
                .push((540 + chance.below(480), Event::Return(i)));
        }
        for _ in 0..chance.poisson(day.demand * self.size * WRITE_OFFS) {
            self.events.push((560 + chance.below(460), Event::WriteOff));
        }
        for _ in 0..chance.poisson(day.demand * (8.0 + self.size / 1_000.0)) {
            self.events
                .push((600 + chance.below(60), Event::BankCharge));
        }
        self.events.sort_by_key(|&(minute, _)| minute);
    }

    fn serve(&mut self, minute: u32, event: Event, lines: &mut Vec<Draft>) -> Invoice {
        self.last_invoice += 1;
        let mut invoice = Invoice {
            number: self.last_invoice,
            minute,
            ..Invoice::default()
        };
        match event {
            Event::Order(i) => {
                let customer = self.customers.get(i).copied();
                invoice.customer = Some(i);
                invoice.country = customer.map_or(0, |c| c.country);
                let kind = KINDS.get(customer.map_or(0, |c| usize::from(c.kind)));
                let (mean, wholesale) = kind.map_or((1.0, false), |k| (k.lines, k.wholesale));
                self.order(
                    &Buyer {
                        customer: customer.map(|c| (i, c)),
                        lines: mean,
                        wholesale,
                    },
                    &invoice,
                    lines,
                );
                self.customers
                    .ordered(i, self.day, &self.days, &mut self.chance);
            }
            Event::Guest => {
                invoice.country = country(&mut self.chance);
                self.order(
                    &Buyer {
                        customer: None,
                        lines: 7.5,
                        wholesale: false,
                    },
                    &invoice,
                    lines,
                );
            }
            Event::Return(i) => {
                invoice.credit = true;
                if let Some(back) = self.returning.get_mut(i) {
                    invoice.customer = back.customer;
                    invoice.country = back.country;
                    lines.append(&mut back.lines);
                }
            }
            Event::WriteOff => {
                let id = self.catalogue.all.draw(&mut self.chance) as u16;
                let note = self.chance.below(NOTES.len() as u32) as u8;
                let quantity = -self
                    .chance
                    .pick(&[1, 1, 2, 3, 4, 6, 10, 12, 18, 30, 47, 120]);
                lines.push(Draft {
                    item: Item::Note(id, note),
                    quantity,
                    cents: 0,
                });
            }
            Event::BankCharge => {
                let cents = 900 + self.chance.below(4_500);
                lines.push(Draft {
                    item: Item::Special(2),
                    quantity: 1,
                    cents,
                });
            }
        }
        invoice
    }
}
