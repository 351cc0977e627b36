// SPDX-License-Identifier: MIT OR Apache-2.0

//! Whether a set lets a program call a kfunc, and with which flags.
//!
//! 7.3 asks for the flags first (`btf_kfunc_flags`), and for the permission when it gets to the call
//! (`btf_kfunc_is_allowed`). 6.12 asks for both at once (`btf_kfunc_id_set_contains`).

use btf_core::TypeId;
use kfunc_abi::{Hook, KfuncFlags, Presence, ProgType};

use super::{KfuncBtf, Rules};

/// Why no set lets a program call a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotAllowed {
    /// Nothing was registered for its BTF.
    NoSets,
    /// It is in none of the sets: perhaps no kfunc at all.
    InNoSet,
    /// It is in a set for other programs.
    OtherHook {
        /// The hook of the program's type, if it has one.
        asked: Option<Hook>,
        /// That of the set.
        has: Hook,
    },
    /// A filter of this hook refuses the program.
    Filtered(Hook),
}

/// What is found of a kfunc.
pub(super) struct Lookup {
    /// Its flags as they are when its prototype is looked up.
    pub(super) flags: Option<KfuncFlags>,
    /// Its flags, if the program may call it.
    pub(super) allowed: Result<KfuncFlags, NotAllowed>,
}

impl Lookup {
    /// Looks up `func` for programs of the type `asks`.
    pub(super) fn of(rules: Rules, from: &KfuncBtf<'_>, asks: ProgType, func: TypeId) -> Self {
        let own = asks
            .hook()
            .filter(|_| asks.has_hook_in(rules.version()) == Presence::Present);
        let mut lookup = Self {
            flags: None,
            allowed: Err(why_not(from, own, func)),
        };
        for hook in [Some(Hook::Common), own].into_iter().flatten() {
            let Some(flags) = flags_in(from, hook, func) else {
                continue;
            };
            let first = *lookup.flags.get_or_insert(flags);
            if !admits(from, hook, asks, func) {
                lookup.allowed = Err(NotAllowed::Filtered(hook));
                continue;
            }
            lookup.allowed = Ok(match rules {
                Rules::V6_12 => flags,
                Rules::V7_3 => first,
            });
            break;
        }
        lookup
    }
}

/// The flags of `func` in the sets of `hook`.
fn flags_in(from: &KfuncBtf<'_>, hook: Hook, func: TypeId) -> Option<KfuncFlags> {
    let mut sets = from.sets.iter().filter(|set| set.hook == hook);
    sets.find_map(|set| set.kfuncs.find(func))
}

/// Whether no filter of `hook` refuses.
fn admits(from: &KfuncBtf<'_>, hook: Hook, asks: ProgType, func: TypeId) -> bool {
    let sets = from.sets.iter().filter(|set| set.hook == hook);
    let mut filters = sets.filter_map(|set| set.filter);
    filters.all(|admits| admits(asks, func))
}

/// Why a function is not allowed that no set of the right hooks has.
fn why_not(from: &KfuncBtf<'_>, asked: Option<Hook>, func: TypeId) -> NotAllowed {
    if from.sets.is_empty() {
        return NotAllowed::NoSets;
    }
    let mut sets = from.sets.iter();
    match sets.find(|set| set.kfuncs.find(func).is_some()) {
        Some(set) => NotAllowed::OtherHook {
            asked,
            has: set.hook,
        },
        None => NotAllowed::InNoSet,
    }
}
