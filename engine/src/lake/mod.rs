//! Lake: loaded lines as Hive-partitioned Parquet.
//!
//! A data file holds lines with the keys that the warehouse gave them, in a format that pyarrow, DuckDB and Spark read with
//! the right types. What is read back equals what was written, to the cent: each row's amount is checked against its
//! quantity and price, and a checksum over all values, kept in the file's footer, against what the columns decode to.
//! Beside the data files of a batch lies its manifest, so that a warehouse can be rebuilt from the lake alone.
//!
//! Nothing here opens, syncs or renames a file: the caller does, for it knows the privileges.

mod checksum;
mod columns;
pub mod decimal;
mod digest;
mod error;
pub mod manifest;
mod pages;
pub mod path;
mod reader;
pub mod rejects;
mod rows;
mod schema;
mod source;
#[cfg(test)]
mod tests;
mod writer;

pub use checksum::{Counted, checksum};
pub use columns::Keys;
pub use error::LakeError;
pub use manifest::{BatchRecord, FileRecord, Manifest, RejectsRecord};
pub use path::{IDENTITY_PATH, data_path, is_safe_relative, manifest_path, rejects_path};
pub use reader::LakeReader;
pub use rejects::{REJECT_LINE, RejectReader, RejectsWritten, write_rejects};
pub use rows::LakeBatch;
pub use schema::LAKE_FORMAT;
pub use writer::{LakeWriter, Written};
