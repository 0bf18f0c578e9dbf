//! A relation as a source: any table or view whose columns can be read as text.

use crate::pg::cursor::{Rows, for_each_batch};
use crate::pg::error::{Failure, Outcome};
use crate::pg::settings::locally;
use pgrx::prelude::*;
use retailscope_engine::control::Control;
use retailscope_engine::ingest::{ABSENT, Columns, FIELDS, Mapping, RawBatch, Source, Span};
use sha2::{Digest, Sha256};

/// A relation whose columns have been matched to the fields.
pub struct Relation {
    name: String,
    columns: Columns,
    query: String,
    constants: Vec<Option<String>>,
}

impl Relation {
    /// Looks the relation up and matches its columns.
    ///
    /// # Errors
    /// 42P01 when there is none, 42809 for what has no rows, 22023 for a mapping that does not fit.
    pub fn describe(oid: pg_sys::Oid, mapping: &Mapping) -> Outcome<Relation> {
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
            "SELECT a.attname::text, a.atttypid::bigint FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
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
        let columns = mapping.resolve(&header)?;
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
            raw
        };
        let mut hash = Sha256::new();
        let mut raw = empty();
        let mut number = 0;
        for_each_batch(&self.query, &[], |rows| {
            for row in 0..rows.len() {
                number += 1;
                self.take(&mut raw, rows, row, number);
                if raw.is_full() {
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

    fn take(&self, raw: &mut RawBatch, rows: &Rows<'_>, row: usize, number: u64) {
        for column in 0..FIELDS {
            let constant = self
                .constants
                .get(column)
                .and_then(Option::as_ref)
                .map(String::as_bytes);
            let span = append(&mut raw.bytes, constant.or_else(|| rows.text(row, column)));
            raw.fields.push(span);
        }
        for column in 0..raw.extras {
            let span = append(&mut raw.bytes, rows.text(row, FIELDS + column));
            raw.extra_fields.push(span);
        }
        raw.raw.push(ABSENT);
        raw.line_no.push(number);
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

/// A column as text; a time with a zone is taken as the session's wall clock shows it.
fn as_text(name: &str, oid: i64) -> String {
    if oid == i64::from(pg_sys::TIMESTAMPTZOID.to_u32()) {
        format!("r.{name}::pg_catalog.timestamp::pg_catalog.text")
    } else {
        format!("r.{name}::pg_catalog.text")
    }
}
