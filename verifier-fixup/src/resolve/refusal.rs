// SPDX-License-Identifier: MIT OR Apache-2.0

//! Refusals, in the kernel's words.

use core::fmt;

use btf_core::Kind;
use kfunc_abi::call::MAX_REGISTER_ARGS;
use kfunc_abi::model::ModelError;
use kfunc_abi::IMPL_SUFFIX;

use super::{Call, NotAllowed, Reason, Rules};

/// A call that the kernel refuses. Prints what its verifier logs: one line, or two that come together.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// What is wrong.
    pub kind: RefusalKind<'a>,
    /// The kernel that says so.
    pub rules: Rules,
    /// The call.
    pub call: Call,
}

/// What is wrong with a call.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum RefusalKind<'a> {
    /// The program's loader may not load programs that call functions.
    NotCapable,
    /// The kernel has no BTF.
    NoVmlinux,
    /// The program would be interpreted.
    NoJit,
    /// The program's license is not the GPL.
    NotGpl,
    /// Id 0 and no BTF: what libbpf leaves of a call that it could not resolve. Not refused where it is never reached.
    Unresolved,
    /// Id 0, or a negative one (7.3).
    InvalidId,
    /// A negative fd index.
    NegativeIndex,
    /// A fd index in a program without file descriptors.
    NoFdArray,
    /// A fd index in a program that is signed (7.3).
    Signed,
    /// A fd index beyond the counted ones (7.3).
    BeyondFdArray {
        /// How many there are.
        count: usize,
    },
    /// A fd index beyond those that can be read.
    UnreadableIndex,
    /// The file descriptor is that of no BTF.
    NoBtf,
    /// The same, of counted ones (7.3).
    NoBtfCounted,
    /// The BTF is not that of a module.
    OtherBtf,
    /// The module is not there yet, or goes.
    ModuleGoing,
    /// The id is that of no type, or of one of another kind.
    NotAFunction(Option<Kind>),
    /// `KF_IMPLICIT_ARGS`, and a name that is too long for `foo_impl` (7.3).
    LongName {
        /// The kfunc.
        name: &'a [u8],
    },
    /// `KF_IMPLICIT_ARGS`, and no `foo_impl` (7.3).
    NoFull {
        /// The kfunc.
        name: &'a [u8],
    },
    /// The FUNC has no prototype.
    NoPrototype,
    /// No symbol has the function's name.
    NoAddress {
        /// The function.
        name: &'a [u8],
        /// The name without `_impl`, if that is a FUNC's.
        public: Option<&'a [u8]>,
    },
    /// Only programs that are bound to a device may call it.
    NotDeviceBound,
    /// The prototype is none that BPF can call.
    Prototype {
        /// The function.
        name: &'a [u8],
        /// What is wrong with it.
        error: ModelError,
    },
    /// No set allows it.
    NotAllowed {
        /// The function.
        name: &'a [u8],
        /// Why not.
        why: NotAllowed,
    },
    /// `KF_DESTRUCTIVE`, and no `CAP_SYS_BOOT`.
    Destructive,
    /// `KF_PERFMON`, and no `CAP_PERFMON` (7.3).
    Perfmon {
        /// The kfunc.
        name: &'a [u8],
    },
    /// `KF_SLEEPABLE`, where the program may not sleep.
    Sleepable {
        /// The kfunc.
        name: &'a [u8],
    },
    /// More than five parameters (6.12).
    TooManyArguments {
        /// The kfunc.
        name: &'a [u8],
        /// How many it has.
        count: usize,
    },
    /// A second `struct bpf_prog_aux *` (7.3). The kernel takes that for a bug of its own, and warns in its log, too.
    SecondAux,
    /// The `struct bpf_prog_aux *` is on the stack (7.3).
    AuxOnStack {
        /// The number of the parameter, from 0.
        index: usize,
    },
}

impl<'a> Refusal<'a> {
    /// What the kernel does not say; none where its words say it all.
    pub fn reason(&self) -> Option<Reason<'a>> {
        Reason::of(self)
    }
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call { id, fd_index } = self.call;
        match self.kind {
            RefusalKind::NotCapable => f.write_str(
                "loading/calling other bpf or kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN",
            ),
            RefusalKind::NoVmlinux => f.write_str(
                "calling kernel function is not supported without CONFIG_DEBUG_INFO_BTF",
            ),
            RefusalKind::NoJit => f.write_str("JIT is required for calling kernel function"),
            RefusalKind::NotGpl => {
                f.write_str("cannot call kernel function from non-GPL compatible program")
            }
            RefusalKind::Unresolved => {
                f.write_str("invalid kernel function call not eliminated in verifier pass")
            }
            RefusalKind::InvalidId => write!(f, "invalid kernel function btf_id {id}"),
            RefusalKind::NegativeIndex => no_btf(
                f,
                format_args!("negative offset disallowed for kernel module function call"),
            ),
            RefusalKind::NoFdArray => no_btf(
                f,
                format_args!("kfunc offset > 0 without fd_array is invalid"),
            ),
            RefusalKind::Signed => no_btf(f, format_args!("signed program cannot bind any BTF")),
            RefusalKind::BeyondFdArray { count } => no_btf(
                f,
                format_args!("kfunc fd_idx {fd_index} out of bounds, fd_array_cnt {count}"),
            ),
            RefusalKind::NoBtf => no_btf(f, format_args!("invalid module BTF fd specified")),
            RefusalKind::NoBtfCounted => no_btf(
                f,
                format_args!("kfunc fd_idx {fd_index} is not a module BTF"),
            ),
            RefusalKind::OtherBtf => no_btf(f, format_args!("BTF fd for kfunc is not a module BTF")),
            RefusalKind::UnreadableIndex | RefusalKind::ModuleGoing => f.write_str(NO_BTF),
            RefusalKind::NotAFunction(_) => {
                write!(f, "kernel btf_id {} is not a function", self.id())
            }
            RefusalKind::LongName { name } => write!(
                f,
                "function name {}{IMPL_SUFFIX} is too long\n{}",
                name.escape_ascii(),
                NoProto(self)
            ),
            RefusalKind::NoFull { name } => write!(
                f,
                "cannot find function {}{IMPL_SUFFIX} in BTF\n{}",
                name.escape_ascii(),
                NoProto(self)
            ),
            RefusalKind::NoPrototype => write!(f, "{}", NoProto(self)),
            RefusalKind::NoAddress { name, .. } => write!(
                f,
                "cannot find address for kernel function {}",
                name.escape_ascii()
            ),
            RefusalKind::NotDeviceBound => {
                f.write_str("metadata kfuncs require device-bound program")
            }
            RefusalKind::Prototype { name, error } => {
                write!(f, "The function {} {error}", name.escape_ascii())
            }
            RefusalKind::NotAllowed { name, .. } => write!(
                f,
                "calling kernel function {} is not allowed",
                name.escape_ascii()
            ),
            RefusalKind::Destructive => {
                f.write_str("destructive kfunc calls require CAP_SYS_BOOT capability")
            }
            RefusalKind::Perfmon { name } => write!(
                f,
                "{} is allowed only to CAP_PERFMON and CAP_SYS_ADMIN",
                name.escape_ascii()
            ),
            RefusalKind::Sleepable { name } => write!(
                f,
                "program must be sleepable to call sleepable kfunc {}",
                name.escape_ascii()
            ),
            RefusalKind::TooManyArguments { name, count } => write!(
                f,
                "Function {} has {count} > {MAX_REGISTER_ARGS} args",
                name.escape_ascii()
            ),
            RefusalKind::SecondAux => {
                f.write_str("verifier bug: Only 1 prog->aux argument supported per-kfunc")
            }
            RefusalKind::AuxOnStack { index } => write!(
                f,
                "*(R11-{}) prog->aux cannot be a stack argument",
                stack_offset(index)
            ),
        }
    }
}

impl core::error::Error for Refusal<'_> {}

impl Refusal<'_> {
    /// The id as this kernel prints it: 6.12 without a sign.
    fn id(&self) -> i64 {
        match self.rules {
            Rules::V6_12 => i64::from(self.call.func().0),
            Rules::V7_3 => i64::from(self.call.id),
        }
    }
}

/// What comes behind each reason why there is no BTF.
const NO_BTF: &str = "failed to find BTF for kernel function";

fn no_btf(f: &mut fmt::Formatter<'_>, why: fmt::Arguments<'_>) -> fmt::Result {
    write!(f, "{why}\n{NO_BTF}")
}

/// What comes when there is no prototype, for whatever reason.
struct NoProto<'r>(&'r Refusal<'r>);

impl fmt::Display for NoProto<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "kernel function btf_id {} does not have a valid func_proto",
            self.0.id()
        )
    }
}

/// Bytes below R11 of the argument of this number (`reg_arg_name`).
fn stack_offset(index: usize) -> usize {
    index
        .saturating_add(1)
        .saturating_sub(MAX_REGISTER_ARGS)
        .saturating_mul(8)
}
