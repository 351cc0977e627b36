// SPDX-License-Identifier: GPL-2.0-only

//! How often something may be done in an interval, as `___ratelimit` of `lib/ratelimit.c` counts it.

use core::sync::atomic::{AtomicU64, Ordering};

use kernel_glue::{monotonic_ns, State};

/// What was allowed in the interval that has begun.
#[derive(Debug)]
pub struct Limiter {
    /// When it began, in nanoseconds since boot; 0 if none has.
    begin: AtomicU64,
    allowed: AtomicU64,
}

impl State for Limiter {
    const NAME: &'static str = "limiter";
    const NEW: Self = Self {
        begin: AtomicU64::new(0),
        allowed: AtomicU64::new(0),
    };
}

impl Limiter {
    /// Whether it may be done now: up to `burst` times in `interval` nanoseconds from the first.
    ///
    /// Where CPUs meet at the end of an interval, one begins the next; a call that is counted just before is not
    /// counted again.
    pub fn allows(&self, burst: u64, interval: u64) -> bool {
        let now = monotonic_ns();
        let begin = self.begin.load(Ordering::Relaxed);
        let over = begin == 0 || now.saturating_sub(begin) >= interval;
        let first = || {
            let begun =
                self.begin
                    .compare_exchange(begin, now, Ordering::Relaxed, Ordering::Relaxed);
            begun.is_ok()
        };
        if over && first() {
            self.allowed.store(0, Ordering::Relaxed);
        }
        let counted = self
            .allowed
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |allowed| {
                (allowed < burst).then(|| allowed.saturating_add(1))
            });
        counted.is_ok()
    }
}
