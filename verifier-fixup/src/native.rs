// SPDX-License-Identifier: MIT OR Apache-2.0

//! Whether the verifier itself may fill in a kfunc's implicit argument.
//!
//! Linux 7.0 and later accept *any* trailing parameter as implicit, but fill in only `struct bpf_prog_aux *`
//! (`check_kfunc_args` of `kernel/bpf/verifier.c`). The register of another one would hold what the program
//! left there, so anything else must never be registered this way.

use core::fmt;

use btf_core::{Btf, Kind, Param, Type, TypeId};

/// A kfunc that every kernel with native implicit arguments has as a pair: its full form takes one
/// parameter more, the program's aux (`kernel/bpf/helpers.c`).
const WITNESS: (&[u8], &[u8]) = (b"bpf_wq_set_callback", b"bpf_wq_set_callback_impl");

/// Why a kfunc cannot be registered natively.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NativeError {
    /// The kernel does not know implicit arguments, or its BTF was not split.
    KernelWithout,
    /// The pair of FUNCs is not in the module's BTF.
    NoPair,
    /// The full signature is not the public one followed by one `struct bpf_prog_aux *`.
    NotProgAux,
}

impl fmt::Display for NativeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KernelWithout => "this kernel does not fill in implicit arguments",
            Self::NoPair => "the BTF has no public and full signature",
            Self::NotProgAux => "the kernel only fills in one struct bpf_prog_aux pointer",
        })
    }
}

impl core::error::Error for NativeError {}

/// Checks that the kernel of this BTF fills in implicit arguments: it uses them itself.
///
/// # Errors
///
/// [`NativeError::KernelWithout`].
pub fn check_kernel(vmlinux: &Btf<'_>) -> Result<(), NativeError> {
    let (public, full) = WITNESS;
    check_pair(vmlinux, public, full).map_err(|_| NativeError::KernelWithout)
}

/// Checks that the FUNC `full` is the FUNC `public` with one `struct bpf_prog_aux *` more, at its end.
/// `btf` is a vmlinux, or a module's over one, as the kernel has relocated it.
///
/// # Errors
///
/// A missing FUNC, or other parameters.
pub fn check_pair(btf: &Btf<'_>, public: &[u8], full: &[u8]) -> Result<(), NativeError> {
    let public = proto(btf, public).ok_or(NativeError::NoPair)?;
    let full = proto(btf, full).ok_or(NativeError::NoPair)?;
    let mut trailing = full.params();
    for _ in public.params() {
        trailing.next().ok_or(NativeError::NotProgAux)?;
    }
    match (trailing.next(), trailing.next()) {
        (Some(implicit), None) if is_prog_aux(btf, implicit) => Ok(()),
        _ => Err(NativeError::NotProgAux),
    }
}

fn proto<'a>(btf: &Btf<'a>, func: &[u8]) -> Option<Type<'a>> {
    btf.get(btf.find(func, Kind::FUNC)?.target()?)
}

/// `is_kfunc_arg_prog_aux` of `kernel/bpf/verifier.c`: a pointer to the vmlinux's own struct.
pub(crate) fn is_prog_aux(btf: &Btf<'_>, param: Param) -> bool {
    let pointee = |ty: Type<'_>| ty.target().filter(|_| ty.kind() == Kind::PTR);
    let resolve = |id: TypeId| btf.skip_modifiers(id).ok().flatten();
    resolve(param.ty)
        .and_then(pointee)
        .and_then(resolve)
        .is_some_and(|found| {
            btf.find(b"bpf_prog_aux", Kind::STRUCT).map(|aux| aux.id()) == Some(found.id())
        })
}
