// SPDX-License-Identifier: MIT OR Apache-2.0

//! The kinds of special fields (`enum btf_field_type` of `include/linux/bpf.h`).

use crate::validate::Release;

/// Structs that make a struct with a member of theirs one with special fields (`alloc_obj_fields`).
pub(super) const SPECIAL_STRUCTS: &[&[u8]] = &[
    b"bpf_spin_lock",
    b"bpf_list_head",
    b"bpf_list_node",
    b"bpf_rb_root",
    b"bpf_rb_node",
    b"bpf_refcount",
];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldKind {
    SpinLock,
    ResSpinLock,
    ListHead,
    ListNode,
    RbRoot,
    RbNode,
    Refcount,
    KptrUntrusted,
    KptrRef,
    KptrPercpu,
}

impl FieldKind {
    /// The kind of a member whose type has this name.
    pub(super) fn of_name(name: &[u8], release: Release) -> Option<Self> {
        Some(match name {
            b"bpf_spin_lock" => Self::SpinLock,
            b"bpf_res_spin_lock" if !release.is_6_12() => Self::ResSpinLock,
            b"bpf_list_head" => Self::ListHead,
            b"bpf_list_node" => Self::ListNode,
            b"bpf_rb_root" => Self::RbRoot,
            b"bpf_rb_node" => Self::RbNode,
            b"bpf_refcount" => Self::Refcount,
            _ => return None,
        })
    }

    /// Bytes (`btf_field_type_size`).
    pub(super) const fn size(self) -> u32 {
        match self {
            Self::SpinLock | Self::ResSpinLock | Self::Refcount => 4,
            Self::KptrUntrusted | Self::KptrRef | Self::KptrPercpu => 8,
            Self::ListHead | Self::RbRoot => 16,
            Self::ListNode => 24,
            Self::RbNode => 32,
        }
    }

    /// Whether it may stand `offset` bytes from the start of its struct (`btf_field_type_align`).
    pub(super) const fn is_aligned(self, offset: u32) -> bool {
        match self {
            Self::SpinLock | Self::ResSpinLock | Self::Refcount => offset % 4 == 0,
            _ => offset % 8 == 0,
        }
    }

    pub(super) const fn is_kptr(self) -> bool {
        matches!(self, Self::KptrUntrusted | Self::KptrRef | Self::KptrPercpu)
    }

    /// List heads and tree roots.
    pub(super) const fn is_root(self) -> bool {
        matches!(self, Self::ListHead | Self::RbRoot)
    }

    /// List nodes and tree nodes.
    pub(super) const fn is_node(self) -> bool {
        matches!(self, Self::ListNode | Self::RbNode)
    }

    /// Whether a struct has one at most. 6.12.107 does not ask that of refcounts.
    pub(super) fn is_unique(self, release: Release) -> bool {
        match self {
            Self::SpinLock | Self::ResSpinLock => true,
            Self::Refcount => release.counts_deep(),
            _ => false,
        }
    }

    /// Whether there may be an array of them.
    pub(super) const fn is_repeatable(self) -> bool {
        self.is_kptr() || self.is_root()
    }
}
