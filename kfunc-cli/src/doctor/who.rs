// SPDX-License-Identifier: MIT OR Apache-2.0

//! Whose programs are hit.

use std::collections::BTreeSet;
use std::fmt;

use kfunc_abi::Hook;

/// What the sets and functions of sched_ext have in their names.
const SCHED_EXT: &str = "scx_";

/// Those who may call some kfuncs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// The hooks of their programs, as far as they are known.
    pub hooks: BTreeSet<Hook>,
    /// Whether a kfunc of sched_ext is among them.
    pub sched_ext: bool,
    /// Whether one of something else is.
    pub others: bool,
}

impl Who {
    /// Those who may call the kfunc `name`, which is in `sets`, for programs of these hooks.
    pub(super) fn may_call(name: &str, sets: &[String], hooks: BTreeSet<Hook>) -> Self {
        let mut names = sets.iter().map(String::as_str).chain([name]);
        let sched_ext = names.any(|name| name.contains(SCHED_EXT));
        Self {
            hooks,
            sched_ext,
            others: !sched_ext,
        }
    }

    /// Those, and `other`.
    pub(super) fn add(&mut self, other: &Self) {
        self.hooks.extend(&other.hooks);
        self.sched_ext |= other.sched_ext;
        self.others |= other.others;
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.sched_ext, self.others) {
            (true, false) => "every sched_ext scheduler",
            (true, true) => "every sched_ext scheduler and every other program",
            (false, _) => "every program",
        })?;
        if !self.hooks.is_empty() {
            let hooks: Vec<_> = self.hooks.iter().map(|hook| hook.name()).collect();
            write!(f, " ({})", hooks.join(", "))?;
        }
        Ok(())
    }
}
