// SPDX-License-Identifier: MIT OR Apache-2.0

//! Rewriting a program at once, beside patching one instruction after the other.

mod one_by_one;

use fastrand::Rng;
use one_by_one::Patched;
use verifier_fixup::fixup::{implicit, iter_num, session, Replacement, INSN_BUF_SIZE};
use verifier_fixup::insn::{Code, Insn, Reg};
use verifier_fixup::prog::{Prog, ProgError, ProgErrorKind, MAX_INSNS};
use verifier_fixup::rewrite::{Change, Plan, RewriteError, RewriteErrorKind};

const KFUNC: Insn = Insn::new(Code::CALL, Reg::R0, Reg::PSEUDO_KFUNC_CALL, 0, 77);
const SUBPROGRAM: Insn = Insn::new(Code::CALL, Reg::R0, Reg::PSEUDO_CALL, 0, 0);
const HELPER: Insn = Insn::new(Code::CALL, Reg::R0, Reg::NONE, 0, 5);
const EXIT: Insn = Insn::new(Code::EXIT, Reg::R0, Reg::NONE, 0, 0);
const GOTOL: Insn = Insn::new(Code::GOTOL, Reg::R0, Reg::NONE, 0, 0);
const GOTOX: Insn = Insn::new(Code::GOTOX, Reg::R1, Reg::NONE, 0, 0);
const MAY_GOTO: Insn = Insn::new(Code::MAY_GOTO, Reg::R0, Reg::NONE, 0, 0);
const MOV: Insn = Insn::new(Code(0xb7), Reg::R1, Reg::NONE, 0, 1);
/// `if r1 s> 0 goto`, once of each class.
const IF: [Insn; 2] = [
    Insn::new(Code(0x65), Reg::R1, Reg::NONE, 0, 0),
    Insn::new(Code(0x66), Reg::R1, Reg::NONE, 0, 0),
];
const NOP: Insn = Insn::goto(0);

fn callback() -> [Insn; 2] {
    let [first, second] = Insn::ld_imm64(Reg::R2, 0);
    let first = Insn::new(first.code, Reg::R2, Reg::PSEUDO_FUNC, 0, 0);
    [first, second]
}

/// A program by chance of about `len` instructions, all of whose distances lead somewhere.
fn program(rng: &mut Rng, len: usize) -> Vec<Insn> {
    let mut insns = Vec::new();
    while insns.len() < len {
        match rng.u8(0..12) {
            0..4 => insns.push(KFUNC),
            4 => insns.push(SUBPROGRAM),
            5 => insns.push(HELPER),
            6 => insns.extend(Insn::ld_imm64(Reg::R1, rng.u64(..))),
            7 => insns.extend(callback()),
            8 => insns.extend(rng.choice([NOP, GOTOL, GOTOX, MAY_GOTO])),
            9 => insns.extend(rng.choice(IF)),
            10 => insns.push(EXIT),
            _ => insns.push(MOV),
        }
    }
    insns.push(EXIT);
    let starts = starts(&insns);
    for at in starts.iter().copied() {
        let target = starts[rng.usize(..starts.len())];
        let distance = target as i32 - at as i32 - 1;
        let insn = &mut insns[at];
        match (insn.code.0, insn.src().0) {
            (0x85, 1) | (0x18, 4) | (0x06, _) => insn.imm = distance,
            (0x05 | 0xe5 | 0x65 | 0x66, _) => insn.off = distance as i16,
            _ => {}
        }
    }
    insns
}

fn starts(insns: &[Insn]) -> Vec<usize> {
    let is_first = |at: &usize| *at == 0 || insns[*at - 1].code != Code::LD_IMM64;
    (0..insns.len()).filter(is_first).collect()
}

/// What can be made of an instruction, as a function of it alone.
fn replacement(kind: u8, insn: Insn) -> Replacement {
    let aux = 0xffff_8880_1234_5678;
    if insn.is_kfunc_call() {
        return match kind % 9 {
            0 => implicit::prog_aux(insn, Reg::R3, aux),
            1 => implicit::obj_new(insn, 48, aux),
            2 => implicit::refcount_acquire(insn, aux).unwrap(),
            3 => implicit::list_push(insn, aux, 16).unwrap(),
            4 => implicit::cast(),
            5 => session::cookie(),
            6 => iter_num::new(),
            7 => iter_num::next(),
            _ => iter_num::destroy(),
        };
    }
    // The verifier takes a jump backwards further back when it puts something before it.
    let before = kind % 4;
    let distance = insn.distance().map_or(0, i64::from);
    let distance = distance - if distance < 0 { before.into() } else { 0 };
    let mut insns = vec![NOP; before.into()];
    insns.push(insn.with_distance(distance).unwrap_or(insn));
    Replacement::new(&insns).unwrap()
}

/// Everything at once; the new program, and where each old place is.
fn rewrite(insns: &[Insn], changes: &[Change]) -> Result<(Vec<Insn>, Vec<usize>), RewriteError> {
    let plan = Plan::new(Prog::new(insns).unwrap(), changes)?;
    let mut map = vec![u32::MAX; plan.map_len()];
    let mut out = vec![MOV; plan.rewritten_len()];
    let rewritten = plan.apply(&mut map, &mut out)?;
    let places = (0..=insns.len()).map(|old| rewritten.new_index(old).unwrap());
    Ok((rewritten.insns().to_vec(), places.collect()))
}

#[test]
fn the_outcome_is_that_of_patching_one_by_one() {
    for seed in 0..4000 {
        let mut rng = Rng::with_seed(seed);
        let len = rng.usize(1..120);
        let insns = program(&mut rng, len);
        let mut at_once = Vec::new();
        let starts = starts(&insns);
        let mut patched = Patched {
            insns: insns.clone(),
            places: starts.iter().copied().chain([insns.len()]).collect(),
        };
        for (index, at) in starts.iter().copied().enumerate() {
            if insns[at].is_ld_imm64() || rng.bool() {
                continue;
            }
            let kind = rng.u8(..);
            let by = replacement(kind, insns[at]);
            at_once.push(Change { at, by });
            let now = patched.places[index];
            let by = replacement(kind, patched.insns[now]);
            patched.patch(now, by.insns()).unwrap();
        }
        let (rewritten, places) = rewrite(&insns, &at_once).unwrap();
        assert_eq!(rewritten, patched.insns, "seed {seed}");
        let expected: Vec<_> = starts.iter().map(|at| places[*at]).collect();
        assert_eq!(expected, patched.places[..starts.len()], "seed {seed}");
        assert_eq!(places[insns.len()], rewritten.len());
        Prog::new(&rewritten).unwrap();
    }
}

#[test]
fn a_jump_to_a_call_leads_to_what_loads_its_argument() {
    let forward = Insn::goto(0);
    let back = Insn::goto(-3);
    let insns = [forward, KFUNC, MOV, back, EXIT];
    let by = implicit::prog_aux(KFUNC, Reg::R2, 1 << 40 | 2);
    let (rewritten, places) = rewrite(&insns, &[Change { at: 1, by }]).unwrap();
    let [low, high] = Insn::ld_imm64(Reg::R2, 1 << 40 | 2);
    let back = Insn::goto(-5);
    assert_eq!(
        rewritten,
        [forward, low, high, KFUNC, MOV, back, EXIT].as_slice()
    );
    assert_eq!(places, [0, 1, 4, 5, 6, 7]);
}

#[test]
fn an_ld_imm64_is_replaced_whole() {
    let [low, high] = Insn::ld_imm64(Reg::R1, 9);
    let insns = [Insn::goto(2), low, high, Insn::goto(-4), EXIT];
    let by = Replacement::new(&[MOV]).unwrap();
    let (rewritten, places) = rewrite(&insns, &[Change { at: 1, by }]).unwrap();
    assert_eq!(rewritten, [Insn::goto(1), MOV, Insn::goto(-3), EXIT]);
    assert_eq!(places, [0, 1, 1, 2, 3, 4]);
}

#[test]
fn a_distance_that_no_longer_fits_is_told() {
    let far = |jump: Insn| {
        let mut insns = vec![MOV; i16::MAX as usize + 2];
        insns[0] = jump.with_distance(i16::MAX.into()).unwrap();
        insns[1] = KFUNC;
        let by = implicit::prog_aux(KFUNC, Reg::R2, 0);
        rewrite(&insns, &[Change { at: 1, by }]).map(|(insns, _)| insns[0].distance())
    };
    let distance = i64::from(i16::MAX) + 2;
    let kind = RewriteErrorKind::OutOfReach { distance };
    for jump in [NOP, MAY_GOTO, IF[0], IF[1]] {
        assert_eq!(far(jump), Err(RewriteError { at: 0, kind }));
    }
    for wide in [GOTOL, SUBPROGRAM] {
        assert_eq!(far(wide), Ok(Some(i32::from(i16::MAX) + 2)));
    }
}

#[test]
fn changes_that_cannot_be_made_are_refused() {
    let [low, high] = Insn::ld_imm64(Reg::R1, 9);
    let insns = [low, high, KFUNC, MOV, EXIT];
    let fail = |changes: &[(usize, &[Insn])]| {
        let changes: Vec<_> = changes
            .iter()
            .map(|(at, by)| Change {
                at: *at,
                by: Replacement::new(by).unwrap(),
            })
            .collect();
        let error = Plan::new(Prog::new(&insns).unwrap(), &changes).unwrap_err();
        (error.at, error.kind)
    };
    use ProgErrorKind::{BrokenPair, TargetInsidePair, TargetOutside};
    use RewriteErrorKind::{Empty, Invalid, NoInstruction, NotSorted};
    assert_eq!(fail(&[(1, &[MOV])]), (1, NoInstruction));
    assert_eq!(fail(&[(5, &[MOV])]), (5, NoInstruction));
    assert_eq!(fail(&[(usize::MAX, &[MOV])]), (usize::MAX, NoInstruction));
    assert_eq!(fail(&[(3, &[MOV]), (2, &[MOV])]), (2, NotSorted));
    assert_eq!(fail(&[(3, &[MOV]), (3, &[MOV])]), (3, NotSorted));
    assert_eq!(fail(&[(3, &[])]), (3, Empty));
    assert_eq!(fail(&[(3, &[low])]), (3, Invalid(BrokenPair)));
    assert_eq!(fail(&[(3, &[low, MOV])]), (3, Invalid(BrokenPair)));
    let inside = |target| Invalid(TargetInsidePair { target });
    assert_eq!(
        fail(&[(2, &[Insn::goto(1), low, high, KFUNC])]),
        (2, inside(4))
    );
    assert_eq!(fail(&[(2, &[MOV, Insn::goto(-3)])]), (2, inside(1)));
    let outside = |target| Invalid(TargetOutside { target });
    assert_eq!(fail(&[(2, &[MOV, Insn::goto(2)])]), (2, outside(5)));
    assert_eq!(fail(&[(2, &[MOV, Insn::goto(-5)])]), (2, outside(-1)));
}

#[test]
fn too_little_room_is_told() {
    let insns = [KFUNC, EXIT];
    let by = implicit::prog_aux(KFUNC, Reg::R2, 0);
    let changes = [Change { at: 0, by }];
    let plan = Plan::new(Prog::new(&insns).unwrap(), &changes).unwrap();
    let kind = |map: usize, out: usize| {
        let (mut map, mut out) = (vec![0; map], vec![MOV; out]);
        let applied = plan.apply(&mut map, &mut out);
        applied.map(|_| ()).map_err(|error| error.kind)
    };
    let need = (plan.map_len(), plan.rewritten_len());
    assert_eq!(need, (3, 4));
    assert_eq!(kind(2, 4), Err(RewriteErrorKind::MapTooSmall { need: 3 }));
    assert_eq!(kind(3, 3), Err(RewriteErrorKind::OutTooSmall { need: 4 }));
    assert_eq!(kind(9, 9), Ok(()));
    assert_eq!(
        Replacement::new(&[MOV; INSN_BUF_SIZE]).map(|by| by.insns().len()),
        Some(32)
    );
    assert_eq!(Replacement::new(&[MOV; INSN_BUF_SIZE + 1]), None);
}

#[test]
fn a_program_that_leads_nowhere_is_refused() {
    let [low, high] = Insn::ld_imm64(Reg::R1, 9);
    let [callback, second] = callback();
    let fail = |insns: &[Insn]| Prog::new(insns).map(|_| ()).unwrap_err();
    let error = |at, kind| ProgError { at, kind };
    use ProgErrorKind::{BrokenPair, TargetInsidePair, TargetOutside, TooLong};
    for insns in [&[MOV, low][..], &[MOV, low, MOV], &[MOV, low, low, high]] {
        assert_eq!(fail(insns), error(1, BrokenPair));
    }
    for jump in [Insn::goto(0), IF[0], IF[1], MAY_GOTO, GOTOL, SUBPROGRAM] {
        let there = |distance| jump.with_distance(distance).unwrap();
        assert_eq!(
            fail(&[there(1), low, high]),
            error(0, TargetInsidePair { target: 2 })
        );
        assert_eq!(
            fail(&[MOV, there(0)]),
            error(1, TargetOutside { target: 2 })
        );
        assert_eq!(
            fail(&[MOV, there(-3)]),
            error(1, TargetOutside { target: -1 })
        );
    }
    // From its first half on, a reference counts one second half.
    assert_eq!(
        fail(&[callback, second, EXIT]),
        error(0, TargetInsidePair { target: 1 })
    );
    let after = callback.with_distance(1).unwrap();
    assert!(Prog::new(&[after, second, EXIT]).is_ok());
    assert!(Prog::new(&[]).is_ok());
    assert_eq!(fail(&vec![MOV; MAX_INSNS + 1]), error(MAX_INSNS, TooLong));
}

#[test]
fn damage_is_refused_or_leads_somewhere() {
    let (mut refused, mut rewritten) = (0, 0);
    for seed in 0..20_000 {
        let mut rng = Rng::with_seed(seed);
        let len = rng.usize(1..20);
        let mut insns = program(&mut rng, len);
        insns.truncate(rng.usize(..=insns.len()));
        for insn in &mut insns {
            if rng.u8(..16) == 0 {
                let mut bytes = insn.to_le_bytes();
                bytes[rng.usize(..8)] = rng.u8(..);
                *insn = Insn::from_le_bytes(bytes);
            }
        }
        let mut insn = || Insn::from_le_bytes(rng.u64(..).to_le_bytes());
        let by = Replacement::new(&[insn(), insn(), MOV]).unwrap();
        let change = Change {
            at: rng.usize(..=insns.len()),
            by,
        };
        let Ok(prog) = Prog::new(&insns) else {
            refused += 1;
            continue;
        };
        let Ok(plan) = Plan::new(prog, std::slice::from_ref(&change)) else {
            refused += 1;
            continue;
        };
        let mut map = vec![0; plan.map_len()];
        let mut out = vec![MOV; plan.rewritten_len()];
        let new = plan.apply(&mut map, &mut out).unwrap();
        assert!(Prog::new(new.insns()).is_ok(), "seed {seed}");
        rewritten += 1;
    }
    assert!(refused > 1000 && rewritten > 1000, "{refused} {rewritten}");
}
