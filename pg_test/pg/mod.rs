//! `src/pg`: the boundary to PostgreSQL's C interface.

mod bulk;
mod crew;
mod cursor;
mod datum;
mod errors;
mod pending;
mod settings;
