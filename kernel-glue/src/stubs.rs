// SPDX-License-Identifier: GPL-2.0-only

//! The stubs of a kfunc, assembled into the module's text: the only code that differs between arches.
//!
//! `verifier_fixup::text::stub` says what a stub is, and `kfunc embed` compares every stub of a built module with
//! what it encodes. No code is written at run time.

use kfunc_abi::call::Arch;
use verifier_fixup::text::stub;

use crate::Source;

#[cfg(target_arch = "aarch64")]
mod arm64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

/// Whose code this is.
#[cfg(target_arch = "aarch64")]
pub(crate) const ARCH: Arch = Arch::Arm64;
/// Whose code this is.
#[cfg(target_arch = "x86_64")]
pub(crate) const ARCH: Arch = Arch::X86_64;

/// Bytes from one stub to the next, for a kfunc whose implicit arguments come from these sources.
pub const fn stub_len(sources: &[Source]) -> usize {
    stub::pool_stub_len(ARCH, sources.len(), call_sites(sources))
}

/// A bit for each source that is the call: that of the first is the lowest.
pub const fn call_sites(sources: &[Source]) -> u32 {
    let mut sites = 0;
    let mut rest = sources;
    while let Some((last, before)) = rest.split_last() {
        sites = sites << 1 | matches!(last, Source::CallSite) as u32;
        rest = before;
    }
    sites
}

/// Assembles the stubs of a kfunc with so many explicit and implicit parameters, as C counts them, of which those of
/// [`call_sites`] are. The first has the symbol `__kfunc_stubs_foo`.
///
/// Each is a function with a name (`foo.stub.0` …), for objtool, backtraces and `bpftool`.
#[doc(hidden)]
#[macro_export]
macro_rules! stub_pool {
    ($name:ident, $slots:expr, $explicit:expr, $implicit:expr, $call_sites:expr) => {
        ::core::arch::global_asm!(
            ::core::concat!(
                ".pushsection .text.kfunc_stubs, \"ax\", %progbits\n",
                ".globl __kfunc_stubs_", ::core::stringify!($name), "\n",
                ".balign 16\n",
                "__kfunc_stubs_", ::core::stringify!($name), ":\n",
                ".altmacro\n",
                ".macro __kfunc_stub_", ::core::stringify!($name), " slot\n",
                ".type ", ::core::stringify!($name), ".stub.\\slot, %function\n",
                ::core::stringify!($name), ".stub.\\slot:\n",
                $crate::stub_code!($name),
                ".size ", ::core::stringify!($name), ".stub.\\slot, . - ",
                ::core::stringify!($name), ".stub.\\slot\n",
                ".endm\n",
                ".set __kfunc_slot, 0\n",
                ".rept {slots}\n",
                "__kfunc_stub_", ::core::stringify!($name), " %__kfunc_slot\n",
                ".set __kfunc_slot, __kfunc_slot + 1\n",
                ".endr\n",
                ".noaltmacro\n",
                ".popsection\n",
            ),
            slots = const $slots,
            first = const $explicit,
            end = const $explicit + $implicit,
            // A bit for each implicit argument that is the address behind the call.
            call_sites = const $call_sites,
            // Bytes of a slot: 8 for every value.
            stride = const 8 * $implicit,
        );
    };
}

/// The loads of a stub: those of the argument registers, in their order, that the implicit arguments have.
#[doc(hidden)]
#[macro_export]
macro_rules! stub_loads {
    ($name:ident $($index:literal $register:literal)*) => {
        ::core::concat!($(
            ".ifge ", $index, " - {first}\n",
            ".iflt ", $index, " - {end}\n",
            ".if ({call_sites} >> (", $index, " - {first})) & 1\n",
            $crate::stub_call_site!($register),
            ".else\n",
            $crate::stub_load!($name $index $register),
            ".endif\n",
            ".endif\n",
            ".endif\n",
        )*)
    };
}

/// Where the value of an argument stands: its place in the slot, in the values of the kfunc.
#[doc(hidden)]
#[macro_export]
macro_rules! stub_value {
    ($name:ident $index:literal) => {
        ::core::concat!(
            "__kfunc_slots_",
            ::core::stringify!($name),
            " + \\slot * {stride} + 8 * (",
            $index,
            " - {first})",
        )
    };
}
