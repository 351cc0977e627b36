// SPDX-License-Identifier: MIT OR Apache-2.0

//! Rewriting a program: whatever is in it and in the changes, what comes out leads where it led before.
//!
//! An input is the number of changes, for each of them its place, the number of its instructions and those, and then
//! the program. Unless the first byte is odd, distances are bent so that they end inside, and pairs are made whole.

use verifier_fixup::fixup::Replacement;
use verifier_fixup::insn::{Code, Insn, Reg, INSN_LEN};
use verifier_fixup::prog::Prog;
use verifier_fixup::rewrite::{Change, Plan};

/// Most instructions in place of one.
const MOST: u8 = 8;

pub fn check(data: &[u8]) {
    let Some((head, rest)) = data.split_first() else {
        return;
    };
    let (changes, rest) = changes(head >> 1, rest);
    let mut insns: Vec<_> = rest.chunks_exact(INSN_LEN).map(insn).collect();
    if head & 1 == 0 {
        bend(&mut insns);
    }
    let Ok(prog) = Prog::new(&insns) else { return };
    let Ok(plan) = Plan::new(prog, &changes) else {
        return;
    };
    let mut map = vec![u32::MAX; plan.map_len()];
    let mut out = vec![Insn::goto(0); plan.rewritten_len()];
    let Ok(rewritten) = plan.apply(&mut map, &mut out) else {
        return;
    };
    assert!(Prog::new(rewritten.insns()).is_ok());
    let place = |old: usize| rewritten.new_index(old).unwrap();
    for (old, insn) in insns
        .iter()
        .enumerate()
        .filter(|(old, _)| prog.is_start(*old))
    {
        if changes.iter().any(|change| change.at == old) {
            continue;
        }
        let now = rewritten.insns()[place(old)];
        assert_eq!(
            (now.code, now.dst(), now.src()),
            (insn.code, insn.dst(), insn.src())
        );
        match insn.distance() {
            None => assert_eq!(now, *insn),
            Some(_) => assert_eq!(target(place(old), now), place(target(old, *insn))),
        }
    }
    for change in &changes {
        let there = &rewritten.insns()[place(change.at)..];
        for (now, insn) in there.iter().zip(change.by.insns()) {
            assert_eq!(
                (now.code, now.dst(), now.src()),
                (insn.code, insn.dst(), insn.src())
            );
        }
    }
}

fn changes(count: u8, data: &[u8]) -> (Vec<Change>, &[u8]) {
    let mut changes = Vec::new();
    let mut rest = data;
    for _ in 0..count {
        let Some(([low, high, len], after)) = rest.split_first_chunk() else {
            break;
        };
        let bytes = usize::from(len % (MOST + 1)) * INSN_LEN;
        let Some((by, after)) = after.split_at_checked(bytes) else {
            break;
        };
        let insns: Vec<_> = by.chunks_exact(INSN_LEN).map(insn).collect();
        changes.push(Change {
            at: u16::from_le_bytes([*low, *high]).into(),
            by: Replacement::new(&insns).unwrap(),
        });
        rest = after;
    }
    (changes, rest)
}

fn insn(bytes: &[u8]) -> Insn {
    Insn::from_le_bytes(bytes.try_into().unwrap())
}

fn bend(insns: &mut [Insn]) {
    let len = insns.len() as i64;
    for at in 0..insns.len() {
        if at > 0 && insns[at - 1].is_ld_imm64() {
            insns[at] = Insn::new(Code(0), Reg::R0, Reg::NONE, 0, insns[at].imm);
        }
        if let Some(distance) = insns[at].distance() {
            let inside = i64::from(distance).rem_euclid(len) - at as i64 - 1;
            insns[at] = insns[at].with_distance(inside).unwrap_or(insns[at]);
        }
    }
}

fn target(at: usize, insn: Insn) -> usize {
    (at as i64 + 1 + i64::from(insn.distance().unwrap())) as usize
}

/// A program with all that has a distance; changes of a call, of a jump and of a pair.
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let call = Insn::new(Code::CALL, Reg::R0, Reg::PSEUDO_KFUNC_CALL, 0, 77);
    let subprogram = Insn::new(Code::CALL, Reg::R0, Reg::PSEUDO_CALL, 0, 9);
    let wide = Insn::new(Code::GOTOL, Reg::R0, Reg::NONE, 0, 3);
    let callback = Insn::new(Code::LD_IMM64, Reg::R2, Reg::PSEUDO_FUNC, 0, 9);
    let exit = Insn::new(Code::EXIT, Reg::R0, Reg::NONE, 0, 0);
    let [low, high] = Insn::ld_imm64(Reg::R2, 1 << 63);
    let second = Insn::new(Code(0), Reg::R0, Reg::NONE, 0, 0);
    let program = [
        Insn::goto(1),
        call,
        subprogram,
        wide,
        callback,
        second,
        low,
        high,
        Insn::goto(1),
        exit,
        call,
        exit,
    ];
    let changes: [(u8, &[Insn]); 4] = [
        (1, &[low, high, call]),
        (6, &[call]),
        (8, &[call, Insn::goto(1)]),
        (10, &[Insn::goto(1), low, high, call]),
    ];
    let bytes = |changes: &[(u8, &[Insn])]| {
        let mut bytes = vec![(changes.len() as u8) << 1];
        for (at, by) in changes {
            bytes.extend([*at, 0, by.len() as u8]);
            bytes.extend(by.iter().flat_map(|insn| insn.to_le_bytes()));
        }
        bytes.extend(program.iter().flat_map(|insn| insn.to_le_bytes()));
        bytes
    };
    vec![("unchanged", bytes(&[])), ("changed", bytes(&changes))]
}
