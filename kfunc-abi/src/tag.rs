// SPDX-License-Identifier: MIT OR Apache-2.0

//! Tags by which BTF tells of kfuncs (`tools/bpf/resolve_btfids/main.c`).

/// The tag by which libbpf and the kernel know a kfunc (`DECL_TAG_KFUNC`).
pub const KFUNC_TAG: &str = "bpf_kfunc";
/// The tag that says [`crate::KfuncFlags::FASTCALL`] to compilers (`DECL_TAG_FASTCALL`).
pub const FASTCALL_TAG: &str = "bpf_fastcall";
/// The attribute of what an arena pointer points to (`TYPE_ATTR_ARENA`).
pub const ARENA_ATTRIBUTE: &str = "address_space(1)";
