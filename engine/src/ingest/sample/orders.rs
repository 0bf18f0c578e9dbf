//! One order: what goes into the basket, at what price, and what of it is brought back.

use super::calendar::Day;
use super::chance::Chance;
use super::customers::Customer;
use super::lines::{Draft, Invoice, Item};
use super::shop::Shop;
use super::words::FAMILIES;

/// Days within which goods may be brought back.
pub(super) const RETURN_DAYS: usize = 14;
/// The longest list of a basket.
const LONGEST: f64 = 140.0;

/// What a buyer is like.
pub(super) struct Buyer {
    pub customer: Option<(u32, Customer)>,
    pub lines: f64,
    pub wholesale: bool,
}

/// Goods (or a discount) on their way back.
pub(super) struct Back {
    pub customer: Option<u32>,
    pub country: u8,
    pub lines: Vec<Draft>,
}

impl Shop {
    /// Fills an order: goods, then postage and the like; may put some of it down to come back.
    pub(super) fn order(&mut self, buyer: &Buyer, invoice: &Invoice, lines: &mut Vec<Draft>) {
        let Some(&day) = self.days.get(self.day) else {
            return;
        };
        let wanted = (1.0 + self.chance.exponential() * (buyer.lines - 1.0)).min(LONGEST) as usize;
        // Tries that hit what is not on sale, or in the basket already, come to nothing.
        for _ in 0..3 * wanted + 8 {
            if lines.len() >= wanted {
                break;
            }
            let id = self.choose(buyer, &day);
            if !self.take(id, buyer, invoice, &day, lines) {
                continue;
            }
            let (set, pull) = self.catalogue.set_of(id);
            for other in set {
                if other != id && self.chance.ppm(pull) {
                    self.take(other, buyer, invoice, &day, lines);
                }
            }
        }
        let goods = lines.len();
        if invoice.country != 0 && self.chance.ppm(750_000) {
            let cents = self.chance.pick(&[1_500, 1_800, 1_800, 2_800, 4_000]);
            let quantity = 1 + (goods / 30) as i32;
            lines.push(Draft {
                item: Item::Special(0),
                quantity,
                cents,
            });
        } else if buyer.customer.is_none() && self.chance.ppm(90_000) {
            let cents = 195 + 37 * goods as u32 + self.chance.below(250);
            lines.push(Draft {
                item: Item::Special(1),
                quantity: 1,
                cents,
            });
        }
        if self.chance.ppm(2_500) {
            let cents = 50 + self.chance.below(4_000);
            lines.push(Draft {
                item: Item::Special(3),
                quantity: 1,
                cents,
            });
        }
        self.bring_back(buyer, invoice, lines.get(..goods).unwrap_or_default());
    }

    /// The next article that comes to the buyer's mind: an old favourite, something of a family that is liked, or what
    /// the season brings.
    fn choose(&mut self, buyer: &Buyer, day: &Day) -> u16 {
        let chance = &mut self.chance;
        let wish = chance.below(100);
        if let Some((number, customer)) = &buyer.customer {
            if wish < 22 {
                // Twelve favourites, the first ones dearest; a hash instead of a list keeps customers small.
                let slot = chance.below(12).min(chance.below(12));
                let hash = mix(self.seed as u64 ^ (u64::from(*number) << 8 | u64::from(slot)));
                let at = (((hash >> 32) * u64::from(self.catalogue.all.len())) >> 32) as u32;
                let id = self.catalogue.all.at(at, hash as u32) as u16;
                if chance.unit() < day.season(self.catalogue.product(id).family) {
                    return id;
                }
            } else if wish < 52 {
                let liked = customer.taste[usize::from(chance.below(3) == 0)];
                if chance.unit() < day.season(liked) {
                    return self.catalogue.draw(liked, chance);
                }
            }
        }
        let family = self.families.draw(chance).min(FAMILIES.len() as u32 - 1) as u8;
        self.catalogue.draw(family, chance)
    }

    /// Puts an article into the basket; false when it is there already or not on sale.
    fn take(
        &mut self,
        id: u16,
        buyer: &Buyer,
        invoice: &Invoice,
        day: &Day,
        lines: &mut Vec<Draft>,
    ) -> bool {
        let today = self.day as u32;
        let product = self.catalogue.product(id);
        if today < product.on_sale.0 || today >= product.on_sale.1 {
            return false;
        }
        match self.taken.get_mut(usize::from(id)) {
            Some(last) if *last != invoice.number => *last = invoice.number,
            _ => return false,
        }
        let list = self.catalogue.price(id, 0);
        let size = buyer.customer.map_or(1, |(_, c)| i32::from(c.size));
        let quantity = quantity(&mut self.chance, buyer.wholesale, list) * size;
        let bulk = quantity as u32 * list >= 4_500 && quantity >= 12;
        let mut cents = self.catalogue.price(id, u8::from(bulk));
        for promotion in day
            .promotions
            .iter()
            .flatten()
            .filter(|p| p.family == product.family)
        {
            cents = (cents * (100 - promotion.percent) + 50) / 100;
        }
        lines.push(Draft {
            item: Item::Product(id),
            quantity,
            cents,
        });
        true
    }

    /// Decides whether some of an order comes back within two weeks, or a discount is granted afterwards.
    fn bring_back(&mut self, buyer: &Buyer, invoice: &Invoice, goods: &[Draft]) {
        let chance = &mut self.chance;
        let mut lines = Vec::new();
        if !goods.is_empty() && chance.ppm(95_000) {
            let certain = chance.below(goods.len() as u32) as usize;
            for (i, line) in goods.iter().enumerate() {
                if i == certain || chance.ppm(100_000) {
                    let all = line.quantity == 1 || chance.ppm(550_000);
                    let quantity = if all {
                        line.quantity
                    } else {
                        1 + chance.below(line.quantity.unsigned_abs()) as i32
                    };
                    lines.push(Draft {
                        quantity: -quantity,
                        ..*line
                    });
                }
            }
        } else if buyer.wholesale && chance.ppm(12_000) {
            let total: u32 = goods
                .iter()
                .map(|l| l.cents * l.quantity.unsigned_abs())
                .sum();
            let cents = total / 100 * (2 + chance.below(7)) + 50;
            lines.push(Draft {
                item: Item::Special(4),
                quantity: -1,
                cents,
            });
        }
        if lines.is_empty() {
            return;
        }
        // The shop must be open, and the day within the period.
        let start = chance.below(RETURN_DAYS as u32) as usize;
        for k in 0..RETURN_DAYS {
            let day = self.day + 1 + (start + k) % RETURN_DAYS;
            let Some(plan) = self.days.get(day) else {
                return;
            };
            if plan.open() {
                let slot = day % self.ahead.len();
                if let Some(back) = self.ahead.get_mut(slot) {
                    back.push(Back {
                        customer: invoice.customer,
                        country: invoice.country,
                        lines,
                    });
                }
                return;
            }
        }
    }
}

/// How many a buyer takes of an article at this list price: packs for shops, few of what is dear.
fn quantity(chance: &mut Chance, wholesale: bool, list: u32) -> i32 {
    let table: [i32; 16] = match (wholesale, list) {
        (true, 0..125) => [
            12, 12, 12, 12, 24, 24, 24, 24, 48, 6, 36, 72, 20, 10, 25, 144,
        ],
        (true, 125..795) => [6, 6, 6, 6, 12, 12, 12, 4, 4, 8, 10, 3, 2, 24, 24, 48],
        (true, _) => [1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 4, 6, 6, 8, 12, 1],
        (false, 0..125) => [1, 2, 2, 3, 4, 4, 6, 6, 6, 8, 10, 12, 12, 12, 20, 24],
        (false, 125..795) => [1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 4, 6, 6, 1, 2, 12],
        (false, _) => [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 4],
    };
    chance.pick(&table)
}

/// Scatters the bits of a number (the finaliser of splitmix64).
fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}
