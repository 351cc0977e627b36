// SPDX-License-Identifier: GPL-2.0-only

//! What a module says of itself.

use core::ffi::c_uint;

use crate::Kfunc;

/// What a module offers.
pub struct Module {
    /// The module's name, as `lsmod` shows it.
    pub name: &'static str,
    /// Its kfuncs.
    pub kfuncs: &'static [&'static Kfunc],
    /// The types of program that may call them, each once.
    pub prog_types: &'static [ProgType],
}

/// A type of BPF program (`enum bpf_prog_type` of `include/uapi/linux/bpf.h`).
///
/// No two of these belong to one hook of the kernel's, which takes only one set from a module
/// (`bpf_prog_type_to_kfunc_hook` of `kernel/bpf/btf.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgType(pub(crate) c_uint);

impl ProgType {
    /// `BPF_PROG_TYPE_UNSPEC`: stands for every type.
    pub const ANY: Self = Self(0);
    /// `BPF_PROG_TYPE_SCHED_CLS`.
    pub const SCHED_CLS: Self = Self(3);
    /// `BPF_PROG_TYPE_XDP`.
    pub const XDP: Self = Self(6);
    /// `BPF_PROG_TYPE_TRACING`.
    pub const TRACING: Self = Self(26);
    /// `BPF_PROG_TYPE_SYSCALL`.
    pub const SYSCALL: Self = Self(31);
}

/// How the kfuncs are registered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Let the verifier fill in the implicit argument of the kfuncs for which it can (7.0 and later).
    pub native: bool,
    /// Bind nothing, so that every call gets to the safe entry. For tests; `native` has no meaning then.
    pub unbound: bool,
}
