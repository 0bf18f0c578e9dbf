//! Long work inside a server process: worker threads compute, the main thread listens.
//!
//! PostgreSQL's interrupts (cancel, timeout, terminate, shutdown) are served on the main thread only. So the computation
//! runs on threads that have all signals blocked and never touch PostgreSQL, while the main thread waits in short slices,
//! checks for interrupts and shows progress. When a cancel or a timeout strikes, the unwinding raises the stop flag, the
//! threads are joined, and only then does the error go its way. When the process is told to end (FATAL), PostgreSQL runs its
//! exit callbacks, those of the transaction among them, without unwinding, and the threads end with the process.

use crate::pg::error::{Failure, Outcome};
use crate::pg::memory::{self, Reserve};
use crate::pg::settings;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::control::{Control, Held, Stop};
use std::cell::{Cell, RefCell};
use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

const SLICE: Duration = Duration::from_millis(5);
const SHOW_EVERY: Duration = Duration::from_millis(250);
const STACK: usize = 8 << 20;

/// The `Control` of a call: its stop flag, its progress, its memory limit and how many of its threads may compute at once.
/// Shared with the worker threads.
#[derive(Debug)]
pub struct Watch {
    turns: Turns,
    threads: usize,
    stop: AtomicBool,
    phase: Mutex<&'static str>,
    done: AtomicU64,
    total: AtomicU64,
    limit: u64,
    held: Arc<Held>,
}

impl Watch {
    /// Waits for another thread (a queue, say) and lets others compute meanwhile. Worker threads wrap every wait in it: one
    /// that waited with its turn in hand could hold up the one it waits for.
    pub fn idle<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.turns.give_back();
        let result = wait();
        self.turns.take();
        result
    }

    /// Runs `work` with a pool of `retailscope.threads` threads for rayon's parallel loops. To be called by a worker thread,
    /// whose blocked signals they inherit; they have ended when it returns.
    ///
    /// # Errors
    /// What `work` gives; 53000 when the system gives no threads.
    pub fn in_parallel<T: Send>(&self, work: impl FnOnce() -> Outcome<T> + Send) -> Outcome<T> {
        rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads)
            .stack_size(STACK)
            .thread_name(|n| format!("retailscope pool {n}"))
            .build_scoped(rayon::ThreadBuilder::run, |pool| pool.install(work))
            .unwrap_or_else(|e| Err(no_threads(&e)))
    }
}

fn no_threads(error: &dyn std::error::Error) -> Failure {
    Failure::new(
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_RESOURCES,
        format!("could not start a thread: {error}"),
    )
}

/// The `Control` of short work on the main thread: PostgreSQL is asked for interrupts between its steps.
#[derive(Debug, Clone, Copy)]
pub struct OnMainThread;

impl OnMainThread {
    /// Makes rayon's parallel loops on this thread run on it alone: a prediction is too short for threads, and rayon's own
    /// pool would be one that hears signals and outlives the call.
    ///
    /// # Errors
    /// 53000 when rayon refuses.
    pub fn new() -> Outcome<OnMainThread> {
        thread_local! {
            static REGISTERED: Cell<bool> = const { Cell::new(false) };
        }
        if !REGISTERED.get() {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(1)
                .use_current_thread()
                .build()
                .map_err(|e| no_threads(&e))?;
            // It belongs to this thread until the process ends.
            std::mem::forget(pool);
            REGISTERED.set(true);
        }
        Ok(OnMainThread)
    }
}

impl Control for OnMainThread {
    fn should_stop(&self) -> bool {
        false
    }

    fn progress(&self, _phase: &'static str, _done: u64, _total: u64) {}

    fn memory_limit(&self) -> u64 {
        settings::max_memory()
    }
}

/// `retailscope.threads` turns, one for each thread that computes.
#[derive(Debug)]
struct Turns {
    free: Mutex<usize>,
    changed: Condvar,
}

impl Turns {
    fn take(&self) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self
                .changed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
    }

    fn give_back(&self) {
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_one();
    }
}

impl Control for Watch {
    fn should_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || memory::is_spent()
    }

    fn progress(&self, phase: &'static str, done: u64, total: u64) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
        self.done.store(done, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    fn memory_limit(&self) -> u64 {
        self.limit
    }

    fn held(&self) -> Option<&Arc<Held>> {
        Some(&self.held)
    }
}

/// The main thread's side of a piece of long work.
pub struct Crew<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    watch: &'env Watch,
    shown: Cell<Option<Instant>>,
    threads: RefCell<Vec<ScopedJoinHandle<'scope, ()>>>,
}

/// The result to come of a thread that [`Crew::spawn`] started.
#[must_use = "a worker's failure is known to whoever joins it"]
pub struct Worker<T>(Receiver<Outcome<T>>);

/// Ends the work when the main thread leaves it, in whatever way: raises the stop flag, waits for the threads, and restores
/// what `pg_stat_activity` shows.
impl Drop for Crew<'_, '_> {
    fn drop(&mut self) {
        self.watch.stop.store(true, Ordering::Relaxed);
        // The scope would wait for the closures only: their threads could outlive the call by a moment.
        for thread in self.threads.get_mut().drain(..) {
            // It has handed its result, or its panic, to whoever joins its worker.
            let _ended = thread.join();
        }
        show_application_name();
    }
}

/// Runs `body` on the main thread with a crew of worker threads under one [`Watch`].
///
/// # Errors
/// Whatever `body` gives; 53200 when the system gives no memory. An interrupt unwinds through here after all threads have
/// ended.
pub fn with_crew<T>(body: impl for<'s, 'e> FnOnce(&Crew<'s, 'e>) -> Outcome<T>) -> Outcome<T> {
    let _reserve = Reserve::set_aside()?;
    let watch = Watch {
        threads: settings::threads(),
        turns: Turns {
            free: Mutex::new(settings::threads()),
            changed: Condvar::new(),
        },
        stop: AtomicBool::new(false),
        phase: Mutex::new("starting"),
        done: AtomicU64::new(0),
        total: AtomicU64::new(0),
        limit: settings::max_memory(),
        held: Arc::default(),
    };
    std::thread::scope(|scope| {
        let crew = Crew {
            scope,
            watch: &watch,
            shown: Cell::new(None),
            threads: RefCell::new(Vec::new()),
        };
        body(&crew).map_err(|failure| {
            // Workers that were told to stop do not know why.
            if failure.is_cancel() && memory::is_spent() {
                memory::refused()
            } else {
                failure
            }
        })
    })
}

impl<'scope, 'env> Crew<'scope, 'env> {
    /// The control to hand to the engine.
    pub fn watch(&self) -> &'env Watch {
        self.watch
    }

    /// Starts a worker thread with all signals blocked; at most `retailscope.threads` of them compute at a time. A panic in it becomes a failure when it is joined.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn<T: Send + 'scope>(
        &self,
        name: &str,
        work: impl FnOnce() -> Outcome<T> + Send + 'scope,
    ) -> Outcome<Worker<T>> {
        let watch = self.watch;
        let (result_to, result_from) = sync_channel(1);
        let masked = SignalsBlocked::new();
        let handle = std::thread::Builder::new()
            .name(format!("retailscope {name}"))
            .stack_size(STACK)
            .spawn_scoped(self.scope, move || {
                watch.turns.take();
                let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
                    Err(Failure::internal(panic_message(payload.as_ref())))
                });
                watch.turns.give_back();
                // There is room for the one result; nobody may be left to take it.
                let _taken = result_to.send(result);
            });
        drop(masked);
        let thread = handle.map_err(|e| no_threads(&e))?;
        let mut threads = self.threads.borrow_mut();
        // Those that are through give their stacks back now: a call may start one for each of many files.
        for ended in threads.extract_if(.., |t| t.is_finished()) {
            let _ended = ended.join();
        }
        threads.push(thread);
        Ok(Worker(result_from))
    }

    /// Serves interrupts and shows progress. Called between the steps of work on the main thread.
    pub fn poll(&self) {
        pgrx::check_for_interrupts!();
        if memory::is_spent() {
            ErrorReport::from(memory::refused()).report(PgLogLevel::ERROR);
        }
        let now = Instant::now();
        if self.shown.get().is_none_or(|last| now - last >= SHOW_EVERY) {
            self.shown.set(Some(now));
            self.show();
        }
    }

    /// Says what the main thread is about to do in one long call of PostgreSQL's own.
    pub fn announce(&self, phase: &'static str) {
        self.watch.progress(phase, 0, 0);
        self.show();
    }

    /// Takes the next message of a worker; `None` when all senders are gone.
    pub fn receive<T>(&self, from: &Receiver<T>) -> Option<T> {
        loop {
            match from.recv_timeout(SLICE) {
                Ok(message) => {
                    self.poll();
                    return Some(message);
                }
                Err(RecvTimeoutError::Timeout) => self.poll(),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Hands a message to a worker, waiting while its queue is full; false when the worker is gone (joining it tells why).
    pub fn send<T>(&self, to: &SyncSender<T>, message: T) -> bool {
        // Nothing that is done meanwhile can fail.
        self.send_while(to, message, || Ok(())).unwrap_or(false)
    }

    /// As [`Crew::send`], doing `meanwhile` before it and between its tries: for a worker that has something to say too.
    ///
    /// # Errors
    /// What `meanwhile` gives.
    pub fn send_while<T>(
        &self,
        to: &SyncSender<T>,
        mut message: T,
        mut meanwhile: impl FnMut() -> Outcome<()>,
    ) -> Outcome<bool> {
        loop {
            meanwhile()?;
            match to.try_send(message) {
                Ok(()) => return Ok(true),
                Err(TrySendError::Disconnected(_)) => return Ok(false),
                Err(TrySendError::Full(back)) => {
                    message = back;
                    self.poll();
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
    }

    /// Waits for a worker's end and gives its result.
    ///
    /// # Errors
    /// The worker's own failure, or its panic.
    pub fn join<T>(&self, worker: Worker<T>) -> Outcome<T> {
        self.receive(&worker.0)
            .unwrap_or_else(|| Err(Failure::internal("a worker thread ended without a result")))
    }

    fn show(&self) {
        let phase = *self
            .watch
            .phase
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (done, total) = (
            self.watch.done.load(Ordering::Relaxed),
            self.watch.total.load(Ordering::Relaxed),
        );
        // The view retailscope.progress reads this form.
        report_activity(&format!("retailscope: {phase} {done}/{total}"));
    }
}

/// The failure of a party whose partner has gone: that one's own failure says why (see [`cause`]).
pub fn cancelled() -> Failure {
    Failure::from(Stop::Cancelled)
}

/// Among the failures of parties that worked together the one that came first: the others only saw a closed queue.
pub fn cause<const N: usize>(failures: [Option<Failure>; N]) -> Failure {
    let mut all: Vec<Failure> = failures.into_iter().flatten().collect();
    let first = all.iter().position(|f| !f.is_cancel()).unwrap_or(0);
    if all.is_empty() {
        cancelled()
    } else {
        all.swap_remove(first)
    }
}

fn report_activity(text: &str) {
    if let Ok(text) = CString::new(text) {
        // SAFETY: a NUL-terminated string; it is copied and clipped into this backend's status entry.
        unsafe { pg_sys::pgstat_report_appname(text.as_ptr()) }
    }
}

fn show_application_name() {
    // SAFETY: `application_name` is a setting of every backend, a NUL-terminated string or null.
    unsafe {
        if !pg_sys::application_name.is_null() {
            pg_sys::pgstat_report_appname(pg_sys::application_name);
        }
    }
}

fn panic_message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown panic".to_owned());
    format!("a worker thread failed: {text}")
}

/// Blocks all signals of this thread while it lives, so that a thread started meanwhile never runs PostgreSQL's handlers.
struct SignalsBlocked(libc::sigset_t);

impl SignalsBlocked {
    fn new() -> Self {
        // SAFETY: plain libc calls on sets of this frame.
        unsafe {
            let mut all: libc::sigset_t = std::mem::zeroed();
            let mut before: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
            SignalsBlocked(before)
        }
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        // SAFETY: restores the mask that was in force.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut());
        }
    }
}
