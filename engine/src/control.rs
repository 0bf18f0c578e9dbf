//! How long work is watched: stopped, measured and kept within its memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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

    /// The sum of what this piece of work holds; `None` where nobody adds up and each structure is measured alone.
    fn held(&self) -> Option<&Arc<Held>> {
        None
    }

    /// Refuses when `bytes` more may not be held, before they are allocated. For what is gone soon; what stays is charged
    /// with a [`Charge`].
    ///
    /// # Errors
    /// [`Stop::Memory`] when `bytes` and all that is held already are over the limit.
    fn budget(&self, phase: &'static str, bytes: u64) -> Result<(), Stop> {
        let limit = self.memory_limit();
        let used = self.held().map_or(0, |held| held.bytes());
        let used = used.saturating_add(bytes);
        if used > limit {
            return Err(Stop::Memory { phase, used, limit });
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
    /// The system gave no memory, although the limit would have allowed it.
    #[error("{phase}: the system did not give {bytes} bytes of memory")]
    NoMemory {
        /// What asked for the memory.
        phase: &'static str,
        /// Bytes that were asked for.
        bytes: u64,
    },
}

impl Classified for Stop {
    fn class(&self) -> Class {
        match self {
            Stop::Cancelled => Class::Cancelled,
            Stop::Memory { .. } | Stop::NoMemory { .. } => Class::OutOfMemory,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Stop::Cancelled => None,
            Stop::Memory { .. } => {
                Some("Raise retailscope.max_memory, or do the work in smaller pieces.".into())
            }
            Stop::NoMemory { .. } => Some(
                "The machine is short of memory: lower retailscope.max_memory, or end other work."
                    .into(),
            ),
        }
    }
}

/// Bytes that a piece of work holds, over all of its structures and threads.
#[derive(Debug, Default)]
pub struct Held(AtomicU64);

impl Held {
    /// Bytes held now.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The share of one structure in what a piece of work holds; given back when it is dropped. It travels with its structure,
/// also to another thread.
#[derive(Debug, Default)]
pub struct Charge {
    held: Option<Arc<Held>>,
    bytes: u64,
}

impl Charge {
    /// Charges `bytes`, before they are allocated.
    ///
    /// # Errors
    /// [`Stop::Memory`] when all that is held would be over the limit.
    pub fn new(bytes: u64, phase: &'static str, control: &dyn Control) -> Result<Charge, Stop> {
        let mut charge = Charge::default();
        charge.set(bytes, phase, control)?;
        Ok(charge)
    }

    /// Changes the charge to `bytes`: before a structure grows, or once it has shrunk.
    ///
    /// # Errors
    /// [`Stop::Memory`] when all that is held would be over the limit; the charge is then what it was.
    pub fn set(
        &mut self,
        bytes: u64,
        phase: &'static str,
        control: &dyn Control,
    ) -> Result<(), Stop> {
        let more = bytes.saturating_sub(self.bytes);
        if let Some(held) = control.held() {
            let account = &self.held.get_or_insert_with(|| Arc::clone(held)).0;
            let limit = control.memory_limit();
            let used = account
                .fetch_add(more, Ordering::Relaxed)
                .wrapping_add(more);
            // More than the limit alone: the sum may even have gone round.
            if more > 0 && (used > limit || more > limit) {
                account.fetch_sub(more, Ordering::Relaxed);
                let used = used.max(more);
                return Err(Stop::Memory { phase, used, limit });
            }
            account.fetch_sub(self.bytes.saturating_sub(bytes), Ordering::Relaxed);
        } else if more > 0 {
            control.budget(phase, bytes)?;
        }
        self.bytes = bytes;
        Ok(())
    }

    /// Bytes charged.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Lengthens the buffer that is charged to `len` bytes at least, and by half of what it has, so that a buffer that grows
    /// step by step is seldom copied.
    ///
    /// # Errors
    /// [`Stop::Memory`] when old and new buffer would be over the limit, [`Stop::NoMemory`] when the system gives none.
    pub fn lengthen(
        &mut self,
        buffer: &mut Vec<u8>,
        len: usize,
        phase: &'static str,
        control: &dyn Control,
    ) -> Result<(), Stop> {
        let now = buffer.len();
        if now >= len {
            return Ok(());
        }
        let len = len.max(now + now / 2);
        self.set((buffer.capacity() + len) as u64, phase, control)?;
        buffer
            .try_reserve_exact(len - now)
            .map_err(no_memory(phase, len as u64))?;
        buffer.resize(len, 0);
        self.set(buffer.capacity() as u64, phase, control)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if let Some(held) = &self.held {
            held.0.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}

/// Makes room for `more` elements: an allocation that fails is an error and not the end of the process.
///
/// # Errors
/// [`Stop::NoMemory`] when the system gives none.
pub fn reserve<T>(vec: &mut Vec<T>, more: usize, phase: &'static str) -> Result<(), Stop> {
    vec.try_reserve(more).map_err(no_memory(
        phase,
        (more as u64).saturating_mul(size_of::<T>() as u64),
    ))
}

/// An allocation of `bytes` that failed, for `map_err`.
pub fn no_memory<E>(phase: &'static str, bytes: u64) -> impl Fn(E) -> Stop {
    move |_| Stop::NoMemory { phase, bytes }
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
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::{Control, Free, Held};

    /// Stops at a look, grants what it is told to, and notes the looks at it and the most that was held.
    #[derive(Debug)]
    pub(crate) struct Probe {
        /// Looks that find nothing; all later ones find the work cancelled.
        patience: u64,
        memory: u64,
        looks: AtomicU64,
        held: Arc<Held>,
        /// The most that was held at a look.
        most: AtomicU64,
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
                held: Arc::default(),
                most: AtomicU64::new(0),
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

        /// Bytes charged now.
        pub(crate) fn held_bytes(&self) -> u64 {
            self.held.bytes()
        }

        /// The most bytes that were charged at a look.
        pub(crate) fn most_held(&self) -> u64 {
            self.most.load(Ordering::Relaxed)
        }
    }

    impl Control for Probe {
        fn should_stop(&self) -> bool {
            self.most.fetch_max(self.held_bytes(), Ordering::Relaxed);
            self.looks.fetch_add(1, Ordering::Relaxed) >= self.patience
        }

        fn progress(&self, _phase: &'static str, _done: u64, _total: u64) {}

        fn memory_limit(&self) -> u64 {
            self.memory
        }

        fn held(&self) -> Option<&Arc<Held>> {
            Some(&self.held)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::testing::Probe;
    use super::*;

    #[test]
    fn structures_are_summed_and_given_back() {
        let control = Probe::patient().granting(100);
        let mut one = Charge::new(60, "one", &control).unwrap();
        let over = Stop::Memory {
            phase: "two",
            used: 110,
            limit: 100,
        };
        assert_eq!(Charge::new(50, "two", &control).unwrap_err(), over);
        assert_eq!(control.budget("two", 50), Err(over));
        assert_eq!(control.held_bytes(), 60);
        // what is refused leaves the charge as it was
        assert!(one.set(101, "one", &control).is_err());
        assert!(one.set(u64::MAX, "one", &control).is_err());
        assert_eq!((one.bytes(), control.held_bytes()), (60, 60));
        one.set(40, "one", &control).unwrap();
        let two = Charge::new(60, "two", &control).unwrap();
        assert_eq!(control.held_bytes(), 100);
        // to shrink is never refused
        one.set(39, "one", &control).unwrap();
        std::thread::scope(|scope| scope.spawn(move || drop(two)).join()).unwrap();
        assert_eq!(control.held_bytes(), 39);
        drop(one);
        assert_eq!(control.held_bytes(), 0);
    }

    #[test]
    fn an_allocation_that_fails_is_an_error() {
        let error = reserve(&mut Vec::<u64>::new(), usize::MAX >> 4, "test").unwrap_err();
        assert!(matches!(error, Stop::NoMemory { phase: "test", .. }));
        assert_eq!(error.class(), Class::OutOfMemory);
        assert!(error.hint().is_some());
    }
}
