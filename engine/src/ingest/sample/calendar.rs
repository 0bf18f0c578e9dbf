//! When people buy: opening days, the week, the year, the trend, promotions.

use super::chance::{Chance, exp};
use super::words::FAMILIES;

/// What an average year's days sum to before they are scaled.
const YEAR: f64 = 336.0;
/// Growth of demand per year.
const TREND: f64 = 0.06;
/// Demand from Monday to Sunday; the shop is closed on Sundays.
const WEEK: [f64; 7] = [0.96, 1.05, 1.04, 1.18, 0.98, 0.62, 0.0];
/// Days before each month in a common year.
const MONTHS: [u32; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
/// Demand at days of the year (0 is the first of January), straight lines between.
const YEAR_ROUND: [(f64, f64); 17] = [
    (0.0, 0.50),
    (8.0, 0.78),
    (45.0, 0.80),
    (75.0, 0.93),
    (105.0, 0.90),
    (135.0, 0.98),
    (166.0, 0.95),
    (200.0, 0.90),
    (230.0, 0.94),
    (252.0, 1.12),
    (273.0, 1.32),
    (304.0, 1.58),
    (325.0, 1.95),
    (341.0, 2.05),
    (351.0, 1.70),
    (357.0, 0.75),
    (365.0, 0.45),
];

/// A family at a lower price for a week.
#[derive(Debug, Clone, Copy)]
pub(super) struct Promotion {
    pub family: u8,
    pub percent: u32,
}

/// A day of the shop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day {
    pub year: u32,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub dom: u32,
    /// 0 is Monday.
    pub weekday: usize,
    pub promotions: [Option<Promotion>; 2],
    /// Demand from the first day to the end of this one; 1 is an average year's.
    pub until: f64,
    /// Demand of this day alone; 0 when closed.
    pub demand: f64,
}

impl Day {
    pub(super) fn open(&self) -> bool {
        self.demand > 0.0
    }

    /// Demand for a family today, 1 is ordinary.
    pub(super) fn season(&self, family: u8) -> f64 {
        let Some(f) = FAMILIES.get(usize::from(family)) else {
            return 1.0;
        };
        // Straight lines between the middles of the months.
        let month = self.month as usize - 1;
        let (other, share) = if self.dom < 15 {
            ((month + 11) % 12, f64::from(15 - self.dom) / 30.0)
        } else {
            ((month + 1) % 12, f64::from(self.dom - 15) / 32.0)
        };
        let level = f64::from(f.season[month]) * (1.0 - share) + f64::from(f.season[other]) * share;
        // What is left of Christmas is hard to sell on Christmas Eve.
        let late = self.month == 12 && self.dom > 21 && f.season[11] > 200;
        level / if late { 400.0 } else { 100.0 }
    }
}

/// All days, the last one being 2024-12-31. At most ten years, so it is small.
pub(super) fn calendar(days: u32, chance: &mut Chance) -> Vec<Day> {
    let (mut year, mut month, mut dom, mut weekday) = (2025, 1, 1, 2);
    for _ in 0..days {
        weekday = (weekday + 6) % 7;
        if dom > 1 {
            dom -= 1;
        } else {
            (year, month) = if month > 1 {
                (year, month - 1)
            } else {
                (year - 1, 12)
            };
            dom = length(year, month);
        }
    }
    let mut out = Vec::with_capacity(days as usize);
    let mut until = 0.0;
    let mut promotions = [None; 2];
    for n in 0..days {
        if weekday == 0 {
            promotions = promote(chance);
        }
        let noise = exp(0.10 * chance.normal());
        let lift = 1.0 + 0.07 * promotions.iter().flatten().count() as f64;
        let closed = matches!((month, dom), (12, 25 | 26) | (1, 1));
        let year_day = f64::from(MONTHS[month as usize - 1] + dom - 1);
        let trend = 1.0 + TREND * (f64::from(n) - f64::from(days) / 2.0) / 365.0;
        let demand = if closed {
            0.0
        } else {
            WEEK[weekday] * round_year(year_day) * trend * noise * lift / YEAR
        };
        until += demand;
        out.push(Day {
            year,
            month,
            dom,
            weekday,
            promotions,
            until,
            demand,
        });
        weekday = (weekday + 1) % 7;
        dom += 1;
        if dom > length(year, month) {
            dom = 1;
            (year, month) = if month < 12 {
                (year, month + 1)
            } else {
                (year + 1, 1)
            };
        }
    }
    out
}

/// The promotions of a new week: none in most weeks.
fn promote(chance: &mut Chance) -> [Option<Promotion>; 2] {
    let count = match chance.below(100) {
        0..70 => 0,
        70..90 => 1,
        _ => 2,
    };
    let mut out = [None; 2];
    for slot in out.iter_mut().take(count) {
        let family = chance.below(FAMILIES.len() as u32) as u8;
        *slot = Some(Promotion {
            family,
            percent: chance.pick(&[10, 15, 20, 25]),
        });
    }
    out
}

fn length(year: u32, month: u32) -> u32 {
    let leap = month == 2
        && year.is_multiple_of(4)
        && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    MONTHS[month as usize] - MONTHS[month as usize - 1] + u32::from(leap)
}

fn round_year(at: f64) -> f64 {
    YEAR_ROUND
        .windows(2)
        .find(|w| at <= w[1].0)
        .map_or(1.0, |w| {
            w[0].1 + (w[1].1 - w[0].1) * (at - w[0].0) / (w[1].0 - w[0].0)
        })
}

#[cfg(test)]
mod tests {
    use super::super::chance::Stream;
    use super::*;

    #[test]
    fn dates_and_weekdays_are_those_of_the_real_calendar() {
        let days = calendar(3_650, &mut Chance::new(1, Stream::Calendar));
        let at = |y, m, d| {
            days.iter()
                .find(|x| (x.year, x.month, x.dom) == (y, m, d))
                .map(|x| x.weekday)
        };
        // 2015-01-04 was a Sunday; ten years hold three leap days.
        assert_eq!(
            days.first().map(|d| (d.year, d.month, d.dom, d.weekday)),
            Some((2015, 1, 4, 6))
        );
        assert_eq!(
            days.last().map(|d| (d.year, d.month, d.dom, d.weekday)),
            Some((2024, 12, 31, 1))
        );
        assert_eq!(
            (at(2016, 2, 29), at(2023, 2, 29), at(2020, 2, 29)),
            (Some(0), None, Some(5))
        );
        let holiday = |d: &Day| matches!((d.month, d.dom), (12, 25 | 26) | (1, 1));
        assert!(
            days.iter()
                .all(|d| d.open() != (d.weekday == 6 || holiday(d)))
        );
    }

    #[test]
    fn a_year_of_demand_is_about_one() {
        let days = calendar(730, &mut Chance::new(5, Stream::Calendar));
        let total = days.last().map_or(0.0, |d| d.until);
        assert!((total / 2.0 - 1.0).abs() < 0.06, "{total}");
    }
}
