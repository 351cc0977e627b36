// SPDX-License-Identifier: MIT OR Apache-2.0

//! Every bound and magic number of the format, with its source.

/// `BTF_MAGIC` of `include/uapi/linux/btf.h`.
pub const MAGIC: u16 = 0xeb9f;
/// `BTF_VERSION` of `include/uapi/linux/btf.h`.
pub const VERSION: u8 = 1;
/// Bytes of the header before Linux 7.3 gave it a layout section (`struct btf_header`).
pub const HEADER_LEN: usize = 24;
/// Bytes of the header up to and with the field that tells its length; less is no header.
pub(crate) const HEADER_LEN_END: usize = 8;
/// Bytes of the header with a layout section.
pub const HEADER_WITH_LAYOUT_LEN: usize = 32;
/// `BTF_MAX_TYPE` of `include/uapi/linux/btf.h`: the highest type id.
pub const MAX_TYPES: u32 = 0x000f_ffff;
/// `BTF_MAX_NAME_OFFSET` of `include/uapi/linux/btf.h`: the highest name offset.
pub const MAX_NAME_OFFSET: u32 = 0x00ff_ffff;
/// `BTF_MAX_SIZE` of `kernel/bpf/btf.c`: the most bytes that BPF_BTF_LOAD takes.
pub const MAX_SIZE: usize = 16 << 20;
/// `NR_BTF_KINDS` of `include/uapi/linux/btf.h`: kinds that this crate knows, and 0.
pub const KINDS: u8 = 20;
/// The largest INT, in bytes: `__int128` (`btf_int_check_meta` of `kernel/bpf/btf.c`).
pub const MAX_INT_LEN: u8 = 16;
/// `MAX_RESOLVE_DEPTH` of `kernel/bpf/btf.c`: how far a chain of types is followed.
pub const MAX_RESOLVE_DEPTH: usize = 32;
/// The most modifiers that stand on one another (`btf_check_modifier_chain_length` of `kernel/bpf/btf.c`).
pub const MAX_CHAIN_LEN: usize = 32;
/// Bytes of `struct btf_type`, the part that every record has.
pub const TYPE_LEN: usize = 12;
/// Bytes of a pointer on the kernels that this project is for, all of 64 bits.
pub const POINTER_LEN: u32 = 8;
