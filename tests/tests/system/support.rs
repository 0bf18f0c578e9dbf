//! What the modules share.

use postgres::{Client, Error};
use retailscope_system_tests::{Cluster, error_text, rows_as_text, sqlstate};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// One cluster for all tests that need nothing special; each uses databases and roles of its own.
pub fn shared() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(&[]))
}

/// Runs statements that must succeed.
pub fn run(db: &mut Client, sql: &str) {
    db.batch_execute(sql).unwrap_or_else(|e| {
        panic!(
            "{} {}: {:?}\n{sql}",
            sqlstate(&e),
            error_text(&e),
            e.as_db_error()
        )
    });
}

/// The error of statements that must fail; their transaction is rolled back.
pub fn fails(db: &mut Client, sql: &str) -> Error {
    let result = db.batch_execute(sql);
    let error = match result {
        Ok(()) => panic!("this succeeded: {sql}"),
        Err(error) => error,
    };
    let _ = db.batch_execute("ROLLBACK");
    error
}

/// SQLSTATE of statements, `ok` when they succeed; nothing of them stays.
pub fn outcome(db: &mut Client, sql: &str) -> String {
    run(db, "BEGIN");
    let result = db.batch_execute(sql);
    run(db, "ROLLBACK");
    match result {
        Ok(()) => "ok".to_owned(),
        Err(error) => sqlstate(&error),
    }
}

/// The names of the extension's functions, sorted.
pub fn functions(db: &mut Client) -> Vec<String> {
    rows_as_text(
        db,
        "SELECT DISTINCT p.proname FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
         WHERE d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
           AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'retailscope') ORDER BY 1",
    )
    .into_iter()
    .filter_map(|row| row[0].clone())
    .collect()
}

/// Rows as lines, values parted by ` | `.
pub fn table(db: &mut Client, sql: &str) -> String {
    let mut text = String::new();
    for row in rows_as_text(db, sql) {
        let values: Vec<String> = row
            .into_iter()
            .map(|v| v.unwrap_or_else(|| "-".to_owned()))
            .collect();
        text.push_str(values.join(" | ").trim_end());
        text.push('\n');
    }
    text
}

/// Compares with a file in `tests/golden`. With `RETAILSCOPE_BLESS=1` the file is written instead: review its diff.
pub fn golden(name: &str, actual: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(name);
    if blessed(&path, actual) {
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == actual,
        "{name} has changed; if it is meant, run with RETAILSCOPE_BLESS=1 and commit:\n{}",
        difference(&expected, actual)
    );
}

/// Writes the file and says so, if `RETAILSCOPE_BLESS` is set.
pub fn blessed(path: &Path, text: &str) -> bool {
    let asked = std::env::var_os("RETAILSCOPE_BLESS").is_some();
    if asked {
        std::fs::write(path, text).unwrap_or_else(|e| panic!("write {}: {e}", path.display()));
    }
    asked
}

/// The lines that went and those that came; for equal texts, and for those whose lines only changed places, nothing.
pub fn difference(old: &str, new: &str) -> String {
    let only = |sign: &str, a: &str, b: &str| {
        let there: HashSet<&str> = b.lines().collect();
        a.lines()
            .filter(|line| !there.contains(line))
            .map(|line| format!("{sign} {line}\n"))
            .collect::<String>()
    };
    only("-", old, new) + &only("+", new, old)
}

/// Where the installed extension has its scripts.
pub fn extension_folder() -> PathBuf {
    let share = shared().must_run("pg_config", &["--sharedir"]);
    Path::new(share.trim()).join("extension")
}
