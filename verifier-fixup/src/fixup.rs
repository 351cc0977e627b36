// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the verifier makes of a call of a kfunc: one pure function for each case of `bpf_fixup_kfunc_call` of
//! `kernel/bpf/verifier.c` (7.3).
//!
//! ```text
//!   kfunc                                     becomes                                            6.12
//!   any with an aux parameter                 R<n> = aux; call                                   wq alone, R4
//!   obj_new, percpu_obj_new                   R1 = size; R2 = meta; call                         yes
//!   obj_drop, percpu_obj_drop,                R2 = meta; call                                    yes
//!     refcount_acquire
//!   list_push_front, list_push_back           R3 = meta; R4 = offset of the node; call           yes
//!   list_add, rbtree_add                      R4 = meta; R5 = offset of the node; call           rbtree_add
//!   cast_to_kern_ctx, rdonly_cast             R0 = R1                                            yes
//!   session_is_return, session_cookie         reads the word before the context                  no
//!   iter_num_new, iter_num_next               the loop's steps themselves                        no
//!   iter_num_destroy                          nothing: a jump to what follows                    no
//! ```
//!
//! Values of 64 bits are loaded by an ld_imm64. The call is what [`address::resolved`] makes of it. Linux 6.12 does
//! this for vmlinux's own kfuncs alone (`fixup_kfunc_call`); 7.3 gives any module's kfunc its aux.

use crate::insn::Insn;

pub mod address;
pub mod implicit;
pub mod iter_num;
pub mod session;

/// The most instructions that one can become (`INSN_BUF_SIZE` of `include/linux/bpf_verifier.h`).
pub const INSN_BUF_SIZE: usize = 32;

/// What stands in for one instruction.
///
/// A distance in it counts as in a program where nothing else is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement {
    insns: [Insn; INSN_BUF_SIZE],
    len: usize,
}

impl Replacement {
    /// A replacement of these instructions; none if they are more than [`INSN_BUF_SIZE`].
    pub fn new(insns: &[Insn]) -> Option<Self> {
        let mut all = Self::of([Insn::goto(0)]);
        all.insns.get_mut(..insns.len())?.copy_from_slice(insns);
        all.len = insns.len();
        Some(all)
    }

    /// Of so few that they fit.
    pub(crate) fn of<const N: usize>(insns: [Insn; N]) -> Self {
        const { assert!(N <= INSN_BUF_SIZE) };
        let mut all = [Insn::goto(0); INSN_BUF_SIZE];
        for (to, insn) in all.iter_mut().zip(insns) {
            *to = insn;
        }
        Self { insns: all, len: N }
    }

    /// Its instructions.
    pub fn insns(&self) -> &[Insn] {
        self.insns.get(..self.len).unwrap_or_default()
    }
}
