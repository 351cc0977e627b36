// SPDX-License-Identifier: MIT OR Apache-2.0

//! Telling what is being done, and for how long.

use std::io::{stderr, IsTerminal, Write};
use std::sync::mpsc::{channel, RecvTimeoutError, Sender};
use std::thread::{spawn, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Result;

/// How often the elapsed time is shown on a terminal, and elsewhere.
const TERMINAL_PERIOD: Duration = Duration::from_secs(1);
const LOG_PERIOD: Duration = Duration::from_secs(60);

/// Does `work`, and tells on standard error that it is `what` and how long it takes.
///
/// # Errors
///
/// Those of `work`.
pub fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let clock = Clock::start(what.to_owned(), start);
    let result = work();
    clock.stop();
    let seconds = start.elapsed().as_secs_f64();
    match &result {
        Ok(_) => eprintln!("{what}: done in {seconds:.1} s"),
        // All of it is told at the end.
        Err(error) => {
            let error = error.to_string();
            let first = error.lines().next().unwrap_or_default();
            eprintln!("{what}: FAILED in {seconds:.1} s: {first}");
        }
    }
    result
}

/// Shows the elapsed time while something goes on.
struct Clock {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Clock {
    fn start(what: String, start: Instant) -> Self {
        let (stop, stopped) = channel();
        let thread = spawn(move || {
            let terminal = stderr().is_terminal();
            let period = if terminal {
                TERMINAL_PERIOD
            } else {
                LOG_PERIOD
            };
            while stopped.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
                let seconds = start.elapsed().as_secs();
                if terminal {
                    eprint!("\r{what}: {seconds} s ");
                    let _ = stderr().flush();
                } else {
                    eprintln!("{what}: {seconds} s so far");
                }
            }
            if terminal {
                // Clears the line that was written over.
                eprint!("\r\x1b[K");
            }
        });
        Self { stop, thread }
    }

    fn stop(self) {
        // The thread may have ended by itself only by a panic, which is not hidden: the output is missing.
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}
