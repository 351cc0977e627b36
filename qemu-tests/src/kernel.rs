// SPDX-License-Identifier: MIT OR Apache-2.0

//! The kernels that are booted.

use std::fmt;

use btf_core::validate::Release;

/// An arch, by Debian's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Arch {
    /// x86-64.
    Amd64,
    /// 64-bit Arm.
    Arm64,
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        })
    }
}

impl Arch {
    /// What kbuild is told.
    pub fn make_args(self) -> &'static str {
        match self {
            Self::Amd64 => "ARCH=x86 CROSS_COMPILE=x86_64-linux-gnu- CC=x86_64-linux-gnu-gcc-14",
            Self::Arm64 => {
                "ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- CC=aarch64-linux-gnu-gcc-14"
            }
        }
    }

    /// The C compiler for guest programs.
    pub fn compiler(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-linux-gnu-gcc-14",
            Self::Arm64 => "aarch64-linux-gnu-gcc-14",
        }
    }
}

/// How Rust gets into the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skin {
    /// A page of C with all Rust in one object.
    C,
    /// Rust for Linux.
    Rust,
}

impl fmt::Display for Skin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::C => "C",
            Self::Rust => "Rust",
        })
    }
}

/// How a kernel is configured: by Debian, but for the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Flavour {
    /// For virtual machines.
    Cloud,
    /// For everything.
    Generic,
    /// With `CONFIG_PREEMPT_RT`.
    Rt,
    /// With pages of 16 KiB.
    #[value(name = "16k")]
    Pages16k,
    /// With all that looks for defects of ours: `debug_kernel` builds it. Its modules get this skin.
    #[value(skip)]
    Debug(Skin),
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cloud => "cloud",
            Self::Generic => "generic",
            Self::Rt => "rt",
            Self::Pages16k => "16k",
            Self::Debug(_) => "debug",
        })
    }
}

impl Flavour {
    /// All that Debian has.
    pub const ALL: &'static [Self] = &[Self::Cloud, Self::Generic, Self::Rt, Self::Pages16k];

    /// Whether `arch` has it.
    pub fn is_for(self, arch: Arch) -> bool {
        self != Self::Pages16k || arch == Arch::Arm64
    }

    /// What the release of such a kernel for `arch` ends in, after its version.
    pub fn suffix(self, arch: Arch) -> String {
        match self {
            Self::Generic => format!("-{arch}"),
            Self::Cloud | Self::Rt | Self::Debug(_) => format!("-{self}-{arch}"),
            Self::Pages16k => format!("-{arch}-{self}"),
        }
    }
}

/// A series of kernels of which the newest is booted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series {
    /// What its versions begin with.
    pub version: &'static str,
    /// Whether its cloud kernels are booted when nothing is said.
    pub by_default: bool,
}

/// Some of these kernels are shipped not as they must be (`doctor`).
pub(crate) const SERIES_7_2: Series = Series {
    version: "7.2",
    by_default: false,
};

/// All series, the oldest first.
pub const SERIES: &[Series] = &[
    Series {
        version: "6.12",
        by_default: true,
    },
    SERIES_7_2,
    Series {
        version: "7.3",
        by_default: true,
    },
];

/// A kernel, whichever point release is the newest: a row of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its series.
    pub series: Series,
    /// Its flavour.
    pub flavour: Flavour,
    /// Its arch.
    pub arch: Arch,
}

impl Row {
    /// All rows that Debian has.
    pub fn all() -> impl Iterator<Item = Self> {
        let archs = [Arch::Amd64, Arch::Arm64].into_iter();
        archs.flat_map(|arch| {
            let flavours = Flavour::ALL.iter().filter(move |one| one.is_for(arch));
            flavours.flat_map(move |&flavour| {
                SERIES.iter().map(move |&series| Self {
                    series,
                    flavour,
                    arch,
                })
            })
        })
    }

    /// Those that are booted when nothing is said.
    pub fn by_default() -> impl Iterator<Item = Self> {
        Self::all().filter(|row| row.series.by_default && row.flavour == Flavour::Cloud)
    }

    /// Those that `cargo xtask test` boots with the example module, too: what they differ in from the others, preemption and
    /// pages, is the same in later kernels, and these need no Rust metadata.
    pub fn in_tests() -> impl Iterator<Item = Self> {
        let differ = |row: &Self| match row.flavour {
            Flavour::Rt => row.arch == Arch::Amd64,
            Flavour::Pages16k => true,
            Flavour::Cloud | Flavour::Generic | Flavour::Debug(_) => false,
        };
        Self::all().filter(move |row| row.series == SERIES[0] && differ(row))
    }
}

/// One stock kernel.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// Its series.
    pub series: Series,
    /// Its flavour.
    pub flavour: Flavour,
    /// Its arch.
    pub arch: Arch,
    /// The point release in full, as in its packages: `6.12.107+deb13`.
    pub version: String,
}

impl Kernel {
    /// The row that it is in.
    pub fn row(&self) -> Row {
        Row {
            series: self.series,
            flavour: self.flavour,
            arch: self.arch,
        }
    }

    /// What `uname -r` says.
    pub fn release(&self) -> String {
        format!("{}{}", self.version, self.flavour.suffix(self.arch))
    }

    /// The rules that it has for BTF. Those of 6.12 changed in a point release after 6.12.107.
    pub fn btf_rules(&self) -> Release {
        let version = self.version.split('+').next().unwrap_or_default();
        let point = version.strip_prefix("6.12.").map(str::parse::<u32>);
        match point {
            Some(Ok(..=107)) => Release::Linux6_12_107,
            Some(_) => Release::Linux6_12,
            None => Release::Linux7_3,
        }
    }

    /// The headers, in the build root.
    pub fn headers(&self) -> String {
        format!("/usr/src/linux-headers-{}", self.release())
    }

    /// The ELF file with the kernel's BTF, in the build root.
    pub fn vmlinux(&self) -> String {
        format!("{}/vmlinux", self.headers())
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.release())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_named_as_debian_does() {
        let release = |flavour, arch| Kernel {
            series: SERIES[0],
            flavour,
            arch,
            version: "6.12.117+deb13".to_owned(),
        };
        for (flavour, arch, expected) in [
            (Flavour::Cloud, Arch::Amd64, "6.12.117+deb13-cloud-amd64"),
            (Flavour::Generic, Arch::Arm64, "6.12.117+deb13-arm64"),
            (Flavour::Rt, Arch::Amd64, "6.12.117+deb13-rt-amd64"),
            (Flavour::Pages16k, Arch::Arm64, "6.12.117+deb13-arm64-16k"),
            (
                Flavour::Debug(Skin::C),
                Arch::Arm64,
                "6.12.117+deb13-debug-arm64",
            ),
        ] {
            assert_eq!(release(flavour, arch).release(), expected);
        }
    }

    #[test]
    fn there_are_no_16k_pages_on_amd64() {
        assert_eq!(Row::all().count(), 7 * SERIES.len());
        assert_eq!(Row::by_default().count(), 4);
        assert_eq!(Row::in_tests().count(), 2);
        let wrong = |row: &Row| row.flavour == Flavour::Pages16k && row.arch == Arch::Amd64;
        assert!(!Row::all().any(|row| wrong(&row)));
    }
}
