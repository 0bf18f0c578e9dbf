//! What the tests of several stages need: small files, counts of an ingest, prints of the warehouse.

use postgres::{Client, NoTls};
use retailscope_system_tests::{Cluster, error_text, query_one, rows_as_text, sqlstate};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

pub const HEADER: &str =
    "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country";

/// The tables that a rebuild from the lake must bring back, and the marts.
pub const TABLES: [&str; 9] = [
    "fact_sales",
    "dim_date",
    "dim_customer",
    "dim_product",
    "product_description",
    "etl_batch",
    "etl_reject",
    "mart_customer_rfm",
    "mart_daily_kpis",
];

/// One server for all tests that do not crash it; each test has a database of its own.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        Cluster::start(&[
            "max_prepared_transactions = 5",
            "deadlock_timeout = 100ms",
            // What hangs fails.
            "statement_timeout = 60s",
        ])
    })
}

/// Tests that measure time or memory run one after the other.
pub fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A fresh warehouse whose sessions write the lake into a folder of its own.
pub fn with_lake(cluster: &Cluster, db: &str) -> (Client, PathBuf) {
    let lake = cluster.folder(&format!("lake-{db}"));
    let mut client = cluster.fresh(db);
    use_lake(&mut client, db, &lake);
    (cluster.connect(db), lake)
}

/// Sessions that begin from now on write the lake there.
pub fn use_lake(client: &mut Client, db: &str, lake: &Path) {
    client
        .batch_execute(&format!(
            "LOAD 'retailscope'; ALTER DATABASE \"{db}\" SET retailscope.lake_dir = '{}'",
            lake.display()
        ))
        .unwrap();
}

/// A file with the usual header and these lines.
pub fn csv<S: AsRef<str>>(cluster: &Cluster, name: &str, lines: &[S]) -> PathBuf {
    let mut text = format!("{HEADER}\n");
    for line in lines {
        text.push_str(line.as_ref());
        text.push('\n');
    }
    cluster.write_file(name, text.as_bytes())
}

/// Lines that all differ: `from..to` are invoice numbers, a line each; about 50 a day, 40 customers, 30 products, some
/// returns, postage and unknown customers. A pure function of its arguments.
pub fn lines(from: u64, to: u64) -> Vec<String> {
    (from..to)
        .map(|n| {
            let day = 1 + (n / 50) % 28;
            let month = 1 + (n / 1400) % 12;
            let year = 2019 + n / 16_800;
            let mix = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
            let customer = if mix % 7 == 0 {
                String::new()
            } else {
                (12_000 + mix % 40).to_string()
            };
            let code = if mix % 31 == 0 {
                "POST".to_owned()
            } else {
                format!("{}", 20_000 + mix % 30)
            };
            let (invoice, quantity) = if mix % 11 == 0 {
                (format!("C{}", 400_000 + n), -((mix % 5) as i64) - 1)
            } else {
                (format!("{}", 400_000 + n), (mix % 12) as i64 + 1)
            };
            format!(
                "{invoice},{code},THING {code},{quantity},{year}-{month:02}-{day:02} {:02}:{:02},{}.{:02},{customer},{}",
                8 + n % 10,
                n % 60,
                mix % 20,
                mix % 100,
                ["France", "Germany", "United Kingdom"][(mix % 3) as usize]
            )
        })
        .collect()
}

/// What an ingest counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub read: i64,
    pub loaded: i64,
    pub duplicate: i64,
    pub rejected: i64,
}

pub fn counts(read: i64, loaded: i64, duplicate: i64, rejected: i64) -> Counts {
    Counts {
        read,
        loaded,
        duplicate,
        rejected,
    }
}

/// Runs `call` (a call of an ingest function) and gives its counts.
pub fn try_ingest(client: &mut Client, call: &str) -> Result<Counts, postgres::Error> {
    let sql = format!("SELECT rows_read, rows_loaded, rows_duplicate, rows_rejected FROM {call}");
    client.query_one(&sql, &[]).map(|row| {
        let counted = counts(row.get(0), row.get(1), row.get(2), row.get(3));
        assert_eq!(
            counted.read,
            counted.loaded + counted.duplicate + counted.rejected,
            "{call}"
        );
        counted
    })
}

pub fn ingest(client: &mut Client, call: &str) -> Counts {
    try_ingest(client, call).unwrap_or_else(|e| panic!("{call}: {}: {e}", error_text(&e)))
}

/// The call for a file.
pub fn file(path: &Path, options: &str) -> String {
    format!(
        "rs_ingest_file('{}', options => '{options}')",
        path.display()
    )
}

/// What `sql` fails with: SQLSTATE and message.
pub fn failure(client: &mut Client, sql: &str) -> (String, String) {
    match client.batch_execute(sql) {
        Ok(()) => panic!("no error: {sql}"),
        Err(error) => (sqlstate(&error), error_text(&error)),
    }
}

/// Number of rows and a sum of hashes of all columns: equal for equal tables whatever the order of their rows.
pub fn print_of(client: &mut Client, table: &str) -> String {
    let print = rows_as_text(
        client,
        &format!(
            "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM {table} AS t"
        ),
    );
    print
        .concat()
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}

/// [`print_of`] all tables of the warehouse. How many files a batch has in the lake depends on which lake that is: whoever
/// reads another's has none, and [`assert_quality`] counts them.
pub fn prints(client: &mut Client) -> Vec<(String, String)> {
    TABLES
        .iter()
        .map(|t| {
            let table = format!("retailscope.{t}");
            let print = if *t == "etl_batch" {
                let rest = format!("(SELECT to_jsonb(b) - 'lake_files' FROM {table} b)");
                print_of(client, &rest)
            } else {
                print_of(client, &table)
            };
            (table, print)
        })
        .collect()
}

/// All checks of the reconciliation hold.
pub fn assert_quality(client: &mut Client) {
    let failing = rows_as_text(
        client,
        "SELECT check_name, expected, actual, detail FROM rs_data_quality() WHERE NOT ok",
    );
    assert!(failing.is_empty(), "{failing:?}");
}

/// Files below a folder, hidden ones too, relative and sorted.
pub fn files_below(folder: &Path) -> Vec<String> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
        let Ok(entries) = std::fs::read_dir(folder) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(root, &path, found);
            } else if let Ok(relative) = path.strip_prefix(root) {
                found.push(relative.display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.sort();
    found
}

/// The lake's folder holds exactly the files of committed batches, all of them as written, and nothing hidden.
pub fn assert_lake_in_step(client: &mut Client, lake: &Path) {
    let mut expected: Vec<String> = rows_as_text(
        client,
        "SELECT path FROM retailscope.lake_file
         UNION ALL SELECT format('_retailscope/batch-%s.json', lpad(batch_id::text, 8, '0')) FROM retailscope.etl_batch
         UNION ALL SELECT format('_retailscope/batch-%s.rejects.jsonl.zst', lpad(batch_id::text, 8, '0'))
         FROM retailscope.etl_batch WHERE rows_rejected > 0",
    )
    .into_iter()
    .flatten()
    .flatten()
    .collect();
    // Whose it is stands there from the first committed batch on.
    if !expected.is_empty() {
        expected.push("_retailscope/lake.json".to_owned());
    }
    expected.sort();
    assert_eq!(files_below(lake), expected);
    let damaged = query_one(client, "SELECT count(*) FROM rs_lake_status() WHERE NOT ok");
    assert_eq!(damaged, "0");
}

pub fn pid(client: &mut Client) -> u32 {
    query_one(client, "SELECT pg_backend_pid()")
        .parse()
        .unwrap()
}

/// Threads of a process.
pub fn threads(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, |tasks| tasks.count())
}

/// Threads of a process, once those that have been joined are gone for the system too.
pub fn settled_threads(pid: u32) -> usize {
    for _ in 0..50 {
        if threads(pid) == 1 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    threads(pid)
}

/// A line of /proc/PID/status in kB, such as `VmHWM` and `VmRSS`.
pub fn memory_kb(pid: u32, what: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A connection that must outlive whatever a test does to others: when it is lost, the whole server was reset.
pub struct Witness(Client);

impl Witness {
    pub fn new(cluster: &Cluster, db: &str) -> Witness {
        Witness(cluster.connect(db))
    }

    pub fn assert_alive(&mut self) {
        assert_eq!(
            query_one(&mut self.0, "SELECT 1"),
            "1",
            "the server was reset"
        );
    }
}

/// Tries to connect until the server takes connections again after a crash that was meant to be.
pub fn reconnect(cluster: &Cluster, db: &str) -> Client {
    for _ in 0..600 {
        if let Ok(mut client) = cluster.config(db, "postgres").connect(NoTls)
            && client.batch_execute("SELECT 1").is_ok()
        {
            cluster.forgive_crashes();
            return client;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the server does not come back: {}", cluster.log())
}
