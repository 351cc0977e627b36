// SPDX-License-Identifier: MIT OR Apache-2.0

//! One program: what verifier-fixup makes of it, beside what the kernel made.

use std::collections::HashMap;

use anyhow::{bail, ensure, Context, Result};
use verifier_fixup::fixup::{address, Replacement};
use verifier_fixup::insn::{Code, Insn, Reg};
use verifier_fixup::prog::Prog;
use verifier_fixup::rewrite::{Change, Plan, RewriteError, RewriteErrorKind};

use super::calls::{self, Rules, Values};
use super::comparing::{compare_insns, compare_places};
use super::expected::FSESSION;
use super::heard::{Heard, Version};
use super::Compared;

pub(super) struct Program<'p> {
    pub(super) name: &'p str,
    pub(super) heard: &'p Heard<'p>,
    /// Names of kfuncs by BTF id.
    pub(super) kfuncs: &'p HashMap<i32, &'p str>,
    /// The kernel has implicit arguments of its own.
    pub(super) native: bool,
    pub(super) old: &'p Version,
    pub(super) new: &'p Version,
}

/// A call of which something becomes.
struct Call<'p> {
    at: usize,
    insn: Insn,
    name: &'p str,
}

/// A program with all calls fixed up.
struct Fixed {
    insns: Vec<Insn>,
    /// Where each of the old instructions is, and the end.
    places: Vec<usize>,
}

impl<'p> Program<'p> {
    /// # Errors
    ///
    /// The first instruction, line or function that differs.
    pub(super) fn compare(&self) -> Result<Compared> {
        let calls = self.calls()?;
        // The places of all values do not depend on what they are.
        let places = self.fixed(&calls, Values { aux: 1, meta: 1 })?.places;
        let values = Values {
            aux: self.value(&calls, &places, calls::aux_offset)?,
            meta: self.value(&calls, &places, calls::meta_offset)?,
        };
        let fixed = self.fixed(&calls, values)?;
        let partly = compare_insns(&fixed.insns, &self.new.insns, &self.new.functions)?;
        compare_places(&self.old.lines, &self.new.lines, &fixed.places).context("line info")?;
        compare_places(&self.old.functions, &self.new.functions, &fixed.places)
            .context("functions")?;
        let kfuncs = calls.iter().filter(|call| call.insn.is_kfunc_call());
        let moved = self.moved(&fixed);
        let back = moved.iter().filter(|insn| insn.distance() < Some(0));
        let long_jumps = moved.iter().filter(|insn| insn.code == Code::GOTOL);
        Ok(Compared {
            programs: vec![(self.name.to_owned(), self.old.insns.len())],
            refused: Vec::new(),
            calls: kfuncs.clone().count(),
            kfuncs: kfuncs.map(|call| call.name.to_owned()).collect(),
            insns: fixed.insns.len(),
            partly,
            long_jumps: long_jumps.count(),
            moved: moved.len(),
            back: back.count(),
            lines: self.new.lines.len(),
            functions: self.new.functions.len(),
        })
    }

    /// Those of the old instructions that name another one by a distance that has changed.
    fn moved(&self, fixed: &Fixed) -> Vec<Insn> {
        let new = |place: &usize| fixed.insns.get(*place).and_then(|new| new.distance());
        let pairs = self.old.insns.iter().zip(&fixed.places);
        let moved =
            pairs.filter(|(old, place)| old.distance().is_some() && old.distance() != new(place));
        moved.map(|(old, _)| *old).collect()
    }

    /// For a program that the kernel refused, as one of its jumps would have led too far.
    ///
    /// # Errors
    ///
    /// It can be rewritten, or cannot for another reason.
    pub(super) fn compare_refusal(&self) -> Result<Compared> {
        let fixed = self.fixed(&self.calls()?, Values { aux: 1, meta: 1 });
        let Err(error) = fixed else {
            bail!("the kernel refuses what can be rewritten");
        };
        match error.downcast_ref::<RewriteError>().map(|error| error.kind) {
            Some(RewriteErrorKind::OutOfReach { .. }) => Ok(Compared {
                refused: vec![self.name.to_owned()],
                ..Compared::default()
            }),
            _ => Err(error.context("the kernel refuses it as out of reach")),
        }
    }

    fn calls(&self) -> Result<Vec<Call<'p>>> {
        let mut calls = Vec::new();
        for (at, insn) in self.old.insns.iter().copied().enumerate() {
            let is_helper = insn.code == Code::CALL && insn.src() == Reg::NONE;
            if insn.is_kfunc_call() {
                let name = self.kfunc_name(insn)?;
                calls.push(Call { at, insn, name });
            } else if is_helper && insn.imm == calls::TIMER_SET_CALLBACK {
                let name = calls::TIMER_SET_CALLBACK_NAME;
                calls.push(Call { at, insn, name });
            }
        }
        Ok(calls)
    }

    fn kfunc_name(&self, call: Insn) -> Result<&'p str> {
        let name = self.kfuncs.get(&call.imm).copied();
        name.context("a call of no kfunc")
    }

    fn fixed(&self, calls: &[Call<'_>], values: Values) -> Result<Fixed> {
        let prog = Prog::new(&self.old.insns)?;
        let mut changes = Vec::new();
        for call in calls {
            let (at, by) = (call.at, self.replacement(call, values)?);
            changes.push(Change { at, by });
        }
        let plan = Plan::new(prog, &changes)?;
        let mut map = vec![0; plan.map_len()];
        let mut insns = vec![Insn::goto(0); plan.rewritten_len()];
        let rewritten = plan.apply(&mut map, &mut insns)?;
        let places = (0..=self.old.insns.len()).map(|old| rewritten.new_index(old));
        let places = places.collect::<Option<_>>().context("no new index")?;
        Ok(Fixed { insns, places })
    }

    fn replacement(&self, call: &Call<'_>, values: Values) -> Result<Replacement> {
        let rules = Rules {
            inlines_iterators: self.native,
            is_fsession: self.name == FSESSION,
        };
        let mut insn = call.insn;
        if insn.is_kfunc_call() {
            let base = self.heard.address("__bpf_call_base")?;
            insn = address::resolved(insn, base, self.heard.address(call.name)?)?;
        }
        calls::replacement(call.name, insn, values, rules)
    }

    /// What the kernel has in the first ld_imm64 so far into the replacement of a call; 1 if there is no such call.
    fn value(
        &self,
        calls: &[Call<'_>],
        places: &[usize],
        offset: impl Fn(&str) -> Option<usize>,
    ) -> Result<u64> {
        let mut all = calls.iter();
        let first = all.find_map(|call| Some((call.at, offset(call.name)?)));
        let Some((at, offset)) = first else {
            return Ok(1);
        };
        let place = places.get(at).context("no place")? + offset;
        let pair = self.new.insns.get(place..place + 2);
        let [low, high] = pair
            .and_then(|pair| pair.try_into().ok())
            .unwrap_or([Insn::goto(0); 2]);
        let value = u64::from(high.imm as u32) << 32 | u64::from(low.imm as u32);
        ensure!(
            low.is_ld_imm64() && value >> 56 == 0xff,
            "insn {place}: {value:x} is no address"
        );
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A jump over `over` instructions, one of which is a call that grows by two.
    fn jump_over(over: i16) -> Version {
        let call = Insn::new(Code::CALL, Reg::R0, Reg::PSEUDO_KFUNC_CALL, 0, 7);
        let exit = Insn::new(Code::EXIT, Reg::R0, Reg::NONE, 0, 0);
        let mut insns = vec![Insn::goto(0); over as usize + 1];
        insns[0] = Insn::goto(over);
        insns[1] = call;
        insns.push(exit);
        Version {
            insns,
            ..Version::default()
        }
    }

    #[test]
    fn what_the_kernel_refuses_must_be_out_of_reach() {
        let said = [
            "@symbol bpf_obj_drop|ffffffff81000000",
            "@symbol __bpf_call_base|ffffffff81000000",
            "@done 0",
        ]
        .map(str::to_owned);
        let heard = Heard::read(&said).unwrap();
        let kfuncs = HashMap::from([(7, "bpf_obj_drop")]);
        let refusal = |kfuncs: &HashMap<i32, &str>, over| {
            let (old, new) = (jump_over(over), Version::default());
            let program = Program {
                name: "a/b",
                heard: &heard,
                kfuncs,
                native: true,
                old: &old,
                new: &new,
            };
            program.compare_refusal().map(|compared| compared.refused)
        };
        assert_eq!(refusal(&kfuncs, i16::MAX - 1).unwrap(), ["a/b"]);
        assert!(refusal(&kfuncs, i16::MAX - 2).is_err());
        let other = HashMap::from([(7, "bpf_other")]);
        assert!(refusal(&other, i16::MAX - 1).is_err());
        assert!(refusal(&HashMap::new(), i16::MAX - 1).is_err());
    }
}
