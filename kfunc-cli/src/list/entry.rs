// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a file says of its kfuncs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use btf_core::{Btf, Kind, TypeId};
use kfunc_abi::{Hook, KernelVersion, KfuncFlags, Presence, ProgType, Signature, KFUNC_TAG};

use super::registered::Kernel;
use super::KfuncFile;
use crate::{Error, Result};

/// The component that is the function itself.
const WHOLE: i32 = -1;

/// The programs that may call a kfunc.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Programs {
    /// The types that its sets are registered for.
    registered: BTreeSet<ProgType>,
    /// The kernel whose hooks count.
    kernel: Option<KernelVersion>,
    /// Whether one of its sets is not in the table, or it has none.
    pub unknown: bool,
    /// Whether a filter of the kernel's refuses some of them.
    pub filtered: bool,
    /// Whether fmod_ret programs may attach to it.
    pub fmod_ret: bool,
}

impl Programs {
    /// The hooks that its sets are registered for.
    pub fn hooks(&self) -> BTreeSet<Hook> {
        self.registered.iter().filter_map(|ty| ty.hook()).collect()
    }

    /// All types of these hooks; none if that is not known.
    pub fn types(&self) -> Option<Vec<ProgType>> {
        let kernel = self.kernel.filter(|_| !self.unknown)?;
        let hooks = self.hooks();
        let everywhere = hooks.contains(&Hook::Common);
        let types = ProgType::ALL
            .into_iter()
            .filter(|ty| *ty != ProgType::UNSPEC);
        let may = types.filter(|ty| {
            let known = ty.hook().is_some_and(|hook| hooks.contains(&hook));
            everywhere || known && ty.has_hook_in(kernel) == Presence::Present
        });
        Some(may.collect())
    }

    fn of_types(types: &[ProgType], kernel: Kernel) -> Self {
        Self {
            registered: types.iter().copied().collect(),
            kernel: Some(kernel.version()),
            ..Self::default()
        }
    }

    fn add(&mut self, set: &str, kernel: Kernel) {
        self.kernel = Some(kernel.version());
        match kernel.registered(set) {
            Some(registered) => {
                self.registered.extend(registered.types);
                self.filtered |= registered.filtered;
                self.fmod_ret |= registered.fmod_ret;
            }
            None => self.unknown = true,
        }
    }
}

/// A kfunc.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'e> {
    pub(crate) signature: Signature<'e>,
    pub(crate) sets: Vec<&'e str>,
    pub(crate) flags: Option<KfuncFlags>,
    pub(crate) programs: Programs,
    /// The kfunc of which it is the form with all parameters.
    pub(crate) legacy_of: Option<&'e [u8]>,
    pub(crate) doc: &'e str,
}

/// The kfuncs of a file.
pub(crate) struct Entries<'e> {
    /// By name.
    pub(crate) entries: Vec<Entry<'e>>,
    /// What is odd.
    pub(crate) notes: Vec<String>,
}

/// The kfuncs of `file`, whose types are those of `btf`.
pub(crate) fn entries<'e>(btf: &'e Btf<'e>, file: &'e KfuncFile) -> Result<Entries<'e>> {
    let mut notes = Vec::new();
    let mut members = match &file.sets {
        Some(sets) if !sets.is_empty() => of_sets(btf, file, &mut notes)?,
        // In older kernels sets do not say that they are of kfuncs.
        _ if file.declared.is_empty() => of_tags(btf),
        _ => BTreeMap::new(),
    };
    of_records(btf, file, &mut members, &mut notes)?;
    let mut entries = Vec::new();
    for (id, member) in members {
        let damaged = |error| Error::Signature { id: id.0, error };
        let missing = || Error::NoKfuncType(id.0);
        let func = btf.get(id).ok_or_else(missing)?;
        let signature = match member.full {
            Some(full) => Signature::of_record(btf, id, full),
            None => Signature::of(btf, &func, member.flags),
        };
        entries.push(Entry {
            signature: signature.map_err(damaged)?,
            sets: member.sets,
            flags: member.flags,
            programs: member.programs,
            legacy_of: None,
            doc: member.doc,
        });
    }
    mark_legacy(&mut entries);
    entries.sort_by_key(|entry| entry.signature.name());
    Ok(Entries { entries, notes })
}

/// What the sets, or a declaration, say of a kfunc.
#[derive(Default)]
struct Member<'e> {
    sets: Vec<&'e str>,
    flags: Option<KfuncFlags>,
    programs: Programs,
    /// The FUNC with the full signature, if there is a declaration.
    full: Option<TypeId>,
    doc: &'e str,
}

/// The kfuncs in the sets of `file`.
fn of_sets<'e>(
    btf: &Btf<'_>,
    file: &'e KfuncFile,
    notes: &mut Vec<String>,
) -> Result<BTreeMap<TypeId, Member<'e>>> {
    let sets = file.sets.as_deref().unwrap_or_default();
    let kernel = match file.kernel {
        Some(version) => Kernel::like(version),
        None => Kernel::with_most_of(sets.iter().map(|set| set.name.as_str())),
    };
    let moved = moved_by(btf, file)?;
    let mut members = BTreeMap::<_, Member<'_>>::new();
    let mut unresolved = 0;
    for set in sets {
        for &(id, flags) in &set.kfuncs {
            if id == TypeId::VOID {
                unresolved += 1;
                continue;
            }
            let id = TypeId(id.0.wrapping_add(moved));
            let member = members.entry(id).or_default();
            member.sets.push(&set.name);
            member.programs.add(&set.name, kernel);
            let before = *member.flags.get_or_insert(flags);
            if before != flags {
                let name = btf.get(id).map(|func| btf.name(&func)).unwrap_or_default();
                notes.push(format!(
                    "{}: {} in {}, but {flags} in {}",
                    name.escape_ascii(),
                    before,
                    member.sets[0],
                    set.name
                ));
            }
        }
    }
    if unresolved > 0 {
        notes.push(format!(
            "kfuncs of the sets that are not in the BTF: {unresolved}"
        ));
    }
    Ok(members)
}

/// Adds the kfuncs that `file` declares.
fn of_records<'e>(
    btf: &Btf<'_>,
    file: &'e KfuncFile,
    members: &mut BTreeMap<TypeId, Member<'e>>,
    notes: &mut Vec<String>,
) -> Result<()> {
    let moved = moved_by(btf, file)?;
    let kernel = file.kernel.map_or(Kernel::V7_3, Kernel::like);
    for declared in &file.declared {
        if declared.public == TypeId::VOID {
            notes.push(format!("{}: declared, but not embedded", declared.name));
            continue;
        }
        let id = |id: TypeId| TypeId(id.0.wrapping_add(moved));
        let (public, full) = (id(declared.public), id(declared.full));
        let member = |full| Member {
            flags: Some(declared.flags),
            programs: Programs::of_types(&declared.programs, kernel),
            full: Some(full),
            doc: &declared.doc,
            sets: [declared.set.as_str()]
                .into_iter()
                .filter(|set| !set.is_empty())
                .collect(),
        };
        members.insert(public, member(full));
        if declared.legacy && full != public {
            members.insert(full, member(full));
        }
    }
    Ok(())
}

/// By how much the ids in the sets of `file` are too low: they count from its distilled base, `btf` perhaps from another.
fn moved_by(btf: &Btf<'_>, file: &KfuncFile) -> Result<u32> {
    let Some(distilled) = &file.btf.distilled_base else {
        return Ok(0);
    };
    let distilled = Btf::parse(distilled).map_err(Error::DistilledBase)?;
    Ok(btf.first_id().0.wrapping_sub(distilled.end_id().0))
}

/// The own FUNCs of `btf` that have the tag of kfuncs.
fn of_tags<'e>(btf: &Btf<'_>) -> BTreeMap<TypeId, Member<'e>> {
    let tags = btf.named(KFUNC_TAG.as_bytes(), Kind::DECL_TAG);
    let tags = tags.filter(|tag| tag.component() == Some(WHOLE));
    tags.filter_map(|tag| {
        let func = btf.get(tag.target()?)?;
        let unknown = Member {
            programs: Programs {
                unknown: true,
                ..Programs::default()
            },
            ..Member::default()
        };
        (func.kind() == Kind::FUNC).then(|| (func.id(), unknown))
    })
    .collect()
}

/// Finds those that are the other form of one with implicit arguments.
fn mark_legacy(entries: &mut [Entry<'_>]) {
    let full: HashMap<_, _> = entries
        .iter()
        .filter_map(|entry| Some((entry.signature.full_func()?, entry.signature.name())))
        .collect();
    for entry in entries {
        entry.legacy_of = full.get(&entry.signature.func()).copied();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(registered: &[ProgType], kernel: Kernel) -> Vec<ProgType> {
        Programs::of_types(registered, kernel).types().unwrap()
    }

    #[test]
    fn types_of_a_hook_share_its_kfuncs() {
        let everywhere = types(&[ProgType::UNSPEC], Kernel::V6_12);
        assert_eq!(everywhere, ProgType::ALL[1..]);
        assert_eq!(types(&[ProgType::XDP], Kernel::V7_3), [ProgType::XDP]);
        let mut tracing = vec![
            ProgType::TRACEPOINT,
            ProgType::PERF_EVENT,
            ProgType::TRACING,
            ProgType::LSM,
        ];
        assert_eq!(types(&[ProgType::LSM], Kernel::V6_12), tracing);
        tracing.insert(2, ProgType::RAW_TRACEPOINT);
        assert_eq!(types(&[ProgType::LSM], Kernel::V7_3), tracing);
        assert_eq!(types(&[], Kernel::V7_3), []);
    }

    #[test]
    fn one_unknown_set_leaves_it_open() {
        let mut programs = Programs::default();
        programs.add("xfrm_state_kfunc_set", Kernel::V7_3);
        assert_eq!(programs.types(), Some(vec![ProgType::XDP]));
        programs.add("their_own", Kernel::V7_3);
        assert_eq!(programs.types(), None);
        assert_eq!(programs.hooks(), BTreeSet::from([Hook::Xdp]));
    }
}
