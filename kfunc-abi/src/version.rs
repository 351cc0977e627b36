// SPDX-License-Identifier: MIT OR Apache-2.0

//! Kernel versions, and what is known of which kernels have a thing.

use core::fmt;

/// The version of a kernel: what its release begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KernelVersion {
    /// 6 of `6.12`.
    pub major: u16,
    /// 12 of `6.12`.
    pub minor: u16,
}

impl KernelVersion {
    /// The version `major.minor`.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// The version that a release (`6.12.117+deb13-cloud-amd64`) or a module's vermagic begins with.
    pub const fn parse(release: &[u8]) -> Option<Self> {
        let Some((major, rest)) = leading_number(release) else {
            return None;
        };
        let Some((b'.', rest)) = rest.split_first() else {
            return None;
        };
        let Some((minor, _)) = leading_number(rest) else {
            return None;
        };
        Some(Self::new(major, minor))
    }

    /// Whether it is older than `other`. As `<`, for constants.
    pub const fn is_before(self, other: Self) -> bool {
        self.major < other.major || (self.major == other.major && self.minor < other.minor)
    }
}

/// The number in front, and what follows it.
const fn leading_number(text: &[u8]) -> Option<(u16, &[u8])> {
    let (mut number, mut rest) = (None, text);
    while let Some((digit @ b'0'..=b'9', after)) = rest.split_first() {
        let before = match number {
            Some(before) => before,
            None => 0_u16,
        };
        let Some(tens) = before.checked_mul(10) else {
            return None;
        };
        number = tens.checked_add(digit.wrapping_sub(b'0') as u16);
        if number.is_none() {
            return None;
        }
        rest = after;
    }
    match number {
        Some(number) => Some((number, rest)),
        None => None,
    }
}

impl fmt::Display for KernelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Which kernels have a thing, as far as it is proven.
///
/// Not every release was read, so this keeps what was seen, and where: between the last kernel without a thing
/// and the first one with it there may be releases of which nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernels {
    /// The newest kernel known not to have it yet. None: nothing is known of kernels before `first`.
    pub absent_until: Option<KernelVersion>,
    /// The oldest kernel known to have it.
    pub first: KernelVersion,
    /// Where it ended. None: the newest kernel that was read has it.
    pub end: Option<End>,
}

/// Where a thing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The newest kernel known to have it.
    pub last: KernelVersion,
    /// The oldest kernel known to have it no more.
    pub gone: KernelVersion,
}

/// Whether a kernel has a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It has.
    Present,
    /// It has not.
    Absent,
    /// Nobody has looked.
    Unknown,
}

impl Kernels {
    /// From `first` on; of older kernels nothing is known.
    pub const fn from(first: KernelVersion) -> Self {
        Self {
            absent_until: None,
            first,
            end: None,
        }
    }

    /// From `first` on, and not in `absent` nor before.
    pub const fn between(absent: KernelVersion, first: KernelVersion) -> Self {
        Self {
            absent_until: Some(absent),
            first,
            end: None,
        }
    }

    /// The same, up to `last`, and not in `gone` nor later.
    pub const fn until(self, last: KernelVersion, gone: KernelVersion) -> Self {
        Self {
            end: Some(End { last, gone }),
            ..self
        }
    }

    /// Whether `kernel` has it. A kernel newer than all that were read is taken to be like the newest of them.
    pub const fn presence(&self, kernel: KernelVersion) -> Presence {
        if kernel.is_before(self.first) {
            return match self.absent_until {
                Some(absent) if !absent.is_before(kernel) => Presence::Absent,
                _ => Presence::Unknown,
            };
        }
        match self.end {
            Some(end) if !kernel.is_before(end.gone) => Presence::Absent,
            Some(end) if end.last.is_before(kernel) => Presence::Unknown,
            _ => Presence::Present,
        }
    }
}

/// `7.3 and later, not 6.12`; `6.12, not 7.3`.
impl fmt::Display for Kernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        match self.end {
            None => f.write_str(" and later")?,
            Some(end) if end.last != self.first => write!(f, " to {}", end.last)?,
            Some(_) => {}
        }
        match (self.absent_until, self.end) {
            (Some(absent), None) => write!(f, ", not {absent}"),
            (None, Some(end)) => write!(f, ", not {}", end.gone),
            (Some(absent), Some(end)) => write!(f, ", not {absent} and {}", end.gone),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::string::ToString;

    const fn v(major: u16, minor: u16) -> KernelVersion {
        KernelVersion::new(major, minor)
    }

    #[test]
    fn releases_begin_with_their_version() {
        for (release, version) in [
            ("6.12.117+deb13-cloud-amd64", Some(v(6, 12))),
            ("7.3", Some(v(7, 3))),
            ("7.3-rc2", Some(v(7, 3))),
            (
                "7.3.4+deb13-cloud-arm64 SMP preempt mod_unload",
                Some(v(7, 3)),
            ),
            ("65535.65535.", Some(v(65535, 65535))),
            ("65536.1", None),
            ("6.65536", None),
            ("6.99999999999999999999", None),
            ("6", None),
            ("6.", None),
            (".12", None),
            ("v6.12", None),
            (" 6.12", None),
            ("", None),
        ] {
            assert_eq!(
                KernelVersion::parse(release.as_bytes()),
                version,
                "{release:?}"
            );
        }
    }

    #[test]
    fn order_counts_minors_as_numbers() {
        let sorted = [
            v(5, 19),
            v(6, 1),
            v(6, 2),
            v(6, 12),
            v(6, 19),
            v(7, 0),
            v(7, 3),
        ];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(a < b, i < j);
                assert_eq!(a.is_before(*b), i < j);
            }
        }
        assert_eq!(v(6, 12).to_string(), "6.12");
    }

    #[test]
    fn what_nobody_looked_at_is_unknown() {
        use Presence::{Absent, Present, Unknown};
        let cases = [
            (
                Kernels::from(v(6, 12)),
                "6.12 and later",
                [Unknown, Present, Present, Present, Present],
            ),
            (
                Kernels::between(v(6, 12), v(7, 3)),
                "7.3 and later, not 6.12",
                [Absent, Absent, Unknown, Present, Present],
            ),
            (
                Kernels::from(v(6, 12)).until(v(6, 12), v(7, 3)),
                "6.12, not 7.3",
                [Unknown, Present, Unknown, Absent, Absent],
            ),
            (
                Kernels::between(v(6, 13), v(6, 14)).until(v(6, 19), v(7, 0)),
                "6.14 to 6.19, not 6.13 and 7.0",
                [Absent, Absent, Present, Absent, Absent],
            ),
        ];
        let asked = [v(6, 1), v(6, 12), v(6, 15), v(7, 3), v(7, 4)];
        for (kernels, text, answers) in cases {
            assert_eq!(kernels.to_string(), text);
            for (kernel, answer) in asked.into_iter().zip(answers) {
                assert_eq!(kernels.presence(kernel), answer, "{kernel}: {kernels}");
            }
        }
    }
}
