//! The series of the warehouse: a value for each calendar day that the marts know, and whether the shop was open.

use crate::forecasts::DAY;
use crate::pg::cursor::{Rows, Snapshot, for_each_batch_in};
use crate::pg::datum::date;
use crate::pg::error::{Failure, Outcome};
use crate::pg::install;
use crate::pg::plan::run_kept;
use pgrx::prelude::*;
use retailscope_engine::day_text;
use retailscope_engine::forecasts::{Frequency, MOST_STEPS, Observed};
use retailscope_engine::names::{did_you_mean, listed, normal, shown};

/// The series of the whole shop, and the columns of `mart_daily_kpis` that they are.
const KPIS: [(&str, &str); 4] = [
    ("revenue", "gross_revenue"),
    ("orders", "orders"),
    ("units", "units"),
    ("customers", "customers"),
];

/// What `series` may be.
const WORDS: &str =
    "The series are revenue, orders, units, customers, sku:<stock_code> and country:<name>.";

/// Before all facts and after all facts: the years 1 and 9999.
const EVER: std::ops::Range<i32> = -719_162..2_932_896;

/// A series by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Series {
    /// Of the whole shop: its place in [`KPIS`].
    Kpi(usize),
    /// Units of a product, by its stock code.
    Product(String),
    /// Revenue of a country.
    Country(String),
}

impl Series {
    /// Reads a name; products and countries are not looked up yet.
    ///
    /// # Errors
    /// 22023 for what is no name of a series.
    pub fn parse(text: &str) -> Outcome<Series> {
        let text = text.trim();
        if let Some(at) = KPIS.iter().position(|k| k.0.eq_ignore_ascii_case(text)) {
            return Ok(Series::Kpi(at));
        }
        let parts = text.split_once(':').map(|(word, name)| {
            let word = word.trim().to_ascii_lowercase();
            (word, name.trim())
        });
        match parts {
            Some((word, name)) if word == "sku" && !name.is_empty() => Ok(Series::of_product(name)),
            Some((word, name)) if word == "country" && !name.is_empty() => {
                Ok(Series::Country(name.to_owned()))
            }
            _ => {
                let mut near: Vec<&str> = KPIS.iter().map(|k| k.0).collect();
                near.extend(["sku:", "country:"]);
                let named = parts.map_or(text.to_owned(), |(word, _)| format!("{word}:"));
                Err(Failure::invalid(format!(
                    "unknown series {}{}",
                    shown(text),
                    did_you_mean(&named, &near)
                ))
                .hint(WORDS))
            }
        }
    }

    /// The series of a product by its stock code.
    pub fn of_product(code: &str) -> Series {
        Series::Product(code.trim().to_uppercase())
    }

    /// The name, in one form.
    pub fn name(&self) -> String {
        match self {
            Series::Kpi(at) => KPIS.get(*at).map_or("", |k| k.0).to_owned(),
            Series::Product(code) => format!("sku:{code}"),
            Series::Country(name) => format!("country:{name}"),
        }
    }

    /// Its task in the registry.
    pub fn task(&self) -> String {
        format!("forecast:{}", self.name())
    }

    /// The series of this name that there is: a product also by its description, a country whatever its case.
    ///
    /// # Errors
    /// 22023 with the nearest name when there is none.
    pub fn known(self) -> Outcome<Series> {
        match self {
            Series::Kpi(at) => Ok(Series::Kpi(at)),
            Series::Product(name) => product(&name).map(Series::Product),
            Series::Country(name) => country(&name).map(Series::Country),
        }
    }

    /// The query of its days from `$1` to the day before `$2`: day since 1970, value, whether the shop was open.
    fn query(&self) -> (String, Option<&str>) {
        let days = |value: &str, more: &str| {
            format!(
                "SELECT k.date - date '1970-01-01', {value}::float8, k.is_trading_day FROM retailscope.mart_daily_kpis AS k {more}
                 WHERE k.date >= $1 AND k.date < $2 ORDER BY k.date"
            )
        };
        let sales = |sum: &str, of: &str| {
            days(
                "coalesce(s.value, 0)",
                &format!(
                    "LEFT JOIN (SELECT f.date, sum({sum}) AS value FROM retailscope.fact_sales AS f
                                JOIN retailscope.dim_product AS p ON p.product_key = f.product_key
                                WHERE {of} = $3 AND p.is_merchandise AND f.line_kind = 'sale' AND f.date >= $1 AND f.date < $2
                                GROUP BY f.date) AS s ON s.date = k.date"
                ),
            )
        };
        match self {
            Series::Kpi(at) => {
                let column = KPIS.get(*at).map_or("", |k| k.1);
                (days(&format!("k.{column}"), ""), None)
            }
            Series::Product(code) => (sales("f.quantity", "p.stock_code"), Some(code)),
            Series::Country(name) => (sales("f.amount", "f.country"), Some(name)),
        }
    }

    /// All of its days before `before`, from the first one with a value other than 0.
    ///
    /// # Errors
    /// 55000 when there are none.
    pub fn read(&self, before: Option<i32>) -> Outcome<Observed> {
        let mut days = Days::default();
        self.each_day(EVER.start, before, |rows| days.add(rows))?;
        match days.observed() {
            Some(observed) => Ok(observed),
            None => Err(self.nothing(before)?),
        }
    }

    /// Its days from `from` on, whatever their values; `None` when there are none.
    ///
    /// # Errors
    /// PostgreSQL's own unwind.
    pub fn since(&self, from: i32) -> Outcome<Option<Observed>> {
        let mut days = Days {
            first: Some(from),
            ..Days::default()
        };
        self.each_day(from, None, |rows| days.add(rows))?;
        Ok(days.observed())
    }

    fn each_day(
        &self,
        from: i32,
        before: Option<i32>,
        mut each: impl FnMut(&Rows<'_>) -> Outcome<()>,
    ) -> Outcome<()> {
        let (sql, name) = self.query();
        let mut arguments = vec![date(from), date(before.unwrap_or(EVER.end))];
        arguments.extend(name.map(Into::into));
        run_kept(&sql, &arguments, |rows| rows.map_or(Ok(()), &mut each))
    }

    fn nothing(&self, before: Option<i32>) -> Outcome<Failure> {
        let last = run_kept(
            "SELECT max(k.date) - date '1970-01-01' FROM retailscope.mart_daily_kpis AS k",
            &[],
            |rows| Ok(rows.and_then(|r| r.i32(0, 0))),
        )?;
        let state = PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
        if last.is_none() {
            return Ok(no_days());
        }
        let until = before.map_or(String::new(), |day| format!(" before {}", day_text(day)));
        Ok(
            Failure::new(state, format!("{} has no sales{until}", self.name())).hint(
                "Merchandise sales of the days that mart_daily_kpis knows count: SELECT * FROM rs_refresh_marts();",
            ),
        )
    }
}

/// The refusal where the marts know no day.
pub fn no_days() -> Failure {
    Failure::new(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        "mart_daily_kpis has no days yet",
    )
    .hint("Load sales, then SELECT * FROM rs_refresh_marts();")
}

/// Days as they are read, each after the one before.
#[derive(Default)]
struct Days {
    first: Option<i32>,
    values: Vec<f64>,
    open: Vec<bool>,
}

impl Days {
    fn add(&mut self, rows: &Rows<'_>) -> Outcome<()> {
        for row in 0..rows.len() {
            let (Some(day), Some(value)) = (rows.i32(row, 0), rows.f64(row, 1)) else {
                continue;
            };
            // A series begins with its first sale.
            if self.first.is_none() && value == 0.0 {
                continue;
            }
            let first = *self.first.get_or_insert(day);
            let step = usize::try_from(day.saturating_sub(first)).unwrap_or(0);
            if step >= MOST_STEPS {
                return Err(Failure::new(
                    PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                    format!("a series may have {MOST_STEPS} days at most"),
                )
                .hint("Look for wrong dates in retailscope.mart_daily_kpis."));
            }
            // Somebody has deleted days of the mart: nobody knows what was sold.
            self.values.resize(step.max(self.values.len()), f64::NAN);
            self.open.resize(step.max(self.open.len()), true);
            self.values.push(value);
            self.open.push(rows.bool(row, 2).unwrap_or(true));
        }
        Ok(())
    }

    fn observed(self) -> Option<Observed> {
        let first = self.first.filter(|_| !self.values.is_empty())?;
        let mut observed = Observed::new(Frequency::DAY, i64::from(first) * DAY, self.values);
        observed.open = self.open;
        Some(observed)
    }
}

/// The stock code of a product by what people call it.
fn product(name: &str) -> Outcome<String> {
    let sql = format!(
        "SELECT u.code FROM unnest({}.rs_stock_codes($1)) AS u (code)",
        install::schema()?
    );
    let codes = run_kept(&sql, &[name.into()], |rows| {
        Ok(rows.map_or_else(Vec::new, texts))
    })?;
    match codes.as_slice() {
        [code] => Ok(code.clone()),
        codes => Err(Failure::invalid(format!(
            "{} products are called {}",
            codes.len(),
            shown(name)
        ))
        .hint(format!("Name one by its stock code: {}.", listed(codes)))),
    }
}

fn texts(rows: &Rows<'_>) -> Vec<String> {
    (0..rows.len())
        .filter_map(|row| Some(String::from_utf8_lossy(rows.text(row, 0)?).into_owned()))
        .collect()
}

/// A country as the facts write it.
fn country(name: &str) -> Outcome<String> {
    let mut known: Vec<String> = Vec::new();
    for_each_batch_in(
        Snapshot::Statement,
        "SELECT c.country FROM (SELECT DISTINCT f.country FROM retailscope.fact_sales AS f) AS c ORDER BY c.country COLLATE \"C\"",
        &[],
        |rows| {
            known.extend(texts(rows));
            Ok(())
        },
    )?;
    let same = known.iter().find(|k| *k == name);
    let like = || known.iter().find(|k| normal(k) == normal(name));
    if let Some(found) = same.or_else(like) {
        return Ok(found.clone());
    }
    let hint = match known.as_slice() {
        [] => "There are no sales yet.".to_owned(),
        known => format!("The countries are {}.", listed(known)),
    };
    Err(Failure::invalid(format!(
        "there is no country {}{}",
        shown(name),
        did_you_mean(name, &known)
    ))
    .hint(hint))
}
