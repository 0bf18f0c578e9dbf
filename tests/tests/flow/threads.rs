//! Worker threads: those of one call are bounded, deaf to signals and gone with it; the postmaster has none.

use crate::support::*;
use retailscope_system_tests::{Cluster, query_one};
use std::collections::BTreeSet;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// Sessions that ingest at once, each in a database of its own.
const SESSIONS: usize = 20;

/// Signals that no mask can hold: SIGKILL, SIGSTOP, and the two that glibc keeps for itself.
const UNBLOCKABLE: u64 = 1 << 8 | 1 << 18 | 1 << 31 | 1 << 32;

fn preloaded() -> Cluster {
    Cluster::start(&[
        "shared_preload_libraries = 'retailscope'",
        "statement_timeout = 120s",
    ])
}

/// Name and blocked signals of a thread.
struct Seen {
    name: String,
    blocked: u64,
}

/// The worker threads of a process, those that have their name already.
fn workers(pid: u32) -> Vec<Seen> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    tasks
        .flatten()
        .filter(|task| task.file_name().to_string_lossy() != pid.to_string())
        .filter_map(|task| {
            let status = std::fs::read_to_string(task.path().join("status")).ok()?;
            let value = |key: &str| {
                let line = status.lines().find(|l| l.starts_with(key))?;
                Some(line.split_once(':')?.1.trim().to_owned())
            };
            Some(Seen {
                name: value("Name")?,
                blocked: u64::from_str_radix(&value("SigBlk")?, 16).ok()?,
            })
        })
        .filter(|seen| seen.name.starts_with("retailscope"))
        .collect()
}

#[test]
fn twenty_sessions_ingest_at_once_under_a_preloaded_library() {
    let _turn = alone();
    let cluster = preloaded();
    let postmaster = cluster.postmaster_pid();
    assert_eq!(threads(postmaster), 1, "a thread before any fork");
    drop(cluster.fresh("pattern"));
    let path = csv(&cluster, "twenty.csv", &lines(0, 10_000));
    let mut admin = cluster.connect("postgres");
    let mut sessions = Vec::new();
    for at in 0..SESSIONS {
        admin
            .batch_execute(&format!("CREATE DATABASE many_{at} TEMPLATE pattern"))
            .unwrap();
        sessions.push(cluster.connect(&format!("many_{at}")));
    }
    let pids: Vec<u32> = sessions.iter_mut().map(pid).collect();
    let (done_to, done_from) = channel();
    for mut session in sessions {
        let (done_to, call) = (done_to.clone(), file(&path, "{}"));
        std::thread::spawn(move || {
            let counted = try_ingest(&mut session, &call).map_err(|e| e.to_string());
            done_to.send((session, counted)).unwrap();
        });
    }
    let deadline = Instant::now() + Duration::from_secs(90);
    let mut finished = Vec::new();
    let mut busy = BTreeSet::new();
    while finished.len() < SESSIONS {
        assert!(
            Instant::now() < deadline,
            "{} of {SESSIONS} hang",
            SESSIONS - finished.len()
        );
        assert_eq!(threads(postmaster), 1);
        for &pid in &pids {
            for worker in workers(pid) {
                busy.insert(pid);
                assert_eq!(
                    worker.blocked | UNBLOCKABLE,
                    u64::MAX,
                    "{} hears signals: {:x}",
                    worker.name,
                    worker.blocked
                );
            }
        }
        if let Ok((session, counted)) = done_from.recv_timeout(Duration::from_millis(5)) {
            assert_eq!(counted, Ok(counts(10_000, 10_000, 0, 0)));
            finished.push(session);
        }
    }
    assert!(
        busy.len() > SESSIONS / 2,
        "only {} were seen at work",
        busy.len()
    );
    for pid in pids {
        assert_eq!(settled_threads(pid), 1);
    }
    for session in &mut finished {
        assert_eq!(
            query_one(session, "SELECT count(*) FROM retailscope.fact_sales"),
            "10000"
        );
    }
}
