// SPDX-License-Identifier: GPL-2.0-only

//! Objects of the kernel's, of the module's and of the program's.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use kernel_glue::param::{Callback, Iter, Map, RefcountedKptr};
use kernel_glue::Handed;

kernel_glue::kernel_types! {
    /// A task.
    pub struct Task as "task_struct";
}

kernel_glue::module_types! {
    /// There is one of each number. Who takes it must give it back.
    pub struct Ticket as "shape_ticket" {
        /// Which one it is.
        pub number: u64,
    }

    /// The numbers behind `at` and before `end`.
    pub struct Range as "bpf_iter_shape" {
        /// The one that was given last.
        pub at: u64,
        /// The first one that is not given.
        pub end: u64,
    }
}

static TICKETS: [Ticket; 4] = [
    Ticket { number: 0 },
    Ticket { number: 1 },
    Ticket { number: 2 },
    Ticket { number: 3 },
];
static TAKEN: [AtomicBool; TICKETS.len()] = [const { AtomicBool::new(false) }; TICKETS.len()];

fn hand(ticket: &'static Ticket) -> Handed<Ticket> {
    // SAFETY: A struct, to which programs cannot write, and which stays.
    unsafe { Handed::new(ptr::from_ref(ticket).cast_mut()) }
}

/// The ticket of this number, unless it is out.
pub fn take(number: u32) -> Handed<Ticket> {
    let number = number as usize;
    match (TICKETS.get(number), TAKEN.get(number)) {
        (Some(ticket), Some(taken)) if !taken.swap(true, Ordering::Acquire) => hand(ticket),
        _ => Handed::null(),
    }
}

kernel_glue::kfuncs! {
    /// Objects.
    pub set OBJECTS for [SYSCALL, SCHED_CLS] {
        /// The address of a task that is trusted.
        #[kfunc]
        pub fn bpf_shape_task(task: *const Task) -> u64 {
            task as u64
        }

        /// The address of a task that RCU protects.
        #[kfunc(flags = [RCU])]
        pub fn bpf_shape_rcu(task: *const Task) -> u64 {
            task as u64
        }

        /// The ticket of this number, unless it is out.
        #[kfunc(flags = [ACQUIRE, RET_NULL])]
        pub fn bpf_shape_take(number: u32) -> Handed<Ticket> {
            take(number)
        }

        /// Takes a ticket back.
        #[kfunc(flags = [RELEASE])]
        pub fn bpf_shape_give(ticket: *mut Ticket) {
            // SAFETY: The verifier takes only what `bpf_shape_take` gave.
            let number = unsafe { (*ticket).number };
            if let Some(taken) = TAKEN.get(number as usize) {
                taken.store(false, Ordering::Release);
            }
        }

        /// The ticket of this number, to look at.
        #[kfunc(flags = [RET_NULL])]
        pub fn bpf_shape_peek(number: u32) -> Handed<Ticket> {
            match TICKETS.get(number as usize) {
                Some(ticket) => hand(ticket),
                None => Handed::null(),
            }
        }

        /// Begins with `from`.
        #[kfunc(flags = [ITER_NEW])]
        pub fn bpf_iter_shape_new(it: *mut Range, from: u64, end: u64) -> i32 {
            // SAFETY: The verifier has checked that this is room for an iterator on the program's stack.
            unsafe { it.write(Range { at: from.wrapping_sub(1), end }) };
            0
        }

        /// The next number, until there is none.
        #[kfunc(flags = [ITER_NEXT, RET_NULL])]
        pub fn bpf_iter_shape_next(it: *mut Range) -> Handed<u64> {
            // SAFETY: The verifier has checked that the iterator was begun; the program cannot write to it.
            let range = unsafe { &mut *it };
            range.at = range.at.wrapping_add(1);
            if range.at >= range.end {
                return Handed::null();
            }
            // SAFETY: A number, which stays on the program's stack.
            unsafe { Handed::new(&raw mut range.at) }
        }

        /// Ends it.
        #[kfunc(flags = [ITER_DESTROY])]
        pub fn bpf_iter_shape_destroy(it: *mut Range) {
            // SAFETY: As above.
            unsafe { it.write(Range { at: 0, end: 0 }) };
        }

        /// How many numbers are still to come.
        #[kfunc]
        pub fn bpf_shape_left(it: Iter<Range>) -> u64 {
            // SAFETY: As above.
            let range = unsafe { &*it.as_ptr() };
            range.end.wrapping_sub(range.at).wrapping_sub(1)
        }

        /// The address of a map.
        #[kfunc]
        pub fn bpf_shape_map(map: Map) -> u64 {
            map.as_ptr() as u64
        }

        /// Whether there is an object. Where its members are only the program knows.
        #[kfunc]
        pub fn bpf_shape_refcounted(object: RefcountedKptr<c_void>) -> u64 {
            u64::from(!object.as_ptr().is_null())
        }

        /// Takes a function.
        #[kfunc]
        pub fn bpf_shape_callback(callback: Callback<unsafe extern "C" fn(u64) -> u64>) -> u64 {
            let _ = callback;
            1
        }
    }
}
