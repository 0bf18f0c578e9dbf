//! One lake, one warehouse: whose a folder is, and who writes to it now.
//!
//! Two databases with one `retailscope.lake_dir` would sweep away each other's hidden files and mix their batches. So a
//! writer holds a lock on the folder until its transaction ends, and the folder says in `_retailscope/lake.json` which
//! warehouse it belongs to.

use crate::lake::sweep;
use crate::lake::write::create_hidden;
use crate::pg::error::{Failure, Outcome, spi};
use crate::pg::files::Folder;
use crate::pg::pending;
use pgrx::prelude::*;
use retailscope_engine::lake::IDENTITY_PATH;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a folder may stay locked before its writer is taken for another database's. One of our own has given up the
/// warehouse's row by then, but may still be renaming its last files.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of the file that are read; it has about a hundred.
const MOST: u64 = 4096;

/// Takes the folder for writing: locks it, checks whose it is, and marks a new one as ours.
///
/// # Errors
/// 55006 while another database writes there, 55000 when it belongs to another warehouse.
pub fn claim(folder: &Folder) -> Outcome<()> {
    lock(folder)?;
    let own = own_id()?;
    match id_of(folder)? {
        Some(id) if id == own => Ok(()),
        Some(_) => Err(foreign(folder)),
        None if !sweep::manifests(folder.path())?.is_empty() => Err(foreign(folder)),
        None => sign(folder, &own),
    }
}

/// Writes into a folder whose lake it is.
fn sign(folder: &Folder, id: &str) -> Outcome<()> {
    let hidden = pending::hidden_name(&folder.join(IDENTITY_PATH)?);
    if pending::holds(&hidden) {
        return Ok(());
    }
    // What a crash left of an earlier try.
    drop(std::fs::remove_file(&hidden));
    let json = serde_json::json!({ "lake_id": id, "format": 1 });
    let mut file = create_hidden(folder, IDENTITY_PATH)?;
    file.write_all(format!("{json}\n").as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|e| Failure::io("write", Path::new(IDENTITY_PATH), &e))
}

/// Takes the identity of the lake from which this warehouse is being rebuilt; an export, which has none, gets this
/// warehouse's, for it becomes its lake.
///
/// # Errors
/// 55006 while another database writes there; PostgreSQL's own unwind.
pub fn adopt(folder: &Folder) -> Outcome<()> {
    lock(folder)?;
    match id_of(folder)? {
        Some(id) => Spi::run_with_args(
            "UPDATE retailscope.warehouse_state SET lake_id = $1::pg_catalog.uuid",
            &[id.into()],
        )
        .map_err(spi),
        None => sign(folder, &own_id()?),
    }
}

/// Locks the folder until the end of the transaction.
///
/// # Errors
/// 55006 while another process writes there for longer than [`PATIENCE`].
pub fn lock(folder: &Folder) -> Outcome<()> {
    let started = Instant::now();
    loop {
        if pending::lock(folder.path())
            .map_err(|e| Failure::io("lock folder", folder.path(), &e))?
        {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            break;
        }
        pgrx::check_for_interrupts!();
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(Failure::new(
        PgSqlErrorCode::ERRCODE_OBJECT_IN_USE,
        format!(
            "another database is writing to the lake in \"{}\"",
            folder.path().display()
        ),
    )
    .hint(OWN_FOLDER))
}

const OWN_FOLDER: &str = "Each warehouse needs a folder of its own: ALTER DATABASE shop SET retailscope.lake_dir = '/srv/lake/shop';";

/// The refusal of a lake that is not ours.
pub fn foreign(folder: &Folder) -> Failure {
    Failure::new(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!(
            "the lake in \"{}\" belongs to another warehouse",
            folder.path().display()
        ),
    )
    .hint(format!(
        "{OWN_FOLDER} An empty warehouse can be rebuilt from a lake with rs_load_lake()."
    ))
}

fn own_id() -> Outcome<String> {
    Spi::get_one::<String>("SELECT lake_id::pg_catalog.text FROM retailscope.warehouse_state")
        .map_err(spi)?
        .ok_or_else(|| Failure::internal("retailscope.warehouse_state has no lake_id"))
}

/// The id in the folder; `None` when it has no such file.
fn id_of(folder: &Folder) -> Outcome<Option<String>> {
    if !folder.join(IDENTITY_PATH)?.exists() {
        return Ok(None);
    }
    let mut text = String::new();
    folder
        .open(IDENTITY_PATH)?
        .take(MOST)
        .read_to_string(&mut text)
        .map_err(|e| Failure::io("read", Path::new(IDENTITY_PATH), &e))?;
    let id = serde_json::from_str::<serde_json::Value>(&text)
        .ok()
        .and_then(|json| json.get("lake_id")?.as_str().map(str::to_owned));
    id.map(Some).ok_or_else(|| {
        Failure::new(
            PgSqlErrorCode::ERRCODE_DATA_CORRUPTED,
            format!("\"{IDENTITY_PATH}\" in the lake does not say whose it is"),
        )
    })
}
