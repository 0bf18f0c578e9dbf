//! The range: about 900 articles, what they cost, how popular they are, and what is bought together.

use std::ops::Range;

use super::chance::{Chance, Weighted};
use super::words::{COLOURS, FAMILIES, POINTS, SUITES};

/// Articles in the range, give or take the colours of the last design.
const RANGE: usize = 900;
/// How many of a million buyers of an article take another article of its suite (cup and saucer).
const SUITE_PULL: u32 = 480_000;
/// The same for another colour of a design.
const COLOUR_PULL: u32 = 300_000;

/// An article.
pub(super) struct Product {
    pub code: String,
    pub description: String,
    /// Position in [`FAMILIES`].
    pub family: u8,
    /// The [`Catalogue::sets`] that it belongs to.
    pub set: Option<u16>,
    /// First day on sale and first day no more on sale.
    pub on_sale: (u32, u32),
    /// Position in [`POINTS`], and the bounds within which it moves.
    point: u8,
    bounds: (u8, u8),
}

/// Articles that sell together.
pub(super) struct Set {
    pub members: Range<u16>,
    /// How many of a million buyers of one member take each other one.
    pub pull: u32,
}

/// The whole range with its popularity.
pub(super) struct Catalogue {
    pub products: Vec<Product>,
    pub sets: Vec<Set>,
    /// Per family, the sum of its articles' popularities.
    pub weights: [f64; FAMILIES.len()],
    /// All articles by popularity, whatever the season.
    pub all: Weighted,
    families: Vec<(Vec<u16>, Weighted)>,
}

impl Catalogue {
    /// The range that a shop with this `chance` sells over `days`.
    pub(super) fn new(chance: &mut Chance, days: u32) -> Catalogue {
        let mut builder = Builder {
            products: Vec::new(),
            sets: Vec::new(),
            units: Vec::new(),
            code: 20_600,
        };
        for (members, styles) in SUITES {
            for style in styles {
                let first = builder.products.len();
                for &(family, (noun, low, high)) in members {
                    let code = builder.next_code(chance);
                    let point = low + chance.below(u32::from(high - low) + 1) as u8;
                    builder.push(code, format!("{style} {noun}"), family, point);
                }
                builder.close(first, SUITE_PULL);
            }
        }
        builder.designs(chance);
        let popularity = builder.popularity(chance, days);
        let Builder { products, sets, .. } = builder;

        let mut weights = [0.0; FAMILIES.len()];
        let mut families: Vec<(Vec<u16>, Vec<f64>)> = vec![Default::default(); FAMILIES.len()];
        for (i, (product, &weight)) in products.iter().zip(&popularity).enumerate() {
            weights[usize::from(product.family)] += weight;
            let (members, their) = &mut families[usize::from(product.family)];
            members.push(i as u16);
            their.push(weight);
        }
        let families = families
            .into_iter()
            .map(|(members, w)| (members, Weighted::new(&w)))
            .collect();
        Catalogue {
            products,
            sets,
            weights,
            all: Weighted::new(&popularity),
            families,
        }
    }

    /// An article of a family, by popularity.
    pub(super) fn draw(&self, family: u8, chance: &mut Chance) -> u16 {
        self.families
            .get(usize::from(family))
            .map_or(0, |(members, weighted)| {
                members
                    .get(weighted.draw(chance) as usize)
                    .copied()
                    .unwrap_or(0)
            })
    }

    /// The article; a number that is none gives the first.
    pub(super) fn product(&self, id: u16) -> &Product {
        self.products
            .get(usize::from(id))
            .unwrap_or(&self.products[0])
    }

    /// Today's list price in pence, `down` price points lower.
    pub(super) fn price(&self, id: u16, down: u8) -> u32 {
        POINTS[usize::from(self.product(id).point.saturating_sub(down))]
    }

    /// The articles of a set, and how many of a million buyers of one take each other one.
    pub(super) fn set_of(&self, id: u16) -> (Range<u16>, u32) {
        let set = self
            .product(id)
            .set
            .and_then(|s| self.sets.get(usize::from(s)));
        set.map_or((0..0, 0), |s| (s.members.clone(), s.pull))
    }

    /// Moves one article's price by a point, more often up than down.
    pub(super) fn reprice(&mut self, chance: &mut Chance) {
        let id = chance.below(self.products.len() as u32) as usize;
        let up = chance.below(100) < 68;
        if let Some(p) = self.products.get_mut(id) {
            p.point = if up {
                p.point + 1
            } else {
                p.point.saturating_sub(1)
            }
            .clamp(p.bounds.0, p.bounds.1);
        }
    }
}

/// What grows while the range is made.
struct Builder {
    products: Vec<Product>,
    sets: Vec<Set>,
    /// Articles that share one popularity: a design in its colours, or a suite.
    units: Vec<(usize, usize)>,
    code: u32,
}

impl Builder {
    /// The next five digits; gaps are articles of the past.
    fn next_code(&mut self, chance: &mut Chance) -> String {
        self.code += 1 + chance.below(9);
        self.code.to_string()
    }

    fn push(&mut self, code: String, description: String, family: u8, point: u8) {
        let bounds = (
            point.saturating_sub(2),
            (point + 3).min(POINTS.len() as u8 - 1),
        );
        let on_sale = (0, u32::MAX);
        self.products.push(Product {
            code,
            description,
            family,
            set: None,
            on_sale,
            point,
            bounds,
        });
    }

    /// Ends a unit that began at `first`.
    fn close(&mut self, first: usize, pull: u32) {
        let end = self.products.len();
        if end - first > 1 {
            let set = self.sets.len() as u16;
            for p in self.products.iter_mut().skip(first) {
                p.set = Some(set);
            }
            self.sets.push(Set {
                members: first as u16..end as u16,
                pull,
            });
        }
        self.units.push((first, end));
    }

    /// Fills the range with designs, family by family in turn, some of them in several colours.
    fn designs(&mut self, chance: &mut Chance) {
        let mut used: Vec<Vec<bool>> = FAMILIES
            .iter()
            .map(|f| vec![false; f.nouns.len() * f.styles.len()])
            .collect();
        let mut turn = 0;
        while self.products.len() < RANGE && turn < 20 * RANGE {
            let family = turn % FAMILIES.len();
            turn += 1;
            let f = &FAMILIES[family];
            let choice = chance.below(used[family].len() as u32) as usize;
            if std::mem::replace(&mut used[family][choice], true) {
                continue;
            }
            let (noun, low, high) = f.nouns[choice / f.styles.len()];
            let style = f.styles[choice % f.styles.len()];
            let point = low + chance.below(u32::from(high - low) + 1) as u8;
            let code = self.next_code(chance);
            let first = self.products.len();
            let colours = match chance.below(100) {
                0..55 => 1,
                55..70 => 2,
                70..90 => 3,
                90..97 => 4,
                _ => 5,
            };
            if colours == 1 {
                self.push(code, format!("{style} {noun}"), family as u8, point);
            } else {
                // A step of 3 visits all eight colours before it repeats one.
                let start = chance.below(COLOURS.len() as u32) as usize;
                for k in 0..colours {
                    let (colour, letter) = COLOURS[(start + 3 * k) % COLOURS.len()];
                    self.push(
                        format!("{code}{letter}"),
                        format!("{colour} {style} {noun}"),
                        family as u8,
                        point,
                    );
                }
            }
            self.close(first, COLOUR_PULL);
        }
    }

    /// Ranks the units at random and gives each article a popularity that falls with the rank (a shifted power law);
    /// also decides which designs come later and which are dropped.
    fn popularity(&mut self, chance: &mut Chance, days: u32) -> Vec<f64> {
        let mut popularity = vec![0.0; self.products.len()];
        for i in (1..self.units.len()).rev() {
            self.units.swap(i, chance.below(i as u32 + 1) as usize);
        }
        for (rank, &(first, end)) in self.units.iter().enumerate() {
            let from = chance.below(days);
            let until = days - chance.below(days / 2 + 1);
            let fate = chance.below(100);
            let unit = self.products.iter_mut().zip(&mut popularity);
            for (product, weight) in unit.take(end).skip(first) {
                *weight = (0.6 + 0.4 * chance.unit()) / (rank as f64 + 14.0);
                product.on_sale = match fate {
                    0..22 => (from, u32::MAX),
                    22..30 => (0, until),
                    _ => (0, u32::MAX),
                };
            }
        }
        popularity
    }
}
