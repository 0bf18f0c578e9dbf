//! Long work ends at once, however it is told to, and nothing of it stays: every function that can take long, ended in each
//! of four ways, again and again until the end was met in the middle of the work.

use crate::support::*;
use postgres::Client;
use retailscope_system_tests::{Cluster, Wire, error_text, query_one, sqlstate};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// From the signal to the end of the call, whatever it was doing.
const LATENCY: Duration = Duration::from_secs(1);

/// Tries for one way to end one function.
const TRIES: usize = 10;

/// Makes every query dear enough for the just-in-time compiler.
const DEAR: &str = "SET LOCAL jit_above_cost = 0; SET LOCAL jit_inline_above_cost = 0; SET LOCAL jit_optimize_above_cost = 0";

/// How a call is ended from outside.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Cancel,
    Timeout,
    Terminate,
    Disconnect,
}

const ENDS: [End; 4] = [End::Cancel, End::Timeout, End::Terminate, End::Disconnect];

/// A call that takes long enough to be ended.
pub struct Call {
    pub db: &'static str,
    pub sql: String,
    /// A new folder for each try, put in place of `{folder}`: an export that was quicker than its end fills it.
    pub takes_folder: bool,
    /// It commits by itself, so it cannot run inside a transaction that is rolled back when it is quicker than its end.
    pub commits: bool,
}

/// The databases, their lakes, and what is looked at them through.
pub struct Stage<'a> {
    cluster: &'a Cluster,
    observers: BTreeMap<&'static str, Client>,
    lakes: BTreeMap<&'static str, PathBuf>,
    witness: Witness,
    watcher: Client,
    /// Lines that no database has.
    small: PathBuf,
    folders: usize,
}

/// `count` lines of one month, after the `from`-th: one month is one piece of work.
fn month(from: u64, count: u64) -> Vec<String> {
    (from..from + count)
        .map(|n| {
            let mix = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
            format!(
                "{},{},THING {},{},2030-01-{:02} {:02}:{:02},{}.{:02},{},France",
                10_000_000 + n,
                20_000 + mix % 3000,
                mix % 3000,
                1 + mix % 9,
                1 + n % 31,
                8 + n % 10,
                n % 60,
                mix % 20,
                mix % 100,
                12_000 + mix % 5000
            )
        })
        .collect()
}

/// What models leave behind.
const MODELS: [&str; 8] = [
    "model",
    "model_chunk",
    "model_metric",
    "model_importance",
    "model_curve",
    "model_deployment",
    "mart_customer_segments",
    "mart_association_rules",
];

impl<'a> Stage<'a> {
    fn new(cluster: &'a Cluster) -> Stage<'a> {
        let (mut full, lake) = with_lake(cluster, "ends");
        let base = csv(cluster, "ends/base.csv", &lines(0, 60_000));
        ingest(&mut full, &file(&base, "{}"));
        full.batch_execute("SELECT rs_refresh_marts()").unwrap();
        // Few enough for an incremental refresh.
        let fresh = csv(cluster, "ends/fresh.csv", &lines(60_000, 70_000));
        ingest(&mut full, &file(&fresh, "{}"));
        let (pipe, pipe_lake) = with_lake(cluster, "ends_pipe");
        let observers = BTreeMap::from([
            ("ends", full),
            ("ends_pipe", pipe),
            ("ends_bare", cluster.fresh("ends_bare")),
            ("ends_empty", cluster.fresh("ends_empty")),
        ]);
        let lakes = BTreeMap::from([("ends", lake), ("ends_pipe", pipe_lake)]);
        Stage::of(cluster, observers, lakes)
    }

    /// These databases, each with a session that looks at it, and the lakes of those that have one.
    pub fn of(
        cluster: &'a Cluster,
        observers: BTreeMap<&'static str, Client>,
        lakes: BTreeMap<&'static str, PathBuf>,
    ) -> Stage<'a> {
        Stage {
            cluster,
            observers,
            lakes,
            witness: Witness::new(cluster, "postgres"),
            watcher: cluster.connect("postgres"),
            small: csv(cluster, "ends/small.csv", &month(5_000_000, 20)),
            folders: 0,
        }
    }

    /// What must not change: the tables and the files of the lake.
    fn state(&mut self, db: &str) -> (Vec<(String, String)>, Vec<String>) {
        let files = self.lakes.get(db).map(|lake| files_below(lake));
        let observer = self.observers.get_mut(db).unwrap();
        let mut tables = prints(observer);
        tables.extend(MODELS.map(|name| {
            let table = format!("retailscope.{name}");
            let print = print_of(observer, &table);
            (table, print)
        }));
        (tables, files.unwrap_or_default())
    }

    fn folder(&mut self) -> PathBuf {
        self.folders += 1;
        self.cluster.folder(&format!("ends-out-{}", self.folders))
    }

    /// True while `pg_stat_activity` shows the backend.
    fn is_listed(&mut self, pid: u32) -> bool {
        let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}");
        query_one(&mut self.watcher, &sql) != "0"
    }

    /// True while the backend is there, for the server or for the system.
    fn lives(&mut self, pid: u32) -> bool {
        self.is_listed(pid) || Path::new(&format!("/proc/{pid}")).exists()
    }

    /// Waits until the backend has gone.
    fn until_gone(&mut self, pid: u32) -> Instant {
        let begun = Instant::now();
        while self.lives(pid) && begun.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(5));
        }
        Instant::now()
    }

    /// Runs the call and ends it after `wait`. Gives the time it took to end, or `None` when it was quicker.
    fn end(&mut self, sql: &str, call: &Call, end: End, wait: Duration) -> Option<Duration> {
        if end == End::Disconnect {
            return self.disconnect(sql, call, wait);
        }
        let mut session = self.cluster.connect(call.db);
        let victim = pid(&mut session);
        if end == End::Timeout {
            let sql = format!("SET statement_timeout = {}", wait.as_millis().max(1));
            session.batch_execute(&sql).unwrap();
        }
        let begun = Instant::now();
        let text = sql.to_owned();
        let worker = std::thread::spawn(move || {
            let result = session.batch_execute(&text);
            (session, result, Instant::now())
        });
        std::thread::sleep(wait);
        let asked = Instant::now();
        match end {
            End::Timeout => {}
            End::Cancel => {
                let sql = format!("SELECT pg_cancel_backend({victim})");
                query_one(&mut self.watcher, &sql);
            }
            _ => {
                let sql = format!("SELECT pg_terminate_backend({victim})");
                query_one(&mut self.watcher, &sql);
            }
        }
        let (mut session, result, mut ended) = worker.join().unwrap();
        let Err(error) = result else {
            assert!(ended <= asked + LATENCY, "{sql:.80} ignored {end:?}");
            // One that is told to end now has nothing left to roll back.
            let rolled_back = session.batch_execute("ROLLBACK");
            assert!(end == End::Terminate || rolled_back.is_ok());
            return None;
        };
        let code = sqlstate(&error);
        if end == End::Terminate {
            assert_eq!(code, "57P01", "{}: {sql:.80}", error_text(&error));
            ended = self.until_gone(victim);
        } else {
            let reason = if end == End::Timeout {
                "statement timeout"
            } else {
                "user request"
            };
            assert_eq!(code, "57014", "{}: {sql:.80}", error_text(&error));
            assert!(
                error_text(&error).contains(reason),
                "{}",
                error_text(&error)
            );
            assert_eq!(settled_threads(victim), 1, "{sql:.80}");
            session
                .batch_execute("ROLLBACK; RESET statement_timeout")
                .unwrap();
            assert_eq!(
                open_temporary_files(victim),
                Vec::<PathBuf>::new(),
                "{sql:.80}"
            );
            self.works(&mut session);
        }
        assert_eq!(self.temporary_files(victim), Vec::<String>::new());
        let since = if end == End::Timeout {
            begun + wait
        } else {
            asked
        };
        Some(ended.saturating_duration_since(since))
    }

    /// Drops the socket in the middle of the call.
    fn disconnect(&mut self, sql: &str, call: &Call, wait: Duration) -> Option<Duration> {
        let mut wire = Wire::connect(
            self.cluster,
            call.db,
            "-c client_connection_check_interval=100ms",
        );
        let victim = wire.pid();
        wire.send(sql);
        std::thread::sleep(wait);
        let silent = wire.is_silent();
        drop(wire);
        let asked = Instant::now();
        let gone = self.until_gone(victim);
        assert!(!self.lives(victim), "{sql:.80} outlives its client");
        assert_eq!(self.temporary_files(victim), Vec::<String>::new());
        // A call that came to its own end would have found the client gone when it answered.
        let process = format!("[{victim}]");
        let log = self.cluster.log();
        let said: Vec<&str> = log.lines().filter(|l| l.contains(&process)).collect();
        let lost = said.iter().any(|l| l.contains("connection to client lost"));
        let answered = said
            .iter()
            .any(|l| l.contains("could not send data to client"));
        (silent && lost && !answered).then(|| gone.saturating_duration_since(asked))
    }

    /// Temporary files of PostgreSQL's own that a backend has left.
    fn temporary_files(&self, pid: u32) -> Vec<String> {
        let mut left = files_below(&self.cluster.data_dir().join("base/pgsql_tmp"));
        left.retain(|f| f.contains(&format!("pgsql_tmp{pid}.")));
        left
    }

    /// Real work goes on in the session, and leaves no trace either.
    fn works(&self, session: &mut Client) {
        session.batch_execute("BEGIN").unwrap();
        let counted = ingest(session, &file(&self.small, "{}"));
        assert_eq!(counted, counts(20, 20, 0, 0));
        session.batch_execute("ROLLBACK").unwrap();
    }

    /// Ends the call in every way; gives what was too slow.
    pub fn end_in_every_way(&mut self, call: &Call) -> Vec<String> {
        // How long it takes when it is left alone.
        let begun = Instant::now();
        let (sql, _) = self.prepared(call);
        let mut session = self.cluster.connect(call.db);
        session
            .batch_execute(&sql)
            .unwrap_or_else(|e| panic!("{}: {sql:.200}", error_text(&e)));
        let whole = begun.elapsed();
        session.batch_execute("ROLLBACK").unwrap();
        let mut slow = Vec::new();
        let mut before = self.state(call.db);
        for (at, end) in ENDS.into_iter().enumerate() {
            let mut met = 0;
            for attempt in 0..TRIES {
                // Somewhere in the middle, and sooner each time that the call was quicker.
                let share =
                    [0.5, 0.3, 0.7, 0.15][(at + attempt) % 4] / f64::from(1 << (attempt / 2));
                let (sql, folder) = self.prepared(call);
                let latency = self.end(&sql, call, end, whole.mul_f64(share));
                let after = self.state(call.db);
                self.witness.assert_alive();
                assert_eq!(files_below(&folder), Vec::<String>::new());
                if call.commits && before != after {
                    // It has ended after one of its steps: whole steps are there.
                    let lake = self.lakes[call.db].clone();
                    assert_lake_in_step(self.observers.get_mut(call.db).unwrap(), &lake);
                    before = after;
                } else {
                    assert_eq!(after, before, "{end:?} of {sql:.80}");
                }
                let Some(latency) = latency else { continue };
                if matches!(end, End::Terminate | End::Disconnect) {
                    let mut session = self.cluster.connect(call.db);
                    self.works(&mut session);
                }
                if latency > LATENCY {
                    slow.push(format!("{end:?} of {sql:.80} took {latency:?}"));
                }
                met += 1;
                break;
            }
            assert!(met > 0, "{end:?} never met {:.80} ({whole:?})", call.sql);
        }
        // What was rolled back would make the next calls slow.
        self.observers
            .get_mut(call.db)
            .unwrap()
            .batch_execute("VACUUM retailscope.fact_sales")
            .unwrap();
        slow
    }

    /// The call's statements, and the folder that they export to.
    fn prepared(&mut self, call: &Call) -> (String, PathBuf) {
        let folder = if call.takes_folder {
            self.folder()
        } else {
            PathBuf::from("/nowhere")
        };
        let sql = call.sql.replace("{folder}", &folder.display().to_string());
        if call.commits {
            (sql, folder)
        } else {
            (format!("BEGIN; {sql}"), folder)
        }
    }
}

/// What is quick, done again and again. Only the number of rows is sent, at the end: a call that sends rows on its way finds out
/// itself that its client has gone.
pub fn again(call: &str, times: u32) -> String {
    format!("SELECT count(*) FROM (SELECT {call} FROM generate_series(1, {times})) AS calls")
}

/// Temporary files that a process holds open, those without a name too.
fn open_temporary_files(pid: u32) -> Vec<PathBuf> {
    let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
        return Vec::new();
    };
    files
        .flatten()
        .filter_map(|f| std::fs::read_link(f.path()).ok())
        .filter(|to| to.to_string_lossy().contains("pgsql_tmp"))
        .collect()
}

#[test]
fn long_work_ends_at_once_when_told_to() {
    let _turn = alone();
    let cluster = cluster();
    let mut stage = Stage::new(cluster);
    let large = csv(cluster, "ends/large.csv", &month(0, 100_000));
    let packed = |program: &str, end: &str| {
        let path = PathBuf::from(format!("{}.{end}", large.display()));
        let script = format!("{program} -c '{}' > '{}'", large.display(), path.display());
        cluster.must_run("/bin/sh", &["-c", &script]);
        path
    };
    let (gz, zst) = (packed("gzip -1", "gz"), packed("zstd -q", "zst"));
    let load_table = format!(
        "CREATE TABLE src (invoice_no text, stock_code text, description text, quantity text, sold_at text, unit_price text,
                           customer_id text, country text);
         COPY src FROM '{}' (FORMAT csv, HEADER)",
        large.display()
    );
    stage
        .observers
        .get_mut("ends")
        .unwrap()
        .batch_execute(&load_table)
        .unwrap();
    let bare = stage.observers.get_mut("ends_bare").unwrap();
    ingest(bare, &file(&large, "{}"));
    let export = cluster.folder("ends-export");
    bare.batch_execute(&format!("SELECT rs_export_lake('{}')", export.display()))
        .unwrap();
    let parquet = files_below(&export)
        .into_iter()
        .find(|f| f.ends_with(".parquet"))
        .map(|f| export.join(f))
        .unwrap();
    // Queries of ours look as dear as they are on large tables, where PostgreSQL compiles them if it may.
    let dear = |call: &str, times: u32| format!("{DEAR}; {}", again(call, times));
    let mut calls: Vec<Call> = [
        format!("SELECT {}", file(&large, "{}")),
        format!("SELECT {}", file(&gz, "{}")),
        format!("SELECT {}", file(&zst, "{}")),
        format!("SELECT {}", file(&parquet, "{}")),
        "SELECT rs_ingest_table('src')".to_owned(),
        "SELECT rs_generate_sales(2000, 300)".to_owned(),
        format!("{DEAR}; SELECT rs_refresh_marts(NULL, false)"),
        format!("{DEAR}; SELECT rs_refresh_marts()"),
        dear("rs_data_quality()", 6),
        again("rs_lake_status()", 40),
        again("rs_lake_sweep()", 5000),
        dear("rs_customer_features('2030-01-01')", 20),
        dear("rs_daily_features('2030-01-01')", 30),
    ]
    .into_iter()
    .map(|sql| Call {
        db: "ends",
        sql,
        takes_folder: false,
        commits: false,
    })
    .collect();
    let of = |db, sql: String, commits| Call {
        db,
        takes_folder: sql.contains("{folder}"),
        sql,
        commits,
    };
    calls.extend([
        of("ends_bare", "SELECT rs_export_lake('{folder}')".to_owned(), false),
        of(
            "ends_bare",
            "LOAD 'retailscope'; SET LOCAL retailscope.lake_dir = '{folder}'; SELECT rs_export_lake()".to_owned(),
            false,
        ),
        of("ends_empty", format!("SELECT rs_load_lake('{}')", export.display()), false),
        of("ends_pipe", format!("CALL rs_run_pipeline('{}')", large.display()), true),
    ]);
    let mut client = cluster.connect("ends");
    client.batch_execute("BEGIN").unwrap();
    assert_eq!(
        query_one(&mut client, "SELECT mode FROM rs_refresh_marts()"),
        "incremental"
    );
    client.batch_execute("ROLLBACK").unwrap();
    let slow: Vec<String> = calls
        .iter()
        .flat_map(|call| stage.end_in_every_way(call))
        .collect();
    assert!(slow.is_empty(), "{slow:#?}");
    let lake = stage.lakes["ends"].clone();
    client.batch_execute("SELECT rs_refresh_marts()").unwrap();
    assert_quality(&mut client);
    assert_lake_in_step(&mut client, &lake);
}
