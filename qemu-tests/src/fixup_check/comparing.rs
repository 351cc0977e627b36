// SPDX-License-Identifier: MIT OR Apache-2.0

//! Ours beside the kernel's: instructions, and what is known of each.

use std::collections::HashMap;

use anyhow::{ensure, Context, Result};
use verifier_fixup::insn::{Code, Insn, Reg};

use super::heard::Info;

/// Compares all instructions; `functions` is where they begin. Gives of how many a field was left out.
pub(super) fn compare_insns(ours: &[Insn], kernels: &[Insn], functions: &[Info]) -> Result<usize> {
    let mut before = None;
    let mut others = Others::default();
    for (at, (ours, kernels)) in ours.iter().zip(kernels).enumerate() {
        let function = |distance: i32| {
            let start = usize::try_from(at as i64 + 1 + i64::from(distance)).ok();
            let number = functions
                .iter()
                .position(|function| Some(function.at) == start);
            number.context("a call of no function")
        };
        let mut shown = *ours;
        if ours.is_subprogram_call() {
            // The distance is shown in off, the subprogram's number in imm (jit_subprogs).
            shown.off = ours.imm as i16;
            shown.imm = function(ours.imm)?.try_into()?;
        } else if let Some(callback) = before.filter(|before: &Insn| before.is_callback_reference())
        {
            shown.imm = function(callback.imm - 1)?.try_into()?;
        } else if written_by_others(*ours) {
            shown.imm = others.value(*ours, kernels.imm);
        }
        ensure!(
            shown == *kernels,
            "insn {at}: {ours:x?}, the kernel has {kernels:x?}"
        );
        before = Some(*ours);
    }
    let (ours, kernels) = (ours.len(), kernels.len());
    ensure!(
        ours == kernels,
        "{ours} instructions, the kernel has {kernels}"
    );
    Ok(others.insns)
}

/// The address of a helper and the id of a map are not known.
fn written_by_others(insn: Insn) -> bool {
    let is_helper = insn.code == Code::CALL && insn.src() == Reg::NONE;
    let is_map = insn.is_ld_imm64() && matches!(insn.src(), Reg(1) | Reg(2));
    is_helper || is_map
}

/// The helper that becomes a function of the map it is called with, if that is the same whenever it is called.
const FOR_EACH_MAP_ELEM: i32 = 164;

/// Values that other parts of the verifier write. What they are is not known, but they are the same in each instruction
/// that was the same.
#[derive(Default)]
struct Others {
    values: HashMap<(u8, i32), i32>,
    insns: usize,
}

impl Others {
    /// What must be in `insn`, if `kernels` is if it is the first of its kind.
    fn value(&mut self, insn: Insn, kernels: i32) -> i32 {
        self.insns += 1;
        if insn.code == Code::CALL && insn.imm == FOR_EACH_MAP_ELEM {
            return kernels;
        }
        *self
            .values
            .entry((insn.code.0, insn.imm))
            .or_insert(kernels)
    }
}

/// Compares what is known of instructions, which are at these places now.
pub(super) fn compare_places(old: &[Info], kernels: &[Info], places: &[usize]) -> Result<()> {
    for (old, kernels) in old.iter().zip(kernels) {
        let at = *places.get(old.at).context("a record of no instruction")?;
        let ours = Info {
            at,
            what: old.what.clone(),
        };
        ensure!(
            ours == *kernels,
            "of insn {}: {ours:x?}, the kernel has {kernels:x?}",
            old.at
        );
    }
    let (ours, kernels) = (old.len(), kernels.len());
    ensure!(ours == kernels, "{ours} records, the kernel has {kernels}");
    ensure!(ours > 0, "no records");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(at: usize, what: u8) -> Info {
        Info {
            at,
            what: vec![what],
        }
    }

    #[test]
    fn each_record_must_be_where_its_instruction_is() {
        let (old, places) = ([info(0, 7), info(2, 8)], [0, 1, 5, 6]);
        assert!(compare_places(&old, &[info(0, 7), info(5, 8)], &places).is_ok());
        for kernels in [
            &[info(0, 7), info(4, 8)][..],
            &[info(0, 7), info(5, 9)],
            &[info(0, 7)],
            &[info(0, 7), info(5, 8), info(6, 9)],
        ] {
            assert!(
                compare_places(&old, kernels, &places).is_err(),
                "{kernels:?}"
            );
        }
        assert!(compare_places(&[info(4, 7)], &[info(6, 7)], &places).is_err());
        assert!(compare_places(&[], &[], &places).is_err());
    }

    const EXIT: Insn = Insn::new(Code::EXIT, Reg::R0, Reg::NONE, 0, 0);

    #[test]
    fn each_instruction_must_be_the_same() {
        let helper = |imm| Insn::new(Code::CALL, Reg::R0, Reg::NONE, 0, imm);
        let ours = [helper(7), Insn::goto(0), helper(7), helper(8), EXIT];
        let same = [helper(1234), Insn::goto(0), helper(1234), helper(5), EXIT];
        assert_eq!(compare_insns(&ours, &same, &[]).unwrap(), 3);
        let mut others = same;
        others[1] = Insn::goto(1);
        assert!(compare_insns(&ours, &others, &[]).is_err());
        let mut others = same;
        others[2] = helper(5);
        assert!(compare_insns(&ours, &others, &[]).is_err());
        assert!(compare_insns(&ours, &same[..2], &[]).is_err());
        assert!(compare_insns(&ours[..2], &same, &[]).is_err());
    }

    #[test]
    fn a_subprogram_is_called_by_its_distance_and_its_number() {
        let call = |off, imm| {
            [
                EXIT,
                Insn::new(Code::CALL, Reg::R0, Reg::PSEUDO_CALL, off, imm),
            ]
        };
        let functions = [info(0, 0), info(1, 0)];
        let ours = call(0, -1);
        assert_eq!(compare_insns(&ours, &call(-1, 1), &functions).unwrap(), 0);
        assert!(compare_insns(&ours, &call(-2, 1), &functions).is_err());
        assert!(compare_insns(&ours, &call(-1, 0), &functions).is_err());
        assert!(compare_insns(&call(0, -9), &call(-9, 1), &functions).is_err());
        assert!(compare_insns(&call(0, 1), &call(1, 1), &functions).is_err());
    }

    #[test]
    fn a_callback_is_named_by_its_distance_and_its_number() {
        let pair = |distance, number| {
            [
                Insn::new(Code::LD_IMM64, Reg::R2, Reg::PSEUDO_FUNC, 0, distance),
                Insn::new(Code(0), Reg::R0, Reg::NONE, 0, number),
                EXIT,
            ]
        };
        let functions = [info(0, 0), info(2, 0)];
        let ours = pair(1, 0);
        assert_eq!(compare_insns(&ours, &pair(1, 1), &functions).unwrap(), 0);
        assert!(compare_insns(&ours, &pair(1, 0), &functions).is_err());
        assert!(compare_insns(&ours, &pair(0, 1), &functions).is_err());
    }
}
