// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the kernel does not say when it refuses a call.

use core::fmt;

use btf_core::Kind;
use kfunc_abi::Hook;

use super::{NotAllowed, Refusal, RefusalKind};

/// Why a call is refused, where the kernel's words do not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason<'a> {
    /// libbpf found no function for a call that is weak.
    NeverResolved,
    /// There are not so many file descriptors.
    NoSuchFd,
    /// The module's init function has not ended, or its exit function runs.
    ModuleGoing,
    /// The BTF ends before the id.
    NoSuchType,
    /// The id is that of a type of this kind.
    OfKind(Kind),
    /// The build did not make two prototypes of the kfunc's one.
    Unsplit,
    /// It is the full prototype of the kfunc of this name, and no function.
    OnlyAPrototype {
        /// What is to be called.
        public: &'a [u8],
    },
    /// The function is not in the kernel: it was inlined, renamed by the compiler, or its module is gone.
    NoSymbol,
    /// Its BTF has no kfuncs.
    NoSets,
    /// It is in none of the sets of its BTF.
    NoKfunc,
    /// Programs of this type have no kfuncs of their own, and it is not in a set for all.
    NoHook {
        /// The hook of its set.
        has: Hook,
    },
    /// It is for other programs.
    OtherHook {
        /// The hook of the program's type.
        asked: Hook,
        /// The hook of its set.
        has: Hook,
    },
    /// Who registered the kfunc refuses this program.
    Filtered(Hook),
    /// 6.12 passes no argument on the stack.
    NoStackArguments,
    /// The verifier remembers one register for a call.
    OneAux,
}

impl<'a> Reason<'a> {
    pub(super) fn of(refusal: &Refusal<'a>) -> Option<Self> {
        Some(match refusal.kind {
            RefusalKind::Unresolved => Self::NeverResolved,
            RefusalKind::InvalidId if refusal.call.id == 0 => Self::NeverResolved,
            RefusalKind::UnreadableIndex => Self::NoSuchFd,
            RefusalKind::ModuleGoing => Self::ModuleGoing,
            RefusalKind::NotAFunction(None) if refusal.call.id == 0 => Self::NeverResolved,
            RefusalKind::NotAFunction(None) => Self::NoSuchType,
            RefusalKind::NotAFunction(Some(kind)) => Self::OfKind(kind),
            RefusalKind::NoFull { .. } => Self::Unsplit,
            RefusalKind::NoAddress { public: None, .. } => Self::NoSymbol,
            RefusalKind::NoAddress {
                public: Some(public),
                ..
            } => Self::OnlyAPrototype { public },
            RefusalKind::NotAllowed { why, .. } => not_allowed(why),
            RefusalKind::TooManyArguments { .. } => Self::NoStackArguments,
            RefusalKind::SecondAux | RefusalKind::AuxOnStack { .. } => Self::OneAux,
            _ => return None,
        })
    }
}

fn not_allowed<'a>(why: NotAllowed) -> Reason<'a> {
    match why {
        NotAllowed::NoSets => Reason::NoSets,
        NotAllowed::InNoSet => Reason::NoKfunc,
        NotAllowed::OtherHook { asked: None, has } => Reason::NoHook { has },
        NotAllowed::OtherHook {
            asked: Some(asked),
            has,
        } => Reason::OtherHook { asked, has },
        NotAllowed::Filtered(hook) => Reason::Filtered(hook),
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NeverResolved => f.write_str("the call was never resolved: no BTF has the function"),
            Self::NoSuchFd => f.write_str("the program brings no so many file descriptors"),
            Self::ModuleGoing => f.write_str("the module is not there yet, or no more"),
            Self::NoSuchType => f.write_str("the BTF has no type of this id"),
            Self::OfKind(kind) => write!(
                f,
                "the type of this id is of the kind {}",
                kind.name().unwrap_or("that no kernel knows")
            ),
            Self::Unsplit => f.write_str(
                "the kfunc has KF_IMPLICIT_ARGS, but resolve_btfids did not split its prototype",
            ),
            Self::OnlyAPrototype { public } => write!(
                f,
                "it is no function, but the full prototype of {}, which is what programs call",
                public.escape_ascii()
            ),
            Self::NoSymbol => f.write_str("no symbol has this name"),
            Self::NoSets => f.write_str("its BTF has no kfuncs: none was registered"),
            Self::NoKfunc => f.write_str("it is in no set of kfuncs"),
            Self::NoHook { has } => write!(
                f,
                "programs of this type may only call what is registered for all types; it is for the hook {has}"
            ),
            Self::OtherHook { asked, has } => write!(
                f,
                "it is for programs of the hook {has}; that of this one is {asked}"
            ),
            Self::Filtered(hook) => write!(
                f,
                "the filter of the set for the hook {hook} refuses this program"
            ),
            Self::NoStackArguments => f.write_str("this kernel has no arguments on the stack"),
            Self::OneAux => f.write_str(
                "the verifier fills in one struct bpf_prog_aux pointer of a call, in a register",
            ),
        }
    }
}
