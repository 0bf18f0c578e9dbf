//! How long work is watched: stopped, measured and kept within its memory.

use crate::error::{Class, Classified};

/// What every long loop consults, at least every 50 ms.
///
/// The extension implements it on top of a server process (interrupts, `application_name`, `retailscope.max_memory`);
/// tests use [`Free`].
pub trait Control: Sync {
    /// True once the work has been cancelled; the loop then returns [`Stop::Cancelled`] as soon as it can.
    fn should_stop(&self) -> bool;

    /// Reports `done` of `total` units in `phase`; `total` 0 means that it is not known.
    fn progress(&self, phase: &'static str, done: u64, total: u64);

    /// The most bytes that this piece of work may hold at once.
    fn memory_limit(&self) -> u64;

    /// Refuses when a structure of `bytes` may not be held, before it is allocated.
    ///
    /// # Errors
    /// [`Stop::Memory`] when `bytes` is over the limit.
    fn budget(&self, phase: &'static str, bytes: u64) -> Result<(), Stop> {
        let limit = self.memory_limit();
        if bytes > limit {
            return Err(Stop::Memory {
                phase,
                used: bytes,
                limit,
            });
        }
        Ok(())
    }

    /// [`Control::should_stop`] as a `Result`, for `?`.
    ///
    /// # Errors
    /// [`Stop::Cancelled`] once the work has been cancelled.
    fn check(&self) -> Result<(), Stop> {
        if self.should_stop() {
            Err(Stop::Cancelled)
        } else {
            Ok(())
        }
    }
}

/// Why work ended early without a fault in the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// The user, a timeout or a shutdown asked for it.
    #[error("canceled")]
    Cancelled,
    /// The work would take more memory than it may.
    #[error("{phase}: {used} bytes of memory needed, the limit is {limit}")]
    Memory {
        /// What asked for the memory.
        phase: &'static str,
        /// Bytes that would be in use.
        used: u64,
        /// Bytes allowed.
        limit: u64,
    },
}

impl Classified for Stop {
    fn class(&self) -> Class {
        match self {
            Stop::Cancelled => Class::Cancelled,
            Stop::Memory { .. } => Class::OutOfMemory,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Stop::Cancelled => None,
            Stop::Memory { .. } => {
                Some("Raise retailscope.max_memory, or do the work in smaller pieces.".into())
            }
        }
    }
}

/// A control that never stops anything and allows 1 GiB: for tests and benches.
#[derive(Debug, Default, Clone, Copy)]
pub struct Free;

impl Control for Free {
    fn should_stop(&self) -> bool {
        false
    }

    fn progress(&self, _phase: &'static str, _done: u64, _total: u64) {}

    fn memory_limit(&self) -> u64 {
        1 << 30
    }
}

/// A control for tests of what it is for.
#[cfg(test)]
pub(crate) mod testing {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::{Control, Free};

    /// Stops at a look, grants what it is told to, and counts the looks at it.
    #[derive(Debug)]
    pub(crate) struct Probe {
        /// Looks that find nothing; all later ones find the work cancelled.
        patience: u64,
        memory: u64,
        looks: AtomicU64,
    }

    impl Probe {
        /// Never stops, and grants as much as [`Free`].
        pub(crate) fn patient() -> Self {
            Self::stopping_after(u64::MAX)
        }

        /// Cancels once it has been looked at `looks` times.
        pub(crate) fn stopping_after(looks: u64) -> Self {
            Probe {
                patience: looks,
                memory: Free.memory_limit(),
                looks: AtomicU64::new(0),
            }
        }

        /// Grants `memory` bytes.
        pub(crate) fn granting(self, memory: u64) -> Self {
            Probe { memory, ..self }
        }

        /// How often it was looked at.
        pub(crate) fn looks(&self) -> u64 {
            self.looks.load(Ordering::Relaxed)
        }
    }

    impl Control for Probe {
        fn should_stop(&self) -> bool {
            self.looks.fetch_add(1, Ordering::Relaxed) >= self.patience
        }

        fn progress(&self, _phase: &'static str, _done: u64, _total: u64) {}

        fn memory_limit(&self) -> u64 {
            self.memory
        }
    }
}
