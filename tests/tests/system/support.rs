//! What the modules share.

use postgres::{Client, Error};
use retailscope_system_tests::{Cluster, error_text, rows_as_text, sqlstate};
use std::path::PathBuf;
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
    if std::env::var_os("RETAILSCOPE_BLESS").is_some() {
        std::fs::write(&path, actual).expect("golden file is written");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if expected == actual {
        return;
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (old, new) = (lines(&expected), lines(actual));
    let gone = old
        .iter()
        .filter(|l| !new.contains(l))
        .map(|l| format!("- {l}\n"));
    let come = new
        .iter()
        .filter(|l| !old.contains(l))
        .map(|l| format!("+ {l}\n"));
    panic!(
        "{name} has changed; if it is meant, run with RETAILSCOPE_BLESS=1 and commit:\n{}{}",
        gone.collect::<String>(),
        come.collect::<String>()
    );
}
