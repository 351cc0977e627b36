// SPDX-License-Identifier: MIT OR Apache-2.0

//! One ruler for all heaps: `malloc` and its kin are defined here, so that libbpf's calls are counted as Rust's are.
//!
//! What is counted is the usable size of each block, as glibc gives it.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use libc::{malloc_usable_size, size_t};

unsafe extern "C" {
    fn __libc_malloc(size: size_t) -> *mut c_void;
    fn __libc_calloc(count: size_t, size: size_t) -> *mut c_void;
    fn __libc_realloc(block: *mut c_void, size: size_t) -> *mut c_void;
    fn __libc_free(block: *mut c_void);
}

/// Off while time is measured.
static COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// What a piece of work took from the heap.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(crate) struct Heap {
    /// Calls that asked for memory.
    pub(crate) allocations: usize,
    /// The most bytes at one time.
    pub(crate) peak: usize,
}

/// Counts what `work` takes from the heap. Not for work that frees what it did not take.
pub(crate) fn measure<T>(work: impl FnOnce() -> T) -> (T, Heap) {
    for counter in [&ALLOCATIONS, &LIVE, &PEAK] {
        counter.store(0, Relaxed);
    }
    COUNTING.store(true, Relaxed);
    let result = work();
    COUNTING.store(false, Relaxed);
    let heap = Heap {
        allocations: ALLOCATIONS.load(Relaxed),
        peak: PEAK.load(Relaxed),
    };
    (result, heap)
}

/// Bytes that the work being measured has now.
pub(crate) fn live() -> usize {
    LIVE.load(Relaxed)
}

fn taken(block: *mut c_void) -> *mut c_void {
    if COUNTING.load(Relaxed) {
        ALLOCATIONS.fetch_add(1, Relaxed);
        let size = usable(block);
        let live = LIVE.fetch_add(size, Relaxed).wrapping_add(size);
        PEAK.fetch_max(live, Relaxed);
    }
    block
}

fn given_back(size: usize) {
    LIVE.fetch_sub(size, Relaxed);
}

fn usable(block: *mut c_void) -> usize {
    // SAFETY: `block` is null or was given out by glibc, the only allocator behind these functions, and is not freed.
    unsafe { malloc_usable_size(block) }
}

/// # Safety
///
/// As C's `malloc`.
#[no_mangle]
unsafe extern "C" fn malloc(size: size_t) -> *mut c_void {
    // SAFETY: as this function.
    taken(unsafe { __libc_malloc(size) })
}

/// # Safety
///
/// As C's `calloc`.
#[no_mangle]
unsafe extern "C" fn calloc(count: size_t, size: size_t) -> *mut c_void {
    // SAFETY: as this function.
    taken(unsafe { __libc_calloc(count, size) })
}

/// # Safety
///
/// As C's `realloc`.
#[no_mangle]
unsafe extern "C" fn realloc(block: *mut c_void, size: size_t) -> *mut c_void {
    if COUNTING.load(Relaxed) {
        given_back(usable(block));
    }
    // SAFETY: as this function.
    taken(unsafe { __libc_realloc(block, size) })
}

/// # Safety
///
/// As C's `free`.
#[no_mangle]
unsafe extern "C" fn free(block: *mut c_void) {
    if COUNTING.load(Relaxed) {
        given_back(usable(block));
    }
    // SAFETY: as this function.
    unsafe { __libc_free(block) }
}
