// SPDX-License-Identifier: GPL-2.0-only

//! What a module says of itself.

use kfunc_abi::ProgType;

use crate::registered::MAX_KFUNCS;
use crate::{Kfunc, Pool};

/// What a module offers.
pub struct Module {
    pub(crate) name: &'static str,
    pub(crate) sets: &'static [&'static KfuncSet],
    /// How many kfuncs the sets have together.
    pub(crate) kfunc_count: usize,
}

impl Module {
    /// A module of this name, as `lsmod` shows it, and its sets. For use in statics: what cannot work does not
    /// compile.
    pub const fn new(name: &'static str, sets: &'static [&'static KfuncSet]) -> Self {
        let mut names = [""; MAX_KFUNCS];
        let mut count = 0;
        let mut rest = sets;
        while let Some((set, after)) = rest.split_first() {
            rest = after;
            let mut kfuncs = set.kfuncs;
            while let Some((kfunc, others)) = kfuncs.split_first() {
                kfuncs = others;
                assert!(count < MAX_KFUNCS, "a module has at most 64 kfuncs");
                names[count] = kfunc.name;
                count += 1;
            }
        }
        assert!(count > 0, "a module without kfuncs has nothing to register");
        kfunc_abi::check_names(names.split_at(count).0);
        Self {
            name,
            sets,
            kfunc_count: count,
        }
    }

    /// All kfuncs, set by set.
    pub(crate) fn kfuncs(&self) -> impl Iterator<Item = &'static Kfunc> {
        self.in_sets().map(|(_, kfunc)| kfunc)
    }

    /// All kfuncs, each with its set.
    pub(crate) fn in_sets(&self) -> InSets {
        InSets {
            sets: self.sets,
            set: None,
        }
    }

    /// What binds programs, kfunc by kfunc.
    pub(crate) fn pools(&self) -> impl Iterator<Item = &'static Pool> {
        self.kfuncs().filter_map(|kfunc| kfunc.pool.as_ref())
    }
}

/// Kfuncs, each with its set. Not a chain of adapters, whose symbols are too long for objtool.
pub(crate) struct InSets {
    /// The sets that were not begun.
    sets: &'static [&'static KfuncSet],
    /// The one that was, and what is left of it.
    set: Option<(&'static KfuncSet, &'static [&'static Kfunc])>,
}

impl Iterator for InSets {
    type Item = (&'static KfuncSet, &'static Kfunc);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((set, kfuncs)) = self.set {
                if let Some((kfunc, rest)) = kfuncs.split_first() {
                    self.set = Some((set, rest));
                    return Some((set, kfunc));
                }
            }
            let (set, rest) = self.sets.split_first()?;
            self.sets = rest;
            self.set = Some((set, set.kfuncs));
        }
    }
}

/// Kfuncs that the same types of program may call. Made by [`crate::kfuncs!`].
pub struct KfuncSet {
    pub(crate) kfuncs: &'static [&'static Kfunc],
    pub(crate) prog_types: &'static [ProgType],
}

impl KfuncSet {
    /// Whether programs of this type may call its kfuncs. The kernel itself only tells hooks apart, which several types
    /// share.
    pub(crate) fn admits(&self, prog_type: ProgType) -> bool {
        let mut types = self.prog_types.iter();
        types.any(|of_set| *of_set == ProgType::ANY || *of_set == prog_type)
    }

    #[doc(hidden)]
    pub const fn new(kfuncs: &'static [&'static Kfunc], prog_types: &'static [ProgType]) -> Self {
        let mut rest = prog_types;
        while let Some((prog_type, after)) = rest.split_first() {
            assert!(
                prog_type.hook().is_some(),
                "programs of one of these types cannot call a module's kfuncs"
            );
            rest = after;
        }
        Self { kfuncs, prog_types }
    }
}

/// How the kfuncs are registered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Let the verifier fill in the implicit argument of the kfuncs for which it can (7.0 and later).
    pub native: bool,
    /// Bind nothing, so that every call of a kfunc with slots gets to the safe entry. For tests; `native` has no meaning then.
    pub unbound: bool,
}
