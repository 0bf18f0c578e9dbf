//! From a source's columns to the places of a batch's row.

use super::batch::{ABSENT, FIELDS, RawBatch, Span};
use super::mapping::{Columns, Source};
use crate::control::Control;

/// Where the value of a column goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Field(usize),
    Extra(usize),
    Nowhere,
}

/// Lays rows out in a batch.
pub(super) struct Layout {
    /// Per column of the source.
    pub places: Vec<Place>,
    pub extra_names: Vec<String>,
    constants: Vec<(usize, String)>,
    /// Bytes of all constants.
    constant_bytes: isize,
    /// A row before its columns are filled in: the spans of the constants, and [`ABSENT`].
    template: [Span; FIELDS],
    typed: [bool; FIELDS],
}

impl Layout {
    /// The layout for a source of `width` columns.
    pub(super) fn new(columns: Columns, width: usize) -> Layout {
        let mut places = vec![Place::Nowhere; width];
        let mut put = |column: usize, place: Place| {
            if let Some(slot) = places.get_mut(column) {
                *slot = place;
            }
        };
        let mut constants = Vec::new();
        for (i, source) in columns.field.into_iter().enumerate() {
            match source {
                Source::Column(column) => put(column, Place::Field(i)),
                Source::Constant(text) => constants.push((i, text)),
                Source::Missing => {}
            }
        }
        for (i, column) in columns.extras.iter().enumerate() {
            put(*column, Place::Extra(i));
        }
        let constant_bytes = constants.iter().map(|(_, text)| text.len()).sum::<usize>();
        Layout {
            places,
            extra_names: columns.extra_names,
            constants,
            constant_bytes: isize::try_from(constant_bytes).unwrap_or(isize::MAX),
            template: [ABSENT; FIELDS],
            typed: columns.typed,
        }
    }

    /// Empties a batch and lays the constants down, once for all of its rows.
    pub(super) fn begin(&mut self, batch: &mut RawBatch, control: &dyn Control) {
        batch.begin(self.extra_names.len(), control);
        batch.typed = self.typed;
        for (field, text) in &self.constants {
            let span = append(batch, text.as_bytes());
            if let Some(slot) = self.template.get_mut(*field) {
                *slot = span;
            }
        }
    }

    /// Adds a row without its columns.
    pub(super) fn open(&self, batch: &mut RawBatch) -> Row {
        let row = Row {
            fields: batch.fields.len(),
            extras: batch.extra_fields.len(),
        };
        batch.repeat(self.constant_bytes);
        batch.fields.extend_from_slice(&self.template);
        batch.extra_fields.resize(row.extras + batch.extras, ABSENT);
        row
    }

    /// Sets the value of a column; false when the source has no such column.
    pub(super) fn set(&self, batch: &mut RawBatch, row: Row, column: usize, span: Span) -> bool {
        let slot = match self.places.get(column) {
            None => return false,
            Some(Place::Field(i)) => batch.fields.get_mut(row.fields + i),
            Some(Place::Extra(i)) => batch.extra_fields.get_mut(row.extras + i),
            Some(Place::Nowhere) => None,
        };
        if let Some(slot) = slot {
            *slot = span;
        }
        true
    }

    /// Takes a row back whose columns do not add up.
    pub(super) fn undo(&self, batch: &mut RawBatch, row: Row) {
        batch.repeat(-self.constant_bytes);
        batch.fields.truncate(row.fields);
        batch.extra_fields.truncate(row.extras);
    }
}

/// A row that is being filled in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    fields: usize,
    extras: usize,
}

/// Appends bytes to a batch and gives their span.
pub(super) fn append(batch: &mut RawBatch, bytes: &[u8]) -> Span {
    let start = batch.bytes.len();
    batch.bytes.extend_from_slice(bytes);
    (narrow(start), narrow(batch.bytes.len()))
}

/// A position in a batch's bytes. A batch ends at 8 MB and one line, far below 4 GiB; past it a span would be absent.
pub(super) fn narrow(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
