// SPDX-License-Identifier: GPL-2.0-only

//! What a module says of itself.

use core::ffi::c_uint;

use kfunc_abi::ProgType;

use crate::registered::MAX_KFUNCS;
use crate::{Kfunc, Native, Pool};

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

    /// Whether the verifier of Linux 7.0 and later can fill in all implicit arguments, and there are some.
    pub(crate) fn can_be_native(&self) -> bool {
        let mut bound = self
            .kfuncs()
            .filter(|kfunc| kfunc.pool.is_some())
            .peekable();
        bound.peek().is_some() && bound.all(|kfunc| kfunc.native == Native::IfAsked)
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

/// How the kfuncs are registered: the parameters of the module, as `skin/params.c` keeps them.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Options {
    /// Who fills in implicit arguments.
    pub way: Way,
    /// How many slots of each kfunc are used: at most as many as it has. 0 stands for all.
    pub slots: c_uint,
    /// Bind nothing, so that every call of a kfunc with slots gets to the safe entry. For tests; the way has no meaning then.
    pub unbound: bool,
}

/// Who fills in implicit arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Way {
    /// The verifier, if it can fill in all that the module has; else the module.
    Auto,
    /// The verifier for the kfuncs for which it can (7.0 and later), the module for the others.
    Native,
    /// The module.
    Bound,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PerProgram, ProgAux, State};

    struct Total;

    impl State for Total {
        const NAME: &'static str = "total";
        const NEW: Self = Self;
    }

    crate::kfuncs! {
        set IDS for [ANY] {
            /// The verifier can.
            #[kfunc(slots = 2)]
            fn module_test_id(#[implicit] program: ProgAux) -> u32 {
                program.id()
            }
        }
    }

    crate::kfuncs! {
        set TOTALS for [ANY] {
            /// It cannot.
            #[kfunc(slots = 2)]
            fn module_test_total(#[implicit] _total: PerProgram<'_, Total>) -> u32 {
                0
            }
        }
    }

    #[test]
    fn a_module_can_be_native_if_all_its_implicit_arguments_can() {
        static NATIVE: Module = Module::new("native", &[&IDS]);
        static MIXED: Module = Module::new("mixed", &[&IDS, &TOTALS]);
        assert!(NATIVE.can_be_native());
        assert!(!MIXED.can_be_native());
    }
}
