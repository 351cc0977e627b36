// SPDX-License-Identifier: MIT OR Apache-2.0

//! The C types that Rust types stand for.

use btf_core::Kind;

/// A C type, as a declaration names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CType {
    /// `void`.
    Void,
    /// A type that the kernel's BTF has, by kind and name: `STRUCT bpf_prog_aux`, `TYPEDEF u32`.
    Kernel {
        /// The kind of its BTF record.
        kind: Kind,
        /// Its name there.
        name: &'static str,
    },
    /// A type that the module itself defines. Without a [`crate::TypeDecl`] of the name it is opaque.
    Module {
        /// The kind of its BTF record.
        kind: Kind,
        /// Its name, as in `struct NAME`.
        name: &'static str,
        /// Its size in bytes.
        size: u32,
    },
    /// A pointer.
    Pointer(&'static CType),
    /// A `const` type.
    Const(&'static CType),
    /// A `volatile` type.
    Volatile(&'static CType),
    /// A `restrict` pointer.
    Restrict(&'static CType),
    /// A type with a tag, as `rcu` in `struct foo __rcu *`.
    TypeTag {
        /// The tag.
        tag: &'static str,
        /// What is tagged.
        inner: &'static CType,
    },
    /// An array.
    Array {
        /// Its elements.
        element: &'static CType,
        /// How many there are.
        count: u32,
    },
    /// A function, of which there can be a pointer.
    Function(&'static Prototype),
}

/// The prototype of a function that is pointed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prototype {
    /// What it returns.
    pub return_type: CType,
    /// Its parameters, which have no names.
    pub params: &'static [CType],
}

/// A Rust type that stands for a C type, so that a declaration says nothing twice.
pub trait AsC {
    /// The C type.
    const C_TYPE: CType;
}

impl CType {
    /// Whether it is a pointer, with qualifiers or without.
    pub const fn is_pointer(&self) -> bool {
        match self {
            Self::Pointer(_) => true,
            Self::Const(inner) | Self::Volatile(inner) | Self::Restrict(inner) => {
                inner.is_pointer()
            }
            _ => false,
        }
    }

    /// Whether it is a pointer to `void`, `const` or not.
    pub(crate) const fn is_pointer_to_void(&self) -> bool {
        matches!(
            self,
            Self::Pointer(Self::Void) | Self::Pointer(Self::Const(Self::Void))
        )
    }

    /// Whether it is a pointer to the kernel's `struct name`, with qualifiers or without.
    pub(crate) const fn is_pointer_to_kernel_struct(&self, name: &str) -> bool {
        match self {
            Self::Pointer(inner) => inner.is_kernel_struct(name),
            _ => false,
        }
    }

    const fn is_kernel_struct(&self, wanted: &str) -> bool {
        match self {
            Self::Const(inner) | Self::Volatile(inner) => inner.is_kernel_struct(wanted),
            Self::Kernel { kind, name } => {
                kind.0 == Kind::STRUCT.0 && same_bytes(name.as_bytes(), wanted.as_bytes())
            }
            _ => false,
        }
    }
}

/// `one == other`, in constants.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "the loop's bound is the length of both slices"
)]
pub(crate) const fn same_bytes(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

impl AsC for () {
    const C_TYPE: CType = CType::Void;
}

/// `void`, where it is pointed to.
impl AsC for core::ffi::c_void {
    const C_TYPE: CType = CType::Void;
}

impl<T: AsC> AsC for *mut T {
    const C_TYPE: CType = CType::Pointer(&T::C_TYPE);
}

impl<T: AsC> AsC for *const T {
    const C_TYPE: CType = CType::Pointer(&CType::Const(&T::C_TYPE));
}

impl<T: AsC, const N: usize> AsC for [T; N] {
    const C_TYPE: CType = CType::Array {
        element: &T::C_TYPE,
        count: N as u32,
    };
}

macro_rules! functions {
    ($($($param:ident)*;)*) => {$(
        impl<R: AsC, $($param: AsC),*> AsC for unsafe extern "C" fn($($param),*) -> R {
            const C_TYPE: CType = CType::Pointer(&CType::Function(&Prototype {
                return_type: R::C_TYPE,
                params: &[$($param::C_TYPE),*],
            }));
        }
    )*};
}

// As many parameters as a callback of a BPF program has registers for.
functions! {
    ;
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
}

macro_rules! typedefs {
    ($($rust:ty = $name:literal),* $(,)?) => {$(
        impl AsC for $rust {
            const C_TYPE: CType = CType::Kernel { kind: Kind::TYPEDEF, name: $name };
        }
    )*};
}

// The kernel's own names (include/asm-generic/int-ll64.h, include/linux/types.h).
typedefs! {
    u8 = "u8", u16 = "u16", u32 = "u32", u64 = "u64",
    i8 = "s8", i16 = "s16", i32 = "s32", i64 = "s64",
    bool = "bool",
}
