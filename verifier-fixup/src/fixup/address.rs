// SPDX-License-Identifier: MIT OR Apache-2.0

//! Where a call goes.

use core::fmt;

use crate::insn::Insn;

/// A kfunc that a call cannot name: `__bpf_call_base` is further away than 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfReach {
    /// Bytes from `__bpf_call_base` to the kfunc.
    pub distance: i64,
}

impl fmt::Display for OutOfReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { distance } = self;
        write!(f, "{distance} bytes from __bpf_call_base are out of reach")
    }
}

impl core::error::Error for OutOfReach {}

/// The call with its kfunc's address, which is relative to `__bpf_call_base`, in place of the BTF id (`BPF_CALL_IMM` of
/// `include/linux/filter.h`). Both JITs, x86-64's and arm64's, go by it.
///
/// # Errors
///
/// The kfunc is out of reach.
pub fn resolved(call: Insn, call_base: u64, kfunc: u64) -> Result<Insn, OutOfReach> {
    let distance = kfunc.wrapping_sub(call_base) as i64;
    let mut resolved = call;
    resolved.imm = i32::try_from(distance).map_err(|_| OutOfReach { distance })?;
    Ok(resolved)
}
