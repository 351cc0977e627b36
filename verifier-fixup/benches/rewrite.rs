// SPDX-License-Identifier: MIT OR Apache-2.0

//! Fixing up the kfunc calls of a program at once, beside patching one call after the other; prints JSON.
//!
//! `cargo xtask bench fixup` runs it, and says what it printed.

#[path = "../tests/one_by_one/mod.rs"]
mod one_by_one;

use std::hint::black_box;
use std::time::{Duration, Instant};

use fastrand::Rng;
use one_by_one::Patched;
use verifier_fixup::fixup::implicit;
use verifier_fixup::insn::{Code, Insn, Reg};
use verifier_fixup::prog::Prog;
use verifier_fixup::rewrite::{Change, Plan};

/// Instructions of the programs: the last is measured, the others show how cost grows.
const SIZES: [usize; 3] = [25_000, 50_000, 100_000];
/// One instruction of so many is a kfunc call.
const INSNS_A_CALL: usize = 10;
/// How often everything is measured; the median counts.
const AT_ONCE: usize = 101;
const ONE_BY_ONE: usize = 3;

const AUX: u64 = 0xffff_8880_1234_5678;

fn main() {
    // `cargo test` runs benches, too, and without optimisation there is nothing to be measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let rows: Vec<_> = SIZES.iter().map(|size| row(*size)).collect();
    println!("[{}]", rows.join(","));
}

fn row(size: usize) -> String {
    let insns = program(size);
    let calls = insns.iter().filter(|insn| insn.is_kfunc_call()).count();
    assert_eq!(at_once(&insns), one_by_one(&insns));
    let at_once = median(AT_ONCE, || at_once(&insns));
    let one_by_one = median(ONE_BY_ONE, || one_by_one(&insns));
    format!(
        r#"{{"insns":{size},"calls":{calls},"at_once_ms":{at_once},"one_by_one_ms":{one_by_one}}}"#
    )
}

/// Plans and applies, and takes all memory for it.
fn at_once(insns: &[Insn]) -> Vec<Insn> {
    let prog = Prog::new(insns).unwrap();
    let calls = prog.kfunc_calls();
    let changes: Vec<_> = calls
        .map(|(at, call)| Change {
            at,
            by: implicit::prog_aux(call, Reg::R2, AUX),
        })
        .collect();
    let plan = Plan::new(prog, &changes).unwrap();
    let mut map = vec![0; plan.map_len()];
    let mut out = vec![Insn::goto(0); plan.rewritten_len()];
    plan.apply(&mut map, &mut out).unwrap();
    out
}

fn one_by_one(insns: &[Insn]) -> Vec<Insn> {
    let mut patched = Patched {
        insns: insns.to_vec(),
        places: Vec::new(),
    };
    let mut at = 0;
    while let Some(insn) = patched.insns.get(at).copied() {
        if insn.is_kfunc_call() {
            let by = implicit::prog_aux(insn, Reg::R2, AUX);
            patched.patch(at, by.insns()).unwrap();
            at += by.insns().len();
        } else {
            at += 1;
        }
    }
    patched.insns
}

/// Straight code with short jumps, wide ones, calls of subprograms, and kfunc calls at equal distances.
fn program(size: usize) -> Vec<Insn> {
    let mut rng = Rng::with_seed(1);
    let call = |kind| Insn::new(Code::CALL, Reg::R0, kind, 0, 77);
    let mut insns: Vec<_> = (0..size)
        .map(|at| match at % INSNS_A_CALL {
            3 => call(Reg::PSEUDO_KFUNC_CALL),
            5 => call(Reg::PSEUDO_CALL),
            7 => Insn::new(Code::GOTOL, Reg::R0, Reg::NONE, 0, 0),
            1 | 9 => Insn::new(Code(0x15), Reg::R0, Reg::NONE, 0, 0),
            _ => Insn::new(Code(0xb7), Reg::R1, Reg::NONE, 0, 1),
        })
        .collect();
    for (at, insn) in insns.iter_mut().enumerate() {
        if insn.distance().is_some() {
            let short = at.saturating_sub(50)..(at + 50).min(size);
            let range = if insn.code == Code(0x15) {
                short
            } else {
                0..size
            };
            let distance = rng.usize(range) as i64 - at as i64 - 1;
            *insn = insn.with_distance(distance).unwrap();
        }
    }
    insns
}

/// In milliseconds.
fn median(times: usize, mut work: impl FnMut() -> Vec<Insn>) -> f64 {
    let mut all: Vec<Duration> = (0..times)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed()
        })
        .collect();
    all.sort_unstable();
    all[times / 2].as_secs_f64() * 1e3
}
