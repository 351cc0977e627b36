// SPDX-License-Identifier: MIT OR Apache-2.0

//! What can come of a cell, and how the guest tells it.

use super::{LEFT, PREFIX};

/// What comes of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It runs, and the implicit argument is its own aux.
    OwnAux,
    /// It runs, and the implicit argument is what it has in that register.
    Arrives,
    /// It cannot be written: no function of that name has an id.
    NoFunc,
    /// libbpf compares the declaration with the BTF of the kernel.
    Incompatible,
    /// libbpf does not find the kfunc there.
    NotFound,
    /// One of these two, and the kfunc is declared weak: libbpf lets the verifier refuse the call, and says why.
    Unresolved,
    /// 6.12 takes neither numbers nor NULL for a struct of the kernel's.
    NotScalar,
    /// 7.3 looks for the second prototype of a kfunc with `KF_IMPLICIT_ARGS`.
    NoImpl,
    /// A function in BTF that is none in the kernel.
    NoAddress,
}

impl Outcome {
    pub(super) const ALL: [Self; 9] = [
        Self::OwnAux,
        Self::Arrives,
        Self::NoFunc,
        Self::Incompatible,
        Self::NotFound,
        Self::Unresolved,
        Self::NotScalar,
        Self::NoImpl,
        Self::NoAddress,
    ];
    pub(super) const REFUSALS: [Self; 6] = [
        Self::Incompatible,
        Self::NotFound,
        Self::Unresolved,
        Self::NotScalar,
        Self::NoImpl,
        Self::NoAddress,
    ];

    /// Who says so.
    pub(super) fn who(self) -> &'static str {
        match self {
            Self::OwnAux | Self::Arrives => "accepted",
            Self::NoFunc => "nobody",
            Self::Incompatible | Self::NotFound => "libbpf",
            Self::Unresolved | Self::NotScalar | Self::NoImpl | Self::NoAddress => "verifier",
        }
    }

    /// With which words, of the function `kfunc`. Ids are N.
    pub(super) fn words(self, kfunc: &str) -> String {
        match self {
            Self::OwnAux => "own aux".to_owned(),
            Self::Arrives => LEFT.to_string(),
            Self::NoFunc => "no FUNC of that name".to_owned(),
            Self::Incompatible => format!(
                "extern (func ksym) '{kfunc}': func_proto [N] incompatible with kfunc_compat [N]"
            ),
            Self::NotFound => {
                format!("extern (func ksym) '{kfunc}': not found in kernel or module BTFs")
            }
            Self::Unresolved => format!("kfunc '{kfunc}' is referenced but wasn't resolved"),
            Self::NotScalar => {
                "arg#1 pointer type STRUCT bpf_prog_aux must point to scalar, or struct with scalar"
                    .to_owned()
            }
            Self::NoImpl => format!("cannot find function {kfunc}_impl in BTF"),
            Self::NoAddress => format!("cannot find address for kernel function {kfunc}"),
        }
    }

    /// The outcome that the guest has told of the kfunc, which is named without its prefix.
    pub(super) fn told(kfunc: &str, who: &str, words: &str) -> Option<Self> {
        let words = without_ids(words);
        let kfunc = format!("{PREFIX}{kfunc}");
        let mut all = Self::ALL.into_iter();
        all.find(|outcome| outcome.who() == who && outcome.words(&kfunc) == words)
    }
}

/// Numbers in brackets are ids, which every build makes others.
fn without_ids(words: &str) -> String {
    let mut parts = words.split('[');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        out.push('[');
        if rest.len() < part.len() {
            out.push('N');
        }
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_known_by_who_and_by_words() {
        for outcome in Outcome::ALL {
            let words = outcome.words("bpf_compat_plain").replace("[N]", "[108411]");
            assert_eq!(Outcome::told("plain", outcome.who(), &words), Some(outcome));
            for (who, words) in [("kernel", words.clone()), (outcome.who(), words + ".")] {
                assert_eq!(Outcome::told("plain", who, &words), None, "{who}: {words}");
            }
        }
        let of_another = Outcome::NoAddress.words("bpf_compat_void");
        assert_eq!(Outcome::told("plain", "verifier", &of_another), None);
    }

    #[test]
    fn only_whole_numbers_in_brackets_are_ids() {
        assert_eq!(without_ids("[5] and [x] of 6, [71"), "[N] and [x] of 6, [N");
        assert_eq!(without_ids(""), "");
    }
}
