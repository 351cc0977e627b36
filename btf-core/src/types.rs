// SPDX-License-Identifier: MIT OR Apache-2.0

//! One type record.

use crate::layout;
use crate::limits::TYPE_LEN;
use crate::shape::record_len;
use crate::{Array, ByteOrder, Enumerators, ErrorKind, Info, Kind, Params, RawMembers, Variables};

/// The number of a type: its place in the type section, counted from 1 (0 is `void`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u32);

impl TypeId {
    /// `void`, which has no record.
    pub const VOID: TypeId = TypeId(0);
}

/// How an integer is read (`BTF_INT_*` of `include/uapi/linux/btf.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntEncoding(pub u8);

impl IntEncoding {
    /// Unsigned.
    pub const UNSIGNED: Self = Self(0);
    /// `BTF_INT_SIGNED`.
    pub const SIGNED: Self = Self(1);
    /// `BTF_INT_CHAR`.
    pub const CHAR: Self = Self(2);
    /// `BTF_INT_BOOL`.
    pub const BOOL: Self = Self(4);
}

/// The word of an INT, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Int {
    /// How it is read.
    pub encoding: IntEncoding,
    /// Bits from the start of its bytes; 0 but in old bitfields.
    pub offset: u8,
    /// Width in bits.
    pub bits: u8,
    /// Bits 28–31 of the word, which mean nothing.
    pub(crate) unused: u8,
}

impl Int {
    /// Bits 0–7 are the width, 16–23 the offset, 24–27 the encoding (`BTF_INT_BITS` and its neighbours in
    /// `include/uapi/linux/btf.h`).
    fn from_word(word: u32) -> Self {
        let [bits, _, offset, encoding] = word.to_le_bytes();
        Self {
            encoding: IntEncoding(encoding & 0x0f),
            offset,
            bits,
            unused: encoding >> 4,
        }
    }

    /// Whether it fills 1, 2, 4, 8 or 16 whole bytes (`btf_type_int_is_regular` of `kernel/bpf/btf.c`).
    pub fn is_regular(&self) -> bool {
        self.offset == 0 && matches!(self.bits, 8 | 16 | 32 | 64 | 128)
    }
}

/// The linkage of a FUNC (`enum btf_func_linkage`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linkage(pub u16);

impl Linkage {
    /// `BTF_FUNC_STATIC`, what pahole gives every kernel function.
    pub const STATIC: Self = Self(0);
    /// `BTF_FUNC_GLOBAL`.
    pub const GLOBAL: Self = Self(1);
    /// `BTF_FUNC_EXTERN`.
    pub const EXTERN: Self = Self(2);
}

/// One type record. It lies inside the type section; its references are not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Type<'a> {
    id: TypeId,
    name: u32,
    info: Info,
    size_or_type: u32,
    elements: &'a [u8],
    order: ByteOrder,
}

impl<'a> Type<'a> {
    /// What stands for void: a record of no kind.
    pub(crate) const VOID: Type<'static> = Type {
        id: TypeId::VOID,
        name: 0,
        info: Info(0),
        size_or_type: 0,
        elements: &[],
        order: ByteOrder::NATIVE,
    };

    /// Reads the record of `id` at the start of `types`; gives what follows it, too. `layout` is asked of kinds that are
    /// not known.
    #[inline]
    pub(crate) fn split_first(
        types: &'a [u8],
        order: ByteOrder,
        layout: &[u8],
        id: TypeId,
    ) -> Result<(Self, &'a [u8]), ErrorKind> {
        let head = Self::head(types, order, id).ok_or(ErrorKind::TruncatedType)?;
        let len = record_len(head.info)
            .or_else(|| layout::record_len(layout, head.info))
            .ok_or(ErrorKind::UnknownKind(head.kind()))?;
        head.with_elements(types, len)
            .ok_or(ErrorKind::TruncatedType)
    }

    /// The record of `id` at the start of `types`, without its elements; none if it ends beyond.
    #[inline]
    pub(crate) fn head(types: &[u8], order: ByteOrder, id: TypeId) -> Option<Self> {
        let head = types.get(..TYPE_LEN)?;
        Some(Self {
            id,
            name: order.u32_at(head, 0)?,
            info: Info(order.u32_at(head, 4)?),
            size_or_type: order.u32_at(head, 8)?,
            elements: &[],
            order,
        })
    }

    /// This record, which is at the start of `types` and has `len` bytes, with its elements; and what follows it.
    #[inline]
    pub(crate) fn with_elements(self, types: &'a [u8], len: usize) -> Option<(Self, &'a [u8])> {
        let (record, rest) = types.split_at_checked(len)?;
        let elements = record.get(TYPE_LEN..)?;
        Some((Self { elements, ..self }, rest))
    }

    /// Bytes of the whole record.
    pub fn record_len(&self) -> usize {
        TYPE_LEN.saturating_add(self.elements.len())
    }

    /// The word at `offset` of the record.
    pub(crate) fn word(&self, offset: usize) -> Option<u32> {
        match offset {
            0 => Some(self.name),
            4 => Some(self.info.0),
            8 => Some(self.size_or_type),
            _ => self
                .order
                .u32_at(self.elements, offset.checked_sub(TYPE_LEN)?),
        }
    }

    /// Calls `visit` with each `N` words behind what every record has.
    #[inline]
    pub(crate) fn each_chunk<const N: usize>(&self, mut visit: impl FnMut([u32; N])) {
        let (order, mut rest) = (self.order, self.elements);
        loop {
            let mut chunk = [0; N];
            for word in &mut chunk {
                let Some((bytes, after)) = rest.split_first_chunk() else {
                    return;
                };
                (*word, rest) = (order.u32_of(*bytes), after);
            }
            visit(chunk);
        }
    }

    /// The same record, referring to `target`.
    pub(crate) fn with_target(self, target: TypeId) -> Self {
        Self {
            size_or_type: target.0,
            ..self
        }
    }

    /// The id of the type.
    pub fn id(&self) -> TypeId {
        self.id
    }

    /// The kind of the record.
    pub fn kind(&self) -> Kind {
        self.info.kind()
    }

    /// The `info` word.
    pub fn info(&self) -> Info {
        self.info
    }

    /// Where the name is; [`crate::Btf::name`] gives the name itself.
    pub fn name_offset(&self) -> u32 {
        self.name
    }

    /// The word that is a size for some kinds and a type for others.
    pub(crate) fn size_or_type(&self) -> u32 {
        self.size_or_type
    }

    /// The size in bytes of the kinds that have one.
    pub fn size(&self) -> Option<u32> {
        matches!(
            self.kind(),
            Kind::INT
                | Kind::STRUCT
                | Kind::UNION
                | Kind::ENUM
                | Kind::ENUM64
                | Kind::FLOAT
                | Kind::DATASEC
        )
        .then_some(self.size_or_type)
    }

    /// The type that the record refers to; for a FUNC_PROTO its return type.
    pub fn target(&self) -> Option<TypeId> {
        matches!(
            self.kind(),
            Kind::PTR
                | Kind::TYPEDEF
                | Kind::VOLATILE
                | Kind::CONST
                | Kind::RESTRICT
                | Kind::FUNC
                | Kind::FUNC_PROTO
                | Kind::VAR
                | Kind::DECL_TAG
                | Kind::TYPE_TAG
        )
        .then_some(TypeId(self.size_or_type))
    }

    /// Width and encoding of an INT.
    pub fn int(&self) -> Option<Int> {
        (self.kind() == Kind::INT)
            .then(|| self.order.u32_at(self.elements, 0).map(Int::from_word))
            .flatten()
    }

    /// The linkage of a FUNC (`enum btf_func_linkage`) or VAR (`BTF_VAR_*`): 0 static, 1 global, 2 extern.
    pub fn linkage(&self) -> Option<u32> {
        match self.kind() {
            Kind::FUNC => Some(self.info.vlen()),
            Kind::VAR => self.order.u32_at(self.elements, 0),
            _ => None,
        }
    }

    /// The component that a DECL_TAG is on; -1 is the type itself.
    pub fn component(&self) -> Option<i32> {
        (self.kind() == Kind::DECL_TAG)
            .then(|| self.order.u32_at(self.elements, 0).map(|word| word as i32))
            .flatten()
    }

    /// What an ARRAY is of.
    pub fn array(&self) -> Option<Array> {
        if self.kind() != Kind::ARRAY {
            return None;
        }
        let word = |at| self.order.u32_at(self.elements, at);
        Some(Array {
            element: TypeId(word(0)?),
            index: TypeId(word(4)?),
            len: word(8)?,
        })
    }

    /// The enumerators of an ENUM or ENUM64; empty for other kinds.
    pub fn enumerators(&self) -> Enumerators<'a> {
        let wide = self.kind() == Kind::ENUM64;
        let any = wide || self.kind() == Kind::ENUM;
        Enumerators {
            rest: if any { self.elements } else { &[] },
            order: self.order,
            wide,
            signed: self.info.kind_flag(),
        }
    }

    /// The variables of a DATASEC; empty for other kinds.
    pub fn variables(&self) -> Variables<'a> {
        let datasec = self.kind() == Kind::DATASEC;
        Variables {
            rest: if datasec { self.elements } else { &[] },
            order: self.order,
        }
    }

    /// The parameters of a FUNC_PROTO; empty for other kinds.
    pub fn params(&self) -> Params<'a> {
        let proto = self.kind() == Kind::FUNC_PROTO;
        Params {
            rest: if proto { self.elements } else { &[] },
            order: self.order,
        }
    }

    /// The members of a STRUCT or UNION; empty for other kinds.
    pub fn members(&self) -> RawMembers<'a> {
        let composite = matches!(self.kind(), Kind::STRUCT | Kind::UNION);
        RawMembers {
            rest: if composite { self.elements } else { &[] },
            order: self.order,
            bitfields: self.info.kind_flag(),
        }
    }
}
