// SPDX-License-Identifier: MIT OR Apache-2.0

//! Calls that are given arguments, and casts, which are no calls.
//!
//! `meta` is the address of a `struct btf_struct_meta`, 0 for an object without special fields.

use core::fmt;

use super::Replacement;
use crate::insn::{Code, Insn, Reg};

/// A meta that must not be: the verifier calls that a bug of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetaError {
    /// There must be one.
    Missing,
    /// There must be none.
    Unexpected,
}

impl fmt::Display for MetaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "kptr_struct_meta expected",
            Self::Unexpected => "NULL kptr_struct_meta expected",
        })
    }
}

impl core::error::Error for MetaError {}

/// Any kfunc with a `struct bpf_prog_aux *` in `register`: `aux` is that of the main program, also in subprograms.
///
/// Linux 6.12 has one case, `bpf_wq_set_callback_impl`, with the register R4.
pub fn prog_aux(call: Insn, register: Reg, aux: u64) -> Replacement {
    let [low, high] = Insn::ld_imm64(register, aux);
    Replacement::of([low, high, call])
}

/// `bpf_obj_new`: the program has passed the BTF id of a struct in R1, of which the size in bytes remains.
pub fn obj_new(call: Insn, size: u32, meta: u64) -> Replacement {
    let [low, high] = Insn::ld_imm64(Reg::R2, meta);
    Replacement::of([mov64(Reg::R1, size), low, high, call])
}

/// `bpf_percpu_obj_new`.
///
/// # Errors
///
/// A meta: what is per CPU has no special fields.
pub fn percpu_obj_new(call: Insn, size: u32, meta: u64) -> Result<Replacement, MetaError> {
    without(meta)?;
    Ok(obj_new(call, size, meta))
}

/// `bpf_obj_drop`.
pub fn obj_drop(call: Insn, meta: u64) -> Replacement {
    let [low, high] = Insn::ld_imm64(Reg::R2, meta);
    Replacement::of([low, high, call])
}

/// `bpf_percpu_obj_drop`.
///
/// # Errors
///
/// A meta: what is per CPU has no special fields.
pub fn percpu_obj_drop(call: Insn, meta: u64) -> Result<Replacement, MetaError> {
    without(meta)?;
    Ok(obj_drop(call, meta))
}

/// `bpf_refcount_acquire`.
///
/// # Errors
///
/// No meta: it says where the count is.
pub fn refcount_acquire(call: Insn, meta: u64) -> Result<Replacement, MetaError> {
    with(meta)?;
    Ok(obj_drop(call, meta))
}

/// `bpf_list_push_front` and `bpf_list_push_back`; `offset` is that of the node in its object, in bytes.
///
/// # Errors
///
/// No meta.
pub fn list_push(call: Insn, meta: u64, offset: u32) -> Result<Replacement, MetaError> {
    insert(call, (Reg::R3, meta), (Reg::R4, offset))
}

/// `bpf_list_add` and `bpf_rbtree_add`, which have one explicit argument more.
///
/// # Errors
///
/// No meta.
pub fn list_add(call: Insn, meta: u64, offset: u32) -> Result<Replacement, MetaError> {
    insert(call, (Reg::R4, meta), (Reg::R5, offset))
}

/// `bpf_cast_to_kern_ctx` and `bpf_rdonly_cast`: the pointer stays what it is.
pub fn cast() -> Replacement {
    Replacement::of([Insn::new(Code(0xbf), Reg::R0, Reg::R1, 0, 0)])
}

/// The kfuncs that put a node into a collection.
fn insert(call: Insn, meta: (Reg, u64), offset: (Reg, u32)) -> Result<Replacement, MetaError> {
    with(meta.1)?;
    let [low, high] = Insn::ld_imm64(meta.0, meta.1);
    let node = mov64(offset.0, offset.1);
    Ok(Replacement::of([low, high, node, call]))
}

/// `BPF_MOV64_IMM`, which extends the sign.
fn mov64(register: Reg, value: u32) -> Insn {
    Insn::new(Code(0xb7), register, Reg::NONE, 0, value as i32)
}

fn with(meta: u64) -> Result<(), MetaError> {
    (meta != 0).then_some(()).ok_or(MetaError::Missing)
}

fn without(meta: u64) -> Result<(), MetaError> {
    (meta == 0).then_some(()).ok_or(MetaError::Unexpected)
}
