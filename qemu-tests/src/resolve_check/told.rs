// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a verifier says of a call, beside what was expected.

use verifier_fixup::resolve::{Refusal, RefusalKind};

use crate::verdict::Load;

const NOT_ALLOWED: &str = "calling kernel function";
/// How the words begin with which a call is refused for what it is, and not for what it passes.
const REFUSALS: &[&str] = &[
    "loading/calling other bpf",
    "JIT is required",
    "cannot call kernel function",
    "invalid kernel function",
    "negative offset",
    "kfunc offset",
    "kfunc fd_idx",
    "signed program",
    "invalid module BTF",
    "BTF fd for kfunc",
    "failed to find BTF",
    "kernel btf_id",
    "function name",
    "cannot find function",
    "kernel function btf_id",
    "cannot find address",
    "metadata kfuncs",
    "The function",
    "Function",
    NOT_ALLOWED,
    "destructive kfunc",
    "program must be sleepable",
    "verifier bug",
];
/// What 7.3 says of a parameter that no program can pass, or not this one, before it asks whether the kfunc is allowed
/// (`get_kfunc_arg_type`). verifier-fixup does not look at what parameters are.
const PARAMETER: &[&str] = &["must point to", "arena pointer", "Unrecognized"];

/// How both agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    /// Refused, in the same words.
    Refused,
    /// Not refused for what it is, but for what it passes or does not.
    Further,
    /// Not refused at all.
    Loaded,
    /// Refused by a filter, which is not known.
    Filtered,
    /// Refused for a parameter, before it comes to what is expected.
    Parameter,
}

/// What may come between.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Excuses {
    /// A filter of the kernel's own, or a provider.
    pub(super) filter: bool,
    /// The types of parameters, which come before the sets.
    pub(super) parameter: bool,
}

impl Told {
    /// How `load` agrees with what is `expected`: no refusal, or this one. None if it does not.
    pub(super) fn of(
        expected: Option<&Refusal<'_>>,
        load: &Load,
        excuses: Excuses,
    ) -> Option<Self> {
        let Some(refusal) = expected else {
            return Self::of_unrefused(load, excuses);
        };
        let late = comes_late(refusal);
        let parameter = PARAMETER.iter().any(|words| load.text.contains(words));
        if load.errno == 0 {
            None
        } else if load.text.starts_with(&as_told(refusal)) {
            Some(Self::Refused)
        } else if late && excuses.filter && load.text.starts_with(NOT_ALLOWED) {
            Some(Self::Filtered)
        } else if late && excuses.parameter && parameter {
            Some(Self::Parameter)
        } else {
            None
        }
    }

    fn of_unrefused(load: &Load, excuses: Excuses) -> Option<Self> {
        if load.errno == 0 {
            Some(Self::Loaded)
        } else if !REFUSALS.iter().any(|words| load.text.starts_with(words)) {
            Some(Self::Further)
        } else if excuses.filter && load.text.starts_with(NOT_ALLOWED) {
            Some(Self::Filtered)
        } else {
            None
        }
    }
}

/// The refusal as the guest tells it.
pub(super) fn as_told(refusal: &Refusal<'_>) -> String {
    let words = refusal.to_string();
    words.lines().map(|line| format!("{line};")).collect()
}

/// Whether the verifier says it when it gets to the call, and not before.
fn comes_late(refusal: &Refusal<'_>) -> bool {
    matches!(
        refusal.kind,
        RefusalKind::NotAllowed { .. }
            | RefusalKind::Destructive
            | RefusalKind::Perfmon { .. }
            | RefusalKind::Sleepable { .. }
            | RefusalKind::TooManyArguments { .. }
            | RefusalKind::SecondAux
            | RefusalKind::AuxOnStack { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use verifier_fixup::resolve::{Call, NotAllowed, Rules};

    const ALL: Excuses = Excuses {
        filter: true,
        parameter: true,
    };

    fn refusal(kind: RefusalKind<'_>) -> Refusal<'_> {
        Refusal {
            kind,
            rules: Rules::V7_3,
            call: Call { id: 7, fd_index: 3 },
        }
    }

    fn load(errno: i32, text: &str) -> Load {
        Load {
            way: String::new(),
            errno,
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_refusal_has_the_same_words() {
        let (name, why) = (&b"foo"[..], NotAllowed::InNoSet);
        let late = refusal(RefusalKind::NotAllowed { name, why });
        let early = refusal(RefusalKind::NoAddress { name, public: None });
        let allowed = "calling kernel function foo is not allowed;";
        let address = "cannot find address for kernel function foo;";
        let arena = "R1 arena pointer requires a program with an associated arena;";
        let none = Excuses::default();
        for (expected, load, excuses, told) in [
            (&late, load(13, allowed), none, Some(Told::Refused)),
            (
                &late,
                load(13, &format!("{allowed}more;")),
                none,
                Some(Told::Refused),
            ),
            (&late, load(0, allowed), ALL, None),
            (&late, load(22, address), ALL, None),
            (&late, load(22, arena), ALL, Some(Told::Parameter)),
            (&late, load(22, arena), none, None),
            (&early, load(22, address), none, Some(Told::Refused)),
            (
                &early,
                load(22, "cannot find address for kernel function foot;"),
                ALL,
                None,
            ),
            (&early, load(13, allowed), ALL, None),
            (&early, load(22, arena), ALL, None),
            (
                &refusal(RefusalKind::Sleepable { name }),
                load(13, allowed),
                ALL,
                Some(Told::Filtered),
            ),
            (
                &refusal(RefusalKind::Sleepable { name }),
                load(13, allowed),
                none,
                None,
            ),
        ] {
            assert_eq!(Told::of(Some(expected), &load, excuses), told, "{load:?}");
        }
    }

    #[test]
    fn what_comes_in_two_lines_is_told_so() {
        let words = "negative offset disallowed for kernel module function call;\
                     failed to find BTF for kernel function;";
        assert_eq!(as_told(&refusal(RefusalKind::NegativeIndex)), words);
    }

    #[test]
    fn what_is_not_refused_gets_further() {
        let none = Excuses::default();
        for (load, excuses, told) in [
            (load(0, ""), none, Some(Told::Loaded)),
            (load(13, "R1 !read_ok;"), none, Some(Told::Further)),
            (
                load(13, "calling kernel function foo is not allowed;"),
                none,
                None,
            ),
            (
                load(13, "calling kernel function foo is not allowed;"),
                ALL,
                Some(Told::Filtered),
            ),
            (load(22, "kernel btf_id 7 is not a function;"), ALL, None),
        ] {
            assert_eq!(Told::of(None, &load, excuses), told, "{load:?}");
        }
    }
}
