//! Which column of a source is which field.

use serde_json::{Map, Value};

use super::batch::{FIELDS, Field};
use super::suggest::suggested;
use super::{IngestError, MAX_COLUMNS};
use crate::names::{did_you_mean, listed, nearest, normal, shown};
use crate::params::kind;

/// The fields without which a line means nothing.
const REQUIRED: [Field; 5] = [
    Field::InvoiceNo,
    Field::StockCode,
    Field::Quantity,
    Field::SoldAt,
    Field::UnitPrice,
];

/// Names that are known without a mapping, normalised: the canonical ones and those of UCI Online Retail I and II.
pub(super) const fn known(field: Field) -> &'static [&'static str] {
    match field {
        Field::InvoiceNo => &["invoiceno", "invoice"],
        Field::StockCode => &["stockcode"],
        Field::Description => &["description"],
        Field::Quantity => &["quantity"],
        Field::SoldAt => &["soldat", "invoicedate"],
        Field::UnitPrice => &["unitprice", "price"],
        Field::CustomerId => &["customerid"],
        Field::Country => &["country"],
    }
}

/// Where the values of a field come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The source's column of that index, from 0.
    Column(usize),
    /// The same text on every line.
    Constant(String),
    /// Nowhere: the field is absent on every line.
    Missing,
}

/// A mapping applied to the columns of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// Per [`Field`], where it comes from.
    pub field: [Source; FIELDS],
    /// Indexes of the columns that are no field, ordered by name: they are part of a line's identity, which must not
    /// depend on the order of the columns.
    pub extras: Vec<usize>,
    /// The names of [`Columns::extras`], in the same order.
    pub extra_names: Vec<String>,
    /// See [`super::RawBatch::typed`].
    pub typed: [bool; FIELDS],
}

/// What a source's own type says about the values of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    /// A number.
    Number,
    /// A date or a time.
    Moment,
}

impl Columns {
    /// Notes which fields the source has in a type of their own, given what each of its columns is.
    pub fn note_types(&mut self, typed: impl Fn(usize) -> Option<Typed>) {
        for ((source, field), slot) in self.field.iter().zip(Field::ALL).zip(&mut self.typed) {
            if let Source::Column(column) = source {
                *slot = wanted(field).is_some_and(|wanted| typed(*column) == Some(wanted));
            }
        }
    }
}

/// The type of a field that is no text.
fn wanted(field: Field) -> Option<Typed> {
    match field {
        Field::Quantity | Field::UnitPrice => Some(Typed::Number),
        Field::SoldAt => Some(Typed::Moment),
        _ => None,
    }
}

/// What a user said about the columns; fields that it does not mention are found by their names.
#[derive(Debug, Clone, Default)]
pub struct Mapping {
    entries: [Option<Entry>; FIELDS],
    /// Columns that are left out, as if the source did not have them.
    ignored: Vec<String>,
}

#[derive(Debug, Clone)]
enum Entry {
    Column(String),
    /// The text, and whether it was given as a number.
    Constant(String, bool),
}

/// What a column is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Field(Field),
    Ignored,
}

impl Use {
    const fn name(self) -> &'static str {
        match self {
            Use::Field(field) => field.name(),
            Use::Ignored => "ignored",
        }
    }
}

fn field_named(name: &str) -> Option<Field> {
    let name = normal(name);
    Field::ALL.into_iter().find(|f| normal(f.name()) == name)
}

impl Mapping {
    /// Reads a mapping from a JSON object: `{"Order ID": "invoice_no"}` or `{"invoice_no": "Order ID"}` (when both are
    /// names of fields, the first is the column), `{"country": {"value": "Germany"}}` for a constant, and
    /// `{"exported_at": null}` for a column that is to be ignored.
    ///
    /// # Errors
    /// [`IngestError::Mapping`] for another shape or a pair that names no field, [`IngestError::Twice`] when a field
    /// or a column comes twice.
    pub fn parse(json: &Value) -> Result<Mapping, IngestError> {
        let Value::Object(object) = json else {
            return Err(IngestError::Mapping {
                problem: format!("must be a JSON object, not {}", kind(json)),
            });
        };
        let mut mapping = Mapping::default();
        for (key, value) in object {
            let (field, entry) = match value {
                Value::String(text) => pair(key, text)?,
                Value::Object(object) => (constant_field(key)?, constant(key, object)?),
                Value::Null => {
                    mapping.ignored.push(key.clone());
                    continue;
                }
                other => {
                    return Err(IngestError::Mapping {
                        problem: format!(
                            "{} must be a name, {{\"value\": ...}} or null (to ignore the column), not {}",
                            shown(key),
                            kind(other)
                        ),
                    });
                }
            };
            mapping.set(field, entry)?;
        }
        Ok(mapping)
    }

    fn set(&mut self, field: Field, entry: Entry) -> Result<(), IngestError> {
        if let Entry::Column(column) = &entry
            && let Some((_, other)) = self.columns().find(|(name, _)| *name == column)
        {
            let problem = format!(
                "column {} is both {} and {}",
                shown(column),
                other.name(),
                field.name()
            );
            return Err(IngestError::Twice { problem });
        }
        match self.entries.get_mut(field as usize) {
            Some(slot @ None) => *slot = Some(entry),
            _ => {
                return Err(IngestError::Twice {
                    problem: format!("{} is mapped twice", field.name()),
                });
            }
        }
        Ok(())
    }

    fn columns(&self) -> impl Iterator<Item = (&String, Field)> {
        self.entries
            .iter()
            .zip(Field::ALL)
            .filter_map(|(entry, field)| match entry {
                Some(Entry::Column(name)) => Some((name, field)),
                _ => None,
            })
    }

    /// Finds each field among the columns of a source.
    ///
    /// # Errors
    /// [`IngestError::NoSuchColumn`], [`IngestError::Twice`], [`IngestError::MissingField`] for a required field
    /// without a column, [`IngestError::TooManyColumns`].
    pub fn resolve(&self, header: &[String]) -> Result<Columns, IngestError> {
        if header.len() > MAX_COLUMNS {
            return Err(IngestError::TooManyColumns {
                columns: header.len(),
                limit: MAX_COLUMNS,
            });
        }
        let normals: Vec<String> = header.iter().map(|h| normal(h)).collect();
        let mut taken: Vec<Option<Use>> = vec![None; header.len()];
        let mut field = [const { Source::Missing }; FIELDS];
        let mut typed = [false; FIELDS];
        for name in &self.ignored {
            // All columns of that name: spreadsheets write several without any.
            for index in all_called(name, header, &normals)? {
                take(&mut taken, index, Use::Ignored, header)?;
            }
        }
        for (((entry, slot), typed), f) in self
            .entries
            .iter()
            .zip(&mut field)
            .zip(&mut typed)
            .zip(Field::ALL)
        {
            match entry {
                None => {}
                Some(Entry::Constant(text, is_number)) => {
                    *slot = Source::Constant(text.clone());
                    *typed = *is_number && wanted(f) == Some(Typed::Number);
                }
                Some(Entry::Column(name)) => {
                    let index = find(name, header, &normals)?;
                    take(&mut taken, index, Use::Field(f), header)?;
                    *slot = Source::Column(index);
                }
            }
        }
        for (slot, f) in field
            .iter_mut()
            .zip(Field::ALL)
            .filter(|(slot, _)| **slot == Source::Missing)
        {
            let mut found = normals
                .iter()
                .enumerate()
                .filter(|(i, n)| {
                    known(f).contains(&n.as_str()) && matches!(taken.get(*i), Some(None))
                })
                .map(|(i, _)| i);
            let Some(index) = found.next() else { continue };
            if let Some(second) = found.next() {
                let name = |i: usize| header.get(i).map(|h| shown(h)).unwrap_or_default();
                let problem = format!(
                    "columns {} and {} could both be {}",
                    name(index),
                    name(second),
                    f.name()
                );
                return Err(IngestError::Twice { problem });
            }
            take(&mut taken, index, Use::Field(f), header)?;
            *slot = Source::Column(index);
        }
        self.require(&field, header, &taken)?;
        let mut extras: Vec<usize> = (0..header.len())
            .filter(|i| matches!(taken.get(*i), Some(None)))
            .collect();
        let name = |i: usize| header.get(i).cloned().unwrap_or_default();
        extras.sort_by_key(|&i| (name(i), i));
        let extra_names = extras.iter().map(|&i| name(i)).collect();
        Ok(Columns {
            field,
            extras,
            extra_names,
            typed,
        })
    }

    fn require(
        &self,
        field: &[Source; FIELDS],
        header: &[String],
        taken: &[Option<Use>],
    ) -> Result<(), IngestError> {
        let missing: Vec<Field> = REQUIRED
            .into_iter()
            .filter(|f| matches!(field.get(*f as usize), Some(Source::Missing)))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let free = header
            .iter()
            .zip(taken)
            .filter(|(_, t)| t.is_none())
            .map(|(h, _)| h.as_str())
            .take(100)
            .collect();
        let mut example: Map<String, Value> = self
            .columns()
            .map(|(name, f)| (name.clone(), Value::from(f.name())))
            .chain(self.ignored.iter().map(|name| (name.clone(), Value::Null)))
            .collect();
        example.extend(suggested(&missing, free));
        Err(IngestError::MissingField {
            fields: missing
                .iter()
                .map(|f| f.name())
                .collect::<Vec<_>>()
                .join(", "),
            columns: listed(header),
            example: Value::Object(example).to_string().replace('\'', "''"),
        })
    }
}

fn pair(key: &str, text: &str) -> Result<(Field, Entry), IngestError> {
    if let Some(field) = field_named(text) {
        return Ok((field, Entry::Column(key.to_owned())));
    }
    if let Some(field) = field_named(key) {
        return Ok((field, Entry::Column(text.to_owned())));
    }
    let names = Field::ALL.map(Field::name);
    let near = nearest(text, &names).or_else(|| nearest(key, &names));
    let near = near
        .map(|n| format!(", did you mean {}?", shown(n)))
        .unwrap_or_default();
    Err(IngestError::Mapping {
        problem: format!(
            "neither {} nor {} is a field{near}; the fields are {}",
            shown(key),
            shown(text),
            listed(&names)
        ),
    })
}

fn constant_field(key: &str) -> Result<Field, IngestError> {
    let names = Field::ALL.map(Field::name);
    field_named(key).ok_or_else(|| IngestError::Mapping {
        problem: format!(
            "a constant needs a field, and {} is none{}; the fields are {}",
            shown(key),
            did_you_mean(key, &names),
            listed(&names)
        ),
    })
}

fn constant(key: &str, object: &Map<String, Value>) -> Result<Entry, IngestError> {
    let given = match (object.len(), object.get("value")) {
        (1, Some(Value::String(text))) => Some((text.clone(), false)),
        (1, Some(number @ Value::Number(_))) => Some((number.to_string(), true)),
        _ => None,
    };
    // it is repeated on every cleaned line, which ends a batch the earlier the longer it is
    match given {
        Some((text, _)) if text.contains('\0') => Err(IngestError::Mapping {
            problem: format!("the constant for {} holds a NUL character", shown(key)),
        }),
        Some((text, is_number)) if text.len() <= 10_000 => Ok(Entry::Constant(text, is_number)),
        Some((text, _)) => Err(IngestError::Mapping {
            problem: format!(
                "the constant for {} has {} bytes, the limit is 10000",
                shown(key),
                text.len()
            ),
        }),
        None => Err(IngestError::Mapping {
            problem: format!(
                "the constant for {} must be {{\"value\": a string or a number}}",
                shown(key)
            ),
        }),
    }
}

/// The columns of a name: those called exactly so, or else those called nearly so.
fn all_called(
    name: &str,
    header: &[String],
    normals: &[String],
) -> Result<Vec<usize>, IngestError> {
    let wanted = normal(name);
    let exact: Vec<usize> = header
        .iter()
        .enumerate()
        .filter(|(_, h)| *h == name)
        .map(|(i, _)| i)
        .collect();
    let loose = || {
        normals
            .iter()
            .enumerate()
            .filter(|(_, n)| **n == wanted)
            .map(|(i, _)| i)
            .collect()
    };
    let found: Vec<usize> = if exact.is_empty() { loose() } else { exact };
    if found.is_empty() {
        return Err(IngestError::NoSuchColumn {
            column: name.chars().take(60).collect(),
            near: did_you_mean(name, header),
            columns: listed(header),
        });
    }
    Ok(found)
}

fn find(name: &str, header: &[String], normals: &[String]) -> Result<usize, IngestError> {
    match all_called(name, header, normals)?.as_slice() {
        [index] => Ok(*index),
        several => Err(IngestError::Twice {
            problem: format!("{} columns are called {}", several.len(), shown(name)),
        }),
    }
}

fn take(
    taken: &mut [Option<Use>],
    index: usize,
    purpose: Use,
    header: &[String],
) -> Result<(), IngestError> {
    match taken.get_mut(index) {
        Some(slot @ None) => *slot = Some(purpose),
        Some(Some(other)) => {
            let column = header.get(index).map(|h| shown(h)).unwrap_or_default();
            let problem = match (*other, purpose) {
                (Use::Ignored, Use::Ignored) => format!("column {column} is ignored twice"),
                (one, two) => format!("column {column} is both {} and {}", one.name(), two.name()),
            };
            return Err(IngestError::Twice { problem });
        }
        None => {}
    }
    Ok(())
}

#[cfg(test)]
#[path = "mapping_tests.rs"]
mod tests;
