//! What a miner has found: nodes by task, counted at the gate in batches, and put together in the order of the tasks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::gate::{Gate, LONGEST};
use super::itemsets::Node;
use crate::control::{Charge, Control, Stop, no_memory};

const PHASE: &str = "gathering itemsets";
/// Nodes that are counted at the gate at once.
const BATCH: u32 = 1024;
/// Units of work (about a row of a basket each) between two looks at the gate: well below a millisecond for common baskets,
/// and below 50 for rows of ten thousand items.
const LOOK: usize = 4096;

/// Nodes, and the memory that they are charged with.
#[derive(Debug, Default)]
struct Buffer {
    nodes: Vec<Node>,
    charge: Charge,
}

impl Buffer {
    fn reserve(&mut self, more: usize, control: &dyn Control) -> Result<(), Stop> {
        let (len, now) = (self.nodes.len(), self.nodes.capacity());
        if len + more <= now {
            return Ok(());
        }
        let wanted = (len + more).max(now.saturating_mul(2)).max(64);
        let bytes = |nodes: usize| (nodes as u64).saturating_mul(size_of::<Node>() as u64);
        self.charge.set(bytes(wanted), PHASE, control)?;
        self.nodes
            .try_reserve_exact(wanted - len)
            .map_err(no_memory(PHASE, bytes(wanted)))
    }

    fn append(&mut self, nodes: &[Node], control: &dyn Control) -> Result<(), Stop> {
        self.reserve(nodes.len(), control)?;
        self.nodes.extend_from_slice(nodes);
        Ok(())
    }
}

/// The parts that are ready.
#[derive(Debug, Default)]
struct Parts {
    /// Those of the tasks before `next`, in their order.
    done: Buffer,
    next: usize,
    /// Those that came too early.
    waiting: BTreeMap<usize, Buffer>,
    failed: Option<Stop>,
}

/// Shared by the threads of a search.
struct Gathered<'a> {
    gate: &'a Gate<'a>,
    parts: Mutex<Parts>,
    failed: AtomicBool,
}

impl Gathered<'_> {
    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops what has become too long in all that is ready.
    fn prune(&self) {
        let mut parts = self.parts();
        let Parts { done, waiting, .. } = &mut *parts;
        for buffer in std::iter::once(done).chain(waiting.values_mut()) {
            self.gate.prune(&mut buffer.nodes);
        }
    }

    /// Takes the nodes of a task.
    fn deliver(&self, task: usize, own: &mut Buffer) -> Result<(), Stop> {
        let control = self.gate.control();
        let mut parts = self.parts();
        let Parts {
            done,
            next,
            waiting,
            ..
        } = &mut *parts;
        if task != *next {
            waiting.insert(task, std::mem::take(own));
            return Ok(());
        }
        done.append(&own.nodes, control)?;
        own.nodes.clear();
        *next += 1;
        while let Some(part) = waiting.remove(next) {
            done.append(&part.nodes, control)?;
            *next += 1;
        }
        Ok(())
    }

    fn fail(&self, stop: Stop) {
        self.parts().failed.get_or_insert(stop);
        self.failed.store(true, Ordering::Relaxed);
    }
}

/// What one thread has found in its task.
pub(super) struct Found<'a> {
    gathered: &'a Gathered<'a>,
    own: Buffer,
    counts: [u32; LONGEST + 1],
    pending: u32,
    longest: usize,
    work: usize,
}

impl Found<'_> {
    fn new<'a>(gathered: &'a Gathered<'a>) -> Found<'a> {
        Found {
            gathered,
            own: Buffer::default(),
            counts: [0; LONGEST + 1],
            pending: 0,
            longest: gathered.gate.longest(),
            work: 0,
        }
    }

    /// The control that the search is under.
    pub(super) fn control(&self) -> &dyn Control {
        self.gathered.gate.control()
    }

    /// Items that an itemset may have, as this thread has last heard.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Adds an itemset of `depth` items in preorder; one that is too long is dropped.
    ///
    /// # Errors
    /// [`Stop`].
    pub(super) fn push(&mut self, depth: usize, item: u32, support: u32) -> Result<(), Stop> {
        if depth > self.longest {
            return Ok(());
        }
        if self.own.nodes.len() == self.own.nodes.capacity() {
            self.own.reserve(1, self.gathered.gate.control())?;
        }
        self.own.nodes.push(Node {
            depth: depth as u32,
            item,
            support,
        });
        if let Some(count) = self.counts.get_mut(depth) {
            *count += 1;
        }
        self.pending += 1;
        if self.pending >= BATCH {
            self.flush();
            self.work(LOOK)?;
        }
        Ok(())
    }

    /// Notes work that was done, and looks at the gate from time to time.
    ///
    /// # Errors
    /// [`Stop`].
    pub(super) fn work(&mut self, units: usize) -> Result<(), Stop> {
        self.work += units;
        if self.work < LOOK {
            return Ok(());
        }
        self.work = 0;
        self.gathered.gate.check()?;
        if self.gathered.failed.load(Ordering::Relaxed) {
            return Err(Stop::Cancelled);
        }
        self.lower();
        Ok(())
    }

    fn flush(&mut self) {
        for (depth, count) in self.counts.iter_mut().enumerate() {
            if *count > 0 {
                self.gathered.gate.found(depth, u64::from(*count));
                *count = 0;
            }
        }
        self.pending = 0;
        self.lower();
    }

    /// Hears whether the length has fallen, and lets go of what is too long.
    fn lower(&mut self) {
        let longest = self.gathered.gate.longest();
        if longest < self.longest {
            self.longest = longest;
            self.gathered.gate.prune(&mut self.own.nodes);
            self.gathered.prune();
        }
    }
}

/// Runs tasks 0 to `tasks` on the threads of the current pool and puts what they find together in their order: the same
/// nodes for any number of threads. Each thread has a state of its own.
///
/// # Errors
/// The first [`Stop`] of a task.
pub(super) fn in_order<S: Default>(
    tasks: usize,
    gate: &Gate<'_>,
    run: impl Fn(usize, &mut S, &mut Found<'_>) -> Result<(), Stop> + Sync,
) -> Result<Vec<Node>, Stop> {
    let gathered = Gathered {
        gate,
        parts: Mutex::default(),
        failed: AtomicBool::new(false),
    };
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut state = S::default();
        let mut found = Found::new(&gathered);
        loop {
            let task = next.fetch_add(1, Ordering::Relaxed);
            if task >= tasks || gathered.failed.load(Ordering::Relaxed) {
                break;
            }
            let ran = run(task, &mut state, &mut found).and_then(|()| {
                found.flush();
                found.work(1)?;
                gathered.deliver(task, &mut found.own)
            });
            if let Err(stop) = ran {
                gathered.fail(stop);
            }
        }
    };
    rayon::scope(|scope| {
        for _ in 1..rayon::current_num_threads().min(tasks) {
            scope.spawn(|_| worker());
        }
        worker();
    });
    let parts = gathered
        .parts
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    match parts.failed {
        Some(stop) => Err(stop),
        None => {
            let mut nodes = parts.done.nodes;
            gate.prune(&mut nodes);
            nodes.shrink_to_fit();
            Ok(nodes)
        }
    }
}
