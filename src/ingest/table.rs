//! A relation as a source: any table or view whose columns can be read as text.

use crate::pg::cursor::{Rows, for_each_batch};
use crate::pg::error::{Failure, Outcome};
use crate::pg::settings::locally;
use pgrx::prelude::*;
use retailscope_engine::control::Control;
use retailscope_engine::ingest::{
    ABSENT, Columns, FIELDS, Mapping, Options, RawBatch, Reject, Source, Span, Typed,
};
use sha2::{Digest, Sha256};

/// Characters of a row that is too long which are kept in its reject.
const SHOWN: usize = 1_000;

/// A relation whose columns have been matched to the fields.
pub struct Relation {
    name: String,
    columns: Columns,
    query: String,
    constants: Vec<Option<String>>,
    limit: usize,
}

impl Relation {
    /// Looks the relation up and matches its columns.
    ///
    /// # Errors
    /// 42P01 when there is none, 42809 for what has no rows, 22023 for a mapping that does not fit.
    pub fn describe(oid: pg_sys::Oid, mapping: &Mapping, options: &Options) -> Outcome<Relation> {
        let (name, kind) = Spi::get_two_with_args::<String, String>(
            "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), c.relkind::text
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1",
            &[oid.into()],
        )
        .ok()
        .and_then(|(name, kind)| name.zip(kind))
        .ok_or_else(|| {
            Failure::new(PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE, format!("there is no relation with OID {}", oid.to_u32()))
        })?;
        if !matches!(kind.as_str(), "r" | "v" | "m" | "f" | "p") {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_WRONG_OBJECT_TYPE,
                format!(
                    "{name} is no table, view, materialized view, foreign table or partitioned table"
                ),
            ));
        }
        let mut header = Vec::new();
        let mut types = Vec::new();
        for_each_batch(
            include_str!("../../sql/source_columns.sql"),
            &[oid.into()],
            |rows| {
                for row in 0..rows.len() {
                    header.push(
                        String::from_utf8_lossy(rows.text(row, 0).unwrap_or_default()).into_owned(),
                    );
                    types.push(rows.i64(row, 1).unwrap_or(0));
                }
                Ok(())
            },
        )?;
        let mut columns = mapping.resolve(&header)?;
        columns.note_types(|at| typed(types.get(at).copied()?));
        let column = |at: usize| {
            let name = header
                .get(at)
                .map(pgrx::spi::quote_identifier)
                .unwrap_or_default();
            as_text(&name, types.get(at).copied().unwrap_or(0))
        };
        let mut expressions = Vec::new();
        let mut constants = Vec::new();
        for source in &columns.field {
            match source {
                Source::Column(at) => {
                    expressions.push(column(*at));
                    constants.push(None);
                }
                Source::Constant(text) => {
                    expressions.push("NULL::text".to_owned());
                    constants.push(Some(text.clone()));
                }
                Source::Missing => {
                    expressions.push("NULL::text".to_owned());
                    constants.push(None);
                }
            }
        }
        expressions.extend(columns.extras.iter().map(|&at| column(at)));
        let query = format!("SELECT {} FROM {name} AS r", expressions.join(", "));
        Ok(Relation {
            name,
            columns,
            query,
            constants,
            limit: options.max_line_bytes,
        })
    }

    /// The relation's quoted name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Columns that are no field.
    pub fn extra_columns(&self) -> &[String] {
        &self.columns.extra_names
    }

    /// Reads all rows into `sink`; gives the SHA-256 of their text.
    ///
    /// # Errors
    /// What the sink gives; PostgreSQL's own unwind.
    pub fn read(
        &self,
        control: &dyn Control,
        sink: &mut dyn FnMut(RawBatch) -> Outcome<()>,
    ) -> Outcome<Option<[u8; 32]>> {
        // Times, dates and numbers come out in one form whatever the session says.
        locally(
            &[
                (c"datestyle", c"ISO"),
                (c"extra_float_digits", c"1"),
                (c"intervalstyle", c"postgres"),
                (c"bytea_output", c"hex"),
            ],
            || self.read_rows(control, sink),
        )
    }

    fn read_rows(
        &self,
        control: &dyn Control,
        sink: &mut dyn FnMut(RawBatch) -> Outcome<()>,
    ) -> Outcome<Option<[u8; 32]>> {
        let empty = || {
            let mut raw = RawBatch::default();
            raw.begin(self.columns.extras.len(), control);
            raw.typed = self.columns.typed;
            raw
        };
        let mut hash = Sha256::new();
        let mut raw = empty();
        let mut number = 0;
        control.progress("reading", 0, 0);
        for_each_batch(&self.query, &[], |rows| {
            for row in 0..rows.len() {
                number += 1;
                if let Some(reject) = self.take(&mut raw, &mut hash, rows, row, number) {
                    raw.refuse(reject);
                }
                if raw.is_full() {
                    control.progress("reading", number, 0);
                    hash.update(&raw.bytes);
                    raw.settle(control)?;
                    sink(std::mem::replace(&mut raw, empty()))?;
                }
            }
            Ok(())
        })?;
        hash.update(&raw.bytes);
        raw.settle(control)?;
        sink(raw)?;
        Ok(Some(hash.finalize().into()))
    }

    /// Appends a row to a batch, or refuses it when it is too long, with the beginning of what has room.
    fn take(
        &self,
        raw: &mut RawBatch,
        hash: &mut Sha256,
        rows: &Rows<'_>,
        row: usize,
        number: u64,
    ) -> Option<Reject> {
        let start = raw.bytes.len();
        let (fields, extras) = (raw.fields.len(), raw.extra_fields.len());
        let (mut left, mut too_long) = (self.limit, false);
        let mut take = |bytes: &mut Vec<u8>, column: usize| {
            let value = rows.text(row, column);
            let length = value.map_or(0, <[u8]>::len);
            if length > left {
                hash.update(value.unwrap_or_default());
                too_long = true;
                return ABSENT;
            }
            left -= length;
            append(bytes, value)
        };
        for (column, constant) in self.constants.iter().enumerate() {
            let span = match constant {
                Some(text) => append(&mut raw.bytes, Some(text.as_bytes())),
                None => take(&mut raw.bytes, column),
            };
            raw.fields.push(span);
        }
        for column in 0..raw.extras {
            let span = take(&mut raw.bytes, FIELDS + column);
            raw.extra_fields.push(span);
        }
        if !too_long {
            raw.raw.push(ABSENT);
            raw.line_no.push(number);
            return None;
        }
        let text = raw.raw_text(raw.rows());
        hash.update(raw.bytes.get(start..).unwrap_or_default());
        raw.bytes.truncate(start);
        raw.fields.truncate(fields);
        raw.extra_fields.truncate(extras);
        Some(Reject {
            line_no: number,
            reason: format!("the row is longer than {} bytes", self.limit),
            raw: text.chars().take(SHOWN).collect(),
        })
    }
}

fn append(bytes: &mut Vec<u8>, value: Option<&[u8]>) -> Span {
    let Some(value) = value else { return ABSENT };
    let start = bytes.len();
    bytes.extend_from_slice(value);
    match (u32::try_from(start), u32::try_from(bytes.len())) {
        (Ok(start), Ok(end)) => (start, end),
        _ => ABSENT,
    }
}

/// What a column's own type says about its values.
fn typed(oid: i64) -> Option<Typed> {
    match pg_sys::Oid::from(u32::try_from(oid).ok()?) {
        pg_sys::INT2OID
        | pg_sys::INT4OID
        | pg_sys::INT8OID
        | pg_sys::NUMERICOID
        | pg_sys::FLOAT4OID
        | pg_sys::FLOAT8OID
        | pg_sys::MONEYOID => Some(Typed::Number),
        pg_sys::DATEOID | pg_sys::TIMESTAMPOID | pg_sys::TIMESTAMPTZOID => Some(Typed::Moment),
        _ => None,
    }
}

/// A column as text; a time with a zone is taken as the session's wall clock shows it, and `money` as the number it is.
fn as_text(name: &str, oid: i64) -> String {
    let is = |known: pg_sys::Oid| oid == i64::from(known.to_u32());
    let through = if is(pg_sys::TIMESTAMPTZOID) {
        "::pg_catalog.timestamp"
    } else if is(pg_sys::MONEYOID) {
        "::pg_catalog.numeric"
    } else {
        ""
    };
    format!("r.{name}{through}::pg_catalog.text")
}
