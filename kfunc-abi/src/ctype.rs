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
    /// A struct that the module itself defines.
    Module {
        /// Its name, as `struct NAME`.
        name: &'static str,
        /// Its size in bytes.
        size: u32,
    },
    /// A pointer.
    Pointer(&'static CType),
    /// A `const` type.
    Const(&'static CType),
}

/// A Rust type that stands for a C type, so that a declaration says nothing twice.
pub trait AsC {
    /// The C type.
    const C_TYPE: CType;
}

impl AsC for () {
    const C_TYPE: CType = CType::Void;
}

impl<T: AsC> AsC for *mut T {
    const C_TYPE: CType = CType::Pointer(&T::C_TYPE);
}

impl<T: AsC> AsC for *const T {
    const C_TYPE: CType = CType::Pointer(&CType::Const(&T::C_TYPE));
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
