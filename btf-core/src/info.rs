// SPDX-License-Identifier: MIT OR Apache-2.0

//! The bit layout of a record's `info` word, in one place.

use core::fmt;

/// Bits 0–23: number of elements.
const VLEN_MASK: u32 = 0x00ff_ffff;
/// Bits 24–30: the kind.
const KIND_SHIFT: u32 = 24;
const KIND_MASK: u32 = 0x7f;
/// Bit 31: `kind_flag`.
const KIND_FLAG: u32 = 1 << 31;

/// The kind of a type record (`BTF_KIND_*` of `include/uapi/linux/btf.h`).
///
/// Not an enum: an unknown kind is kept, and still prints.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(pub u8);

macro_rules! kinds {
    ($($name:ident = $value:literal),* $(,)?) => {
        impl Kind {
            $(
                #[doc = concat!("`BTF_KIND_", stringify!($name), "`.")]
                pub const $name: Kind = Kind($value);
            )*

            /// The name after `BTF_KIND_`; none for an unknown kind.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    INT = 1, PTR = 2, ARRAY = 3, STRUCT = 4, UNION = 5, ENUM = 6, FWD = 7, TYPEDEF = 8, VOLATILE = 9,
    CONST = 10, RESTRICT = 11, FUNC = 12, FUNC_PROTO = 13, VAR = 14, DATASEC = 15, FLOAT = 16,
    DECL_TAG = 17, TYPE_TAG = 18, ENUM64 = 19,
}

impl Kind {
    /// `BTF_KIND_UNKN`, which no record has: void.
    pub(crate) const VOID: Kind = Kind(0);

    /// Whether the record only changes the meaning of the type that it refers to.
    pub const fn is_modifier(self) -> bool {
        matches!(
            self,
            Self::TYPEDEF | Self::VOLATILE | Self::CONST | Self::RESTRICT | Self::TYPE_TAG
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "kind {}", self.0),
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which bits of an `info` word a kernel uses.
///
/// The older dialect keeps those that it does not use zero, so what it writes reads the same in both. [`Info`] reads
/// the newer one; the dialect matters where BTF is written or validated for an older kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// 16 bits count elements, 5 tell the kind: up to Linux 7.2 (`BTF_INFO_MASK` of its `kernel/bpf/btf.c`).
    #[default]
    Vlen16,
    /// 24 bits count elements, 7 tell the kind: from Linux 7.3 on (`include/uapi/linux/btf.h`).
    Vlen24,
}

impl Dialect {
    /// The most elements that a record can count.
    pub const fn max_vlen(self) -> u32 {
        match self {
            Self::Vlen16 => 0xffff,
            Self::Vlen24 => VLEN_MASK,
        }
    }

    /// Whether every bit that is set in `info` means something.
    pub const fn knows(self, info: Info) -> bool {
        match self {
            Self::Vlen16 => info.0 & !0x9f00_ffff == 0,
            Self::Vlen24 => true,
        }
    }
}

/// The `info` word of a record: kind, number of elements, and a flag whose meaning depends on the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info(pub u32);

impl Info {
    /// The word for `kind` with `vlen` elements, of which [`Dialect::max_vlen`] says how many a kernel reads.
    pub const fn new(kind: Kind, vlen: u32, kind_flag: bool) -> Self {
        let flag = if kind_flag { KIND_FLAG } else { 0 };
        Self(vlen & VLEN_MASK | (kind.0 as u32 & KIND_MASK) << KIND_SHIFT | flag)
    }

    /// The kind of the record.
    pub const fn kind(self) -> Kind {
        Kind((self.0 >> KIND_SHIFT & KIND_MASK) as u8)
    }

    /// How many members, parameters or enumerators follow the record.
    pub const fn vlen(self) -> u32 {
        self.0 & VLEN_MASK
    }

    /// For a STRUCT or UNION: members have bitfield sizes. For a FWD: it is a union. For an ENUM or ENUM64: the values
    /// are signed. For a DECL_TAG or TYPE_TAG: its name is an attribute (from Linux 7.3 on).
    pub const fn kind_flag(self) -> bool {
        self.0 & KIND_FLAG != 0
    }
}
