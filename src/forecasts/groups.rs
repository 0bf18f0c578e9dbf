//! The rows of a user's query as series: found by the names of columns, gathered by `unique_id`.

use crate::pg::cursor::{BaseType, Rows};
use crate::pg::error::{Failure, Outcome};
use crate::pg::interrupt::Crew;
use crate::pg::query::{Column, Form, Kind, UserQuery, as_text};
use retailscope_engine::control::{Charge, Control, reserve};
use retailscope_engine::names::{did_you_mean, shown};
use std::collections::HashMap;

const PHASE: &str = "reading series";

/// Rows that a series has room for at first.
const FIRST: usize = 16;

/// Where the columns of a query are.
#[derive(Debug)]
pub struct Places {
    id: Option<usize>,
    ds: (usize, BaseType),
    /// The value, then the regressors.
    numbers: Vec<(usize, BaseType)>,
    /// Rows of a series come one after the other.
    grouped: bool,
}

impl Places {
    /// Finds them by their names; a query of two or three columns of fitting types whose names are all others has them in the order
    /// `unique_id, ds, y`.
    ///
    /// # Errors
    /// 22023 for one that is missing, is there twice, has another type, or is of no use.
    pub fn find(query: &UserQuery<'_>, form: &Form, xreg: &[String]) -> Outcome<Places> {
        let columns = &form.columns;
        let named = |name: &str| columns.iter().any(|c| c.name == name);
        let nameless = xreg.is_empty() && !["unique_id", "ds", "y"].into_iter().any(named);
        let (id, ds, y) = match columns.as_slice() {
            [ds, y] if nameless && is_series(ds, y) => (None, 0, 1),
            [_, ds, y] if nameless && is_series(ds, y) => (Some(0), 1, 2),
            _ => (
                place(query, columns, "unique_id")?,
                required(query, columns, "ds")?,
                required(query, columns, "y")?,
            ),
        };
        let regressors = xreg
            .iter()
            .map(|name| required(query, columns, name))
            .collect::<Outcome<Vec<usize>>>()?;
        let kinds = [
            (ds, &[Kind::Moment][..], "a date or a timestamp"),
            (y, &[Kind::Number][..], "a number"),
        ];
        let more = regressors.iter().map(|at| {
            (
                *at,
                &[Kind::Number, Kind::Bool][..],
                "a number or a boolean",
            )
        });
        for (at, kinds, wanted) in kinds.into_iter().chain(more) {
            if let Some(column) = columns.get(at).filter(|c| !kinds.contains(&c.kind)) {
                return Err(query.refused(format!(
                    "must have {wanted} in its column {}, not {}",
                    shown(&column.name),
                    column.type_name
                )));
            }
        }
        let used = |at: &usize| id == Some(*at) || *at == ds || *at == y || regressors.contains(at);
        if let Some(column) = (0..columns.len())
            .find(|at| !used(at))
            .and_then(|at| columns.get(at))
        {
            return Err(Failure::invalid(format!(
                "{} has a column {} that is neither unique_id nor ds nor y",
                query.argument,
                shown(&column.name)
            ))
            .hint("What is known of coming steps too (a price, a promotion) is named by params => '{\"xreg\": [...]}'."));
        }
        let place = |at: usize| columns.get(at).map(|column| (at, column.base));
        let numbers = std::iter::once(y).chain(regressors.iter().copied());
        Ok(Places {
            id,
            ds: place(ds).ok_or_else(|| Failure::internal("a column has gone"))?,
            numbers: numbers.filter_map(place).collect(),
            grouped: id.is_none() || form.grouped_by == id,
        })
    }
}

fn is_series(ds: &Column, y: &Column) -> bool {
    ds.kind == Kind::Moment && y.kind == Kind::Number
}

fn place(query: &UserQuery<'_>, columns: &[Column], name: &str) -> Outcome<Option<usize>> {
    let mut found = columns.iter().enumerate().filter(|(_, c)| c.name == name);
    let at = found.next().map(|(at, _)| at);
    match found.next() {
        Some(_) => Err(query.refused(format!("has two columns {}", shown(name)))),
        None => Ok(at),
    }
}

fn required(query: &UserQuery<'_>, columns: &[Column], name: &str) -> Outcome<usize> {
    let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
    place(query, columns, name)?.ok_or_else(|| {
        query.refused(format!(
            "has no column {}{}",
            shown(name),
            did_you_mean(name, &names)
        ))
    })
}

/// The rows of a series, in the order in which they came.
#[derive(Debug, Default)]
pub struct Group {
    /// Its `unique_id`.
    pub id: Option<String>,
    stamps: Vec<i64>,
    /// A row after the other: the value, then the regressors.
    values: Vec<f64>,
    /// Rows without a moment.
    undated: u64,
    charge: Charge,
}

impl Group {
    fn new(id: Option<&[u8]>, control: &dyn Control) -> Outcome<Group> {
        let id = id.map(|id| String::from_utf8_lossy(id).into_owned());
        let bytes = size_of::<Group>() + id.as_ref().map_or(0, String::len);
        Ok(Group {
            id,
            charge: Charge::new(bytes as u64, PHASE, control)?,
            ..Group::default()
        })
    }

    fn push(
        &mut self,
        rows: &Rows<'_>,
        row: usize,
        places: &Places,
        control: &dyn Control,
    ) -> Outcome<()> {
        let Some(stamp) = rows.moment(row, places.ds.0, places.ds.1) else {
            self.undated += 1;
            return Ok(());
        };
        let width = places.numbers.len();
        if self.stamps.len() == self.stamps.capacity() {
            let more = self.stamps.len().max(FIRST);
            let bytes = more * (size_of::<i64>() + width * size_of::<f64>());
            self.charge
                .set(self.charge.bytes() + bytes as u64, PHASE, control)?;
            reserve(&mut self.stamps, more, PHASE)?;
            reserve(&mut self.values, more * width, PHASE)?;
        }
        self.stamps.push(stamp);
        for (column, base) in &places.numbers {
            self.values
                .push(rows.number(row, *column, *base).unwrap_or(f64::NAN));
        }
        Ok(())
    }

    /// Its rows, each with its value and its regressors, and the number of rows without a moment.
    ///
    /// # Errors
    /// 53200.
    pub fn rows(&self, control: &dyn Control) -> Outcome<(Vec<(i64, Vec<f64>)>, u64)> {
        let width = (self.values.len() / self.stamps.len().max(1)).max(1);
        // A row, and what the allocator adds to its values.
        let each = size_of::<(i64, Vec<f64>)>() + 16 + width * size_of::<f64>();
        control.budget(PHASE, self.stamps.len() as u64 * each as u64)?;
        let values = self.values.chunks(width).map(<[f64]>::to_vec);
        let rows = self.stamps.iter().copied().zip(values).collect();
        Ok((rows, self.undated))
    }
}

/// Series as they are read.
#[derive(Debug, Default)]
struct Gathered {
    groups: Vec<Group>,
    /// The place of each series by its `unique_id`.
    by_id: HashMap<Box<[u8]>, usize>,
    /// The place of the one whose id is NULL.
    without_id: Option<usize>,
    charge: Charge,
}

impl Gathered {
    fn is_last(&self, id: Option<&[u8]>) -> bool {
        let last = self.groups.last();
        last.is_some_and(|g| g.id.as_ref().map(String::as_bytes) == id)
    }

    fn begin(&mut self, id: Option<&[u8]>, control: &dyn Control) -> Outcome<usize> {
        self.groups.push(Group::new(id, control)?);
        Ok(self.groups.len() - 1)
    }

    /// The place of a series, whatever came before.
    fn place(&mut self, id: Option<&[u8]>, control: &dyn Control) -> Outcome<usize> {
        let known = match id {
            Some(id) => self.by_id.get(id).copied(),
            None => self.without_id,
        };
        if let Some(at) = known {
            return Ok(at);
        }
        let at = self.begin(id, control)?;
        match id {
            Some(id) => {
                let bytes = self.charge.bytes() + 64 + id.len() as u64;
                self.charge.set(bytes, PHASE, control)?;
                self.by_id.insert(Box::from(id), at);
            }
            None => self.without_id = Some(at),
        }
        Ok(at)
    }
}

/// Reads all series of a query and gives them to `each`, `together` at a time: as they come when the query is sorted by `unique_id`,
/// else once all of them have been read, in the order of their ids as bytes.
///
/// # Errors
/// What the query and `each` give; 53200.
pub fn read(
    query: &UserQuery<'_>,
    xreg: &[String],
    together: usize,
    crew: &Crew<'_, '_>,
    each: &mut dyn FnMut(Vec<Group>) -> Outcome<()>,
) -> Outcome<()> {
    crew.announce(PHASE);
    let control = crew.watch();
    let mut scratch = String::new();
    let mut read = 0u64;
    let (places, gathered) = query.read(
        |form| Ok((Places::find(query, form, xreg)?, Gathered::default())),
        |(places, gathered), rows| {
            for row in 0..rows.len() {
                let id = match places.id {
                    Some(column) => as_text(rows, row, column, &mut scratch),
                    None => None,
                };
                let at = if !places.grouped {
                    gathered.place(id, control)?
                } else if gathered.is_last(id) {
                    gathered.groups.len().saturating_sub(1)
                } else {
                    if gathered.groups.len() >= together {
                        each(std::mem::take(&mut gathered.groups))?;
                    }
                    gathered.begin(id, control)?
                };
                if let Some(group) = gathered.groups.get_mut(at) {
                    group.push(rows, row, places, control)?;
                }
            }
            read += rows.len() as u64;
            control.progress(PHASE, read, 0);
            crew.poll();
            Ok(())
        },
    )?;
    let mut groups = gathered.groups;
    if !places.grouped {
        groups.sort_by(|a, b| (a.id.is_none(), &a.id).cmp(&(b.id.is_none(), &b.id)));
    }
    let mut rest = groups.into_iter().peekable();
    while rest.peek().is_some() {
        each(rest.by_ref().take(together).collect())?;
    }
    Ok(())
}
