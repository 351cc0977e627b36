// SPDX-License-Identifier: GPL-2.0-only

//! Call sites of kfuncs, and whether they have landed.

use core::fmt;

use kfunc_abi::IMPL_SUFFIX;

use crate::kfunc::{Called, Kfunc};
use crate::pool::Pool;

/// A call site, as far as it is known.
pub(super) struct Site {
    /// The number of the function, and how far in.
    pub(super) place: Option<(u32, u64)>,
    /// None if there is no call, or it was not read.
    pub(super) target: Option<Target>,
    /// `yes`, `no`, or why neither.
    pub(super) landed: &'static str,
}

impl Site {
    /// What could not be read.
    pub(super) const UNKNOWN: Self = Self {
        place: None,
        target: None,
        landed: "unknown",
    };
    /// Of a program that has none.
    pub(super) const NONE: Self = Self {
        landed: "none",
        ..Self::UNKNOWN
    };
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((function, offset)) => write!(f, "func={function} offset={offset:#x}")?,
            None => f.write_str("func=- offset=-")?,
        }
        match &self.target {
            Some(target) => write!(f, " target={target}")?,
            None => f.write_str(" target=-")?,
        }
        write!(f, " landed={}", self.landed)
    }
}

/// Where a call of a kfunc goes.
pub(super) struct Target {
    kfunc: &'static str,
    code: Code,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    /// So many bytes into the stub of a slot.
    Stub { slot: usize, offset: usize },
    /// A safe entry.
    Entry(Called),
}

impl Target {
    /// What is at `address`; none if that is not of this kfunc.
    pub(super) fn at(kfunc: &Kfunc, pool: &Pool, address: u64) -> Option<Self> {
        let entry = [Called::ByPublicName, Called::ByFullName]
            .into_iter()
            .find(|by| kfunc.entry(*by) == address)
            .map(Code::Entry);
        let stub = pool
            .stub_at(address)
            .map(|(slot, offset)| Code::Stub { slot, offset });
        entry.or(stub).map(|code| Self {
            kfunc: kfunc.name,
            code,
        })
    }

    /// Whether a call gets the values of this slot, all of them.
    pub(super) fn verdict(&self, slot: usize) -> &'static str {
        if self.code == (Code::Stub { slot, offset: 0 }) {
            "yes"
        } else {
            "no"
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.kfunc;
        match self.code {
            Code::Stub { slot, offset: 0 } => write!(f, "{name}.stub.{slot}"),
            Code::Stub { slot, offset } => write!(f, "{name}.stub.{slot}+{offset:#x}"),
            Code::Entry(Called::ByPublicName) => f.write_str(name),
            Code::Entry(Called::ByFullName) => write!(f, "{name}{IMPL_SUFFIX}"),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::format;

    use super::*;

    fn line(code: Code) -> std::string::String {
        let target = Target { kfunc: "f", code };
        let site = Site {
            place: Some((1, 0x2c)),
            landed: target.verdict(3),
            target: Some(target),
        };
        format!("{site}")
    }

    #[test]
    fn only_the_begin_of_the_own_stub_is_where_a_call_must_land() {
        let stub = |slot, offset| Code::Stub { slot, offset };
        for (code, told) in [
            (stub(3, 0), "target=f.stub.3 landed=yes"),
            (stub(3, 4), "target=f.stub.3+0x4 landed=no"),
            (stub(2, 0), "target=f.stub.2 landed=no"),
            (Code::Entry(Called::ByPublicName), "target=f landed=no"),
            (Code::Entry(Called::ByFullName), "target=f_impl landed=no"),
        ] {
            assert_eq!(line(code), format!("func=1 offset=0x2c {told}"));
        }
    }

    #[test]
    fn what_is_not_a_site_has_the_same_fields() {
        let told = [Site::UNKNOWN, Site::NONE].map(|site| format!("{site}"));
        assert_eq!(told[0], "func=- offset=- target=- landed=unknown");
        assert_eq!(told[1], "func=- offset=- target=- landed=none");
    }
}
