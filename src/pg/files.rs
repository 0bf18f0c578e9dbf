//! Server files: role, allowed folders, no way out through links, regular files only.

use crate::pg::error::{Failure, Outcome};
use crate::pg::privilege::{self, FileRole};
use crate::pg::settings;
use pgrx::prelude::*;
use std::ffi::CStr;
use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

fn denied(message: String) -> Failure {
    Failure::new(PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE, message)
}

/// An absolute path without `..`.
fn absolute(path: &str) -> Outcome<PathBuf> {
    let path = PathBuf::from(path);
    if path.as_os_str().is_empty() || !path.is_absolute() {
        return Err(
            Failure::invalid(format!("\"{}\" is not an absolute path", path.display()))
                .hint("Server files are named by their full path on the server."),
        );
    }
    if path.components().any(|c| matches!(c, Component::ParentDir)) {
        return Err(denied(format!("\"{}\" contains \"..\"", path.display()))
            .hint("Name the file by its full path, without \"..\"."));
    }
    Ok(path)
}

fn data_directory() -> Option<PathBuf> {
    // SAFETY: DataDir is set once at server start.
    let dir = unsafe {
        if pg_sys::DataDir.is_null() {
            return None;
        }
        CStr::from_ptr(pg_sys::DataDir).to_str().ok()?
    };
    std::fs::canonicalize(dir).ok()
}

/// The real paths of the folders in which `role` may name files; `None` when every folder may be named.
fn roots() -> Option<Vec<PathBuf>> {
    let configured = settings::allowed_dirs();
    if configured.is_empty() && privilege::is_superuser() {
        return None;
    }
    Some(
        configured
            .iter()
            .chain(settings::lake_dir().iter())
            .filter_map(|d| std::fs::canonicalize(d).ok())
            .collect(),
    )
}

/// Refuses a real path that lies outside the allowed folders, or among the server's own files.
fn inside(real: &Path, shown: &Path) -> Outcome<()> {
    if let Some(roots) = roots()
        && !roots.iter().any(|root| real.starts_with(root))
    {
        return Err(denied(format!("\"{}\" is not in a folder that may be read or written", shown.display())).hint(
            "A superuser lists such folders in retailscope.allowed_dirs: ALTER SYSTEM SET retailscope.allowed_dirs = '/srv/exports';",
        ));
    }
    let lake = settings::lake_dir().and_then(|d| std::fs::canonicalize(d).ok());
    if let Some(data) = data_directory()
        && real.starts_with(&data)
        && !lake.is_some_and(|lake| real.starts_with(lake))
    {
        return Err(denied(format!(
            "\"{}\" belongs to the database server",
            shown.display()
        ))
        .hint("Files below the data directory are never read or written: choose another folder."));
    }
    Ok(())
}

/// Refuses by the path's own words first, so that nobody learns which files exist outside the allowed folders.
fn lexically_inside(path: &Path) -> Outcome<()> {
    let Some(real_roots) = roots() else {
        return Ok(());
    };
    let configured = settings::allowed_dirs();
    let named = configured
        .iter()
        .chain(settings::lake_dir().iter())
        .any(|root| path.starts_with(root));
    if named || real_roots.iter().any(|root| path.starts_with(root)) {
        Ok(())
    } else {
        inside(path, path)
    }
}

/// Opens a regular file for reading on behalf of the user.
///
/// # Errors
/// 42501 without the role or outside the allowed folders (also by way of a link), 58P01 when there is no such file.
pub fn open_for_reading(path: &str) -> Outcome<File> {
    privilege::require(FileRole::Read)?;
    let path = absolute(path)?;
    lexically_inside(&path)?;
    let real = std::fs::canonicalize(&path).map_err(|e| Failure::io("open file", &path, &e))?;
    inside(&real, &path)?;
    let file = open_regular(&real, &path)?;
    // A folder on the way may have been swapped for a link between the check and the opening.
    if let Ok(opened) = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())) {
        inside(&opened, &path)?;
    }
    Ok(file)
}

/// Opens a regular file by its real path.
fn open_regular(real: &Path, shown: &Path) -> Outcome<File> {
    let file = OpenOptions::new()
        .read(true)
        // Not to hang on a FIFO, not to follow a link that was put there meanwhile.
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(real)
        .map_err(|e| Failure::io("open file", shown, &e))?;
    let meta = file
        .metadata()
        .map_err(|e| Failure::io("stat file", shown, &e))?;
    if meta.is_file() {
        return Ok(file);
    }
    Err(
        denied(format!("\"{}\" is not a regular file", shown.display()))
            .hint("Folders, pipes and devices are not read."),
    )
}

/// A folder that holds, or will hold, a lake.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder of `retailscope.lake_dir`. A superuser set it, so using it takes no file role.
    ///
    /// # Errors
    /// When it is set and is no folder.
    pub fn lake() -> Outcome<Option<Folder>> {
        settings::lake_dir()
            .map(|dir| Folder::existing(&dir))
            .transpose()
    }

    /// A folder named by the user.
    ///
    /// # Errors
    /// As [`open_for_reading`], with the role for reading or writing.
    pub fn named(path: &str, role: FileRole) -> Outcome<Folder> {
        privilege::require(role)?;
        let path = absolute(path)?;
        lexically_inside(&path)?;
        let folder = Folder::existing(&path)?;
        inside(&folder.root, &path)?;
        Ok(folder)
    }

    fn existing(path: &Path) -> Outcome<Folder> {
        if !path.is_absolute() {
            return Err(Failure::invalid(format!(
                "the folder \"{}\" is not an absolute path",
                path.display()
            )));
        }
        let root = std::fs::canonicalize(path).map_err(|e| {
            Failure::io("open folder", path, &e)
                .hint("Create it, owned by the operating system user of the server.")
        })?;
        if !root.is_dir() {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_WRONG_OBJECT_TYPE,
                format!("\"{}\" is not a folder", path.display()),
            ));
        }
        Ok(Folder { root })
    }

    /// The folder's real path.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The full path of a file that the lake names.
    ///
    /// # Errors
    /// When the name could lead elsewhere.
    pub fn join(&self, relative: &str) -> Outcome<PathBuf> {
        if !retailscope_engine::lake::is_safe_relative(relative) {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_DATA_CORRUPTED,
                format!("\"{relative}\" is not the name of a lake file"),
            ));
        }
        Ok(self.root.join(relative))
    }

    /// Opens a lake file for reading.
    ///
    /// # Errors
    /// 58P01 when it is missing; 42501 when a link leads out of the folder.
    pub fn open(&self, relative: &str) -> Outcome<File> {
        let path = self.join(relative)?;
        let real = std::fs::canonicalize(&path).map_err(|e| Failure::io("open file", &path, &e))?;
        self.holds(&real, &path)?;
        open_regular(&real, &path)
    }

    /// Creates a new file, with the folders on the way.
    ///
    /// # Errors
    /// When it exists, when a link leads out of the folder, or as the system says.
    pub fn create(&self, relative: &Path) -> Outcome<File> {
        let path = self.root.join(relative);
        let parent = path.parent().unwrap_or(&self.root).to_path_buf();
        // What of the way is there already must not lead out either: folders would be made behind a link.
        if let Some(there) = parent.ancestors().find(|a| a.exists()) {
            let real =
                std::fs::canonicalize(there).map_err(|e| Failure::io("open folder", there, &e))?;
            self.holds(&real, there)?;
        }
        std::fs::create_dir_all(&parent).map_err(|e| Failure::io("create folder", &parent, &e))?;
        let real =
            std::fs::canonicalize(&parent).map_err(|e| Failure::io("open folder", &parent, &e))?;
        self.holds(&real, &parent)?;
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o640)
            .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
            .open(&path)
            .map_err(|e| Failure::io("create file", &path, &e))
    }

    fn holds(&self, real: &Path, shown: &Path) -> Outcome<()> {
        if real.starts_with(&self.root) {
            return Ok(());
        }
        Err(denied(format!(
            "\"{}\" leads out of the lake's folder",
            shown.display()
        ))
        .hint("A lake holds folders and files only: remove the link."))
    }
}

/// Makes a file's entry in its folder durable.
///
/// # Errors
/// As the system says.
pub fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// An anonymous temporary file in the server's folder for temporary files: it has no name, so nothing is left of it
/// whatever happens to the process.
///
/// # Errors
/// As the system says.
pub fn temporary() -> Outcome<File> {
    let folder = data_directory()
        .map(|d| d.join("base/pgsql_tmp"))
        .ok_or_else(|| Failure::internal("the server has no data directory"))?;
    std::fs::create_dir_all(&folder).map_err(|e| Failure::io("create folder", &folder, &e))?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
        .clone()
        .custom_flags(libc::O_TMPFILE | libc::O_CLOEXEC)
        .open(&folder)
        .or_else(|error| {
            // Some filesystems (NFS) know no files without a name: there it has one for a moment. PostgreSQL removes what
            // is so named when it starts.
            if error.raw_os_error() != Some(libc::EOPNOTSUPP) {
                return Err(error);
            }
            let name = folder.join(format!("pgsql_tmp{}.retailscope", std::process::id()));
            let file = options
                .create_new(true)
                .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
                .open(&name)?;
            std::fs::remove_file(&name)?;
            Ok(file)
        })
        .map_err(|e| Failure::io("create a temporary file in", &folder, &e))
}

/// Bytes of a file on disk.
pub fn size(file: &File) -> u64 {
    file.metadata().map_or(0, |m| m.size())
}
