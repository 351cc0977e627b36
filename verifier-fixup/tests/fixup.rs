// SPDX-License-Identifier: MIT OR Apache-2.0

//! What calls become: instruction by instruction, and what those that stand for a call do.

use fastrand::Rng;
use verifier_fixup::fixup::address::{resolved, OutOfReach};
use verifier_fixup::fixup::implicit::{self, MetaError};
use verifier_fixup::fixup::{iter_num, session, Replacement};
use verifier_fixup::insn::{Code, Insn, Reg};

/// `call kfunc#77` of the BTF at index 1.
const CALL: [u8; 8] = [0x85, 0x20, 1, 0, 77, 0, 0, 0];
const META: u64 = 0xffff_8880_89ab_cdef;

fn call() -> Insn {
    Insn::from_le_bytes(CALL)
}

fn bytes(replacement: &Replacement) -> Vec<[u8; 8]> {
    let insns = replacement.insns().iter();
    insns.map(|insn| insn.to_le_bytes()).collect()
}

/// Both halves of an ld_imm64 of [`META`].
const fn meta(register: u8) -> [[u8; 8]; 2] {
    [
        [0x18, register, 0, 0, 0xef, 0xcd, 0xab, 0x89],
        [0, 0, 0, 0, 0x80, 0x88, 0xff, 0xff],
    ]
}

const fn set(register: u8, value: u8) -> [u8; 8] {
    [0xb7, register, 0, 0, value, 0, 0, 0]
}

#[test]
fn calls_are_given_what_they_lack() {
    let with = |register: u8| [meta(register)[0], meta(register)[1], CALL];
    for register in 1..=5 {
        let aux = implicit::prog_aux(call(), Reg(register), META);
        assert_eq!(bytes(&aux), with(register));
    }
    let new = [set(1, 48), meta(2)[0], meta(2)[1], CALL];
    assert_eq!(bytes(&implicit::obj_new(call(), 48, META)), new);
    assert_eq!(bytes(&implicit::obj_drop(call(), META)), with(2));
    let acquire = implicit::refcount_acquire(call(), META).unwrap();
    assert_eq!(bytes(&acquire), with(2));
    let push = implicit::list_push(call(), META, 16).unwrap();
    assert_eq!(
        bytes(&push),
        [meta(3)[0], meta(3)[1], set(4, 16), CALL].as_slice()
    );
    let add = implicit::list_add(call(), META, 16).unwrap();
    assert_eq!(
        bytes(&add),
        [meta(4)[0], meta(4)[1], set(5, 16), CALL].as_slice()
    );
    assert_eq!(bytes(&implicit::cast()), [[0xbf, 0x10, 0, 0, 0, 0, 0, 0]]);
}

#[test]
fn a_meta_is_there_where_it_must_be() {
    let (missing, unexpected) = (Err(MetaError::Missing), Err(MetaError::Unexpected));
    assert_eq!(implicit::refcount_acquire(call(), 0), missing);
    assert_eq!(implicit::list_push(call(), 0, 16), missing);
    assert_eq!(implicit::list_add(call(), 0, 16), missing);
    assert_eq!(implicit::percpu_obj_new(call(), 48, META), unexpected);
    assert_eq!(implicit::percpu_obj_drop(call(), META), unexpected);
    let none = [[0x18, 2, 0, 0, 0, 0, 0, 0], [0; 8], CALL];
    assert_eq!(
        bytes(&implicit::percpu_obj_drop(call(), 0).unwrap()),
        none.as_slice()
    );
    assert_eq!(bytes(&implicit::obj_drop(call(), 0)), none.as_slice());
    let new = implicit::percpu_obj_new(call(), 48, 0).unwrap();
    assert_eq!(bytes(&new), [&[set(1, 48)], none.as_slice()].concat());
}

#[test]
fn an_address_is_within_reach_or_the_distance_is_told() {
    const BASE: u64 = 0xffff_ffff_8123_0000;
    let to = |distance: i64| resolved(call(), BASE, BASE.wrapping_add_signed(distance));
    for distance in [i32::MIN, -1, 0, 1, i32::MAX] {
        let insn = to(distance.into()).unwrap();
        assert_eq!(insn.imm, distance);
        assert!(insn.is_kfunc_call() && insn.off == 1);
    }
    for distance in [i64::from(i32::MIN) - 1, i64::from(i32::MAX) + 1] {
        assert_eq!(to(distance), Err(OutOfReach { distance }));
    }
}

/// Registers, and 16 bytes of memory from address [`MEMORY`] on.
struct Machine {
    regs: [u64; 6],
    memory: [u8; 16],
}

const MEMORY: u64 = 0x1000;

impl Machine {
    /// Runs what stands for a call; it must go on after it.
    fn run(&mut self, replacement: &Replacement) {
        let insns = replacement.insns();
        let mut at = 0;
        while at != insns.len() {
            let insn = insns[at];
            let (dst, src) = (usize::from(insn.dst().0), usize::from(insn.src().0));
            let (value, imm) = (self.regs[src], i64::from(insn.imm) as u64);
            let old = self.regs[dst];
            let signed = |value: u64| value as u32 as i32;
            let mut jump = |taken: bool| at += if taken { insn.off as usize } else { 0 };
            match insn.code {
                Code(0x05) => jump(true),
                Code(0x25) => jump(old > imm),
                Code(0x6e) => jump(signed(old) > signed(value)),
                Code(0x7e) => jump(signed(old) >= signed(value)),
                Code(0x04) => self.regs[dst] = (old as u32).wrapping_add(insn.imm as u32).into(),
                Code(0x1c) => self.regs[dst] = (old as u32).wrapping_sub(value as u32).into(),
                Code(0xbc) => self.regs[dst] = value as u32 as u64,
                Code(0xbf) => self.regs[dst] = value,
                Code(0xb7) => self.regs[dst] = imm,
                Code(0x77) => self.regs[dst] = old >> insn.imm,
                Code(0x67) => self.regs[dst] = old << insn.imm,
                Code(0x57) => self.regs[dst] = old & imm,
                Code(0x1f) => self.regs[dst] = old.wrapping_sub(value),
                Code(0x87) => self.regs[dst] = old.wrapping_neg(),
                Code(0x61) => self.regs[dst] = u32::from_le_bytes(self.bytes(src, insn)).into(),
                Code(0x79) => self.regs[dst] = u64::from_le_bytes(self.bytes(src, insn)),
                Code(0x63) => *self.place(dst, insn) = (value as u32).to_le_bytes(),
                Code(0x7a) => *self.place(dst, insn) = imm.to_le_bytes(),
                other => panic!("{other:?}"),
            }
            at += 1;
        }
    }

    fn bytes<const N: usize>(&mut self, base: usize, insn: Insn) -> [u8; N] {
        *self.place(base, insn)
    }

    fn place<const N: usize>(&mut self, base: usize, insn: Insn) -> &mut [u8; N] {
        let address = self.regs[base].wrapping_add_signed(insn.off.into());
        let offset = (address - MEMORY) as usize;
        self.memory[offset..].first_chunk_mut().unwrap()
    }

    /// The number that was given last, and the end.
    fn words(&self) -> [i32; 2] {
        [0, 4].map(|at| i32::from_le_bytes(*self.memory[at..].first_chunk().unwrap()))
    }
}

/// Registers before a call of `bpf_iter_num_new`, with something in what it does not get.
fn iterator(start: i32, end: i32) -> Machine {
    let upper = 0xdead_beef << 32;
    Machine {
        regs: [
            7,
            MEMORY,
            upper | u64::from(start as u32),
            upper | u64::from(end as u32),
            7,
            7,
        ],
        memory: [0xaa; 16],
    }
}

/// Numbers near those where something changes.
fn number(rng: &mut Rng) -> i32 {
    let near = [0, iter_num::MAX_LOOPS, i32::MIN, i32::MAX, rng.i32(..)];
    rng.choice(near).unwrap().wrapping_add(rng.i32(-2..=2))
}

#[test]
fn an_iterator_begins_as_bpf_iter_num_new_does() {
    let mut seen = [0; 3];
    for seed in 0..10_000 {
        let mut rng = Rng::with_seed(seed);
        let (start, end) = (number(&mut rng), number(&mut rng));
        let mut machine = iterator(start, end);
        machine.run(&iter_num::new());
        let steps = i64::from(end) - i64::from(start);
        let (case, error, words) = if start > end {
            (0, -22, [0, 0])
        } else if steps > 8 * 1024 * 1024 {
            (1, -7, [0, 0])
        } else {
            (2, 0, [start.wrapping_sub(1), end])
        };
        seen[case] += 1;
        let found = (machine.regs[0] as i64, machine.words());
        assert_eq!(found, (error, words), "from {start} to {end}");
        assert_eq!(machine.memory[8..], [0xaa; 8]);
    }
    assert!(seen.iter().all(|count| *count > 500), "{seen:?}");
}

#[test]
fn an_iterator_gives_every_number_once() {
    for (start, end) in [(0, 5), (-3, 2), (4, 4), (i32::MAX - 2, i32::MAX)] {
        let mut machine = iterator(start, end);
        machine.run(&iter_num::new());
        for expected in start..end {
            machine.run(&iter_num::next());
            assert_eq!(machine.regs[0], MEMORY);
            assert_eq!(machine.words(), [expected, end]);
        }
        for _ in 0..2 {
            machine.run(&iter_num::next());
            assert_eq!((machine.regs[0], machine.words()), (0, [0, 0]));
        }
        machine.run(&iter_num::destroy());
    }
}

#[test]
fn the_session_is_read_from_before_the_context() {
    for (word, is_return, words_before) in [
        (0x0000_0000_0000_0103_u64, 0, 1),
        (0x8000_0000_0000_ff02, 1, 255),
        (0x7fff_ffff_ffff_02ff, 0, 2),
    ] {
        let run = |replacement: Replacement| {
            let mut machine = iterator(0, 0);
            machine.memory[..8].copy_from_slice(&word.to_le_bytes());
            machine.regs[1] = MEMORY + 8;
            machine.run(&replacement);
            assert_eq!(machine.regs[1], MEMORY + 8);
            machine.regs[0]
        };
        assert_eq!(run(session::is_return()), is_return);
        assert_eq!(run(session::cookie()), MEMORY + 8 - 8 * words_before);
    }
}
