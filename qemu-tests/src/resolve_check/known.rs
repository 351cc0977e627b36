// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is known of a kernel and its modules without asking it.
//!
//! Which sets are registered for which hook, BTF does not tell: of vmlinux kfunc-cli's table does, of our modules their
//! declarations.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result};
use btf_core::{Btf, ByteOrder, Kind, TypeId};
use kfunc_abi::{Hook, IdSetReader, KfuncFlags, ProgType, IMPL_SUFFIX};
use kfunc_cli::{Declared, Kfunc, KfuncFile, KfuncList, Selection};
use verifier_fixup::resolve::{Bound, Call, Fd, HookSet, Kernel, KfuncBtf, Rules};

use super::cases::Case;

/// `xdp_metadata_kfunc_ids` of `net/core/xdp.c`.
const DEVICE_BOUND: &str = "xdp_metadata_kfunc_ids";

/// Kfuncs with a provider that may refuse a program (`kernel-glue/shapes/providers.rs`, `kernel-glue/example/kfuncs.rs`).
const PROVIDER_MAY_REFUSE: &[&[u8]] = &[b"bpf_shape_hook", b"bpf_loader_uid"];

/// All that is known.
pub(super) struct Known<'k> {
    /// Whether the verifier fills in implicit arguments.
    pub(super) native: bool,
    pub(super) vmlinux: Vmlinux<'k>,
    pub(super) modules: Vec<Module<'k>>,
}

/// Sets as they are in a file.
type Sets = BTreeMap<Hook, Vec<u8>>;

/// The kernel itself.
pub(super) struct Vmlinux<'k> {
    pub(super) file: &'k KfuncFile,
    pub(super) btf: &'k Btf<'k>,
    /// Its kfuncs, by their FUNCs.
    pub(super) kfuncs: BTreeMap<TypeId, Kfunc>,
    sets: Sets,
    device_bound: Vec<u8>,
}

impl<'k> Vmlinux<'k> {
    pub(super) fn read(file: &'k KfuncFile, btf: &'k Btf<'k>) -> Result<Self> {
        let list = KfuncList::of_file(file, None, &Selection::default())?;
        let (mut kfuncs, mut members) = (BTreeMap::new(), Members::default());
        for kfunc in list.kfuncs {
            let func = btf.find(kfunc.name.as_bytes(), Kind::FUNC);
            let id = func.with_context(|| format!("no {}", kfunc.name))?.id();
            let flags = kfunc.flags.context("flags are not known")?;
            for hook in kfunc.programs.hooks() {
                members.add(hook, id, flags);
            }
            kfuncs.insert(id, kfunc);
        }
        let mut sets = file.sets.iter().flatten();
        let device_bound = sets.find(|set| set.name == DEVICE_BOUND);
        Ok(Self {
            file,
            btf,
            kfuncs,
            sets: members.encode(),
            device_bound: encode(&device_bound.context("no set for devices")?.kfuncs),
        })
    }
}

/// A module of ours.
pub(super) struct Module<'k> {
    btf: &'k Btf<'k>,
    /// What it declares, by the FUNC that programs call.
    pub(super) declared: BTreeMap<TypeId, &'k Declared>,
    sets: Sets,
    bound: Vec<Bound>,
}

impl<'k> Module<'k> {
    pub(super) fn read(btf: &'k Btf<'k>, all: &'k [Declared]) -> Result<Self> {
        let find = |name: &str| -> Result<_> {
            let func = btf.find_own(name.as_bytes(), Kind::FUNC);
            Ok(func.with_context(|| format!("no {name}"))?.id())
        };
        let (mut declared, mut members, mut bound) =
            (BTreeMap::new(), Members::default(), Vec::new());
        for kfunc in all {
            let public = find(&kfunc.name)?;
            declared.insert(public, kfunc);
            let mut ids = vec![public];
            if kfunc.full != kfunc.public {
                let full = find(&format!("{}{IMPL_SUFFIX}", kfunc.name))?;
                bound.push(Bound { public, full });
                if kfunc.legacy {
                    declared.insert(full, kfunc);
                    ids.push(full);
                }
            }
            for id in ids {
                for hook in kfunc.programs.iter().filter_map(|ty| ty.hook()) {
                    members.add(hook, id, kfunc.flags);
                }
            }
        }
        Ok(Self {
            btf,
            declared,
            sets: members.encode(),
            bound,
        })
    }

    pub(super) fn btf(&self) -> &'k Btf<'k> {
        self.btf
    }

    /// The full forms that are in no set.
    pub(super) fn prototypes(&self) -> impl Iterator<Item = TypeId> + '_ {
        let full = self.bound.iter().map(|bound| bound.full);
        full.filter(|id| !self.declared.contains_key(id))
    }

    /// What the filter of kernel-glue says: the kernel tells hooks apart, it tells types.
    fn admits(&self, ty: ProgType, func: TypeId) -> bool {
        self.declared.get(&func).is_none_or(|kfunc| {
            kfunc.programs.contains(&ProgType::ANY) || kfunc.programs.contains(&ty)
        })
    }
}

impl Known<'_> {
    pub(super) fn rules(&self) -> Rules {
        match self.native {
            true => Rules::V7_3,
            false => Rules::V6_12,
        }
    }

    /// The name of the function that is called, if it is one.
    pub(super) fn func_name(&self, call: Call) -> Option<&[u8]> {
        let btf = match usize::try_from(call.fd_index).ok()?.checked_sub(1) {
            None => self.vmlinux.btf,
            Some(module) => self.modules.get(module)?.btf,
        };
        let func = btf.get(TypeId(call.id as u32))?;
        (func.kind() == Kind::FUNC).then(|| btf.name(&func))
    }

    /// Whether a filter that looks at more than the program's type may refuse this call: one of the kernel's own, or a
    /// provider of ours.
    pub(super) fn may_be_filtered(&self, case: &Case) -> bool {
        let Some(call) = case.call else {
            return false;
        };
        if call.fd_index != 0 {
            let name = self.func_name(call);
            return name.is_some_and(|name| PROVIDER_MAY_REFUSE.contains(&name));
        }
        let kfunc = self.vmlinux.kfuncs.get(&TypeId(call.id as u32));
        kfunc.is_some_and(|kfunc| kfunc.programs.filtered || kfunc.programs.unknown)
    }

    /// Gives the kernel, and what the programs' file descriptors are (`guest/resolve.c`).
    pub(super) fn with(
        &self,
        has_symbol: &dyn Fn(&[u8]) -> bool,
        work: impl FnOnce(&Kernel<'_>, &[Fd<'_>]) -> Result<()>,
    ) -> Result<()> {
        let vmlinux_sets = registered(&self.vmlinux.sets, None)?;
        let [example, shapes] = &self.modules[..] else {
            anyhow::bail!("there are two modules");
        };
        let example_admits = |ty: ProgType, func: TypeId| example.admits(ty, func);
        let shapes_admits = |ty: ProgType, func: TypeId| shapes.admits(ty, func);
        let example_sets = registered(&example.sets, Some(&example_admits))?;
        let shapes_sets = registered(&shapes.sets, Some(&shapes_admits))?;
        let fds = [
            Fd::NoBtf,
            Fd::Module(KfuncBtf {
                btf: example.btf,
                sets: &example_sets,
                bound: &example.bound,
            }),
            Fd::Module(KfuncBtf {
                btf: shapes.btf,
                sets: &shapes_sets,
                bound: &shapes.bound,
            }),
            Fd::OtherBtf,
            Fd::NoBtf,
            Fd::NoBtf,
        ];
        let device_bound = IdSetReader::read(&self.vmlinux.device_bound, ByteOrder::Little)?;
        let kernel = Kernel {
            rules: self.rules(),
            vmlinux: Some(KfuncBtf {
                btf: self.vmlinux.btf,
                sets: &vmlinux_sets,
                bound: &[],
            }),
            has_symbol,
            device_bound: Some(device_bound),
        };
        work(&kernel, &fds)
    }
}

/// Kfuncs by hook.
#[derive(Default)]
struct Members(HashMap<Hook, BTreeMap<TypeId, KfuncFlags>>);

impl Members {
    fn add(&mut self, hook: Hook, id: TypeId, flags: KfuncFlags) {
        self.0.entry(hook).or_default().insert(id, flags);
    }

    fn encode(self) -> Sets {
        let sets = self.0.into_iter();
        sets.map(|(hook, kfuncs)| (hook, encode(&kfuncs.into_iter().collect::<Vec<_>>())))
            .collect()
    }
}

/// A set as `.BTF_ids` has it, of kfuncs in the order of their ids.
fn encode(kfuncs: &[(TypeId, KfuncFlags)]) -> Vec<u8> {
    let head = [kfuncs.len() as u32, kfunc_abi::BTF_SET8_KFUNCS];
    let pairs = kfuncs.iter().flat_map(|(id, flags)| [id.0, flags.bits()]);
    let words = head.into_iter().chain(pairs);
    words.flat_map(u32::to_le_bytes).collect()
}

type Filter<'f> = &'f dyn Fn(ProgType, TypeId) -> bool;

fn registered<'s>(sets: &'s Sets, filter: Option<Filter<'s>>) -> Result<Vec<HookSet<'s>>> {
    let sets = sets.iter().map(|(hook, bytes)| {
        Ok(HookSet {
            hook: *hook,
            kfuncs: IdSetReader::read(bytes, ByteOrder::Little)?,
            filter,
        })
    });
    sets.collect()
}
