//! Worker threads: they end before the call ends, whatever ends it.

use crate::pg::Failure;
use crate::pg::error::Outcome;
use crate::pg::interrupt::with_crew;
use pgrx::prelude::*;
use retailscope_engine::control::Control;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

/// Threads of this server process.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// Set by a worker on its way out.
static LEFT: AtomicBool = AtomicBool::new(false);

/// Starts a worker that works until it is told to stop, and then runs `body`.
fn with_worker(body: impl FnOnce()) -> Outcome<()> {
    LEFT.store(false, Ordering::SeqCst);
    with_crew(|crew| {
        let watch = crew.watch();
        let (to, from) = sync_channel::<u32>(1);
        let _worker = crew.spawn("test", move || {
            let mut n = 0;
            while watch.check().is_ok() {
                // A full queue and a closed one are both met.
                let _full_or_gone = to.try_send(n);
                n += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
            LEFT.store(true, Ordering::SeqCst);
            Ok(())
        })?;
        // It runs once it has sent something.
        crew.receive(&from).unwrap();
        body();
        loop {
            crew.poll();
            std::thread::sleep(Duration::from_millis(1));
        }
    })
}

#[pg_schema]
mod tests {
    use super::*;
    use crate::pg_test_suite::{caught, number, text};
    use pgrx::pg_sys::panic::ErrorReport;

    #[pg_extern]
    fn worker_panics() -> Result<i32, ErrorReport> {
        Ok(with_crew(|crew| {
            let worker = crew.spawn("test", || -> Outcome<i32> { panic!("boom {}", 7) })?;
            crew.join(worker)
        })?)
    }

    #[pg_extern]
    fn main_panics_beside_a_worker() -> Result<i32, ErrorReport> {
        with_worker(|| panic!("main boom"))?;
        Ok(0)
    }

    #[pg_extern]
    fn postgres_error_beside_a_worker() -> Result<i32, ErrorReport> {
        with_worker(|| Spi::run("SELECT 1 / 0").unwrap())?;
        Ok(0)
    }

    #[pg_extern]
    fn cancelled_beside_a_worker() -> Result<i32, ErrorReport> {
        with_worker(|| {
            // To the process: only a thread that does not block signals can take it.
            // SAFETY: a signal to ourselves that PostgreSQL handles.
            unsafe { libc::kill(libc::getpid(), libc::SIGINT) };
        })?;
        Ok(0)
    }

    #[pg_test]
    fn a_panicking_worker_is_an_error_and_the_session_lives() {
        let before = threads();
        let seen = caught("SELECT tests.worker_panics()");
        assert_eq!(
            (seen.state.as_str(), seen.message.as_str()),
            ("XX000", "a worker thread failed: boom 7")
        );
        assert_eq!(number("SELECT 7::bigint"), 7);
        assert_eq!(threads(), before);
    }

    #[pg_test]
    fn workers_end_before_an_error_leaves() {
        let before = threads();
        for (function, state, message) in [
            ("main_panics_beside_a_worker", "XX000", "main boom"),
            (
                "postgres_error_beside_a_worker",
                "22012",
                "division by zero",
            ),
            (
                "cancelled_beside_a_worker",
                "57014",
                "canceling statement due to user request",
            ),
        ] {
            let started = Instant::now();
            let seen = caught(&format!("SELECT tests.{function}()"));
            assert_eq!(
                (seen.state.as_str(), seen.message.as_str()),
                (state, message)
            );
            assert!(
                LEFT.load(Ordering::SeqCst),
                "{function}: the worker was not stopped"
            );
            assert_eq!(threads(), before, "{function}");
            assert!(
                started.elapsed() < Duration::from_secs(1),
                "{function}: {:?}",
                started.elapsed()
            );
        }
    }

    #[pg_test]
    fn a_failure_of_the_main_thread_stops_its_workers() {
        let before = threads();
        LEFT.store(false, Ordering::SeqCst);
        let failed: Outcome<()> = with_crew(|crew| {
            let watch = crew.watch();
            let _worker = crew.spawn("test", move || {
                while !watch.should_stop() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                LEFT.store(true, Ordering::SeqCst);
                Ok(())
            })?;
            Err(Failure::invalid("no more"))
        });
        assert_eq!(failed.unwrap_err().message(), "no more");
        assert!(LEFT.load(Ordering::SeqCst));
        assert_eq!(threads(), before);
    }

    #[pg_test]
    fn no_more_workers_compute_than_are_allowed() {
        for allowed in [1, 3] {
            Spi::run(&format!("SET LOCAL retailscope.threads = {allowed}")).unwrap();
            let computing = Arc::new(AtomicUsize::new(0));
            let most = Arc::new(AtomicUsize::new(0));
            with_crew(|crew| {
                let watch = crew.watch();
                let workers: Vec<_> = (0..5)
                    .map(|_| {
                        let (computing, most) = (Arc::clone(&computing), Arc::clone(&most));
                        crew.spawn("test", move || {
                            for _ in 0..50 {
                                let now = computing.fetch_add(1, Ordering::SeqCst) + 1;
                                most.fetch_max(now, Ordering::SeqCst);
                                std::thread::sleep(Duration::from_micros(200));
                                computing.fetch_sub(1, Ordering::SeqCst);
                                // Who waits lets another have the turn.
                                watch.idle(|| std::thread::sleep(Duration::from_micros(100)));
                            }
                            Ok(())
                        })
                    })
                    .collect::<Outcome<_>>()?;
                workers.into_iter().try_for_each(|w| crew.join(w))
            })
            .unwrap();
            assert_eq!(most.load(Ordering::SeqCst), allowed);
        }
    }

    #[pg_test]
    fn a_queue_between_main_and_worker_carries_everything() {
        let sum = with_crew(|crew| {
            let (to, from) = sync_channel::<u64>(2);
            let (back_to, back) = sync_channel::<u64>(2);
            let worker = crew.spawn("test", move || {
                let mut sum = 0;
                while let Ok(n) = from.recv() {
                    sum += n;
                    back_to
                        .send(n)
                        .map_err(|_| Failure::internal("no reader"))?;
                }
                Ok(sum)
            })?;
            let mut returned = 0;
            for n in 1..=1000 {
                assert!(crew.send(&to, n));
                returned += crew.receive(&back).unwrap();
            }
            drop(to);
            assert_eq!(crew.receive(&back), None);
            assert_eq!(returned, 500_500);
            crew.join(worker)
        });
        assert_eq!(sum.unwrap(), 500_500);
    }

    #[pg_test]
    fn progress_shows_while_it_runs_and_goes_after() {
        Spi::run("SET LOCAL application_name = 'mine'").unwrap();
        let mine = "SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()";
        with_crew(|crew| {
            crew.watch().progress("testing", 3, 10);
            crew.poll();
            assert_eq!(text(mine), "retailscope: testing 3/10");
            assert_eq!(
                text("SELECT concat_ws('|', phase, done, total, percent::integer) FROM retailscope.progress WHERE pid = pg_backend_pid()"),
                "testing|3|10|30"
            );
            Ok(())
        })
        .unwrap();
        // Activity is read once a transaction.
        Spi::run("SELECT pg_stat_clear_snapshot()").unwrap();
        assert_eq!(text(mine), "mine");
    }
}
