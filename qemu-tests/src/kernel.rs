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

/// A series of kernels of which the newest is booted.
#[derive(Clone, Copy, Debug)]
pub struct Series {
    /// What its versions begin with.
    pub version: &'static str,
    /// The skin for it.
    pub skin: Skin,
    /// Whether the verifier fills in implicit arguments (7.0 and later).
    pub native: bool,
}

/// All series, the oldest first.
pub const SERIES: &[Series] = &[
    Series {
        version: "6.12",
        skin: Skin::C,
        native: false,
    },
    Series {
        version: "7.3",
        skin: Skin::Rust,
        native: true,
    },
];

/// One stock kernel.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// Its series.
    pub series: Series,
    /// Its arch.
    pub arch: Arch,
    /// The point release in full, as in its packages: `6.12.107+deb13`.
    pub version: String,
}

impl Kernel {
    /// What `uname -r` says.
    pub fn release(&self) -> String {
        format!("{}-cloud-{}", self.version, self.arch)
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
