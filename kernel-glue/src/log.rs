// SPDX-License-Identifier: GPL-2.0-only

//! Lines in the kernel log.

use core::ffi::{c_char, c_int, CStr};
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use crate::ffi;

/// Bytes of the longest line; what is longer is cut.
const LINE_LEN: usize = 240;

/// How urgent a line is, as the start of a `printk` format (`include/linux/kern_levels.h`).
#[derive(Clone, Copy)]
pub(crate) enum Level {
    Error,
    Warning,
    Info,
}

impl Level {
    fn format(self) -> &'static CStr {
        match self {
            Self::Error => c"\x013%.*s\n",
            Self::Warning => c"\x014%.*s\n",
            Self::Info => c"\x016%.*s\n",
        }
    }
}

/// Prints `module: what`.
pub(crate) fn print(level: Level, module: &str, what: fmt::Arguments<'_>) {
    let mut line = Line::new();
    // A line that is cut is still a line.
    let _ = write!(line, "{module}: {what}");
    let text = line.text.as_ptr().cast::<c_char>();
    // SAFETY: The format takes a length and a string of at least that length.
    unsafe { ffi::_printk(level.format().as_ptr(), line.len as c_int, text) };
}

/// A line being written. What does not fit is dropped.
struct Line {
    text: [u8; LINE_LEN],
    len: usize,
}

impl Line {
    fn new() -> Self {
        Self {
            text: [0; LINE_LEN],
            len: 0,
        }
    }
}

impl Write for Line {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for (place, byte) in self.text.iter_mut().skip(self.len).zip(part.bytes()) {
            *place = byte;
            self.len = self.len.saturating_add(1);
        }
        Ok(())
    }
}

/// Lets a number of lines through in every interval, because a program can be loaded again and again.
pub(crate) struct RateLimit {
    interval_start: AtomicI64,
    printed: AtomicU32,
}

impl RateLimit {
    /// Lines in an interval (`DEFAULT_RATELIMIT_BURST` of `include/linux/ratelimit_types.h`).
    const BURST: u32 = 10;
    /// Nanoseconds of an interval (`DEFAULT_RATELIMIT_INTERVAL`, the same place).
    const INTERVAL: i64 = 5_000_000_000;

    pub(crate) const fn new() -> Self {
        Self {
            interval_start: AtomicI64::new(0),
            printed: AtomicU32::new(0),
        }
    }

    /// Whether a line may be printed now.
    pub(crate) fn allows(&self) -> bool {
        // SAFETY: Takes nothing, and may be called from any context but NMI.
        let now = unsafe { ffi::ktime_get() };
        let start = self.interval_start.load(Ordering::Relaxed);
        if now.saturating_sub(start) > Self::INTERVAL {
            self.interval_start.store(now, Ordering::Relaxed);
            self.printed.store(0, Ordering::Relaxed);
        }
        self.printed.fetch_add(1, Ordering::Relaxed) < Self::BURST
    }
}
