//! The manifest of a batch: what lets a warehouse be rebuilt from the lake alone.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::decimal::parse_amount;
use super::path::{is_safe_relative, parse_data_path, rejects_path};
use super::{LAKE_FORMAT, LakeError};

/// Largest manifest that is read, in bytes: some 60,000 files.
pub const MAX_BYTES: usize = 16 << 20;
/// Deepest nesting of `mapping` and `options`.
const MAX_DEPTH: u32 = 16;

/// A batch, the data files that it wrote and the lines that it refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`LAKE_FORMAT`].
    pub format: u32,
    /// The row of `etl_batch`.
    pub batch: BatchRecord,
    /// The data files; together they hold the loaded lines.
    pub files: Vec<FileRecord>,
    /// The file of rejected lines; absent when there were none.
    pub rejects: Option<RejectsRecord>,
}

/// A row of `etl_batch`. Amounts are exact decimals as text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchRecord {
    /// The batch.
    pub batch_id: i64,
    /// Where the lines came from.
    pub source: String,
    /// Hash of the source's content.
    pub content_hash: Option<String>,
    /// When loading began: RFC 3339 as Postgres gives it; not looked into.
    pub started_at: String,
    /// When loading ended.
    pub finished_at: String,
    /// Lines read.
    pub rows_read: u64,
    /// Lines loaded.
    pub rows_loaded: u64,
    /// Lines that were there already.
    pub rows_duplicate: u64,
    /// Lines refused.
    pub rows_rejected: u64,
    /// Money of the lines read and understood.
    pub amount_read: String,
    /// Money of the lines loaded.
    pub amount_loaded: String,
    /// Money of the duplicates.
    pub amount_duplicate: String,
    /// Sales before returns.
    pub gross_revenue: String,
    /// Sales less returns.
    pub net_revenue: String,
    /// First day, `YYYY-MM-DD`.
    pub first_date: Option<String>,
    /// Last day, `YYYY-MM-DD`.
    pub last_date: Option<String>,
    /// The mapping that was used.
    pub mapping: Value,
    /// The options that were used.
    pub options: Value,
    /// The role that loaded it.
    pub loaded_by: String,
}

/// A data file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    /// Relative to the lake's folder.
    pub path: String,
    /// Year of its lines.
    pub year: i32,
    /// Month of its lines, 1 to 12.
    pub month: u32,
    /// Rows.
    pub rows: u64,
    /// Sum of the amounts, an exact decimal.
    pub amount: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// CRC-32C of the file.
    pub crc32c: u32,
}

/// The file of rejected lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejectsRecord {
    /// Relative to the lake's folder.
    pub path: String,
    /// Lines.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// CRC-32C of the file.
    pub crc32c: u32,
}

/// Only the version, which decides how the rest is to be read.
#[derive(Deserialize)]
struct Head {
    format: Value,
}

impl Manifest {
    /// The manifest as JSON, indented, with a newline at its end.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Writing to memory fails only for maps whose keys are no strings; there are none.
        let mut json = serde_json::to_vec_pretty(self).unwrap_or_default();
        json.push(b'\n');
        json
    }

    /// Reads a manifest and checks it: version, sizes, names of files, and that rows and money balance.
    ///
    /// # Errors
    /// [`LakeError::UnknownVersion`], [`LakeError::NotALakeFile`] for what is no manifest, [`LakeError::Corrupted`] for
    /// one that contradicts itself.
    pub fn parse(bytes: &[u8]) -> Result<Manifest, LakeError> {
        if bytes.len() > MAX_BYTES {
            let n = bytes.len();
            return Err(LakeError::corrupted(format!(
                "a manifest of {n} bytes, at most {MAX_BYTES} are read"
            )));
        }
        let head: Head = serde_json::from_slice(bytes)
            .map_err(|e| LakeError::NotALakeFile(format!("no manifest: {e}")))?;
        if head.format != LAKE_FORMAT {
            let found = head.format.to_string().chars().take(20).collect();
            return Err(LakeError::UnknownVersion {
                found,
                known: LAKE_FORMAT,
            });
        }
        let manifest: Manifest = serde_json::from_slice(bytes)
            .map_err(|e| LakeError::corrupted(format!("manifest: {e}")))?;
        match manifest.fault() {
            Some(what) => Err(LakeError::corrupted(format!(
                "manifest of batch {}: {what}",
                manifest.batch.batch_id
            ))),
            None => Ok(manifest),
        }
    }

    /// What contradicts itself, if anything does.
    fn fault(&self) -> Option<String> {
        let batch = &self.batch;
        batch
            .fault()
            .or_else(|| self.files_fault())
            .or_else(|| self.rejects_fault())
    }

    fn files_fault(&self) -> Option<String> {
        let batch = &self.batch;
        let mut names = HashSet::new();
        let (mut rows, mut amount) = (0_u64, 0_i128);
        for file in &self.files {
            if parse_data_path(&file.path).is_none_or(|(year, month, id, _)| {
                (year, month, id) != (file.year, file.month, batch.batch_id)
            }) {
                return Some(format!(
                    "{:?} is not a name for a file of {}-{:02}",
                    file.path, file.year, file.month
                ));
            }
            if !names.insert(&file.path) {
                return Some(format!("{} is listed twice", file.path));
            }
            let sum = parse_amount(&file.amount).and_then(|a| amount.checked_add(a));
            let (Some(sum), Some(count)) = (sum, rows.checked_add(file.rows)) else {
                return Some(format!("rows or amount of {}", file.path));
            };
            (rows, amount) = (count, sum);
        }
        if rows != batch.rows_loaded || Some(amount) != parse_amount(&batch.amount_loaded) {
            return Some(format!(
                "its files hold {rows} rows, {} were loaded; or their amounts differ from {}",
                batch.rows_loaded, batch.amount_loaded
            ));
        }
        None
    }

    fn rejects_fault(&self) -> Option<String> {
        let rows = self.rejects.as_ref().map_or(0, |r| r.rows);
        if rows != self.batch.rows_rejected {
            return Some(format!(
                "{rows} rejected lines are kept of {}",
                self.batch.rows_rejected
            ));
        }
        let rejects = self.rejects.as_ref()?;
        (!is_safe_relative(&rejects.path) || rejects.path != rejects_path(self.batch.batch_id))
            .then(|| format!("{:?} is not the name of its rejects", rejects.path))
    }
}

impl BatchRecord {
    fn fault(&self) -> Option<String> {
        if self.batch_id < 0 {
            return Some("a negative number".into());
        }
        let parts = self
            .rows_loaded
            .checked_add(self.rows_duplicate)
            .and_then(|n| n.checked_add(self.rows_rejected));
        if parts != Some(self.rows_read) || i64::try_from(self.rows_read).is_err() {
            return Some("rows read are not rows loaded, duplicate and rejected".into());
        }
        for text in [&self.gross_revenue, &self.net_revenue] {
            if parse_amount(text).is_none() {
                return Some(format!("{text:?} is not an amount"));
            }
        }
        let [read, loaded, duplicate] = [
            &self.amount_read,
            &self.amount_loaded,
            &self.amount_duplicate,
        ]
        .map(|t| parse_amount(t));
        if read.is_none() || loaded.zip(duplicate).and_then(|(a, b)| a.checked_add(b)) != read {
            return Some("the money read is not the money loaded and duplicate".into());
        }
        let dates = (&self.first_date, &self.last_date);
        match dates {
            (None, None) => {}
            // Days of that shape compare as text.
            (Some(first), Some(last)) if is_day(first) && is_day(last) && first <= last => {}
            _ => return Some(format!("first and last day are {dates:?}")),
        }
        let texts = [
            &self.source,
            &self.started_at,
            &self.finished_at,
            &self.loaded_by,
        ];
        if texts
            .into_iter()
            .chain(&self.content_hash)
            .any(|t| t.contains('\0'))
        {
            return Some("a NUL character".into());
        }
        for value in [&self.mapping, &self.options] {
            if !value.is_object() || !is_storable(value, 0) {
                return Some(
                    "mapping or options are no objects, too deep, or hold a NUL character".into(),
                );
            }
        }
        None
    }
}

/// `YYYY-MM-DD` with a month and a day that exist in some year.
fn is_day(text: &str) -> bool {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| {
            if i == 4 || i == 7 {
                b == b'-'
            } else {
                b.is_ascii_digit()
            }
        });
    let number = |range: std::ops::Range<usize>| {
        text.get(range)
            .and_then(|s| s.parse::<u32>().ok())
            .unwrap_or(0)
    };
    shape && (1..=12).contains(&number(5..7)) && (1..=31).contains(&number(8..10))
}

/// Whether Postgres can store it as jsonb.
fn is_storable(value: &Value, depth: u32) -> bool {
    depth <= MAX_DEPTH
        && match value {
            Value::String(s) => !s.contains('\0'),
            Value::Array(items) => items.iter().all(|v| is_storable(v, depth + 1)),
            Value::Object(map) => map
                .iter()
                .all(|(k, v)| !k.contains('\0') && is_storable(v, depth + 1)),
            Value::Null | Value::Bool(_) | Value::Number(_) => true,
        }
}
