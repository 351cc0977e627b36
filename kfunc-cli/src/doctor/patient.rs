// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is looked at: the kfuncs of a file, with all that it says of them.

use std::collections::BTreeSet;

use btf_core::{Btf, Kind, Type, TypeId};
use kfunc_abi::split::ImplicitRule;
use kfunc_abi::{KfuncFlags, IMPL_SUFFIX};

use super::{Finding, Rule, Who};
use crate::list::{members, tagged, KfuncFile, Member};
use crate::Result;

/// A kfunc.
pub(super) struct Kfunc<'p> {
    pub(super) name: String,
    pub(super) id: TypeId,
    pub(super) member: Member<'p>,
}

impl Kfunc<'_> {
    /// Whether it has the flag of implicit arguments; none if its flags are not known.
    pub(super) fn is_flagged(&self) -> Option<bool> {
        let flags = self.member.flags()?;
        Some(flags.contains(KfuncFlags::IMPLICIT_ARGS))
    }
}

/// A kernel or a module.
pub(super) struct Patient<'p> {
    pub(super) btf: &'p Btf<'p>,
    pub(super) file: &'p KfuncFile,
    /// By id.
    pub(super) kfuncs: Vec<Kfunc<'p>>,
    /// The FUNCs that have the tag of kfuncs.
    pub(super) tagged: BTreeSet<TypeId>,
    /// Whether its kernel fills in implicit arguments (7.0 and later), by what is there.
    pub(super) native: bool,
    pub(super) notes: Vec<String>,
}

impl<'p> Patient<'p> {
    pub(super) fn new(btf: &'p Btf<'p>, file: &'p KfuncFile) -> Result<Self> {
        let (members, notes) = members(btf, file)?;
        let kfuncs = members.into_iter().map(|(id, member)| Kfunc {
            name: name_of(btf, id),
            id,
            member,
        });
        let mut patient = Self {
            btf,
            file,
            kfuncs: kfuncs.collect(),
            tagged: tagged(btf).collect(),
            native: false,
            notes,
        };
        patient.native = patient.has_implicit();
        Ok(patient)
    }

    /// Whether a kfunc has implicit arguments; without flags, whether there are two prototypes of a function, as only
    /// those kernels have them.
    fn has_implicit(&self) -> bool {
        let mut flags = self.kfuncs.iter().map(Kfunc::is_flagged);
        if self.knows_sets() {
            return flags.any(|flag| flag == Some(true));
        }
        let mut funcs = self.btf.of_kind(Kind::FUNC);
        funcs.any(|full| {
            let public = self.btf.name(&full).strip_suffix(IMPL_SUFFIX.as_bytes());
            let public = public.filter(|_| self.first_implicit(&full).is_some());
            public.is_some_and(|public| self.btf.find_own(public, Kind::FUNC).is_some())
        })
    }

    /// Whether the sets of its kfuncs are known. An ELF file without sets and tags has no kfuncs.
    pub(super) fn knows_sets(&self) -> bool {
        let elf = self.file.btf.pointer_size.is_some();
        let sets = self.file.sets.as_ref().is_some_and(|sets| !sets.is_empty());
        sets || !self.file.declared.is_empty() || (elf && self.tagged.is_empty())
    }

    /// The prototype of a FUNC.
    pub(super) fn prototype(&self, func: &Type<'_>) -> Option<Type<'p>> {
        let proto = self.btf.get(func.target()?)?;
        (func.kind() == Kind::FUNC && proto.kind() == Kind::FUNC_PROTO).then_some(proto)
    }

    /// The place of the parameter of a FUNC at which the build of Linux 7.x would split it.
    pub(super) fn first_implicit(&self, func: &Type<'_>) -> Option<usize> {
        ImplicitRule::OFFICIAL.first_implicit(self.btf, &self.prototype(func)?, true)
    }

    /// The FUNC called `name` with [`IMPL_SUFFIX`].
    pub(super) fn find_impl(&self, name: &str) -> Option<Type<'p>> {
        self.find(&format!("{name}{IMPL_SUFFIX}"))
    }

    /// The FUNC called `name`, the base's first, as the kernel finds it.
    pub(super) fn find(&self, name: &str) -> Option<Type<'p>> {
        self.btf.find(name.as_bytes(), Kind::FUNC)
    }

    /// What is wrong with `kfunc`.
    pub(super) fn finding(&self, rule: Rule, kfunc: &Kfunc<'_>, what: String) -> Finding {
        let sets = kfunc.member.sets.iter();
        let sets: Vec<_> = sets.map(|(set, _)| (*set).to_owned()).collect();
        Finding {
            rule,
            name: kfunc.name.clone(),
            module: self.file.name.clone(),
            what,
            who: Who::may_call(&kfunc.name, &sets, kfunc.member.programs.hooks()),
            sets,
        }
    }
}

/// The name of a type, printable.
pub(super) fn name_of(btf: &Btf<'_>, id: TypeId) -> String {
    let name = btf.get(id).map(|ty| btf.name(&ty)).unwrap_or_default();
    name.escape_ascii().to_string()
}
