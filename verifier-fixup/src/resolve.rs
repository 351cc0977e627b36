// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a call of a kfunc comes to: which kfunc, allowed or not, and where what the program does not pass comes from.
//!
//! ```text
//!   call (BTF id, fd index) ──► BTF ──► FUNC ──► symbol, prototype ──► sets of the hook ──► arguments ──► Resolved
//!   program, kernel               │       │            │                     │                │
//!                                 └───────┴────────────┴─────────────────────┴────────────────┴────────► Refusal
//! ```
//!
//! The checks are those of `kernel/bpf/verifier.c` and `kernel/bpf/btf.c`, in their order, and a [`Refusal`] has their
//! words. Where the two kernels differ:
//!
//! ```text
//!   what                              function of 7.3                   6.12
//!   capability, JIT, license          add_kfuncs, bpf_add_kfunc_call    the same (add_subprog_and_kfunc, add_kfunc_call)
//!   id 0 without a fd index           bpf_fixup_kfunc_call              the same (fixup_kfunc_call)
//!   id 0 with one, negative id        fetch_kfunc_meta: "invalid        add_kfunc_call, once the BTF is found: "is not a
//!                                     kernel function btf_id"           function"; the number without a sign
//!   fd index → BTF                    find_kfunc_desc_btf; signed       the same, without signatures; a count of fds is
//!                                     programs, counted fd_array        not known
//!   KF_IMPLICIT_ARGS → foo_impl,      find_kfunc_impl_proto             the flag means nothing
//!   the base's first
//!   symbol: that of foo               bpf_add_kfunc_call                the same (add_kfunc_call)
//!   device-bound programs             bpf_add_kfunc_call                the same (add_kfunc_call)
//!   types that can be passed          btf_distill_func_proto            the same; other types (kfunc_abi::model)
//!   sets: the common hook's, then     btf_kfunc_flags, then             btf_kfunc_id_set_contains: a filter that refuses
//!   that of the program's type        btf_kfunc_is_allowed: flags are   the common set's kfunc leaves the flags to the
//!                                     the first set's, allowed or not   other set; no hook for RAW_TRACEPOINT, SOCK_OPS
//!   flags against the program         check_kfunc_call                  the same, without KF_PERFMON
//!   number of arguments               12 (btf_distill_func_proto)       5 (check_kfunc_args)
//!   implicit: beyond the public       is_kfunc_arg_implicit             none; so all that BTF says beyond the public
//!   prototype                                                           prototype is what the program leaves there
//!   struct bpf_prog_aux *             check_kfunc_args: any parameter   only the fourth of bpf_wq_set_callback_impl
//!                                     of that type, in a register, once (fixup_kfunc_call)
//!   meta and offset of a node         bpf_fixup_kfunc_call, both names  fixup_kfunc_call, the names with _impl
//! ```
//!
//! Not asked: whether what the program passes is what the kfunc takes (`get_kfunc_arg_type`, which 7.3 asks before the sets,
//! and the rest of `check_kfunc_args`), and what depends on other calls of the program (locks, RCU, at most 256 kfuncs of
//! at most 256 modules). The JIT is one that calls kfuncs and passes arguments on the stack, as those of x86-64 and arm64 do.

mod allowed;
mod arguments;
mod checks;
mod input;
mod reason;
mod refusal;
mod value;

use btf_core::TypeId;
use kfunc_abi::{KfuncFlags, Signature};

use crate::insn::Insn;
use allowed::Lookup;
use checks::{add, admit, called, check_flags, fetch, find_btf, legacy_of};

pub use allowed::NotAllowed;
pub use input::{Bound, Fd, FdArray, HookSet, Kernel, KfuncBtf, KfuncFilter, Program, Rules};
pub use reason::Reason;
pub use refusal::{Refusal, RefusalKind};
pub use value::{Value, ValueFrom, Values, Way};

/// A call of a kfunc, as a program has it before it is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The BTF id (`imm`).
    pub id: i32,
    /// Where in the program's file descriptors the BTF is (`off`); 0 for vmlinux.
    pub fd_index: i16,
}

impl Call {
    /// The call that `insn` is; none if it calls no kfunc.
    pub fn of(insn: Insn) -> Option<Self> {
        insn.is_kfunc_call().then_some(Self {
            id: insn.imm,
            fd_index: insn.off,
        })
    }

    /// The id of the FUNC.
    fn func(self) -> TypeId {
        TypeId(self.id as u32)
    }
}

/// What a call comes to, as far as that does not depend on what is passed.
#[derive(Clone, Copy, Debug)]
pub struct Resolved<'a> {
    /// The FUNC that is called.
    pub func: TypeId,
    /// Its name.
    pub name: &'a [u8],
    /// Its flags, by the set that allows it.
    pub flags: KfuncFlags,
    /// What it takes of programs, and what not. By the module's declaration if that binds it, else by its flags, heeded by
    /// the kernel or not.
    pub signature: Signature<'a>,
    /// The kfunc whose full form this is, for old programs.
    pub legacy_of: Option<TypeId>,
    /// The FUNC_PROTO by which the verifier checks the call.
    pub checked: TypeId,
    arguments: value::Arguments<'a>,
}

impl<'a> Resolved<'a> {
    /// The arguments that do not simply come from the program, in order.
    pub fn values(&self) -> Values<'a> {
        self.arguments.values(&self.signature)
    }

    /// How those get there.
    pub fn way(&self) -> Way {
        Way::of(self.values())
    }

    /// Whether it is the full form of another kfunc.
    pub fn is_legacy(&self) -> bool {
        self.legacy_of.is_some()
    }
}

/// What `call`, in `program`, comes to on `kernel`.
///
/// # Errors
///
/// The kernel refuses it.
pub fn resolve<'a>(
    kernel: &Kernel<'a>,
    program: &Program<'a>,
    call: Call,
) -> Result<Resolved<'a>, Refusal<'a>> {
    try_resolve(kernel, program, call).map_err(|kind| Refusal {
        kind,
        rules: kernel.rules,
        call,
    })
}

fn try_resolve<'a>(
    kernel: &Kernel<'a>,
    program: &Program<'a>,
    call: Call,
) -> Result<Resolved<'a>, RefusalKind<'a>> {
    let vmlinux = admit(kernel, program, call)?;
    let from = match call.fd_index {
        0 => vmlinux,
        _ => find_btf(kernel.rules, program, call)?,
    };
    let lookup = Lookup::of(kernel.rules, &from, program.prog_type, call.func());
    let kfunc = fetch(kernel.rules, from.btf, call, lookup.flags)?;
    let checked = add(kernel, program, call, &kfunc)?;

    // From here on the verifier walks through the program.
    let name = kfunc.name();
    let not_allowed = |why| RefusalKind::NotAllowed { name, why };
    let flags = lookup.allowed.map_err(not_allowed)?;
    check_flags(kernel.rules, program, name, flags)?;
    arguments::check(kernel.rules, from.btf, name, &checked)?;

    let bound = from.bound_as(kfunc.func());
    let signature = match (bound, kernel.rules) {
        (Some(bound), _) => Signature::of_record(from.btf, bound.public, bound.full),
        (None, Rules::V7_3) => Ok(kfunc),
        (None, Rules::V6_12) => called(from.btf, call).map_or(Ok(kfunc), |func| {
            Signature::of(from.btf, &func, Some(flags))
        }),
    };
    Ok(Resolved {
        func: kfunc.func(),
        name,
        flags,
        signature: signature.unwrap_or(kfunc),
        legacy_of: legacy_of(from.btf, &kfunc, bound),
        checked: checked.id(),
        arguments: value::Arguments::new(kernel, &from, call, &kfunc, bound.is_some()),
    })
}
