// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a file says of its kfuncs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use btf_core::{Btf, Kind, TypeId};
use kfunc_abi::{Hook, KernelVersion, KfuncFlags, Presence, ProgType, Signature, KFUNC_TAG};

use super::registered::Kernel;
use super::KfuncFile;
use crate::id_sets::KfuncSet;
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
    let (members, mut notes) = members(btf, file)?;
    notes.extend(odd_sets(btf, file, &members));
    let mut entries = Vec::new();
    for (id, member) in members {
        let damaged = |error| Error::Signature { id: id.0, error };
        let missing = || Error::NoKfuncType(id.0);
        let func = btf.get(id).ok_or_else(missing)?;
        let signature = match member.full {
            Some(full) => Signature::of_record(btf, id, full),
            None => Signature::of(btf, &func, member.flags()),
        };
        entries.push(Entry {
            signature: signature.map_err(damaged)?,
            sets: member.sets.iter().map(|(set, _)| *set).collect(),
            flags: member.flags(),
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
pub(crate) struct Member<'e> {
    /// The sets that hold it, and its flags in each.
    pub(crate) sets: Vec<(&'e str, KfuncFlags)>,
    /// Its flags by its declaration, which may be in no set.
    declared: Option<KfuncFlags>,
    pub(crate) programs: Programs,
    /// The FUNC with the full signature, if there is a declaration.
    pub(crate) full: Option<TypeId>,
    doc: &'e str,
}

impl<'e> Member<'e> {
    /// Its flags, those of its first set; none if the file does not tell.
    pub(crate) fn flags(&self) -> Option<KfuncFlags> {
        let first = self.sets.first().map(|(_, flags)| *flags);
        first.or(self.declared)
    }

    /// The first set whose flags are not those of the first one.
    pub(crate) fn other_flags(&self) -> Option<(&'e str, KfuncFlags)> {
        let (_, first) = self.sets.first()?;
        self.sets.iter().find(|(_, flags)| flags != first).copied()
    }
}

/// The kfuncs of `file` by their FUNCs, whose types are those of `btf`, and what is not known of some.
pub(crate) fn members<'e>(
    btf: &Btf<'_>,
    file: &'e KfuncFile,
) -> Result<(BTreeMap<TypeId, Member<'e>>, Vec<String>)> {
    let mut notes = Vec::new();
    let mut members = match &file.sets {
        Some(sets) if !sets.is_empty() => of_sets(btf, file)?,
        // In older kernels sets do not say that they are of kfuncs.
        _ if file.declared.is_empty() => of_tags(btf),
        _ => BTreeMap::new(),
    };
    of_records(btf, file, &mut members, &mut notes)?;
    Ok((members, notes))
}

/// What the sets of `file` should not say.
fn odd_sets(
    btf: &Btf<'_>,
    file: &KfuncFile,
    members: &BTreeMap<TypeId, Member<'_>>,
) -> Vec<String> {
    let mut notes = Vec::new();
    for (id, member) in members {
        if let (Some((set, flags)), Some((other, others))) =
            (member.sets.first(), member.other_flags())
        {
            let name = btf.get(*id).map(|func| btf.name(&func)).unwrap_or_default();
            notes.push(format!(
                "{}: {flags} in {set}, but {others} in {other}",
                name.escape_ascii()
            ));
        }
    }
    let sets = file.sets.iter().flatten();
    let unresolved: usize = sets.map(KfuncSet::unresolved).sum();
    if unresolved > 0 {
        notes.push(format!(
            "kfuncs of the sets that are not in the BTF: {unresolved}"
        ));
    }
    notes
}

/// The kfuncs in the sets of `file`.
fn of_sets<'e>(btf: &Btf<'_>, file: &'e KfuncFile) -> Result<BTreeMap<TypeId, Member<'e>>> {
    let sets = file.sets.as_deref().unwrap_or_default();
    let kernel = match file.kernel {
        Some(version) => Kernel::like(version),
        None => Kernel::with_most_of(sets.iter().map(|set| set.name.as_str())),
    };
    let moved = moved_by(btf, file)?;
    let mut members = BTreeMap::<_, Member<'_>>::new();
    for set in sets {
        for &(id, flags) in &set.kfuncs {
            if id == TypeId::VOID {
                continue;
            }
            let id = TypeId(id.0.wrapping_add(moved));
            let member = members.entry(id).or_default();
            member.sets.push((&set.name, flags));
            member.programs.add(&set.name, kernel);
        }
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
            declared: Some(declared.flags),
            programs: Programs::of_types(&declared.programs, kernel),
            full: Some(full),
            doc: &declared.doc,
            sets: [(declared.set.as_str(), declared.flags)]
                .into_iter()
                .filter(|(set, _)| !set.is_empty())
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
pub(crate) fn tagged<'b>(btf: &'b Btf<'_>) -> impl Iterator<Item = TypeId> + use<'b> {
    let tags = btf.named(KFUNC_TAG.as_bytes(), Kind::DECL_TAG);
    let tags = tags.filter(|tag| tag.component() == Some(WHOLE));
    tags.filter_map(|tag| {
        let func = btf.get(tag.target()?)?;
        (func.kind() == Kind::FUNC).then(|| func.id())
    })
}

fn of_tags<'e>(btf: &Btf<'_>) -> BTreeMap<TypeId, Member<'e>> {
    let unknown = || Member {
        programs: Programs {
            unknown: true,
            ..Programs::default()
        },
        ..Member::default()
    };
    tagged(btf).map(|func| (func, unknown())).collect()
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
