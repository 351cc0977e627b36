// SPDX-License-Identifier: MIT OR Apache-2.0

//! The length of an instruction of x86-64, for those that the JIT emits.
//!
//! They are few: about sixty opcodes, each with the prefixes and the `/digit` that the JIT gives it. Any other is
//! an error, never a guess. Of an operand more is accepted than is emitted (any register, any addressing), because its
//! length is known without that. So a length is right or there is none, and an image is read in step from its
//! begin to its end. The line info could lead to the calls as well, but only programs loaded with BTF have it, and it has
//! a place per line of source, not per call.
//!
//! A kernel whose JIT learns a new instruction needs a line here; until then its images with that instruction are
//! refused.
//!
//! Follows `do_jit`, `emit_prologue`, `emit_spectre_bhb_barrier` and `emit_bpf_tail_call_*` of
//! `arch/x86/net/bpf_jit_comp.c` (6.12, 7.3), `x86_nops` of `arch/x86/include/asm/nops.h`,
//! `INCREMENT_CALL_DEPTH` of `arch/x86/include/asm/nospec-branch.h`. Source of the encodings: Intel SDM volume 2.

use crate::text::call::DecodeErrorKind;
use crate::text::imm::Rel32;

/// An instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insn {
    len: usize,
    kind: Kind,
}

/// What an instruction is to who looks for calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// `call rel32`.
    Call(Rel32),
    /// `push %r9`.
    PushR9,
    /// `pop %r9`.
    PopR9,
    /// `mov disp32(%rbp), %rax`.
    TailCallReload,
    /// `sarq $5, %gs:…`.
    CallDepth,
    /// Any other that the JIT emits.
    Other,
}

#[derive(Clone, Copy, Default)]
struct Prefixes {
    /// 66.
    operand16: bool,
    /// 65.
    gs: bool,
    /// F0.
    lock: bool,
    /// F3.
    rep: bool,
    /// 40 to 4F, or 0.
    rex: u8,
}

/// What follows an opcode.
#[derive(Clone, Copy)]
struct Shape {
    /// The `/digit`s, a bit each, if there is a ModRM byte.
    modrm: Option<u8>,
    imm: usize,
}

const REX_W: u8 = 8;
const ANY: u8 = 0xff;
/// `/0 /1 /4 /5 /6 /7`: add, or, and, sub, xor, cmp.
const ARITHMETIC: u8 = 0b1111_0011;
/// `/4 /5 /7`: shl, shr, sar.
const SHIFTS: u8 = 0b1011_0000;
/// `/0 /1`: rol, ror.
const ROTATES: u8 = 0b0000_0011;
/// `/0 /3 /6 /7`: test, neg, div, idiv.
const UNARY: u8 = 0b1100_1001;
/// ModRM and SIB of an absolute address, for a register in bits 3 to 5 of ModRM.
const ABSOLUTE: [u8; 2] = [0x04, 0x25];

impl Insn {
    /// The first instruction of `bytes`.
    ///
    /// # Errors
    ///
    /// The JIT emits no such instruction, or `bytes` ends in it.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeErrorKind> {
        let mut rest = bytes;
        let prefixes = Prefixes::take(&mut rest)?;
        let shape = match take(&mut rest)? {
            0x0f => two_byte_opcode(&prefixes, &mut rest),
            0xc4 => shift_of_bmi2(&prefixes, &mut rest),
            opcode => one_byte_opcode(&prefixes, opcode, rest),
        }?;
        if let Some(digits) = shape.modrm {
            take_modrm(&mut rest, digits)?;
        }
        let left = rest
            .len()
            .checked_sub(shape.imm)
            .ok_or(DecodeErrorKind::Truncated)?;
        let len = bytes.len().saturating_sub(left);
        let kind = kind(bytes.get(..len).unwrap_or_default());
        Ok(Self { len, kind })
    }

    /// Its bytes.
    #[expect(clippy::len_without_is_empty, reason = "an instruction is never empty")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// What it is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }
}

impl Prefixes {
    /// At most one before REX, as the JIT has them.
    fn take(rest: &mut &[u8]) -> Result<Self, DecodeErrorKind> {
        let mut prefixes = Self::default();
        match peek(rest)? {
            0x65 => prefixes.gs = true,
            0x66 => prefixes.operand16 = true,
            0xf0 => prefixes.lock = true,
            0xf3 => prefixes.rep = true,
            _ => return prefixes.with_rex(rest),
        }
        take(rest)?;
        prefixes.with_rex(rest)
    }

    fn with_rex(mut self, rest: &mut &[u8]) -> Result<Self, DecodeErrorKind> {
        if let rex @ 0x40..=0x4f = peek(rest)? {
            take(rest)?;
            self.rex = rex;
        }
        Ok(self)
    }

    const fn wide(&self) -> bool {
        self.rex & REX_W != 0
    }

    /// Nothing before REX.
    const fn none(&self) -> bool {
        !(self.gs || self.operand16 || self.lock || self.rep)
    }

    /// Nothing at all.
    const fn bare(&self) -> bool {
        self.none() && self.rex == 0
    }

    const fn maybe_operand16(&self) -> bool {
        self.none() || self.operand16 && !self.wide()
    }

    /// `lock` with an operand in memory, or without `lock`.
    fn maybe_lock(&self, rest: &[u8]) -> bool {
        self.none() || self.lock && in_memory(rest)
    }
}

fn one_byte_opcode(p: &Prefixes, opcode: u8, rest: &[u8]) -> Result<Shape, DecodeErrorKind> {
    let imm16_or_32 = if p.operand16 { 2 } else { 4 };
    let shape = match opcode {
        // add, or, and, sub, xor to a register or memory
        0x01 | 0x09 | 0x21 | 0x29 | 0x31 if p.maybe_lock(rest) => Shape::modrm(ANY),
        // add this_cpu_off
        0x03 if p.gs && absolute(rest) => Shape::modrm(ANY),
        // add, or, and, sub, xor to rax
        0x05 | 0x0d | 0x25 | 0x2d | 0x35 if p.none() => Shape::imm(4),
        // xchg, which 6.12 locks in vain
        0x87 if p.maybe_lock(rest) => Shape::modrm(ANY),
        // cmp, test, mov
        0x39 | 0x85 | 0x88 | 0x8b if p.none() => Shape::modrm(ANY),
        0x89 if p.maybe_operand16() => Shape::modrm(ANY),
        // push, pop
        0x50..=0x5f if p.none() && matches!(p.rex, 0 | 0x41) => Shape::imm(0),
        // movsxd
        0x63 if p.none() && p.wide() => Shape::modrm(ANY),
        // imul
        0x69 if p.none() => Shape::modrm(ANY).and_imm(4),
        0x6b if p.none() => Shape::modrm(ANY).and_imm(1),
        // jcc, jmp
        0x72..=0x77 | 0x7c..=0x7f | 0xeb if p.bare() => Shape::imm(1),
        0x81 if p.none() => Shape::modrm(ARITHMETIC).and_imm(4),
        0x83 if p.none() => Shape::modrm(ARITHMETIC).and_imm(1),
        // nop
        0x90 if p.rex == 0 && p.maybe_operand16() => Shape::imm(0),
        // cdq, cqo
        0x99 if p.none() && matches!(p.rex, 0 | 0x48) => Shape::imm(0),
        // mov of a constant
        0xb8..=0xbf if p.none() => Shape::imm(if p.wide() { 8 } else { 4 }),
        0xc1 if p.maybe_operand16() => Shape::modrm(SHIFTS | ROTATES).and_imm(1),
        // call depth tracking
        0xc1 if p.gs && p.wide() => Shape::modrm(SHIFTS).and_imm(1),
        0xd1 | 0xd3 if p.none() => Shape::modrm(SHIFTS),
        0xc6 if p.none() => Shape::modrm(1).and_imm(1),
        0xc7 if p.maybe_operand16() => Shape::modrm(1).and_imm(imm16_or_32),
        // ret, leave, int3
        0xc3 | 0xc9 | 0xcc if p.bare() => Shape::imm(0),
        // call, jmp
        0xe8 | 0xe9 if p.bare() => Shape::imm(4),
        0xf7 if p.none() && digit(rest)? == 0 => Shape::modrm(1).and_imm(4),
        0xf7 if p.none() => Shape::modrm(UNARY),
        // jmp by register
        0xff if p.none() && !in_memory(rest) => Shape::modrm(1 << 4),
        _ => return Err(DecodeErrorKind::Unknown),
    };
    Ok(shape)
}

fn two_byte_opcode(p: &Prefixes, rest: &mut &[u8]) -> Result<Shape, DecodeErrorKind> {
    let opcode = take(rest)?;
    let shape = match opcode {
        // endbr64, ibhf
        0x1e if p.rep && matches!((p.rex, peek(rest)?), (0, 0xfa) | (0x48, 0xf8)) => {
            Shape::modrm(ANY)
        }
        // nop
        0x1f if p.rex == 0 && p.maybe_operand16() => Shape::modrm(1 | 1 << 2),
        // cmove
        0x44 if p.none() => Shape::modrm(ANY),
        // jcc
        0x82..=0x87 | 0x8c..=0x8f if p.bare() => Shape::imm(4),
        // lfence
        0xae if p.bare() && peek(rest)? == 0xe8 => Shape::modrm(ANY),
        // imul, movzx, movsx
        0xaf | 0xb6 | 0xb7 | 0xbe | 0xbf if p.none() => Shape::modrm(ANY),
        // cmpxchg, xadd
        0xb1 | 0xc1 if p.lock && in_memory(rest) => Shape::modrm(ANY),
        // bswap
        0xc8..=0xcf if p.none() => Shape::imm(0),
        _ => return Err(DecodeErrorKind::Unknown),
    };
    Ok(shape)
}

/// `shlx`, `shrx`, `sarx`: VEX with the opcode map 0F38.
fn shift_of_bmi2(p: &Prefixes, rest: &mut &[u8]) -> Result<Shape, DecodeErrorKind> {
    const MAP: u8 = 0x1f;
    const MAP_0F38: u8 = 2;
    /// The vector length, which is 0, and the operand prefix, which is not.
    const LENGTH: u8 = 4;
    const PREFIX: u8 = 3;
    let (map, operand, opcode) = (take(rest)?, take(rest)?, take(rest)?);
    let known = p.bare()
        && map & MAP == MAP_0F38
        && operand & LENGTH == 0
        && operand & PREFIX != 0
        && opcode == 0xf7
        && !in_memory(rest);
    if known {
        Ok(Shape::modrm(ANY))
    } else {
        Err(DecodeErrorKind::Unknown)
    }
}

/// Takes ModRM, SIB and displacement.
fn take_modrm(rest: &mut &[u8], digits: u8) -> Result<(), DecodeErrorKind> {
    if digits & 1_u8.wrapping_shl(digit(rest)?.into()) == 0 {
        return Err(DecodeErrorKind::Unknown);
    }
    let modrm = take(rest)?;
    let (mode, mut base) = (modrm >> 6, modrm & 7);
    if mode == 3 {
        return Ok(());
    }
    if base == 4 {
        base = take(rest)? & 7;
    }
    let displacement = match mode {
        0 if base == 5 => 4,
        0 => 0,
        1 => 1,
        _ => 4,
    };
    *rest = rest.get(displacement..).ok_or(DecodeErrorKind::Truncated)?;
    Ok(())
}

const fn kind(insn: &[u8]) -> Kind {
    match *insn {
        [0xe8, d0, d1, d2, d3] => Kind::Call(Rel32::from_le_bytes([d0, d1, d2, d3])),
        [0x41, 0x51] => Kind::PushR9,
        [0x41, 0x59] => Kind::PopR9,
        [0x48, 0x8b, 0x85, _, _, _, _] => Kind::TailCallReload,
        // From the instruction pointer, and absolute.
        [0x65, 0x48, 0xc1, 0x3d, _, _, _, _, 5] | [0x65, 0x48, 0xc1, 0x3c, 0x25, _, _, _, _, 5] => {
            Kind::CallDepth
        }
        _ => Kind::Other,
    }
}

impl Shape {
    const fn modrm(digits: u8) -> Self {
        Self {
            modrm: Some(digits),
            imm: 0,
        }
    }

    const fn imm(imm: usize) -> Self {
        Self { modrm: None, imm }
    }

    const fn and_imm(self, imm: usize) -> Self {
        Self { imm, ..self }
    }
}

/// Whether ModRM, the first byte, has an operand in memory.
fn in_memory(rest: &[u8]) -> bool {
    rest.first().is_some_and(|modrm| modrm >> 6 != 3)
}

/// Whether ModRM and SIB have an absolute address.
fn absolute(rest: &[u8]) -> bool {
    const REGISTER: u8 = 7 << 3;
    matches!(rest, [modrm, sib, ..] if [modrm & !REGISTER, *sib] == ABSOLUTE)
}

/// The `/digit` in ModRM, the first byte.
fn digit(rest: &[u8]) -> Result<u8, DecodeErrorKind> {
    Ok(peek(rest)? >> 3 & 7)
}

fn peek(rest: &[u8]) -> Result<u8, DecodeErrorKind> {
    rest.first().copied().ok_or(DecodeErrorKind::Truncated)
}

fn take(rest: &mut &[u8]) -> Result<u8, DecodeErrorKind> {
    let (&first, left) = rest.split_first().ok_or(DecodeErrorKind::Truncated)?;
    *rest = left;
    Ok(first)
}
