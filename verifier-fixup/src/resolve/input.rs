// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a call is resolved by: the kernel, its BTFs and their sets, and the program.

use btf_core::{Btf, TypeId};
use kfunc_abi::model::ModelRules;
use kfunc_abi::{Hook, IdSetReader, KernelVersion, ProgType};

/// The kernel whose rules are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// Those of 6.12.
    V6_12,
    /// Those of 7.3.
    V7_3,
}

impl Rules {
    /// All of them, the oldest first.
    pub const ALL: [Self; 2] = [Self::V6_12, Self::V7_3];

    /// The rules of `kernel`; none for one that nobody has looked at. One newer than 7.3 is taken to be like it.
    pub fn of(kernel: KernelVersion) -> Option<Self> {
        match ModelRules::of(kernel)? {
            ModelRules::V6_12 => Some(Self::V6_12),
            ModelRules::V7_2 => None,
            ModelRules::V7_3 => Some(Self::V7_3),
        }
    }

    /// The kernel that was read.
    pub const fn version(self) -> KernelVersion {
        match self {
            Self::V6_12 => KernelVersion::new(6, 12),
            Self::V7_3 => KernelVersion::new(7, 3),
        }
    }

    pub(super) const fn model(self) -> ModelRules {
        match self {
            Self::V6_12 => ModelRules::V6_12,
            Self::V7_3 => ModelRules::V7_3,
        }
    }
}

/// A kernel, as far as calls depend on it.
#[derive(Clone, Copy)]
pub struct Kernel<'a> {
    /// Its rules.
    pub rules: Rules,
    /// Its own BTF and kfuncs; none if it was built without.
    pub vmlinux: Option<KfuncBtf<'a>>,
    /// Whether it has a symbol of this name, of its own or of a module (`kallsyms_lookup_name`).
    pub has_symbol: &'a dyn Fn(&[u8]) -> bool,
    /// The kfuncs for programs that are bound to a device (`xdp_metadata_kfunc_ids` of `net/core/xdp.c`), if that is known.
    pub device_bound: Option<IdSetReader<'a>>,
}

/// A BTF, and what was registered for it.
#[derive(Clone, Copy)]
pub struct KfuncBtf<'a> {
    /// The BTF; of a module, as the kernel has relocated it.
    pub btf: &'a Btf<'a>,
    /// The sets that were registered for it, with the ids of `btf`.
    pub sets: &'a [HookSet<'a>],
    /// The kfuncs whose calls the module itself sends to its stubs.
    pub bound: &'a [Bound],
}

impl KfuncBtf<'_> {
    /// How the module binds `func`, by either of its names.
    pub(super) fn bound_as(&self, func: TypeId) -> Option<&Bound> {
        let mut bound = self.bound.iter();
        bound.find(|bound| bound.public == func || bound.full == func)
    }
}

/// Whether a filter (`btf_kfunc_filter_t` of `include/linux/btf.h`) lets a program of this type call this kfunc.
pub type KfuncFilter<'a> = &'a dyn Fn(ProgType, TypeId) -> bool;

/// A set of kfuncs, as it was registered. There may be several for a hook.
#[derive(Clone, Copy)]
pub struct HookSet<'a> {
    /// The hook, which all types of program share that have it.
    pub hook: Hook,
    /// The kfuncs.
    pub kfuncs: IdSetReader<'a>,
    /// What was registered with it. It is asked about the kfuncs of the hook's other sets, too.
    pub filter: Option<KfuncFilter<'a>>,
}

/// A kfunc that a module binds: the stub of a program's slot fills in what is implicit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The FUNC that programs call.
    pub public: TypeId,
    /// The FUNC with all parameters, which is in the set, too, if it is a legacy kfunc.
    pub full: TypeId,
}

/// What a program's file descriptor stands for.
#[derive(Clone, Copy)]
pub enum Fd<'a> {
    /// The BTF of a module.
    Module(KfuncBtf<'a>),
    /// The BTF of a module that is not there yet, or goes.
    Going,
    /// Another BTF: that of vmlinux, or one that a program brought.
    OtherBtf,
    /// Anything else.
    NoBtf,
}

/// The `fd_array` of `union bpf_attr`.
#[derive(Clone, Copy)]
pub struct FdArray<'a> {
    /// What is in it.
    pub fds: &'a [Fd<'a>],
    /// Whether the kernel was told how many there are (`fd_array_cnt`, not 0). 6.12 does not know that.
    pub counted: bool,
}

/// A program that calls, and who loads it.
#[derive(Clone, Copy)]
pub struct Program<'a> {
    /// Its type; of one that replaces another (`EXT`), the other's.
    pub prog_type: ProgType,
    /// Its file descriptors, if it brings any.
    pub fd_array: Option<FdArray<'a>>,
    /// Whether its license is one of those that the kernel takes for the GPL.
    pub gpl_compatible: bool,
    /// Whether it is to be compiled (`net.core.bpf_jit_enable`, or a kernel that has nothing else).
    pub jit_requested: bool,
    /// Whether the call stands where the program may sleep.
    pub sleepable: bool,
    /// Whether it is signed.
    pub signed: bool,
    /// Whether it is bound to a network device.
    pub device_bound: bool,
    /// Whether who loads it has `CAP_BPF`.
    pub bpf_capable: bool,
    /// Whether who loads it has `CAP_SYS_BOOT`.
    pub may_destroy: bool,
    /// Whether who loads it has `CAP_PERFMON`.
    pub perfmon_capable: bool,
}

impl<'a> Program<'a> {
    /// A program as root loads it: with all capabilities, by the GPL, compiled; not sleepable, signed or bound to a device.
    pub const fn new(prog_type: ProgType, fd_array: Option<FdArray<'a>>) -> Self {
        Self {
            prog_type,
            fd_array,
            gpl_compatible: true,
            jit_requested: true,
            sleepable: false,
            signed: false,
            device_bound: false,
            bpf_capable: true,
            may_destroy: true,
            perfmon_capable: true,
        }
    }
}
