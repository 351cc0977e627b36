// SPDX-License-Identifier: GPL-2.0-only

//! Why a module is not loaded.

use core::ffi::c_int;
use core::fmt;

use verifier_fixup::layout::LayoutError;
use verifier_fixup::native::NativeError;

use crate::registered::MAX_KFUNCS;

/// `ENOEXEC` of `include/uapi/asm-generic/errno-base.h`: this module is not one for this kernel.
const ENOEXEC: c_int = 8;
/// `EINVAL`, the same place: a parameter that cannot be.
const EINVAL: c_int = 22;

/// Why the module is not loaded.
#[derive(Clone, Copy)]
pub(crate) enum LoadError {
    Again,
    NotEmbedded,
    NoBtf {
        of: &'static str,
        errno: i32,
    },
    Btf(btf_core::Error),
    Layout(LayoutError),
    Mirrors,
    NotInBtf {
        kfunc: &'static str,
    },
    Native {
        of: &'static str,
        error: NativeError,
    },
    /// More slots are asked for than `kfunc` has.
    Slots {
        asked: u32,
        kfunc: &'static str,
        declared: usize,
    },
    TooManyKfuncs,
    Probe(c_int),
    Set(c_int),
}

impl LoadError {
    /// What `insmod` is told.
    pub(crate) fn errno(self) -> c_int {
        match self {
            Self::Probe(errno) | Self::Set(errno) => errno,
            Self::Slots { .. } => -EINVAL,
            _ => -ENOEXEC,
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Again => f.write_str("a module registers once"),
            Self::NotEmbedded => {
                f.write_str("it has no BTF of its own: run 'kfunc embed' on the module")
            }
            Self::NoBtf { of, errno } => write!(
                f,
                "the kernel has no BTF of {of} (error {errno}): run 'kfunc embed' on the module"
            ),
            Self::Btf(error) => write!(f, "{error}"),
            Self::Layout(error) => {
                write!(f, "{error}: run 'kfunc embed' with this kernel's vmlinux")
            }
            Self::Mirrors => {
                f.write_str("struct kprobe or btf_kfunc_id_set is not the one that is known")
            }
            Self::NotInBtf { kfunc } => {
                write!(f, "{kfunc} is not where it must be in the module's BTF")
            }
            Self::Native { of, error } => write!(f, "native {of}: {error}"),
            Self::Slots {
                asked,
                kfunc,
                declared,
            } => write!(f, "slots={asked}: {kfunc} has {declared}"),
            Self::TooManyKfuncs => write!(f, "more than {MAX_KFUNCS} kfuncs"),
            Self::Probe(errno) => {
                write!(f, "bpf_prog_free_deferred cannot be probed (error {errno})")
            }
            Self::Set(errno) => write!(f, "the kernel refused the kfunc set (error {errno})"),
        }
    }
}
