//! `jsonb` arguments that cannot fail before we are asked: pgrx's own type panics (XX000) on numbers that a double does not
//! hold and on documents nested deeper than 128, both of which PostgreSQL takes.

use crate::pg::error::{Failure, Outcome};
use pgrx::callconv::{Arg, ArgAbi};
use pgrx::nullable::Nullable;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::prelude::*;
use std::ffi::CStr;

/// A `jsonb` argument, read but not yet judged.
#[derive(Debug)]
pub struct Document(Result<serde_json::Value, String>);

impl Document {
    /// The value.
    ///
    /// # Errors
    /// 22023 for a document nested too deeply, or with a number out of a double's range.
    pub fn value(self, argument: &str) -> Outcome<serde_json::Value> {
        self.0.map_err(|problem| {
            Failure::invalid(format!("{argument}: {problem}")).hint(
                "Numbers must be in the range of double precision, and at most 127 levels nested.",
            )
        })
    }
}

impl FromDatum for Document {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _: pg_sys::Oid,
    ) -> Option<Self> {
        if is_null {
            return None;
        }
        // SAFETY: the declared type of the argument is jsonb, whose output function gives a C string in our memory context.
        let text = unsafe {
            let document = pg_sys::pg_detoast_datum_packed(datum.cast_mut_ptr());
            pgrx::direct_function_call::<&CStr>(pg_sys::jsonb_out, &[Some(document.into())])?
        };
        Some(Document(
            serde_json::from_slice(text.to_bytes()).map_err(|e| e.to_string()),
        ))
    }
}

// SAFETY: by way of the datum, as pgrx does for its own jsonb.
unsafe impl<'fcx> ArgAbi<'fcx> for Document {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: the caller's promise. A NULL never comes here: the functions are strict.
        unsafe { arg.unbox_arg_using_from_datum() }
            .unwrap_or_else(|| Document(Err("must not be NULL".to_owned())))
    }

    unsafe fn unbox_nullable_arg(arg: Arg<'_, 'fcx>) -> Nullable<Self> {
        // SAFETY: the caller's promise.
        unsafe { arg.unbox_arg_using_from_datum() }.into()
    }
}

// SAFETY: the type is jsonb in SQL, which is what `from_polymorphic_datum` reads.
unsafe impl SqlTranslatable for Document {
    const TYPE_IDENT: &'static str = pgrx::pgrx_resolved_type!(Document);
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal("jsonb"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("jsonb")));
}
