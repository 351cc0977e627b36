// SPDX-License-Identifier: MIT OR Apache-2.0

//! What must hold, who is hit where it does not, and what mends it.

use super::Who;

/// Something that must hold of the BTF of kfuncs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Rule {
    /// A kfunc with `KF_IMPLICIT_ARGS` has two prototypes: `foo` without the implicit arguments, `foo_impl` with them.
    Unsplit,
    /// `foo_impl` is `foo` with more parameters.
    ForeignImpl,
    /// A kfunc `foo_impl` that takes an implicit argument has its `foo`.
    ImplWithoutPublic,
    /// A kfunc has the tag `bpf_kfunc`.
    Untagged,
    /// A set holds functions that are in the BTF.
    MissingFunction,
    /// A kfunc has the same flags in all sets.
    InconsistentFlags,
    /// The types of a kernel's BTF are sorted by name.
    Unsorted,
}

impl Rule {
    /// Its name in findings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unsplit => "unsplit",
            Self::ForeignImpl => "foreign-impl",
            Self::ImplWithoutPublic => "impl-without-public",
            Self::Untagged => "untagged",
            Self::MissingFunction => "missing-function",
            Self::InconsistentFlags => "inconsistent-flags",
            Self::Unsorted => "unsorted",
        }
    }

    /// What it is that breaks it.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Unsplit => "implicit arguments, but not two prototypes",
            Self::ForeignImpl => "foo_impl is not foo with more parameters",
            Self::ImplWithoutPublic => "foo_impl without its foo",
            Self::Untagged => "in a set, but without the tag bpf_kfunc",
            Self::MissingFunction => "in a set, but not in the BTF",
            Self::InconsistentFlags => "other flags in another set",
            Self::Unsorted => "types that are not sorted by name",
        }
    }

    /// Who is hit, and by what.
    pub fn hits(self, who: &Who) -> String {
        match self {
            // `find_kfunc_impl_proto` of `kernel/bpf/verifier.c`.
            Self::Unsplit => format!(
                "{who} that calls such a kfunc: libbpf says 'func_proto [N] incompatible with vmlinux [M]'; past \
                 libbpf, where there is no foo_impl, the verifier says 'cannot find function foo_impl in BTF', \
                 whatever is passed"
            ),
            Self::ForeignImpl => {
                format!("{who} that calls such a kfunc: the verifier goes by the parameters of foo_impl")
            }
            Self::ImplWithoutPublic => {
                format!("{who} that calls foo, as kernels with implicit arguments have it")
            }
            Self::Untagged => "whoever tells kfuncs by their tags: the vmlinux.h of bpftool does not declare such a \
                 kfunc; resolve_btfids up to Linux 7.2 leaves it unsplit"
                .to_owned(),
            // `btf_check_kfunc_protos` of `kernel/bpf/btf.c`, for every kfunc of the set.
            Self::MissingFunction => {
                format!("{who} that calls any kfunc of such a set: the kernel refuses all of it")
            }
            // `btf_kfunc_flags` of `kernel/bpf/btf.c`: the sets for one hook are put together, and searched.
            Self::InconsistentFlags => format!(
                "{who} that calls such a kfunc: its type decides which flags count, and chance where both sets are \
                 for one type"
            ),
            // `btf_check_sorted` of `kernel/bpf/btf.c` (7.2 and 7.3).
            Self::Unsorted => "every program that needs a type of vmlinux by its name: the kernel takes it for \
                 granted that they are sorted, and does not find foo_impl and others"
                .to_owned(),
        }
    }

    /// What mends it.
    pub const fn mend(self) -> &'static str {
        match self {
            Self::Unsplit => {
                "build the kernel or module with resolve_btfids of Linux 7.3, or 'kfunc btf split', which take kfuncs \
                 from the sets; up to 7.2 they are taken from the tags that pahole writes. No prototype in a program \
                 helps: it can declare the kfunc __weak, and do without it"
            }
            Self::ForeignImpl => "rename the function that is called foo_impl",
            Self::ImplWithoutPublic => "define foo, with KF_IMPLICIT_ARGS in its set",
            Self::Untagged => {
                "build with resolve_btfids of Linux 7.3, or 'kfunc btf split', which write the tags of all kfuncs; \
                 up to 7.2, pahole does. 'kfunc header' declares it all the same"
            }
            Self::MissingFunction => {
                "mark it __bpf_kfunc in the source and see why pahole leaves it out, or take it out of the set"
            }
            Self::InconsistentFlags => {
                "give it the same flags in all sets; resolve_btfids of Linux 7.3 refuses to go on without"
            }
            Self::Unsorted => {
                "let resolve_btfids of the kernel's own source have the last word on its BTF, or 'kfunc btf split'"
            }
        }
    }
}
