// SPDX-License-Identifier: MIT OR Apache-2.0

//! One kfunc, as declared.

use crate::call::MAX_REGISTER_ARGS;
use crate::ctype::same_bytes;
use crate::model::MAX_ARGS;
use crate::{is_annotated_name, Annotation, CType, KfuncFlags, ProgType};

/// What the full signature's name adds to the public one (`KF_IMPL_SUFFIX` of `include/linux/btf.h`).
pub const IMPL_SUFFIX: &str = "_impl";

/// `KSYM_NAME_LEN` of `include/linux/kallsyms.h`: bytes of a symbol name with its NUL.
pub const KSYM_NAME_LEN: usize = 512;

/// A kfunc, as its declaration says it.
#[derive(Clone, Copy, Debug)]
pub struct Decl {
    /// The name that BPF programs call.
    pub name: &'static str,
    /// What it is for: its documentation.
    pub doc: &'static str,
    /// The set that it belongs to.
    pub set: &'static str,
    /// KF_* flags.
    pub flags: KfuncFlags,
    /// How the implicit arguments get there.
    pub delivery: Delivery,
    /// Whether programs may also call `foo_impl(.., NULL)`.
    pub legacy: bool,
    /// The types of program that may call it.
    pub prog_types: &'static [ProgType],
    /// The return type.
    pub return_type: CType,
    /// All parameters, implicit ones last.
    pub params: &'static [ParamDecl],
}

/// How implicit arguments get to a kfunc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It has none.
    Unneeded,
    /// By the stub of a slot, of which every program that is loaded has one.
    Bound {
        /// How many programs can be bound at once.
        slots: u32,
    },
    /// By the verifier of Linux 7.0 and later.
    Native,
}

/// A parameter, as declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamDecl {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: CType,
    /// Who passes it.
    pub passed: Passed,
}

/// Who passes an argument, and what the verifier checks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// The program.
    ByProgram(Option<Annotation>),
    /// The program, as two parameters of the C function: a pointer to memory, and its length in bytes (`u64`).
    AsMemory {
        /// What is said of the pointer.
        pointer: Option<Annotation>,
        /// [`Annotation::MemLen`] or [`Annotation::ConstMemLen`].
        length: Annotation,
    },
    /// Nobody: it is filled in when a program is loaded.
    Implicitly,
    /// Nobody: it is the address behind the call.
    AsCallSite,
}

impl Passed {
    /// How many parameters of the C function it is, each of which takes a register.
    pub const fn c_params(self) -> usize {
        match self {
            Self::AsMemory { .. } => 2,
            Self::ByProgram(_) | Self::Implicitly | Self::AsCallSite => 1,
        }
    }
}

impl ParamDecl {
    const fn c_params(&self) -> usize {
        self.passed.c_params()
    }

    /// Whether the program does not pass it.
    pub const fn is_implicit(&self) -> bool {
        matches!(self.passed, Passed::Implicitly | Passed::AsCallSite)
    }

    /// What the verifier checks of it; of a memory, of its length.
    const fn annotation(&self) -> Option<Annotation> {
        match self.passed {
            Passed::ByProgram(annotation) => annotation,
            Passed::AsMemory { length, .. } => Some(length),
            Passed::Implicitly | Passed::AsCallSite => None,
        }
    }
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated when the declaration is compiled; loops are bounded by the length of the slice"
)]
impl Decl {
    /// Stops the build, with a sentence, on a declaration that could not work. `max_params` is [`MAX_ARGS`] where the
    /// kernel has stack arguments, else [`MAX_REGISTER_ARGS`].
    pub const fn check(&self, max_params: usize) {
        self.check_name();
        self.check_delivery();
        self.check_param_count(max_params);
        self.check_memory();
        self.check_param_names();
        self.check_params();
        self.check_flags();
        self.check_constants();
    }

    /// The flags that the kernel is told.
    ///
    /// Without `KF_TRUSTED_ARGS`, Linux 6.12 passes NULL for any pointer to memory, and lengths that it has not checked
    /// (`check_mem_reg`, `check_kfunc_mem_size_reg` of `kernel/bpf/verifier.c`), upon which no body could rely. It
    /// is the rule, and a bit without meaning, since 7.0. `KF_RCU` refuses NULL as well.
    pub const fn kernel_flags(&self) -> KfuncFlags {
        if self.flags.contains(KfuncFlags::RCU) {
            return self.flags;
        }
        self.flags.union(KfuncFlags::TRUSTED_ARGS)
    }

    /// How many parameters the public signature has, as C counts them.
    pub const fn explicit(&self) -> usize {
        let mut count = 0;
        let mut at = 0;
        while at < self.params.len() {
            if !self.params[at].is_implicit() {
                count += self.params[at].c_params();
            }
            at += 1;
        }
        count
    }

    /// How many parameters are implicit.
    pub const fn implicit(&self) -> usize {
        let mut count = 0;
        let mut at = 0;
        while at < self.params.len() {
            count += self.params[at].is_implicit() as usize;
            at += 1;
        }
        count
    }

    const fn check_name(&self) {
        assert!(
            self.name.len() + IMPL_SUFFIX.len() < KSYM_NAME_LEN,
            "the name and _impl together are longer than KSYM_NAME_LEN"
        );
        assert!(
            !ends_with(self.name, IMPL_SUFFIX),
            "a name that ends in _impl is that of a full signature: declare the kfunc without it, as `legacy`"
        );
    }

    const fn check_delivery(&self) {
        let implicit = self.implicit();
        match self.delivery {
            Delivery::Unneeded => assert!(
                implicit == 0,
                "a kfunc with implicit parameters says `slots = N`: how many programs can be loaded at once"
            ),
            Delivery::Bound { slots } => {
                assert!(
                    implicit > 0,
                    "a kfunc without implicit parameters needs no slots"
                );
                assert!(slots > 0, "a kfunc without slots could not be bound");
            }
            Delivery::Native => assert!(
                implicit == 1 && self.takes_prog_aux(),
                "native delivery fills in one `struct bpf_prog_aux *` only: the register of anything else would hold what the program left in it"
            ),
        }
        assert!(
            !self.legacy || implicit > 0,
            "legacy is for kfuncs with implicit parameters: there is no other _impl"
        );
    }

    /// Whether the last parameter is what the verifier can fill in.
    const fn takes_prog_aux(&self) -> bool {
        match self.params {
            [.., last] => last.ty.is_pointer_to_kernel_struct("bpf_prog_aux"),
            [] => false,
        }
    }

    const fn check_param_count(&self, max_params: usize) {
        let (explicit, implicit) = (self.explicit(), self.implicit());
        assert!(explicit <= MAX_ARGS, "a kfunc has at most twelve arguments");
        assert!(
            explicit <= max_params,
            "this kernel has no stack arguments: a kfunc has at most five (a memory and its length are two)"
        );
        assert!(
            implicit == 0 || explicit + implicit <= MAX_REGISTER_ARGS,
            "no argument register is left for an implicit parameter: there are five, for explicit and implicit ones together"
        );
    }

    /// A memory and its length are one argument in Rust, which only registers pass like two.
    const fn check_memory(&self) {
        let (mut at, mut end) = (0, 0);
        while at < self.params.len() {
            end += self.params[at].c_params();
            assert!(
                end <= MAX_REGISTER_ARGS || self.params[at].c_params() == 1,
                "a memory and its length are among the first five arguments"
            );
            at += 1;
        }
    }

    const fn check_param_names(&self) {
        let mut at = 0;
        while at < self.params.len() {
            let name = self.params[at].name;
            assert!(
                !is_annotated_name(name.as_bytes()),
                "the name of a parameter is an annotation of the verifier: give the parameter the type that stands for it"
            );
            at += 1;
        }
    }

    const fn check_params(&self) {
        let mut at = 0;
        while at < self.params.len() {
            let param = &self.params[at];
            assert!(
                !matches!(
                    param.annotation(),
                    Some(Annotation::Allocated | Annotation::IrqFlag | Annotation::NonOwning)
                ),
                "the verifier lets only the kernel's own kfuncs take objects of bpf_obj_new, interrupt flags and nodes"
            );
            assert!(
                !matches!(
                    param.passed,
                    Passed::ByProgram(None | Some(Annotation::Nullable))
                ) || !param.ty.is_pointer_to_void(),
                "the verifier passes no pointer to void: take a Memory, or a pointer to a type"
            );
            assert!(
                !is_node(&param.ty),
                "the verifier lets only the kernel's own kfuncs take heads and nodes of lists and trees"
            );
            assert!(
                !matches!(param.annotation(), Some(Annotation::Uninit))
                    || !matches!(self.delivery, Delivery::Bound { .. }),
                "Uninit is for kfuncs without slots: to a program that is not bound it would leave memory unfilled"
            );
            at += 1;
        }
    }

    const fn check_flags(&self) {
        let flags = self.flags;
        let returns_pointer = self.return_type.is_pointer();
        assert!(
            !flags.contains(KfuncFlags::IMPLICIT_ARGS),
            "KF_IMPLICIT_ARGS is not declared: mark parameters #[implicit], and say `native` or `slots = N`"
        );
        assert!(
            !flags.contains(KfuncFlags::ACQUIRE) || returns_pointer,
            "KF_ACQUIRE is for kfuncs that return a pointer"
        );
        assert!(
            !flags.contains(KfuncFlags::RET_NULL) || returns_pointer,
            "KF_RET_NULL is for kfuncs that return a pointer"
        );
        assert!(
            !self.return_type.is_pointer_to_void(),
            "the verifier lets programs do nothing with a pointer to void: return one to a type"
        );
        assert!(
            !flags.contains(KfuncFlags::RELEASE) || self.begins_with_pointer(),
            "KF_RELEASE is for kfuncs whose first parameter is the pointer that they release"
        );
        // The kernel has it on kfuncs only that the verifier replaces by instructions.
        assert!(
            !flags.contains(KfuncFlags::FASTCALL),
            "KF_FASTCALL promises that a call changes no register but that of the result: no function of a module keeps that, and an implicit argument is loaded into one"
        );
        // A pointer to memory is read without a net, and NULL is what the safe entry returns.
        assert!(
            !matches!(self.delivery, Delivery::Bound { .. })
                || !returns_pointer
                || flags.contains(KfuncFlags::RET_NULL),
            "a kfunc with slots that returns a pointer is KF_RET_NULL: it returns NULL to a program that is not bound"
        );
        self.check_iterator();
    }

    const fn begins_with_pointer(&self) -> bool {
        match self.params {
            [first, ..] => !first.is_implicit() && first.ty.is_pointer(),
            [] => false,
        }
    }

    /// What `btf_check_iter_kfuncs` of `kernel/bpf/btf.c` refuses when a set is registered.
    const fn check_iterator(&self) {
        let new = self.flags.contains(KfuncFlags::ITER_NEW);
        let next = self.flags.contains(KfuncFlags::ITER_NEXT);
        let destroy = self.flags.contains(KfuncFlags::ITER_DESTROY);
        let roles = new as usize + next as usize + destroy as usize;
        if roles == 0 {
            return;
        }
        assert!(
            roles == 1,
            "a kfunc is one of KF_ITER_NEW, KF_ITER_NEXT and KF_ITER_DESTROY"
        );
        assert!(
            starts_with(self.name, "bpf_iter_")
                && (!new || ends_with(self.name, "_new"))
                && (!next || ends_with(self.name, "_next"))
                && (!destroy || ends_with(self.name, "_destroy")),
            "the kfuncs of an iterator foo are bpf_iter_foo_new, bpf_iter_foo_next and bpf_iter_foo_destroy"
        );
        assert!(
            self.begins_with_pointer(),
            "the first parameter of an iterator's kfunc is a pointer to its struct"
        );
        // It would return without a word of the iterator written, which the verifier takes for begun.
        assert!(
            !new || !matches!(self.delivery, Delivery::Bound { .. }),
            "KF_ITER_NEW is for kfuncs without slots: to a program that is not bound it would leave an iterator that was not begun"
        );
        assert!(
            new || self.explicit() == 1,
            "KF_ITER_NEXT and KF_ITER_DESTROY are for kfuncs that take the iterator and nothing else"
        );
        assert!(
            !next || (self.return_type.is_pointer() && self.flags.contains(KfuncFlags::RET_NULL)),
            "KF_ITER_NEXT is for kfuncs that return a pointer, and KF_RET_NULL is said with it"
        );
        assert!(
            !destroy || matches!(self.return_type, CType::Void),
            "KF_ITER_DESTROY is for kfuncs that return nothing"
        );
    }

    /// What the verifier checks once for a call (`check_kfunc_args` of `kernel/bpf/verifier.c`): 6.12 refuses two
    /// constants, 7.3 warns; and 6.12 falls over a second map.
    const fn check_constants(&self) {
        let (mut constants, mut sizes, mut maps) = (0, 0, 0);
        let mut at = 0;
        while at < self.params.len() {
            if let Some(annotation) = self.params[at].annotation() {
                match annotation {
                    Annotation::Constant | Annotation::ConstMemLen => constants += 1,
                    Annotation::RdonlyBufSize | Annotation::RdwrBufSize => sizes += 1,
                    Annotation::Map | Annotation::ConstMap => maps += 1,
                    _ => {}
                }
            }
            at += 1;
        }
        assert!(
            constants <= 1,
            "the verifier follows one constant of a call: a kfunc has one Constant or ConstSizeMemory"
        );
        assert!(
            maps <= 1,
            "the verifier follows one map of a call: a kfunc has one Map"
        );
        assert!(
            sizes == 0 || (sizes == 1 && self.return_type.is_pointer()),
            "RdonlyBufSize and RdwrBufSize tell the size of the one buffer that is returned"
        );
    }
}

/// Whether it points to what the verifier keeps track of itself (`is_kfunc_arg_list_head` and the like of
/// `kernel/bpf/verifier.c`).
const fn is_node(ty: &CType) -> bool {
    ty.is_pointer_to_kernel_struct("bpf_list_head")
        || ty.is_pointer_to_kernel_struct("bpf_list_node")
        || ty.is_pointer_to_kernel_struct("bpf_rb_root")
        || ty.is_pointer_to_kernel_struct("bpf_rb_node")
}

/// Stops the build when two of the names are the same.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "loops are bounded by the length of the slice"
)]
pub const fn check_names(names: &[&str]) {
    let mut at = 0;
    while at < names.len() {
        let mut other = 0;
        while other < at {
            assert!(
                !same_bytes(names[at].as_bytes(), names[other].as_bytes()),
                "two kfuncs have one name"
            );
            other += 1;
        }
        at += 1;
    }
}

const fn starts_with(text: &str, start: &str) -> bool {
    match text.as_bytes().split_at_checked(start.len()) {
        Some((head, _)) => same_bytes(head, start.as_bytes()),
        None => false,
    }
}

const fn ends_with(text: &str, end: &str) -> bool {
    match text.len().checked_sub(end.len()) {
        Some(at) => match text.as_bytes().split_at_checked(at) {
            Some((_, tail)) => same_bytes(tail, end.as_bytes()),
            None => false,
        },
        None => false,
    }
}
