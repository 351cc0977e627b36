// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which calls are tried.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::Result;
use btf_core::{Btf, Kind, TypeId};
use kfunc_abi::{ProgType, IMPL_SUFFIX};
use verifier_fixup::resolve::{Call, Fd, FdArray, Program};

use super::known::Known;

/// `BPF_F_SLEEPABLE` of `include/uapi/linux/bpf.h`.
const SLEEPABLE: u32 = 1 << 4;

/// The types of program that are loaded without a target, each with an attach type that it takes.
const TYPES: &[(ProgType, u32)] = &[
    (ProgType::SYSCALL, 0),
    (ProgType::SOCKET_FILTER, 0),
    (ProgType::KPROBE, 0),
    (ProgType::SCHED_CLS, 0),
    (ProgType::SCHED_ACT, 0),
    (ProgType::TRACEPOINT, 0),
    (ProgType::XDP, 0),
    (ProgType::PERF_EVENT, 0),
    (ProgType::CGROUP_SKB, 0),
    (ProgType::CGROUP_SOCK, 2),
    (ProgType::LWT_IN, 0),
    (ProgType::LWT_OUT, 0),
    (ProgType::LWT_XMIT, 0),
    (ProgType::LWT_SEG6LOCAL, 0),
    (ProgType::SOCK_OPS, 0),
    (ProgType::SK_SKB, 0),
    (ProgType::CGROUP_DEVICE, 0),
    (ProgType::SK_MSG, 0),
    (ProgType::RAW_TRACEPOINT, 0),
    (ProgType::RAW_TRACEPOINT_WRITABLE, 0),
    (ProgType::CGROUP_SOCK_ADDR, 8), // BPF_CGROUP_INET4_BIND
    (ProgType::LIRC_MODE2, 0),
    (ProgType::SK_REUSEPORT, 0),
    (ProgType::FLOW_DISSECTOR, 0),
    (ProgType::CGROUP_SYSCTL, 0),
    (ProgType::CGROUP_SOCKOPT, 22), // BPF_CGROUP_SETSOCKOPT
    (ProgType::SK_LOOKUP, 36),      // BPF_SK_LOOKUP
    (ProgType::NETFILTER, 45),      // BPF_NETFILTER
];
/// Those from which every kfunc of vmlinux is called; every eighth is from all.
const FEW: &[ProgType] = &[
    ProgType::SYSCALL,
    ProgType::XDP,
    ProgType::SCHED_CLS,
    ProgType::KPROBE,
    ProgType::RAW_TRACEPOINT,
];
const STEP: usize = 8;
/// Functions that are no kfuncs, and prototypes that are no functions: so many are called.
const SAMPLE: usize = 40;
/// File descriptors that the guest has.
pub(super) const FDS: u16 = 6;

/// What a call is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    /// A kfunc of a module.
    Module,
    /// A kfunc of vmlinux.
    Vmlinux,
    /// The full prototype of one.
    Full,
    /// A function that is no kfunc.
    Function,
    /// No function.
    Id,
    /// A BTF that is not there.
    Index,
    /// A kfunc, in a program that may call none.
    License,
}

impl Sort {
    pub(super) const ALL: [Self; 7] = [
        Self::Module,
        Self::Vmlinux,
        Self::Full,
        Self::Function,
        Self::Id,
        Self::Index,
        Self::License,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Module => "of modules",
            Self::Vmlinux => "of vmlinux",
            Self::Full => "of full prototypes",
            Self::Function => "of other functions",
            Self::Id => "of wrong ids",
            Self::Index => "with wrong fds",
            Self::License => "without the GPL",
        }
    }
}

/// The file descriptors of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fds {
    None,
    Some,
    Counted(u16),
}

/// How a program is loaded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) ty: ProgType,
    attach: u32,
    gpl: bool,
    fds: Fds,
}

impl Settings {
    fn new(&(ty, attach): &(ProgType, u32)) -> Self {
        Self {
            ty,
            attach,
            gpl: true,
            fds: Fds::Some,
        }
    }

    fn sleepable(self) -> bool {
        self.ty == ProgType::SYSCALL
    }
}

/// A program with one call, or none.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) sort: Sort,
    pub(super) settings: Settings,
    pub(super) call: Option<Call>,
    /// What is called.
    name: String,
}

impl Case {
    /// The program, as verifier-fixup is told of it.
    pub(super) fn program<'f>(&self, fds: &'f [Fd<'f>]) -> Program<'f> {
        let Settings { ty, gpl, .. } = self.settings;
        let array = |fds, counted| Some(FdArray { fds, counted });
        let array = match self.settings.fds {
            Fds::None => None,
            Fds::Some => array(fds, false),
            Fds::Counted(count) => array(fds.get(..count.into()).unwrap_or(fds), true),
        };
        Program {
            gpl_compatible: gpl,
            sleepable: self.settings.sleepable(),
            ..Program::new(ty, array)
        }
    }

    /// The program, as the guest is told of it.
    pub(super) fn line(&self, binds: bool) -> String {
        let Settings {
            ty,
            attach,
            gpl,
            fds,
        } = self.settings;
        let flags = if self.settings.sleepable() {
            SLEEPABLE
        } else {
            0
        };
        let fds = match fds {
            Fds::None => "none".to_owned(),
            Fds::Some => "some".to_owned(),
            Fds::Counted(count) => count.to_string(),
        };
        let (index, id) = match self.call {
            Some(Call { id, fd_index }) => (fd_index, id.to_string()),
            None => (0, "-".to_owned()),
        };
        let (ty, gpl, binds) = (ty.0, u8::from(gpl), u8::from(binds));
        format!("{ty} {attach} {flags} {gpl} {fds} {binds} {index} {id}\n")
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { ty, fds, .. } = self.settings;
        write!(f, "{} from {ty} ({:?}, fds: {fds:?})", self.name, self.call)
    }
}

/// Collects cases.
struct Cases(Vec<Case>);

impl Cases {
    fn add(&mut self, sort: Sort, settings: Settings, id: i64, fd_index: i16, name: &str) {
        self.0.push(Case {
            sort,
            settings,
            call: i32::try_from(id).ok().map(|id| Call { id, fd_index }),
            name: name.to_owned(),
        });
    }

    fn add_func(&mut self, sort: Sort, settings: Settings, btf: &Btf<'_>, id: TypeId, index: i16) {
        let name = btf.get(id).map(|func| btf.name(&func)).unwrap_or_default();
        let name = name.escape_ascii().to_string();
        self.add(sort, settings, id.0.into(), index, &name);
    }
}

/// All cases: first each type without a call.
pub(super) fn all(known: &Known<'_>) -> Result<Vec<Case>> {
    let mut cases = Cases(Vec::new());
    for each in TYPES {
        cases.0.push(Case {
            sort: Sort::Module,
            settings: Settings::new(each),
            call: None,
            name: "nothing".to_owned(),
        });
    }
    of_modules(known, &mut cases);
    of_vmlinux(known, &mut cases);
    of_prototypes(known, &mut cases);
    of_functions(known, &mut cases);
    wrong_ids(known, &mut cases);
    wrong_fds(known, &mut cases);
    Ok(cases.0)
}

fn syscall() -> Settings {
    Settings::new(&(ProgType::SYSCALL, 0))
}

/// Every kfunc of every module, from every type.
fn of_modules(known: &Known<'_>, cases: &mut Cases) {
    for (module, index) in known.modules.iter().zip(1..) {
        for id in module.declared.keys() {
            for each in TYPES {
                let settings = Settings::new(each);
                cases.add_func(Sort::Module, settings, module.btf(), *id, index);
            }
            let unfree = Settings {
                gpl: false,
                ..syscall()
            };
            cases.add_func(Sort::License, unfree, module.btf(), *id, index);
        }
    }
}

fn of_vmlinux(known: &Known<'_>, cases: &mut Cases) {
    let vmlinux = &known.vmlinux;
    for (place, id) in vmlinux.kfuncs.keys().enumerate() {
        for each in TYPES {
            if place % STEP == 0 || FEW.contains(&each.0) {
                let settings = Settings::new(each);
                cases.add_func(Sort::Vmlinux, settings, vmlinux.btf, *id, 0);
            }
        }
    }
}

/// Full forms, which have an id and no address.
fn of_prototypes(known: &Known<'_>, cases: &mut Cases) {
    for (module, index) in known.modules.iter().zip(1..) {
        for id in module.prototypes() {
            cases.add_func(Sort::Full, syscall(), module.btf(), id, index);
        }
    }
    let (btf, kfuncs) = (known.vmlinux.btf, &known.vmlinux.kfuncs);
    let full = btf.of_kind(Kind::FUNC).filter(|func| {
        let public = btf.name(func).strip_suffix(IMPL_SUFFIX.as_bytes());
        let public = public.and_then(|name| btf.find(name, Kind::FUNC));
        public.is_some_and(|public| kfuncs.contains_key(&public.id()))
            && !kfuncs.contains_key(&func.id())
    });
    for func in full.take(SAMPLE) {
        cases.add_func(Sort::Full, syscall(), btf, func.id(), 0);
    }
}

/// Functions that are no kfuncs, some by the fd of a module.
fn of_functions(known: &Known<'_>, cases: &mut Cases) {
    let (btf, kfuncs) = (known.vmlinux.btf, &known.vmlinux.kfuncs);
    let others = btf
        .of_kind(Kind::FUNC)
        .filter(|func| !kfuncs.contains_key(&func.id()));
    let others: Vec<_> = others.collect();
    let step = others.len() / SAMPLE;
    for func in others.iter().step_by(step.max(1)) {
        for each in TYPES.iter().filter(|each| FEW.contains(&each.0)) {
            cases.add_func(Sort::Function, Settings::new(each), btf, func.id(), 0);
        }
        cases.add_func(Sort::Function, syscall(), btf, func.id(), 1);
    }
}

/// Ids of every other kind, and of nothing.
fn wrong_ids(known: &Known<'_>, cases: &mut Cases) {
    let btf = known.vmlinux.btf;
    let mut seen = BTreeSet::new();
    let mut ids: Vec<i64> = btf
        .types()
        .filter(|ty| ty.kind() != Kind::FUNC && seen.insert(ty.kind().0))
        .map(|ty| ty.id().0.into())
        .collect();
    let end = i64::from(btf.end_id().0);
    ids.extend([
        0,
        -1,
        i64::from(i32::MIN),
        i64::from(i32::MAX),
        end,
        end + 1,
    ]);
    for module in &known.modules {
        ids.extend([0, 1].map(|more| i64::from(module.btf().end_id().0) + more));
    }
    for id in ids {
        for index in 0..=2 {
            cases.add(Sort::Id, syscall(), id, index, "no function");
        }
    }
}

/// Indices of no BTF of a module, with a function that is in vmlinux's, one that is a module's, and none.
fn wrong_fds(known: &Known<'_>, cases: &mut Cases) {
    let module = known
        .modules
        .first()
        .and_then(|module| module.declared.keys().next());
    let vmlinux = known.vmlinux.kfuncs.keys().next();
    let ids = module.into_iter().chain(vmlinux).map(|id| i64::from(id.0));
    let mut lists = vec![Fds::None, Fds::Some];
    if known.native {
        // Of an older kernel bpf(2) itself refuses the count. It takes no list with what is nothing.
        lists.push(Fds::Counted(FDS - 1));
    }
    for id in ids.chain([0]) {
        for fds in &lists {
            let settings = Settings {
                fds: *fds,
                ..syscall()
            };
            for index in [-1, i16::MIN, 1, 2, 3, 4, 5] {
                cases.add(Sort::Index, settings, id, index, "something");
            }
        }
    }
}

/// The names of all functions that are called, sorted.
pub(super) fn names(known: &Known<'_>, cases: &[Case]) -> Vec<String> {
    let names: BTreeSet<_> = cases
        .iter()
        .filter_map(|case| known.func_name(case.call?))
        .map(|name| name.escape_ascii().to_string())
        .collect();
    names.into_iter().collect()
}
