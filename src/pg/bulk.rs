//! Appending many rows to a table the way COPY does: multi-row heap insertion and index maintenance, without a plan per row.
//!
//! It fires no triggers and converts no types. That is why [`BulkInsert::open`] declines a table on which rows could mean
//! more than we know (triggers, rules, extra constraints, generated columns, partitions) or whose columns have other types;
//! the caller then inserts by SQL. The foreign keys that it names are its promise: their keys come from rows that it has
//! read or written in this transaction under a lock against deletion.

use crate::pg::error::{Failure, Outcome};
use crate::pg::versions;
use pgrx::prelude::*;
use pgrx::{PgMemoryContexts, PgTupleDesc};
use std::ffi::CStr;

/// Rows per call of the table's multi-insert; COPY uses the same.
const SLOTS: usize = 1000;

/// An open table, its indexes and the buffers for one statement's worth of rows.
///
/// There is no `Drop`: after an ERROR, PostgreSQL releases all of it with the transaction.
pub struct BulkInsert {
    relation: pg_sys::Relation,
    info: *mut pg_sys::ResultRelInfo,
    executor: *mut pg_sys::EState,
    state: pg_sys::BulkInsertState,
    slots: Vec<*mut pg_sys::TupleTableSlot>,
    /// For each of our columns, its place in the table.
    places: Vec<usize>,
    attributes: usize,
    command: pg_sys::CommandId,
    indexes: Indexes,
}

/// When the table's indexes learn of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indexes {
    /// Row by row.
    Maintain,
    /// All at once at the end, which is several times faster for a table that was empty. Until then nothing may look rows up
    /// by index, so the caller keeps other writers out; other transactions do not see the rows anyway.
    Rebuild,
}

impl BulkInsert {
    /// Opens `schema.table` for rows of `columns` (names and types); `known` are the check constraints and foreign keys
    /// that the caller's rows satisfy by construction. `Ok(None)`: the table has grown something that only the executor
    /// honours.
    ///
    /// # Errors
    /// No such table, no INSERT privilege, or row-level security that applies to the user.
    pub fn open(
        schema: &CStr,
        table: &CStr,
        columns: &[(&str, pg_sys::Oid)],
        known: &[&str],
        indexes: Indexes,
    ) -> Outcome<Option<BulkInsert>> {
        // SAFETY: catalog lookups and executor set-up as in COPY (copyfrom.c), all on the main thread; pointers that are
        // dereferenced come from PostgreSQL and are checked for null where they may be.
        unsafe {
            let namespace = pg_sys::get_namespace_oid(schema.as_ptr(), false);
            let oid = pg_sys::get_relname_relid(table.as_ptr(), namespace);
            if oid == pg_sys::InvalidOid {
                return Err(Failure::new(
                    PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE,
                    format!(
                        "relation \"{}.{}\" does not exist",
                        schema.to_string_lossy(),
                        table.to_string_lossy()
                    ),
                )
                .hint("SELECT rs_create_warehouse(); makes the tables."));
            }
            // A mode has 32 bits up to PostgreSQL 15 and 64 since.
            #[allow(clippy::useless_conversion)]
            let allowed =
                pg_sys::pg_class_aclcheck(oid, pg_sys::GetUserId(), pg_sys::ACL_INSERT.into());
            if allowed != pg_sys::AclResult::ACLCHECK_OK {
                pg_sys::aclcheck_error(allowed, pg_sys::ObjectType::OBJECT_TABLE, table.as_ptr());
            }
            if pg_sys::check_enable_rls(oid, pg_sys::InvalidOid, false)
                == pg_sys::CheckEnableRlsResult::RLS_ENABLED as i32
            {
                return Err(Failure::new(
                    PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
                    format!(
                        "bulk loading is not possible under row-level security on \"{}\"",
                        table.to_string_lossy()
                    ),
                )
                .hint("Load as the table's owner or as a role with BYPASSRLS."));
            }
            // Rebuilding locks out readers. The lock is taken now or not at all: waiting for it later, with other locks in
            // hand, could meet a reader that waits for this transaction.
            let alone = indexes == Indexes::Rebuild
                && pg_sys::ConditionalLockRelationOid(oid, pg_sys::AccessExclusiveLock as i32);
            let indexes = if alone {
                Indexes::Rebuild
            } else {
                Indexes::Maintain
            };
            let relation = pg_sys::table_open(oid, pg_sys::RowExclusiveLock as i32);
            let Some(places) = plain_places(relation, columns, known)? else {
                pg_sys::table_close(relation, pg_sys::NoLock as i32);
                return Ok(None);
            };
            let executor = pg_sys::CreateExecutorState();
            let context = PgMemoryContexts::For((*executor).es_query_cxt)
                .switch_to(|_| pg_sys::palloc0(size_of::<pg_sys::ResultRelInfo>()));
            let info = context.cast::<pg_sys::ResultRelInfo>();
            pg_sys::InitResultRelInfo(info, relation, 0, std::ptr::null_mut(), 0);
            if indexes == Indexes::Maintain {
                pg_sys::ExecOpenIndices(info, false);
            }
            let slots = (0..SLOTS)
                .map(|_| pg_sys::table_slot_create(relation, std::ptr::null_mut()))
                .collect();
            Ok(Some(BulkInsert {
                relation,
                info,
                executor,
                state: pg_sys::GetBulkInsertState(),
                slots,
                places,
                attributes: (*(*relation).rd_att).natts as usize,
                command: pg_sys::GetCurrentCommandId(true),
                indexes,
            }))
        }
    }

    /// Appends `rows` rows; `fill` writes the datums of a row in the order of the columns given to `open`. No value is
    /// NULL. Pointers must live until this returns. Interrupts are served between packets of rows.
    pub fn insert(&mut self, rows: usize, mut fill: impl FnMut(usize, &mut [pg_sys::Datum])) {
        let mut row = 0;
        let mut values = vec![pg_sys::Datum::from(0); self.places.len()];
        while row < rows {
            let packet = SLOTS.min(rows - row);
            for (at, &slot) in self.slots.iter().take(packet).enumerate() {
                fill(row + at, &mut values);
                // SAFETY: the slot was made for this relation; its arrays have `attributes` entries and every place is
                // below that.
                unsafe {
                    pg_sys::ExecClearTuple(slot);
                    let datums =
                        std::slice::from_raw_parts_mut((*slot).tts_values, self.attributes);
                    let nulls = std::slice::from_raw_parts_mut((*slot).tts_isnull, self.attributes);
                    nulls.fill(true);
                    for (&place, &value) in self.places.iter().zip(&values) {
                        if let (Some(datum), Some(null)) =
                            (datums.get_mut(place), nulls.get_mut(place))
                        {
                            *datum = value;
                            *null = false;
                        }
                    }
                    pg_sys::ExecStoreVirtualTuple(slot);
                    (*slot).tts_tableOid = (*self.relation).rd_id;
                }
            }
            self.flush(packet);
            row += packet;
            pgrx::check_for_interrupts!();
        }
    }

    fn flush(&mut self, packet: usize) {
        // SAFETY: as copyfrom.c, CopyMultiInsertBufferFlush: insertion may leak, so it runs in the per-row context, which
        // is reset after each packet.
        unsafe {
            let mut context = (*self.executor).es_per_tuple_exprcontext;
            if context.is_null() {
                context = pg_sys::MakePerTupleExprContext(self.executor);
            }
            let per_row = (*context).ecxt_per_tuple_memory;
            PgMemoryContexts::For(per_row).switch_to(|_| {
                pg_sys::table_multi_insert(
                    self.relation,
                    self.slots.as_mut_ptr(),
                    packet as i32,
                    self.command,
                    0,
                    self.state,
                );
                if (*self.info).ri_NumIndices > 0 {
                    for &slot in self.slots.iter().take(packet) {
                        versions::insert_index_tuples(self.info, slot, self.executor);
                    }
                }
            });
            for &slot in self.slots.iter().take(packet) {
                pg_sys::ExecClearTuple(slot);
            }
            pg_sys::MemoryContextReset(per_row);
        }
    }

    /// Ends the insertion; the table's lock stays until the end of the transaction.
    pub fn finish(self) {
        // SAFETY: releases what `open` took, in the reverse order.
        unsafe {
            pg_sys::FreeBulkInsertState(self.state);
            for slot in self.slots {
                pg_sys::ExecDropSingleTupleTableSlot(slot);
            }
            pg_sys::table_finish_bulk_insert(self.relation, 0);
            pg_sys::ExecCloseIndices(self.info);
            pg_sys::FreeExecutorState(self.executor);
            let table = (*self.relation).rd_id;
            pg_sys::table_close(self.relation, pg_sys::NoLock as i32);
            // What follows in this transaction sees the rows.
            pg_sys::CommandCounterIncrement();
            if self.indexes == Indexes::Rebuild {
                versions::rebuild_indexes(table);
            }
        }
    }
}

/// The places of `columns` in the table, or `None` when the table is not a plain one any more.
unsafe fn plain_places(
    relation: pg_sys::Relation,
    columns: &[(&str, pg_sys::Oid)],
    known: &[&str],
) -> Outcome<Option<Vec<usize>>> {
    // SAFETY: reads the relation's cache entry, which the open relation keeps alive.
    unsafe {
        let form = (*relation).rd_rel;
        let plain = (*form).relkind == pg_sys::RELKIND_RELATION as std::ffi::c_char
            && !(*form).relispartition
            && (*relation).rd_rules.is_null();
        if !plain || !only_known_triggers(relation, known) {
            return Ok(None);
        }
        let descriptor = (*relation).rd_att;
        let constraints = (*descriptor).constr;
        if !constraints.is_null() {
            if (*constraints).has_generated_stored {
                return Ok(None);
            }
            for i in 0..(*constraints).num_check as usize {
                let name = CStr::from_ptr((*(*constraints).check.add(i)).ccname).to_string_lossy();
                if !known.contains(&name.as_ref()) {
                    return Ok(None);
                }
            }
        }
        let copy = PgTupleDesc::from_pg_copy(descriptor);
        let mut places = vec![None; columns.len()];
        for (place, attribute) in copy.iter().enumerate() {
            if attribute.attisdropped {
                continue;
            }
            let name = CStr::from_ptr(attribute.attname.data.as_ptr()).to_string_lossy();
            match columns.iter().position(|(column, _)| *column == name) {
                Some(ours) => {
                    let told = columns.get(ours).map(|(_, oid)| *oid);
                    if told != Some(attribute.atttypid) || attribute.atttypmod != -1 {
                        return Ok(None);
                    }
                    if let Some(slot) = places.get_mut(ours) {
                        *slot = Some(place);
                    }
                }
                // A column of the user's own: left NULL, unless it wants more than that. Types have defaults too, and
                // domains constraints.
                None if attribute.attnotnull
                    || !pg_sys::build_column_default(relation, place as i32 + 1).is_null()
                    || pg_sys::DomainHasConstraints(attribute.atttypid) =>
                {
                    return Ok(None);
                }
                None => {}
            }
        }
        let mut found = Vec::with_capacity(columns.len());
        for ((name, _), place) in columns.iter().zip(places) {
            found.push(place.ok_or_else(|| {
                Failure::new(
                    PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
                    format!(
                        "relation \"{}\" has no column \"{name}\"",
                        CStr::from_ptr((*form).relname.data.as_ptr()).to_string_lossy()
                    ),
                )
            })?);
        }
        Ok(Some(found))
    }
}

/// True when no trigger but those of foreign keys is there, and on the referring side only those that the caller knows.
unsafe fn only_known_triggers(relation: pg_sys::Relation, known: &[&str]) -> bool {
    // SAFETY: as in `plain_places`; the name of a constraint is a palloc'd C string or null.
    unsafe {
        let triggers = (*relation).trigdesc;
        if triggers.is_null() {
            return true;
        }
        (0..(*triggers).numtriggers as usize).all(|i| {
            let trigger = (*triggers).triggers.add(i);
            match pg_sys::RI_FKey_trigger_type((*trigger).tgfoid) as u32 {
                pg_sys::RI_TRIGGER_NONE => false,
                pg_sys::RI_TRIGGER_FK => {
                    let name = pg_sys::get_constraint_name((*trigger).tgconstraint);
                    !name.is_null()
                        && known.contains(&CStr::from_ptr(name).to_string_lossy().as_ref())
                }
                // What others refer to only minds updates and deletions.
                _ => true,
            }
        })
    }
}
