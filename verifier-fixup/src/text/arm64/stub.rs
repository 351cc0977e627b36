// SPDX-License-Identifier: MIT OR Apache-2.0

//! Stubs of arm64: `bti c; (adrp x16, word; ldr xN, [x16, #:lo12:word]) …; b body`.
//!
//! Source of the encodings: Arm Architecture Reference Manual, BTI, ADR, ADRP, ADD (immediate), LDR (immediate, unsigned
//! offset), LDR (literal), MOVZ, MOVN, MOVK, MOV (register), B.

use super::INSN_LEN;
use crate::text::imm::data::{Adr, AdrpPages, Literal, PageOffset};
use crate::text::imm::Imm26;
use crate::text::stub::{Move, Reach, Stub, StubCode, StubError, Value, VALUE_LEN};

const BTI_C: u32 = 0xd503_245f;
/// `brk #0`.
const TRAP: u32 = 0xd420_0000;
const ADRP: u32 = 0x9000_0000;
const ADR: u32 = 0x1000_0000;
/// `add xN, xN, #imm12`.
const ADD: u32 = 0x9100_0000;
/// `ldr xN, [xN, #imm12 * 8]`.
const LDR: u32 = 0xf940_0000;
/// `ldr xN, label`.
const LDR_LITERAL: u32 = 0x5800_0000;
const MOVZ: u32 = 0xd280_0000;
const MOVN: u32 = 0x9280_0000;
const MOVK: u32 = 0xf280_0000;
/// `mov x0, x30`: the return address.
const MOV_X30: u32 = 0xaa1e_03e0;
const B: u32 = 0x1400_0000;
/// The register that a procedure call may clobber (IP0).
const X16: u32 = 16;

/// Bytes of what every stub has.
pub(in crate::text) const FRAME_LEN: usize = 2 * INSN_LEN;

pub(in crate::text) const fn move_len(Move { value, .. }: Move, reach: Reach) -> usize {
    let insns = match (value, reach) {
        (Value::Slot(_) | Value::Address(_), Reach::Far) => 2,
        (Value::Slot(_) | Value::Address(_), Reach::Near) | (Value::CallSite, _) => 1,
        (Value::Constant(value), _) => MoveWide::of(value).insns(),
    };
    INSN_LEN.saturating_mul(insns)
}

pub(in crate::text) fn encode(stub: &Stub<'_>) -> Result<StubCode, StubError> {
    let mut code = StubCode::new();
    code.push(&BTI_C.to_le_bytes())?;
    for Move { register, value } in stub.moves() {
        let register = u32::from(register);
        let pc = code.next(stub);
        match (value, stub.reach) {
            (Value::Slot(number), reach) => {
                let word = aligned(stub.word(number))?;
                load(register, pc, word, reach, &mut code)?;
            }
            (Value::Address(address), Reach::Near) => {
                let adr = ADR | Adr::between(pc, address)?.bits() | register;
                code.push(&adr.to_le_bytes())?;
            }
            (Value::Address(address), Reach::Far) => {
                let adrp = ADRP | AdrpPages::between(pc, address)?.bits() | register;
                let add = ADD | PageOffset::of(address).bytes() | register << 5 | register;
                code.push(&adrp.to_le_bytes())?;
                code.push(&add.to_le_bytes())?;
            }
            (Value::Constant(value), _) => constant(register, value, &mut code)?,
            (Value::CallSite, _) => code.push(&(MOV_X30 | register).to_le_bytes())?,
        }
    }
    let b = B | Imm26::between(code.next(stub), stub.body)?.bits();
    code.push(&b.to_le_bytes())?;
    code.pad(&TRAP.to_le_bytes())?;
    Ok(code)
}

/// A word is read at once, as it was stored.
fn aligned(word: u64) -> Result<u64, StubError> {
    const LEN: u64 = VALUE_LEN as u64;
    if word % LEN == 0 {
        Ok(word)
    } else {
        Err(StubError::Misaligned { address: word })
    }
}

fn load(
    register: u32,
    pc: u64,
    word: u64,
    reach: Reach,
    code: &mut StubCode,
) -> Result<(), StubError> {
    match reach {
        Reach::Near => {
            let ldr = LDR_LITERAL | Literal::between(pc, word)?.bits() | register;
            code.push(&ldr.to_le_bytes())
        }
        Reach::Far => {
            let adrp = ADRP | AdrpPages::between(pc, word)?.bits() | X16;
            let ldr = LDR | PageOffset::of(word).words() | X16 << 5 | register;
            code.push(&adrp.to_le_bytes())?;
            code.push(&ldr.to_le_bytes())
        }
    }
}

/// How a constant is put together from parts of 16 bits.
struct MoveWide {
    parts: [u16; 4],
    /// Begins with `movn`, which sets all other bits; else with `movz`, which clears them.
    inverted: bool,
}

impl MoveWide {
    /// The shorter way.
    const fn of(value: u64) -> Self {
        let parts = [
            value as u16,
            (value >> 16) as u16,
            (value >> 32) as u16,
            (value >> 48) as u16,
        ];
        Self {
            parts,
            inverted: count(parts, u16::MAX) > count(parts, 0),
        }
    }

    /// What a part is if no instruction sets it.
    const fn unset(&self) -> u16 {
        if self.inverted {
            u16::MAX
        } else {
            0
        }
    }

    const fn insns(&self) -> usize {
        match 4_usize.saturating_sub(count(self.parts, self.unset())) {
            0 => 1,
            insns => insns,
        }
    }
}

const fn count(parts: [u16; 4], of: u16) -> usize {
    let mut count = 0_usize;
    let mut rest = parts.as_slice();
    while let [part, after @ ..] = rest {
        if *part == of {
            count = count.saturating_add(1);
        }
        rest = after;
    }
    count
}

fn constant(register: u32, value: u64, code: &mut StubCode) -> Result<(), StubError> {
    let wide = MoveWide::of(value);
    let first = if wide.inverted { MOVN } else { MOVZ };
    let mut opcode = first;
    for (shift, part) in (0_u32..).zip(wide.parts) {
        if part != wide.unset() {
            let field = if opcode == MOVN { !part } else { part };
            let insn = opcode | shift << 21 | u32::from(field) << 5 | register;
            code.push(&insn.to_le_bytes())?;
            opcode = MOVK;
        }
    }
    if opcode == first {
        // 0 or -1: nothing to set.
        code.push(&(first | register).to_le_bytes())?;
    }
    Ok(())
}
