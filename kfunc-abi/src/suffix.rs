// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the name of a kfunc's parameter tells the verifier.
//!
//! The kernel reads how a parameter may be used from the end of its name (`btf_param_match_suffix` of
//! `kernel/bpf/btf.c`; the tests by name stand in `kernel/bpf/verifier.c`, before `get_kfunc_ptr_arg_type`), or
//! from the whole of it (`is_kfunc_arg_scalar_with_name`). The table is that of Linux 6.12.117, 7.2.12 and 7.3.4. Of the
//! other releases only what a line says is known.

use crate::version::{KernelVersion, Kernels, Presence};
use core::fmt;

/// How a parameter may be used, beyond what its type says.
///
/// The codes are those of the record: they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Annotation {
    /// The bytes that the parameter before points to.
    MemLen = 1,
    /// The same, and a constant that the verifier can see.
    ConstMemLen = 2,
    /// A constant that the verifier can see.
    Constant = 3,
    /// Whatever is passed is ignored.
    Ignored = 4,
    /// A map that a pointer in a register may refer to.
    Map = 5,
    /// A map that the program names.
    ConstMap = 6,
    /// An object of the program's own types, allocated with `bpf_obj_new`.
    Allocated = 7,
    /// Memory that the kfunc fills, and that need not be initialised.
    Uninit = 8,
    /// A refcounted object of the program's own types.
    RefcountedKptr = 9,
    /// May be NULL.
    Nullable = 10,
    /// Memory that may be absent: a NULL pointer whose length follows all the same.
    Optional = 11,
    /// A string in read-only memory.
    ConstStr = 12,
    /// An iterator on the program's stack.
    Iter = 13,
    /// What `bpf_local_irq_save` left on the program's stack.
    IrqFlag = 14,
    /// A node that the program need not own.
    NonOwning = 15,
    /// A pointer into the program's arena, rebased by the JIT: never NULL, whatever the program has passed.
    Arena = 16,
    /// The same, but a value whose lower half is 0 arrives as NULL.
    ArenaNullable = 17,
    /// The bytes that the returned read-only memory has.
    RdonlyBufSize = 18,
    /// The bytes that the returned memory has.
    RdwrBufSize = 19,
}

/// How a kernel spells an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// The end of the parameter's name; something must stand before it.
    Suffix(&'static str),
    /// The parameter's whole name.
    Name(&'static str),
}

/// One spelling of an annotation, and the kernels that read it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The spelling.
    pub spelling: Spelling,
    /// The kernels.
    pub kernels: Kernels,
}

/// A kernel for which an annotation cannot be spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unspellable {
    /// The annotation.
    pub annotation: Annotation,
    /// The kernel.
    pub kernel: KernelVersion,
}

const V6_12: KernelVersion = KernelVersion::new(6, 12);
const V7_2: KernelVersion = KernelVersion::new(7, 2);
const V7_3: KernelVersion = KernelVersion::new(7, 3);

/// Spelled so by 6.12, 7.2 and 7.3, and so by those between. Older kernels were not read.
const ALWAYS: Kernels = Kernels::from(V6_12);
/// Not in 6.12, but in 7.2 and 7.3.
const BY_7_2: Kernels = Kernels::between(V6_12, V7_2);
/// Not in 7.2, but in 7.3.
const BY_7_3: Kernels = Kernels::between(V7_2, V7_3);
/// In 6.12, but neither in 7.2 nor in 7.3.
const GONE: Kernels = ALWAYS.until(V6_12, V7_2);

const fn suffix(suffix: &'static str, kernels: Kernels) -> Known {
    Known {
        spelling: Spelling::Suffix(suffix),
        kernels,
    }
}

const fn name(name: &'static str, kernels: Kernels) -> Known {
    Known {
        spelling: Spelling::Name(name),
        kernels,
    }
}

impl Annotation {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::MemLen,
        Self::ConstMemLen,
        Self::Constant,
        Self::Ignored,
        Self::Map,
        Self::ConstMap,
        Self::Allocated,
        Self::Uninit,
        Self::RefcountedKptr,
        Self::Nullable,
        Self::Optional,
        Self::ConstStr,
        Self::Iter,
        Self::IrqFlag,
        Self::NonOwning,
        Self::Arena,
        Self::ArenaNullable,
        Self::RdonlyBufSize,
        Self::RdwrBufSize,
    ];

    /// Its spellings. The first is the one that only this annotation has.
    pub const fn spellings(self) -> &'static [Known] {
        match self {
            Self::MemLen => const { &[suffix("__sz", ALWAYS)] },
            Self::ConstMemLen => const { &[suffix("__szk", ALWAYS)] },
            Self::Constant => const { &[suffix("__k", ALWAYS)] },
            Self::Ignored => const { &[suffix("__ign", ALWAYS)] },
            Self::Map => const { &[suffix("__map", ALWAYS)] },
            Self::ConstMap => const { &[suffix("__const_map", BY_7_3)] },
            Self::Allocated => const { &[suffix("__alloc", ALWAYS)] },
            Self::Uninit => const { &[suffix("__uninit", ALWAYS)] },
            Self::RefcountedKptr => const { &[suffix("__refcounted_kptr", ALWAYS)] },
            Self::Nullable => const { &[suffix("__nullable", ALWAYS)] },
            // 6.12 lets NULL pass beside a length by either; where `__opt` may be gone, the other is safe.
            Self::Optional => const { &[suffix("__opt", GONE), suffix("__nullable", ALWAYS)] },
            Self::ConstStr => const { &[suffix("__str", ALWAYS)] },
            Self::Iter => const { &[suffix("__iter", ALWAYS)] },
            Self::IrqFlag => const { &[suffix("__irq_flag", BY_7_2)] },
            Self::NonOwning => const { &[suffix("__nonown_allowed", BY_7_2)] },
            Self::Arena => const { &[suffix("__arena", BY_7_3)] },
            Self::ArenaNullable => const { &[suffix("__arena__nullable", BY_7_3)] },
            Self::RdonlyBufSize => const { &[name("rdonly_buf_size", ALWAYS)] },
            Self::RdwrBufSize => const { &[name("rdwr_buf_size", ALWAYS)] },
        }
    }

    /// Its code in a record.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The annotation of a record's code.
    pub const fn from_code(code: u8) -> Option<Self> {
        let all: &[Self] = &Self::ALL;
        let mut rest = all;
        while let Some((annotation, after)) = rest.split_first() {
            if annotation.code() == code {
                return Some(*annotation);
            }
            rest = after;
        }
        None
    }

    /// How `kernel` spells it.
    ///
    /// # Errors
    ///
    /// The kernel has no spelling for it, or nobody has looked.
    pub const fn suffix(self, kernel: KernelVersion) -> Result<Spelling, Unspellable> {
        let mut rest = self.spellings();
        while let Some((known, after)) = rest.split_first() {
            if matches!(known.kernels.presence(kernel), Presence::Present) {
                return Ok(known.spelling);
            }
            rest = after;
        }
        Err(Unspellable {
            annotation: self,
            kernel,
        })
    }
}

impl Spelling {
    /// The text.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Suffix(text) | Self::Name(text) => text,
        }
    }

    /// What `name` says beside this spelling; none if it is not spelled so.
    const fn stem(self, name: &[u8]) -> Option<&[u8]> {
        match (self, strip_suffix(name, self.text().as_bytes())) {
            (Self::Suffix(_), Some(stem)) if !stem.is_empty() => Some(stem),
            (Self::Name(_), Some([])) => Some(name),
            _ => None,
        }
    }
}

/// The annotation that a parameter's name spells, in whatever kernel, and the name without it: the longest that
/// fits. A name that *is* a suffix is not annotated.
///
/// ```
/// use kfunc_abi::{annotation_of, Annotation};
/// assert_eq!(annotation_of(b"key__szk"), (Some(Annotation::ConstMemLen), &b"key"[..]));
/// assert_eq!(annotation_of(b"key"), (None, &b"key"[..]));
/// ```
pub const fn annotation_of(name: &[u8]) -> (Option<Annotation>, &[u8]) {
    find(name, None)
}

/// The annotation that `kernel` reads from a parameter's name, and the name without it.
///
/// It reads `__nullable` as [`Annotation::Nullable`], beside a length too.
pub const fn annotation_in(name: &[u8], kernel: KernelVersion) -> (Option<Annotation>, &[u8]) {
    find(name, Some(kernel))
}

/// Whether some kernel reads something from the name of a parameter, so that nobody may choose it.
///
/// Beside [`annotation_of`] that is `__prog`, by which 6.14 to 6.19 passed the program: kfuncs declared with
/// [`crate`] have implicit parameters instead.
pub const fn is_annotated_name(name: &[u8]) -> bool {
    annotation_of(name).0.is_some() || Spelling::Suffix("__prog").stem(name).is_some()
}

const fn find(name: &[u8], kernel: Option<KernelVersion>) -> (Option<Annotation>, &[u8]) {
    let (mut found, mut stem) = (None, name);
    let all: &[Annotation] = &Annotation::ALL;
    let mut rest = all;
    while let Some((annotation, after)) = rest.split_first() {
        rest = after;
        // Only the first spelling is its own.
        let Some((known, _)) = annotation.spellings().split_first() else {
            continue;
        };
        if let Some(kernel) = kernel {
            if !matches!(known.kernels.presence(kernel), Presence::Present) {
                continue;
            }
        }
        if let Some(shorter) = known.spelling.stem(name) {
            if found.is_none() || shorter.len() < stem.len() {
                (found, stem) = (Some(*annotation), shorter);
            }
        }
    }
    (found, stem)
}

/// `<[u8]>::strip_suffix`, for constants.
const fn strip_suffix<'n>(name: &'n [u8], suffix: &[u8]) -> Option<&'n [u8]> {
    let (mut name, mut suffix) = (name, suffix);
    while let Some((wanted, before)) = suffix.split_last() {
        match name.split_last() {
            Some((byte, rest)) if *byte == *wanted => (name, suffix) = (rest, before),
            _ => return None,
        }
    }
    Some(name)
}

/// `__szk`; `__opt or __nullable`.
impl fmt::Display for Annotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.spellings();
        let mut between = "";
        while let Some((known, after)) = rest.split_first() {
            write!(f, "{between}{}", known.spelling.text())?;
            (rest, between) = (after, " or ");
        }
        Ok(())
    }
}

impl fmt::Display for Unspellable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Linux {} is not known to read the annotation {:?}: ",
            self.kernel, self.annotation
        )?;
        let mut rest = self.annotation.spellings();
        let mut between = "";
        while let Some((known, after)) = rest.split_first() {
            write!(f, "{between}{}: {}", known.spelling.text(), known.kernels)?;
            (rest, between) = (after, "; ");
        }
        Ok(())
    }
}

impl core::error::Error for Unspellable {}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::string::ToString;
    use std::{format, vec};

    const V6_15: KernelVersion = KernelVersion::new(6, 15);

    #[test]
    fn codes_are_the_records_and_never_change() {
        for (index, annotation) in Annotation::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(annotation.code()), index + 1);
            assert_eq!(Annotation::from_code(annotation.code()), Some(annotation));
        }
        assert_eq!(Annotation::Iter.code(), 13);
        for code in (0..=u8::MAX).filter(|code| !(1..=19).contains(code)) {
            assert_eq!(Annotation::from_code(code), None, "{code}");
        }
    }

    #[test]
    fn kernels_spell_as_their_sources_say() {
        use Annotation::*;
        // What 6.12, 6.15, 7.2 and 7.3 read; "" where they are not known to read anything.
        for (annotation, spelled) in [
            (MemLen, ["__sz"; 4]),
            (ConstMemLen, ["__szk"; 4]),
            (Constant, ["__k"; 4]),
            (Ignored, ["__ign"; 4]),
            (Map, ["__map"; 4]),
            (ConstMap, ["", "", "", "__const_map"]),
            (Allocated, ["__alloc"; 4]),
            (Uninit, ["__uninit"; 4]),
            (RefcountedKptr, ["__refcounted_kptr"; 4]),
            (Nullable, ["__nullable"; 4]),
            (
                Optional,
                ["__opt", "__nullable", "__nullable", "__nullable"],
            ),
            (ConstStr, ["__str"; 4]),
            (Iter, ["__iter"; 4]),
            (IrqFlag, ["", "", "__irq_flag", "__irq_flag"]),
            (NonOwning, ["", "", "__nonown_allowed", "__nonown_allowed"]),
            (Arena, ["", "", "", "__arena"]),
            (ArenaNullable, ["", "", "", "__arena__nullable"]),
            (RdonlyBufSize, ["rdonly_buf_size"; 4]),
            (RdwrBufSize, ["rdwr_buf_size"; 4]),
        ] {
            for (kernel, spelled) in [V6_12, V6_15, V7_2, V7_3].into_iter().zip(spelled) {
                let have = annotation.suffix(kernel).map_or("", Spelling::text);
                assert_eq!(have, spelled, "{annotation:?} in {kernel}");
            }
        }
    }

    #[test]
    fn an_unspellable_annotation_names_itself_and_the_kernels_that_know_it() {
        let text =
            |annotation: Annotation, kernel| annotation.suffix(kernel).err().map(|e| e.to_string());
        assert_eq!(
            text(Annotation::IrqFlag, V6_12).as_deref(),
            Some("Linux 6.12 is not known to read the annotation IrqFlag: __irq_flag: 7.2 and later, not 6.12")
        );
        assert_eq!(
            text(Annotation::Optional, KernelVersion::new(6, 1)).as_deref(),
            Some(
                "Linux 6.1 is not known to read the annotation Optional: \
                 __opt: 6.12, not 7.2; __nullable: 6.12 and later"
            )
        );
        assert_eq!(Annotation::Optional.to_string(), "__opt or __nullable");
    }

    /// What is spelled for a kernel is read back by it, whatever stands before it.
    #[test]
    fn what_is_spelled_is_read_back() {
        for annotation in Annotation::ALL {
            for kernel in [V6_12, V6_15, V7_2, V7_3] {
                let Ok(spelling) = annotation.suffix(kernel) else {
                    continue;
                };
                let (name, stem) = match spelling {
                    Spelling::Suffix(suffix) => (format!("p__{suffix}"), "p__"),
                    Spelling::Name(name) => (name.to_string(), name),
                };
                let read = match (annotation, spelling.text()) {
                    (Annotation::Optional, "__nullable") => Annotation::Nullable,
                    _ => annotation,
                };
                for found in [
                    annotation_of(name.as_bytes()),
                    annotation_in(name.as_bytes(), kernel),
                ] {
                    assert_eq!(found, (Some(read), stem.as_bytes()), "{name} in {kernel}");
                }
                assert!(is_annotated_name(name.as_bytes()));
            }
        }
    }

    #[test]
    fn the_longest_spelling_that_fits_is_read() {
        use Annotation::*;
        for (name, annotation, stem) in [
            ("p__arena__nullable", Some(ArenaNullable), "p"),
            ("p__arena", Some(Arena), "p"),
            ("p__nullable", Some(Nullable), "p"),
            ("map__const_map", Some(ConstMap), "map"),
            ("map__map", Some(Map), "map"),
            ("const_map", None, "const_map"),
            ("len__sz", Some(MemLen), "len"),
            ("len__szk", Some(ConstMemLen), "len"),
            ("len___sz", Some(MemLen), "len_"),
            ("rdonly_buf_size", Some(RdonlyBufSize), "rdonly_buf_size"),
            ("my_rdonly_buf_size", None, "my_rdonly_buf_size"),
            ("rdonly_buf_size__k", Some(Constant), "rdonly_buf_size"),
            // Nothing stands before the suffix.
            ("__sz", None, "__sz"),
            ("__arena__nullable", Some(Nullable), "__arena"),
            ("p_sz", None, "p_sz"),
            ("p__SZ", None, "p__SZ"),
            ("p__sz ", None, "p__sz "),
            ("", None, ""),
        ] {
            assert_eq!(
                annotation_of(name.as_bytes()),
                (annotation, stem.as_bytes()),
                "{name}"
            );
            assert_eq!(
                is_annotated_name(name.as_bytes()),
                annotation.is_some(),
                "{name}"
            );
        }
        assert!(is_annotated_name(b"aux__prog") && !is_annotated_name(b"__prog"));
    }

    #[test]
    fn a_kernel_reads_only_what_it_knows() {
        for (name, old, new) in [
            (
                "p__arena__nullable",
                Some(Annotation::Nullable),
                Some(Annotation::ArenaNullable),
            ),
            ("p__opt", Some(Annotation::Optional), None),
            ("p__irq_flag", None, Some(Annotation::IrqFlag)),
        ] {
            let read = vec![
                annotation_in(name.as_bytes(), V6_12).0,
                annotation_in(name.as_bytes(), V7_3).0,
            ];
            assert_eq!(read, [old, new], "{name}");
        }
    }

    // A constant may refuse a name.
    const _: () = assert!(is_annotated_name(b"buffer__sz") && !is_annotated_name(b"buffer"));
}
