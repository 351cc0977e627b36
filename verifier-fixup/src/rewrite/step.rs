// SPDX-License-Identifier: MIT OR Apache-2.0

//! One instruction, and what becomes of it.

use super::RewriteErrorKind;
use crate::insn::Insn;
use crate::prog::{broken_pair, is_second_half, signed, target, Prog, ProgErrorKind};

/// An instruction of the old program, and those that stand there now: others, or itself.
pub(super) struct Step<'p> {
    pub(super) at: usize,
    pub(super) old_len: usize,
    pub(super) insns: &'p [Insn],
}

/// Where a distance leads.
pub(super) enum Landing {
    /// There is no distance.
    Nowhere,
    /// So far into the replacement itself.
    Inside(usize),
    /// To this place of the old program.
    Old(i64),
}

impl Step<'_> {
    /// Where `insn`, the one at `index`, leads.
    pub(super) fn landing(&self, index: usize, insn: Insn) -> Landing {
        let Some(target) = target(self.at.saturating_add(index), insn) else {
            return Landing::Nowhere;
        };
        let (old_len, len) = (signed(self.old_len), signed(self.insns.len()));
        let inside = target.saturating_sub(signed(self.at));
        match usize::try_from(inside) {
            Err(_) => Landing::Old(target),
            Ok(index) if index < self.insns.len() => Landing::Inside(index),
            Ok(_) => Landing::Old(target.saturating_sub(len).saturating_add(old_len)),
        }
    }

    pub(super) fn check(&self, prog: Prog<'_>) -> Result<(), RewriteErrorKind> {
        if self.insns.is_empty() {
            return Err(RewriteErrorKind::Empty);
        }
        if broken_pair(self.insns).is_some() {
            return Err(RewriteErrorKind::Invalid(ProgErrorKind::BrokenPair));
        }
        for (index, insn) in self.insns.iter().enumerate() {
            let landed = match self.landing(index, *insn) {
                Landing::Inside(index) if is_second_half(self.insns, index) => {
                    let target = signed(self.at.saturating_add(index));
                    Err(ProgErrorKind::TargetInsidePair { target })
                }
                Landing::Inside(_) | Landing::Nowhere => Ok(()),
                Landing::Old(target) => prog.check_target(target),
            };
            landed.map_err(RewriteErrorKind::Invalid)?;
        }
        Ok(())
    }
}

/// The instruction at `new` so that it leads to what was at `target`.
pub(super) fn moved(
    insn: Insn,
    target: i64,
    new: usize,
    map: &[u32],
) -> Result<Insn, RewriteErrorKind> {
    let place = usize::try_from(target).ok().and_then(|at| map.get(at));
    let outside = RewriteErrorKind::Invalid(ProgErrorKind::TargetOutside { target });
    let next = signed(new).saturating_add(1);
    let distance = i64::from(*place.ok_or(outside)?).saturating_sub(next);
    let out_of_reach = RewriteErrorKind::OutOfReach { distance };
    insn.with_distance(distance).ok_or(out_of_reach)
}

pub(super) fn old_len(insn: &Insn) -> usize {
    if insn.is_ld_imm64() {
        2
    } else {
        1
    }
}
