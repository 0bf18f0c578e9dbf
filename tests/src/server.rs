//! The server's programs and the system user that runs them.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// User and group that run the server; `None` when they are ours.
pub type Owner = Option<(u32, u32)>;

/// PostgreSQL refuses to run as root: root uses the user `postgres`.
pub fn owner() -> Owner {
    let ours = std::fs::metadata("/proc/self").expect("/proc").uid();
    (ours == 0).then(|| (number_of("-u"), number_of("-g")))
}

fn number_of(flag: &str) -> u32 {
    let output = Command::new("id").args([flag, "postgres"]).output();
    let output = output.expect("id runs");
    assert!(output.status.success(), "there is no user postgres");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().expect("id prints a number")
}

/// The folder of initdb, pg_ctl, pg_dump and the like.
pub fn bindir() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|v| !v.is_empty());
    if let Some(folder) = set("PG_BINDIR") {
        return PathBuf::from(folder);
    }
    let version = std::env::var("PG").unwrap_or_else(|_| "15".to_owned());
    let usual = PathBuf::from(format!("/usr/lib/postgresql/{version}/bin/pg_config"));
    let config = match set("PG_CONFIG") {
        Some(config) => PathBuf::from(config),
        None if usual.exists() => usual,
        None => PathBuf::from("pg_config"),
    };
    let output = Command::new(&config).arg("--bindir").output();
    let output = output.unwrap_or_else(|e| panic!("{}: {e}", config.display()));
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}

/// A command with the server's user, a clean environment and a folder that this user may enter.
pub fn command(owner: Owner, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("HOME", "/tmp")
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LANG", "C.UTF-8")
        // Large blocks go back to the system when they are freed. Else the allocator raises this limit with each of them, and
        // what a large query had stays with the process or not, as small blocks happen to lie: tests of memory would measure that.
        .env("MALLOC_MMAP_THRESHOLD_", "131072")
        .current_dir("/");
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    command
}

/// Runs it and gives its output, or panics with what it said.
pub fn must(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Makes the file or folder the server's.
pub fn give(owner: Owner, path: &Path) {
    if let Some((user, group)) = owner {
        std::os::unix::fs::chown(path, Some(user), Some(group))
            .unwrap_or_else(|e| panic!("chown {}: {e}", path.display()));
    }
}
