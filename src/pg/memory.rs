//! Memory that the system refuses: an ERROR of one statement, and not the end of all sessions.
//!
//! Rust ends the process when an allocation fails, upon which PostgreSQL ends all sessions and recovers. Large structures ask
//! first (`try_reserve`), but not every library does, and where the system hands out no more than it has
//! (`vm.overcommit_memory = 2`, which PostgreSQL's manual recommends, or a limit of the address space) any small
//! allocation may be the one that fails. So long work sets a reserve aside. The allocation that fails gives it back to the
//! system and is tried again; the work is told to stop at its next look, and fails with 53200.

use crate::pg::error::{Failure, Outcome};
use pgrx::prelude::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// Bytes of address space set aside; untouched, they take no memory. What threads may still take between two looks, with room
/// for a buffer that doubles.
const RESERVE: usize = 64 << 20;

static SET_ASIDE: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
static SPENT: AtomicBool = AtomicBool::new(false);

#[global_allocator]
static ALLOCATOR: Reserving = Reserving;

/// The system's allocator, with one more try once the reserve has been given back.
struct Reserving;

// SAFETY: every call is the system allocator's own, made a second time where the first gave nothing.
unsafe impl GlobalAlloc for Reserving {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        again(|| unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        again(|| unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise; a try that gave nothing left the block as it was.
        again(|| unsafe { System.realloc(pointer, layout, size) })
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn again(allocate: impl Fn() -> *mut u8) -> *mut u8 {
    let first = allocate();
    if first.is_null() {
        give_back();
        // Another thread may have given it back a moment ago.
        if is_spent() {
            return allocate();
        }
    }
    first
}

fn give_back() {
    let reserve = SET_ASIDE.swap(std::ptr::null_mut(), Ordering::SeqCst);
    if !reserve.is_null() {
        // SAFETY: mapped by `Reserve::set_aside` with this size; the swap makes us the only one who unmaps it.
        unsafe { libc::munmap(reserve, RESERVE) };
        SPENT.store(true, Ordering::SeqCst);
    }
}

/// True once the work under way has used its reserve up.
pub fn is_spent() -> bool {
    SPENT.load(Ordering::SeqCst)
}

/// The failure of work that the system gave no memory for.
pub fn refused() -> Failure {
    Failure::new(
        PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY,
        "the system gives the server process no more memory",
    )
    .hint("Lower retailscope.max_memory, or give the server more.")
}

/// The reserve of the work under way; given back with it.
pub struct Reserve {
    ours: bool,
}

impl Reserve {
    /// Sets the reserve aside, unless work around this one has done so.
    ///
    /// # Errors
    /// 53200 when the system does not give it.
    pub fn set_aside() -> Outcome<Reserve> {
        if !SET_ASIDE.load(Ordering::SeqCst).is_null() || is_spent() {
            return Ok(Reserve { ours: false });
        }
        // SAFETY: a new private mapping of no file at any address. Writable, so that it counts where the system adds up what
        // it has promised.
        let reserve = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                RESERVE,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if reserve == libc::MAP_FAILED {
            return Err(refused());
        }
        SET_ASIDE.store(reserve, Ordering::SeqCst);
        Ok(Reserve { ours: true })
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        if self.ours {
            give_back();
            SPENT.store(false, Ordering::SeqCst);
        }
    }
}
