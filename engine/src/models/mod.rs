//! Models: the bytes that a trained model is stored as.

mod envelope;
mod error;

pub use envelope::{FORMAT, Kind, Opened, PART_BYTES, Schema, checksum, open, parts, seal};
pub use error::ModelError;
