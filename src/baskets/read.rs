//! Sales as baskets: an invoice is a basket, a stock code an item.

use crate::pg::cursor::{Row, Snapshot, for_each_batch_in};
use crate::pg::datum::date;
use crate::pg::error::Outcome;
use crate::pg::interrupt::Crew;
use crate::pg::settings::locally;
use pgrx::datum::DatumWithOid;
use retailscope_engine::baskets::{About, BasketsBuilder};
use retailscope_engine::control::{Charge, Control, reserve};
use std::collections::{HashMap, HashSet};

const PHASE: &str = "reading sales";

/// A product of the warehouse.
struct Product {
    code: String,
    description: Option<String>,
    is_merchandise: bool,
}

/// All products.
pub struct Products {
    all: Vec<Product>,
    by_key: HashMap<i32, usize>,
    /// Numbers as items, by key. Keys count up from 1, as a rule, so that this is short enough to stay near the processor.
    numbers: Vec<u32>,
    /// The same for keys beyond it.
    others: HashMap<i32, u32>,
    _charge: Charge,
}

/// In the place of a number: a product that was not met yet.
const UNMET: u32 = u32::MAX;
/// One that is left out.
const LEFT_OUT: u32 = u32::MAX - 1;

impl Products {
    /// Reads them.
    ///
    /// # Errors
    /// 53200 when they are more than `max_memory`.
    pub fn read(crew: &Crew<'_, '_>) -> Outcome<Products> {
        crew.announce("reading products");
        let watch = crew.watch();
        let mut charge = Charge::default();
        let (mut all, mut by_key, mut bytes) = (Vec::new(), HashMap::new(), 0u64);
        for_each_batch_in(
            Snapshot::Statement,
            "SELECT p.product_key, p.is_merchandise, p.stock_code, p.description FROM retailscope.dim_product AS p",
            &[],
            |rows| {
                let texts = |row| [rows.text(row, 2), rows.text(row, 3)];
                let lengths = (0..rows.len()).flat_map(texts).flatten().map(<[u8]>::len);
                bytes += lengths.sum::<usize>() as u64;
                // A product, its place by key, and its number.
                let entries = (all.len() + rows.len()) as u64 * 2 * size_of::<Product>() as u64;
                charge.set(bytes + entries, PHASE, watch)?;
                reserve(&mut all, rows.len(), PHASE)?;
                for row in 0..rows.len() {
                    let text = |column| {
                        Some(String::from_utf8_lossy(rows.text(row, column)?).into_owned())
                    };
                    by_key.insert(rows.i32(row, 0).unwrap_or(0), all.len());
                    all.push(Product {
                        code: text(2).unwrap_or_default(),
                        description: text(3),
                        is_merchandise: rows.bool(row, 1).unwrap_or(false),
                    });
                }
                Ok(())
            },
        )?;
        Ok(Products {
            numbers: vec![UNMET; all.len() * 2 + 1],
            others: HashMap::new(),
            all,
            by_key,
            _charge: charge,
        })
    }

    /// The number of a product as an item; `None` when it is left out.
    fn number(
        &mut self,
        key: i32,
        merchandise_only: bool,
        builder: &mut BasketsBuilder,
        control: &dyn Control,
    ) -> Outcome<Option<u32>> {
        let place = usize::try_from(key).ok();
        let slot = match place.and_then(|p| self.numbers.get_mut(p)) {
            Some(slot) => slot,
            None => self.others.entry(key).or_insert(UNMET),
        };
        if *slot == UNMET {
            let product = self.by_key.get(&key).and_then(|at| self.all.get(*at));
            *slot = match product {
                Some(p) if p.is_merchandise || !merchandise_only => {
                    builder.item(p.code.as_bytes(), control)?
                }
                _ => LEFT_OUT,
            };
        }
        Ok((*slot != LEFT_OUT).then_some(*slot))
    }

    /// What items are called, by the stock codes that label them.
    pub fn descriptions(self, labels: &[String]) -> Vec<Option<String>> {
        let pairs = self.all.into_iter().map(|p| (p.code, p.description));
        let mut by_code: HashMap<String, Option<String>> = pairs.collect();
        let of = |label: &String| by_code.remove(label.as_str()).flatten();
        labels.iter().map(of).collect()
    }
}

/// Which sales are read, and which of them are of the group that is mined.
#[derive(Default)]
pub struct Wanted<'a> {
    /// The first day, in days since 1970.
    pub from: Option<i32>,
    /// The last day.
    pub to: Option<i32>,
    /// Invoices that are left out.
    pub without: &'a [String],
    /// No postage, fees or vouchers.
    pub merchandise_only: bool,
    /// The country of the group.
    pub country: Option<&'a str>,
    /// The customers of the group, by their keys.
    pub customers: Option<HashSet<i32>>,
}

impl Wanted<'_> {
    fn query(&self) -> (String, Vec<DatumWithOid<'_>>) {
        let mut arguments: Vec<DatumWithOid<'_>> = Vec::new();
        let mut next = |argument| {
            arguments.push(argument);
            format!("${}", arguments.len())
        };
        let mut conditions = vec!["f.line_kind = 'sale'".to_owned()];
        if let Some(day) = self.from {
            conditions.push(format!("f.date >= {}", next(date(day))));
        }
        if let Some(day) = self.to {
            conditions.push(format!("f.date <= {}", next(date(day))));
        }
        if !self.without.is_empty() {
            let invoices = next(self.without.to_vec().into());
            conditions.push(format!("f.invoice_no <> ALL ({invoices})"));
        }
        let country = match self.country {
            Some(country) => format!("f.country = {}", next(country.into())),
            None => "true".to_owned(),
        };
        // Those of a fixed width come first: where they are is known without a look at the others.
        let sql = format!(
            "SELECT f.product_key, f.date, f.customer_key, {country}, f.invoice_no, f.amount FROM retailscope.fact_sales AS f WHERE {}",
            conditions.join(" AND ")
        );
        (sql, arguments)
    }
}

/// Baskets as they are read, and how many lines are of the group.
pub struct Lines {
    /// Not yet sorted.
    pub builder: BasketsBuilder,
    /// Lines of the group that is mined.
    pub of_group: u64,
}

/// Reads the sales of the days that are wanted, the first and the last included.
///
/// # Errors
/// 53200, 54000 when they are too many.
pub fn read(wanted: &Wanted<'_>, products: &mut Products, crew: &Crew<'_, '_>) -> Outcome<Lines> {
    crew.announce(PHASE);
    let (sql, arguments) = wanted.query();
    let mut lines = Lines {
        builder: BasketsBuilder::default(),
        of_group: 0,
    };
    let mut read = 0u64;
    // Compiling the query takes longer than it saves, and hears no cancel.
    locally(&[(c"jit", c"off")], || {
        for_each_batch_in(Snapshot::Statement, &sql, &arguments, |rows| {
            for row in 0..rows.len() {
                if let Some(row) = rows.row(row) {
                    take(&row, wanted, products, &mut lines, crew.watch())?;
                }
            }
            read += rows.len() as u64;
            crew.watch().progress(PHASE, read, 0);
            crew.poll();
            Ok(())
        })
    })?;
    Ok(lines)
}

fn take(
    row: &Row<'_, 6>,
    wanted: &Wanted<'_>,
    products: &mut Products,
    lines: &mut Lines,
    control: &dyn Control,
) -> Outcome<()> {
    let key = row.i32(0).unwrap_or(0);
    let builder = &mut lines.builder;
    let number = products.number(key, wanted.merchandise_only, builder, control)?;
    if number.is_none() {
        return Ok(());
    }
    let customer = row.i32(2).unwrap_or(0);
    let in_segment = wanted
        .customers
        .as_ref()
        .is_none_or(|c| c.contains(&customer));
    let about = About {
        day: row.day(1).unwrap_or(0),
        in_group: in_segment && row.bool(3).unwrap_or(false),
    };
    lines.of_group += u64::from(about.in_group);
    let invoice = row.text(4).unwrap_or_default();
    let amount = row.ten_thousandths(5).unwrap_or(0);
    lines
        .builder
        .push_numbered(invoice, number, amount, about, control)?;
    Ok(())
}
