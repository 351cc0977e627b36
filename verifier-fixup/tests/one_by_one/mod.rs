// SPDX-License-Identifier: MIT OR Apache-2.0

//! Patching one instruction at a time, with the outcome of `bpf_patch_insn_data`: what rewriting is compared with.

use verifier_fixup::insn::Insn;

/// A program, and the places of instructions that something else knows it by.
#[derive(Clone)]
pub(crate) struct Patched {
    pub(crate) insns: Vec<Insn>,
    pub(crate) places: Vec<usize>,
}

/// A distance no longer fits.
#[derive(Debug)]
pub(crate) struct OutOfReach;

impl Patched {
    /// Puts `by` in place of the one instruction at `at`; then goes over everything.
    pub(crate) fn patch(&mut self, at: usize, by: &[Insn]) -> Result<(), OutOfReach> {
        let end = at + by.len();
        self.insns.splice(at..=at, by.iter().copied());
        let (before, rest) = self.insns.split_at_mut(at);
        let after = &mut rest[by.len()..];
        let more = by.len() as i64 - 1;
        for (index, insn) in before.iter_mut().enumerate() {
            adjust(insn, |distance| {
                let target = index as i64 + 1 + distance;
                distance + if target > at as i64 { more } else { 0 }
            })?;
        }
        for (index, insn) in after.iter_mut().enumerate() {
            adjust(insn, |distance| {
                let target = (end + index) as i64 + 1 + distance;
                distance - if target < end as i64 { more } else { 0 }
            })?;
        }
        for place in &mut self.places {
            *place += if *place > at { by.len() - 1 } else { 0 };
        }
        Ok(())
    }
}

/// Whether an instruction has a distance, and where, is found out without the crate.
fn adjust(insn: &mut Insn, new: impl Fn(i64) -> i64) -> Result<(), OutOfReach> {
    let (code, source) = (insn.code.0, insn.src().0);
    let jumps = matches!(code & 7, 5 | 6);
    match (code, code & 0xf0) {
        (0x18, _) if source == 4 => {}
        (0x06, _) => {}
        (_, 0x80) if jumps && source == 1 => {}
        (_, 0x80 | 0x90) => return Ok(()),
        _ if jumps => {
            insn.off = new(insn.off.into()).try_into().map_err(|_| OutOfReach)?;
            return Ok(());
        }
        _ => return Ok(()),
    }
    insn.imm = new(insn.imm.into()).try_into().map_err(|_| OutOfReach)?;
    Ok(())
}
