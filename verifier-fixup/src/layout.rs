// SPDX-License-Identifier: MIT OR Apache-2.0

//! Where the kernel's structures keep what binding needs, asked of the kernel's own BTF.
//!
//! A module carries the [`Layout`] that it was built for, in a [`LayoutRecord`] which `kfunc embed` fills
//! in. When it is loaded it reads the running kernel's, and refuses to go on unless they are equal.

use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};

use btf_core::{Btf, Kind, Member, Type};
use kfunc_abi::record::{Header, KIND_LAYOUT};

/// `BPF_OBJ_NAME_LEN` of `include/uapi/linux/bpf.h`: bytes of a program's name with its NUL.
pub const NAME_LEN: usize = 16;
/// `BPF_TAG_SIZE` of `include/uapi/linux/bpf.h`: bytes of a program's tag.
pub const TAG_LEN: usize = 8;

/// Bytes of a table's count.
pub(crate) const COUNT_LEN: u32 = 4;
/// Bytes of a descriptor's BTF id.
pub(crate) const FUNC_ID_LEN: u32 = 4;
/// Bytes of a descriptor's address, which align the descriptor too.
pub(crate) const ADDR_LEN: u32 = 8;

/// One thing that is known about a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Name of the struct.
    pub structure: &'static str,
    /// What is asked of it.
    pub of: Of,
}

/// What is asked of a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// The offset, in bytes, of the member at this path.
    Member(&'static str),
    /// The offset of the member at this path, which must have so many bytes.
    Sized(&'static str, u32),
    /// The offset of whichever of two members it has: what x86-64 and arm64 call the same thing.
    EitherMember(&'static str, &'static str),
    /// Its size in bytes.
    Size,
}

macro_rules! facts {
    ($($(#[doc = $doc:expr])* $field:ident: $structure:literal $of:expr;)*) => {
        /// Offsets and sizes of the running or the expected kernel, in bytes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Layout {
            $($(#[doc = $doc])* pub $field: u32,)*
        }

        /// The facts of a [`Layout`], in the order of its fields.
        pub const FACTS: [Fact; [$($structure),*].len()] =
            [$(Fact { structure: $structure, of: $of }),*];

        impl Layout {
            /// The values, in the order of [`FACTS`].
            pub const fn values(&self) -> [u32; FACTS.len()] {
                [$(self.$field),*]
            }

            /// A layout of these values, in the order of [`FACTS`].
            pub const fn from_values(values: [u32; FACTS.len()]) -> Self {
                let [$($field),*] = values;
                Self { $($field),* }
            }
        }
    };
}

facts! {
    /// From a program to its aux.
    prog_aux: "bpf_prog" Of::Member("aux");
    /// From a program to its type (`enum bpf_prog_type`, 32 bits).
    prog_type: "bpf_prog" Of::Member("type");
    /// From a program to the hook that it is loaded for (`enum bpf_attach_type`, 32 bits).
    prog_expected_attach_type: "bpf_prog" Of::Member("expected_attach_type");
    /// From a program to the digest of its instructions ([`TAG_LEN`] bytes).
    prog_tag: "bpf_prog" Of::Member("tag");
    /// From a program to its first instruction.
    prog_insns: "bpf_prog" Of::Member("insnsi");
    /// From a program to the number of its instructions (32 bits).
    prog_len: "bpf_prog" Of::Member("len");
    /// From a program to the bytes of its code, or of its first function's (32 bits).
    prog_jited_len: "bpf_prog" Of::Member("jited_len");
    /// From a program to the address of its code, or of its first function's.
    prog_bpf_func: "bpf_prog" Of::Member("bpf_func");
    /// From a program's aux to the type of the program that it extends (32 bits); 0 if it extends none, or none yet.
    aux_saved_dst_prog_type: "bpf_prog_aux" Of::Member("saved_dst_prog_type");
    /// From a program's aux to the hook that the program which it extends was loaded for (32 bits); set with its type.
    aux_saved_dst_attach_type: "bpf_prog_aux" Of::Member("saved_dst_attach_type");
    /// From a program's aux to the pointer to the program that it extends or traces; NULL once it is attached.
    aux_dst_prog: "bpf_prog_aux" Of::Member("dst_prog");
    /// From a program's aux to the id that user space sees.
    aux_id: "bpf_prog_aux" Of::Member("id");
    /// From a program's aux to its name ([`NAME_LEN`] bytes, NUL-terminated).
    aux_name: "bpf_prog_aux" Of::Member("name");
    /// From a program's aux to the time when it was loaded (64 bits, nanoseconds since boot).
    aux_load_time: "bpf_prog_aux" Of::Member("load_time");
    /// From a program's aux to the pointer to its descriptor table.
    aux_kfunc_tab: "bpf_prog_aux" Of::Member("kfunc_tab");
    /// From a program's aux to the pointer to the program.
    aux_prog: "bpf_prog_aux" Of::Member("prog");
    /// From a program's aux to the pointer to the user who has loaded it.
    aux_user: "bpf_prog_aux" Of::Member("user");
    /// From a program's aux to the pointer to its functions' programs; NULL if it has one function.
    aux_func: "bpf_prog_aux" Of::Member("func");
    /// From a program's aux to the number of its functions' programs (32 bits).
    aux_real_func_cnt: "bpf_prog_aux" Of::Member("real_func_cnt");
    /// From a user to its number (`kuid_t`, 32 bits).
    user_uid: "user_struct" Of::Member("uid");
    /// From a descriptor table to its first descriptor.
    tab_descs: "bpf_kfunc_desc_tab" Of::Member("descs");
    /// From a descriptor table to the number of its descriptors (32 bits).
    tab_nr_descs: "bpf_kfunc_desc_tab" Of::Sized("nr_descs", COUNT_LEN);
    /// Bytes of a descriptor.
    desc_size: "bpf_kfunc_desc" Of::Size;
    /// From a descriptor to the BTF id of its kfunc (32 bits).
    desc_func_id: "bpf_kfunc_desc" Of::Sized("func_id", FUNC_ID_LEN);
    /// From a descriptor to the address that its calls go to (64 bits).
    desc_addr: "bpf_kfunc_desc" Of::Sized("addr", ADDR_LEN);
    /// Where a set keeps the pointer to its ids.
    id_set_set: "btf_kfunc_id_set" Of::Member("set");
    /// Where a set keeps its filter.
    id_set_filter: "btf_kfunc_id_set" Of::Member("filter");
    /// Bytes of a kprobe.
    kprobe_size: "kprobe" Of::Size;
    /// Where a kprobe counts how often it was missed.
    kprobe_nmissed: "kprobe" Of::Member("nmissed");
    /// Where a kprobe keeps the name of its function.
    kprobe_symbol_name: "kprobe" Of::Member("symbol_name");
    /// Where a kprobe keeps what runs before its function.
    kprobe_pre_handler: "kprobe" Of::Member("pre_handler");
    /// Where saved registers keep a function's first argument.
    regs_first_argument: "pt_regs" Of::EitherMember("di", "regs");
    /// Bytes of a file's operations.
    fops_size: "file_operations" Of::Size;
    /// Where a file's operations keep their module.
    fops_owner: "file_operations" Of::Member("owner");
    /// Where a file's operations keep what seeks.
    fops_llseek: "file_operations" Of::Member("llseek");
    /// Where a file's operations keep what reads.
    fops_read: "file_operations" Of::Member("read");
    /// Where a file's operations keep what opens.
    fops_open: "file_operations" Of::Member("open");
    /// Where a file's operations keep what ends the use of an opened file.
    fops_release: "file_operations" Of::Member("release");
}

impl Layout {
    /// Reads the layout from the BTF of a vmlinux. Linear in the number of types, once for every fact.
    ///
    /// # Errors
    ///
    /// The first fact that this kernel does not answer.
    pub fn of_kernel(vmlinux: &Btf<'_>) -> Result<Self, LayoutError> {
        let mut values = [0; FACTS.len()];
        for (value, fact) in values.iter_mut().zip(FACTS) {
            *value = answer(vmlinux, fact)?;
        }
        Ok(Self::from_values(values))
    }

    /// Checks that `running` is this layout.
    ///
    /// # Errors
    ///
    /// The first fact that differs.
    pub fn check(&self, running: &Self) -> Result<(), LayoutError> {
        let pairs = self.values().into_iter().zip(running.values());
        for ((expected, found), fact) in pairs.zip(FACTS) {
            if expected != found {
                return Err(LayoutError {
                    fact,
                    kind: LayoutErrorKind::Differs { expected, found },
                });
            }
        }
        Ok(())
    }
}

fn answer(vmlinux: &Btf<'_>, fact: Fact) -> Result<u32, LayoutError> {
    let fail = |kind| LayoutError { fact, kind };
    let mut named = vmlinux.named(fact.structure.as_bytes(), Kind::STRUCT);
    let structure = named.next().ok_or(fail(LayoutErrorKind::NoSuchStruct))?;
    if named.next().is_some() {
        return Err(fail(LayoutErrorKind::AmbiguousStruct));
    }
    let offset = |path| member(vmlinux, &structure, path)?.byte_offset();
    match fact.of {
        Of::Size => structure.size(),
        Of::Member(path) => offset(path),
        Of::Sized(path, expected) => {
            let found =
                member(vmlinux, &structure, path).and_then(|found| vmlinux.size_of(found.ty).ok());
            if let Some(found) = found.filter(|found| *found != expected) {
                return Err(fail(LayoutErrorKind::OtherSize { expected, found }));
            }
            found.and_then(|_| offset(path))
        }
        Of::EitherMember(one, other) => offset(one).or_else(|| offset(other)),
    }
    .ok_or(fail(LayoutErrorKind::NoSuchMember))
}

fn member(vmlinux: &Btf<'_>, structure: &Type<'_>, path: &str) -> Option<Member> {
    vmlinux.member(structure, path).ok()
}

/// A fact that is not as it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayoutError {
    /// The fact.
    pub fact: Fact,
    /// What is wrong with it.
    pub kind: LayoutErrorKind,
}

/// What is wrong with a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayoutErrorKind {
    /// The kernel has no such struct.
    NoSuchStruct,
    /// The kernel has several structs of this name.
    AmbiguousStruct,
    /// The struct has no such member, or not at a whole byte.
    NoSuchMember,
    /// The member has another size, in bytes.
    OtherSize {
        /// What is read and written there.
        expected: u32,
        /// What the kernel has.
        found: u32,
    },
    /// The running kernel differs from the one that the module was built for.
    Differs {
        /// What the module was built for.
        expected: u32,
        /// What the running kernel has.
        found: u32,
    },
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { structure, of } = self;
        match of {
            Of::Member(member) | Of::Sized(member, _) => {
                write!(f, "struct {structure}, member {member}")
            }
            Of::EitherMember(one, other) => {
                write!(f, "struct {structure}, member {one} or {other}")
            }
            Of::Size => write!(f, "size of struct {structure}"),
        }
    }
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.fact)?;
        match self.kind {
            LayoutErrorKind::NoSuchStruct => f.write_str("this kernel has no such struct"),
            LayoutErrorKind::AmbiguousStruct => {
                f.write_str("this kernel has several structs of this name")
            }
            LayoutErrorKind::NoSuchMember => f.write_str("this kernel has no such member"),
            LayoutErrorKind::OtherSize { expected, found } => {
                write!(f, "{expected} bytes are expected, this kernel has {found}")
            }
            LayoutErrorKind::Differs { expected, found } => {
                write!(f, "built for {expected}, this kernel has {found}")
            }
        }
    }
}

impl core::error::Error for LayoutError {}

/// The layout that a module was built for, as a record of the section `.kfunc_abi`
/// ([`kfunc_abi::record`] has its header). `kfunc embed` fills in the zeros.
#[repr(C, align(8))]
#[derive(Debug)]
pub struct LayoutRecord {
    header: Header,
    start_id: AtomicU32,
    facts: [AtomicU32; FACTS.len()],
}

/// Where the facts stand in a [`LayoutRecord`].
pub const FACTS_OFFSET: usize = core::mem::offset_of!(LayoutRecord, facts);

impl LayoutRecord {
    /// A record to be filled in.
    pub const fn new() -> Self {
        Self {
            header: Header::new(KIND_LAYOUT, size_of::<Self>()),
            start_id: AtomicU32::new(0),
            facts: [const { AtomicU32::new(0) }; FACTS.len()],
        }
    }

    /// First id of the module's own types in its `.BTF`, and the layout; none before `kfunc embed`.
    pub fn filled_in(&self) -> Option<(u32, Layout)> {
        // Atomic because the values are not those that the compiler saw.
        let start_id = self.start_id.load(Ordering::Relaxed);
        let facts = self
            .facts
            .each_ref()
            .map(|fact| fact.load(Ordering::Relaxed));
        (start_id != 0).then_some((start_id, Layout::from_values(facts)))
    }
}

impl Default for LayoutRecord {
    fn default() -> Self {
        Self::new()
    }
}
