//! Bringing the lake's folder in step with the database after a crash.
//!
//! `retailscope.lake_file` and `etl_batch` say what was committed. Hidden files of committed batches are renamed to their
//! place; all other hidden files are remains of transactions that never committed, and are deleted. The caller is the one
//! writer, so no hidden file can belong to work that is still going on, and no other database has this folder.

use crate::lake::identity;
use crate::pg::cursor::for_each_batch;
use crate::pg::error::{Failure, Outcome};
use crate::pg::files::{Folder, sync_folder};
use crate::pg::pending::{self, hidden_name};
use crate::pg::privilege::all_rows;
use pgrx::prelude::*;
use retailscope_engine::lake::{IDENTITY_PATH, is_safe_relative, manifest_path, rejects_path};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// What a sweep did.
#[derive(Debug, Default, Clone, Copy)]
pub struct Swept {
    /// Committed files that were renamed to their place.
    pub published: i64,
    /// Remains that were deleted.
    pub removed: i64,
}

/// Sweeps the folder.
///
/// # Errors
/// When the folder cannot be read, belongs to another warehouse, or is being written to by another database.
pub fn sweep(folder: &Folder) -> Outcome<Swept> {
    identity::claim(folder)?;
    // A batch that the user may not see would be taken for one that never was.
    let batches = all_rows(lake_batches)?;
    // A restored copy of a database has its identity, but not the batches that came after the copying.
    if manifests(folder.path())?
        .iter()
        .any(|id| !batches.contains(id))
    {
        return Err(identity::foreign(folder));
    }
    let committed = all_rows(|| committed_places(folder, &batches))?;
    let mut swept = Swept::default();
    for hidden in hidden_files(folder)?
        .into_iter()
        .filter(|h| !pending::holds(h))
    {
        let place = visible_name(&hidden);
        if committed.contains(&place) && !place.exists() {
            std::fs::rename(&hidden, &place).map_err(|e| Failure::io("rename", &hidden, &e))?;
            swept.published += 1;
        } else {
            std::fs::remove_file(&hidden).map_err(|e| Failure::io("remove", &hidden, &e))?;
            swept.removed += 1;
        }
        if let Some(parent) = hidden.parent() {
            sync_folder(parent).map_err(|e| Failure::io("sync", parent, &e))?;
        }
    }
    Ok(swept)
}

/// Ids of the batches that have lake files, refused lines only included.
fn lake_batches() -> Outcome<HashSet<i64>> {
    let mut ids = HashSet::new();
    for_each_batch(
        "SELECT b.batch_id FROM retailscope.etl_batch b WHERE b.status = 'loaded'",
        &[],
        |rows| {
            ids.extend((0..rows.len()).filter_map(|row| rows.i64(row, 0)));
            Ok(())
        },
    )?;
    Ok(ids)
}

fn committed_places(folder: &Folder, batches: &HashSet<i64>) -> Outcome<HashSet<PathBuf>> {
    let mut places: HashSet<PathBuf> = batches
        .iter()
        .flat_map(|&id| [manifest_path(id), rejects_path(id)])
        .chain([IDENTITY_PATH.to_owned()])
        .map(|path| folder.path().join(path))
        .collect();
    for_each_batch("SELECT f.path FROM retailscope.lake_file f", &[], |rows| {
        for row in 0..rows.len() {
            let path = rows
                .text(row, 0)
                .and_then(|t| std::str::from_utf8(t).ok())
                .unwrap_or("");
            if is_safe_relative(path) {
                places.insert(folder.path().join(path));
            }
        }
        Ok(())
    })?;
    Ok(places)
}

/// Ids of the manifests in a lake, ascending.
///
/// # Errors
/// When the folder cannot be read.
pub fn manifests(root: &Path) -> Outcome<Vec<i64>> {
    let folder = root.join("_retailscope");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut ids: Vec<i64> = list(&folder)?
        .iter()
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?;
            let id = name
                .strip_prefix("batch-")?
                .strip_suffix(".json")?
                .parse()
                .ok()?;
            // Only the name that we would write ourselves.
            (manifest_path(id).ends_with(name)).then_some(id)
        })
        .collect();
    ids.sort_unstable();
    Ok(ids)
}

/// Our hidden files: in the root's `_retailscope` and `year=*/month=*` folders, at most that deep, links not followed.
///
/// # Errors
/// When a folder cannot be read.
pub fn hidden_files(folder: &Folder) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    for first in subfolders(folder.path())? {
        let name = first
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        if name == "_retailscope" {
            found.extend(list(&first)?);
        } else if name.starts_with("year=") {
            for second in subfolders(&first)? {
                found.extend(list(&second)?);
            }
        }
    }
    found.retain(|path| hidden_name(&visible_name(path)) == *path && is_ours(folder.path(), path));
    Ok(found)
}

/// Refuses a folder with hidden files: a crash between the commit of an export and the last renaming leaves some batches
/// visible and others hidden.
///
/// # Errors
/// 55000 when there are hidden files.
pub fn refuse_unfinished(folder: &Folder) -> Outcome<()> {
    let hidden = hidden_files(folder)?;
    let Some(first) = hidden.first() else {
        return Ok(());
    };
    Err(Failure::new(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!(
            "the lake in \"{}\" is not finished: {} hidden files such as \"{}\"",
            folder.path().display(),
            hidden.len(),
            first.display()
        ),
    )
    .hint("Its writer still runs or was cut short. SELECT rs_lake_sweep(); mends the lake of the warehouse that wrote it; an export is written anew, into an empty folder. If that warehouse is lost, delete the hidden files: what they belong to is not loaded."))
}

fn is_ours(root: &Path, hidden: &Path) -> bool {
    visible_name(hidden)
        .strip_prefix(root)
        .ok()
        .and_then(Path::to_str)
        .is_some_and(is_safe_relative)
}

fn visible_name(hidden: &Path) -> PathBuf {
    let name = hidden
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    let bare = name
        .strip_prefix('.')
        .and_then(|n| n.strip_suffix(".tmp"))
        .unwrap_or(&name);
    hidden.with_file_name(bare)
}

fn subfolders(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut all = list(folder)?;
    all.retain(|p| std::fs::symlink_metadata(p).is_ok_and(|m| m.is_dir()));
    Ok(all)
}

fn list(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        std::fs::read_dir(folder)?
            .map(|entry| entry.map(|e| e.path()))
            .collect()
    };
    let mut all = read().map_err(|e| Failure::io("read folder", folder, &e))?;
    all.sort();
    Ok(all)
}
