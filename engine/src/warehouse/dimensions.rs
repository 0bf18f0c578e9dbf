//! What loaded lines say about customers, products and days, gathered so that the dimensions can be updated set-wise.

use crate::clean::line::{Line, LineKind};
use hashbrown::{Equivalent, HashMap};
use std::collections::BTreeMap;

/// Entries, and bytes of their texts, after which the gathered facts should be written out and forgotten.
const FULL: usize = 200_000;
const FULL_BYTES: usize = 16 << 20;

/// What lines say about a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerFacts {
    /// First and last day with a merchandise sale, in days since 1970.
    pub sales: Option<(i32, i32)>,
    /// Time of the latest line, in microseconds since 1970.
    pub seen: i64,
    /// Country of the latest line; among lines of one moment, of the one loaded last.
    pub country: String,
}

/// Lines that carry a description, by whether they sell something.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct DescriptionCount {
    /// Lines of kind sale.
    pub sales: i64,
    /// All others.
    pub others: i64,
}

#[derive(PartialEq, Eq, Hash)]
struct DescriptionKey {
    product: i32,
    text: String,
}

#[derive(Hash)]
struct DescriptionRef<'a> {
    product: i32,
    text: &'a str,
}

impl Equivalent<DescriptionKey> for DescriptionRef<'_> {
    fn equivalent(&self, key: &DescriptionKey) -> bool {
        self.product == key.product && self.text == key.text
    }
}

/// The facts gathered so far.
#[derive(Default)]
pub struct Dimensions {
    customers: HashMap<i32, CustomerFacts>,
    descriptions: HashMap<DescriptionKey, DescriptionCount>,
    days: BTreeMap<i32, bool>,
    text_bytes: usize,
}

impl Dimensions {
    /// Takes a line of `day`. Key 0, the unknown customer, has no facts.
    pub fn add(
        &mut self,
        line: &Line<'_>,
        customer: i32,
        product: i32,
        is_merchandise: bool,
        day: i32,
    ) {
        let sells = line.kind == LineKind::Sale;
        let trades = sells && is_merchandise;
        *self.days.entry(day).or_insert(false) |= trades;
        if customer != 0 {
            self.customer(line, customer, trades.then_some(day));
        }
        if !line.description.is_empty() {
            let reference = DescriptionRef {
                product,
                text: line.description,
            };
            let count = match self.descriptions.get_mut(&reference) {
                Some(count) => count,
                None => {
                    self.text_bytes += line.description.len();
                    self.descriptions
                        .entry(DescriptionKey {
                            product,
                            text: line.description.to_owned(),
                        })
                        .or_default()
                }
            };
            if sells {
                count.sales += 1
            } else {
                count.others += 1
            }
        }
    }

    fn customer(&mut self, line: &Line<'_>, key: i32, sale: Option<i32>) {
        let text_bytes = &mut self.text_bytes;
        let facts = self.customers.entry(key).or_insert_with(|| {
            *text_bytes += line.country.len();
            CustomerFacts {
                sales: None,
                seen: line.sold_at,
                country: line.country.to_owned(),
            }
        });
        if let Some(day) = sale {
            facts.sales = Some(
                facts
                    .sales
                    .map_or((day, day), |(first, last)| (first.min(day), last.max(day))),
            );
        }
        if line.sold_at >= facts.seen {
            facts.seen = line.sold_at;
            if facts.country != line.country {
                facts.country.clear();
                facts.country.push_str(line.country);
            }
        }
    }

    /// True when the facts should be written out.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.customers.len() + self.descriptions.len() > FULL || self.text_bytes > FULL_BYTES
    }

    /// Takes out the customers' facts, by key.
    pub fn take_customers(&mut self) -> Vec<(i32, CustomerFacts)> {
        let mut all: Vec<_> = std::mem::take(&mut self.customers).into_iter().collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }

    /// Takes out the products' descriptions and how often each came, by product and text.
    pub fn take_descriptions(&mut self) -> Vec<(i32, String, DescriptionCount)> {
        self.text_bytes = 0;
        let mut all: Vec<_> = std::mem::take(&mut self.descriptions)
            .into_iter()
            .map(|(key, count)| (key.product, key.text, count))
            .collect();
        all.sort_unstable_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        all
    }

    /// Takes out the days (since 1970) and whether merchandise was sold on them.
    pub fn take_days(&mut self) -> Vec<(i32, bool)> {
        std::mem::take(&mut self.days).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line<'a>(sold_at: i64, country: &'a str, description: &'a str, kind: LineKind) -> Line<'a> {
        Line {
            hash: 0,
            sold_at,
            quantity: 1,
            unit_price: 1,
            kind,
            is_merchandise: true,
            line_no: 1,
            invoice_no: "1",
            stock_code: "A",
            description,
            customer_id: "7",
            country,
        }
    }

    #[test]
    fn the_latest_line_decides_the_country_and_only_sales_the_days() {
        let mut all = Dimensions::default();
        all.add(&line(50, "France", "MUG", LineKind::Sale), 7, 1, true, 5);
        all.add(&line(90, "Spain", "MUG", LineKind::Return), 7, 1, true, 9);
        all.add(&line(90, "Italy", "mug?", LineKind::Free), 7, 1, true, 9);
        all.add(&line(10, "Malta", "", LineKind::Sale), 7, 1, false, 1);
        all.add(&line(99, "Chile", "MUG", LineKind::Sale), 0, 2, true, 3);
        assert_eq!(
            all.take_customers(),
            [(
                7,
                CustomerFacts {
                    sales: Some((5, 5)),
                    seen: 90,
                    country: "Italy".into()
                }
            )]
        );
        assert_eq!(
            all.take_days(),
            [(1, false), (3, true), (5, true), (9, false)]
        );
        assert_eq!(
            all.take_descriptions(),
            [
                (
                    1,
                    "MUG".to_owned(),
                    DescriptionCount {
                        sales: 1,
                        others: 1
                    }
                ),
                (
                    1,
                    "mug?".to_owned(),
                    DescriptionCount {
                        sales: 0,
                        others: 1
                    }
                ),
                (
                    2,
                    "MUG".to_owned(),
                    DescriptionCount {
                        sales: 1,
                        others: 0
                    }
                ),
            ]
        );
        assert!(all.take_customers().is_empty() && !all.is_full());
    }

    #[test]
    fn long_texts_fill_it_before_many_entries_do() {
        let mut all = Dimensions::default();
        let mut texts = 0;
        while !all.is_full() {
            let text = format!("{texts:010000}");
            all.add(&line(1, "France", &text, LineKind::Sale), 7, 1, true, 1);
            texts += 1;
        }
        // The first of them with which the texts, and one "France", are over 16 MB.
        assert_eq!(texts, 1_678);
    }
}
