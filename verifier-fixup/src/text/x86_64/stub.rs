// SPDX-License-Identifier: MIT OR Apache-2.0

//! Stubs of x86-64: `endbr64; mov word(%rip), %reg …; jmp body`.
//!
//! Source of the encodings: Intel SDM volume 2, ENDBR64, MOV, LEA, JMP.

use crate::text::imm::Rel32;
use crate::text::stub::{Move, Stub, StubCode, StubError, Value};

const ENDBR64: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];
/// `mov` and `lea` with an operand at `disp32(%rip)`.
const RIP_LEN: usize = 7;
/// `mov (%rsp), %reg`.
const RSP_LEN: usize = 4;
const JMP_LEN: usize = 5;
/// `int3`.
const TRAP: [u8; 1] = [0xcc];

const MOV: u8 = 0x8b;
const LEA: u8 = 0x8d;
const REX_W: u8 = 0x48;

/// Bytes of what every stub has.
pub(in crate::text) const FRAME_LEN: usize = ENDBR64.len() + JMP_LEN;

pub(in crate::text) const fn move_len(Move { register, value }: Move) -> usize {
    match value {
        Value::Slot(_) | Value::Address(_) => RIP_LEN,
        Value::CallSite => RSP_LEN,
        Value::Constant(value) => match Constant::of(value) {
            Constant::ZeroExtended(_) if register < 8 => 5,
            Constant::ZeroExtended(_) => 6,
            Constant::SignExtended(_) => 7,
            Constant::Full(_) => 10,
        },
    }
}

pub(in crate::text) fn encode(stub: &Stub<'_>) -> Result<StubCode, StubError> {
    let mut code = StubCode::new();
    code.push(&ENDBR64)?;
    for Move { register, value } in stub.moves() {
        let next = code.next(stub).wrapping_add(RIP_LEN as u64);
        match value {
            Value::Slot(number) => {
                let disp = Rel32::between(next, stub.word(number))?;
                code.push(&rip_relative(MOV, register, disp))?;
            }
            Value::Address(address) => {
                let disp = Rel32::between(next, address)?;
                code.push(&rip_relative(LEA, register, disp))?;
            }
            Value::Constant(value) => constant(register, value, &mut code)?,
            Value::CallSite => code.push(&load_return_address(register))?,
        }
    }
    let next = code.next(stub).wrapping_add(JMP_LEN as u64);
    code.push(&jmp(Rel32::between(next, stub.body)?))?;
    code.pad(&TRAP)?;
    Ok(code)
}

/// `opcode disp(%rip), %register`: REX.W opcode /r.
fn rip_relative(opcode: u8, register: u8, disp: Rel32) -> [u8; RIP_LEN] {
    let [d0, d1, d2, d3] = disp.to_le_bytes();
    let modrm = reg_field(register) | 0b101;
    [REX_W | rex_r(register), opcode, modrm, d0, d1, d2, d3]
}

/// `mov (%rsp), %register`: REX.W 8B /r with a SIB byte. The call has pushed the return address there.
fn load_return_address(register: u8) -> [u8; RSP_LEN] {
    let modrm = reg_field(register) | 0b100;
    let sib = 0x24;
    [REX_W | rex_r(register), MOV, modrm, sib]
}

/// How a constant is written.
enum Constant {
    /// `mov $imm32, %r32`.
    ZeroExtended(u32),
    /// `mov $simm32, %r64`.
    SignExtended(i32),
    /// `movabs $imm64, %r64`.
    Full(u64),
}

impl Constant {
    /// The shortest way.
    const fn of(value: u64) -> Self {
        if value as u32 as u64 == value {
            Self::ZeroExtended(value as u32)
        } else if value as i32 as u64 == value {
            Self::SignExtended(value as i32)
        } else {
            Self::Full(value)
        }
    }
}

/// B8+r id, REX.W C7 /0 id, REX.W B8+r io.
fn constant(register: u8, value: u64, code: &mut StubCode) -> Result<(), StubError> {
    let (rex_b, low) = (register >> 3 & 1, register & 7);
    match Constant::of(value) {
        Constant::ZeroExtended(value) => {
            if rex_b != 0 {
                code.push(&[0x40 | rex_b])?;
            }
            code.push(&[0xb8 | low])?;
            code.push(&value.to_le_bytes())
        }
        Constant::SignExtended(value) => {
            code.push(&[REX_W | rex_b, 0xc7, 0xc0 | low])?;
            code.push(&value.to_le_bytes())
        }
        Constant::Full(value) => {
            code.push(&[REX_W | rex_b, 0xb8 | low])?;
            code.push(&value.to_le_bytes())
        }
    }
}

/// `jmp disp`: E9 cd.
fn jmp(disp: Rel32) -> [u8; JMP_LEN] {
    let [d0, d1, d2, d3] = disp.to_le_bytes();
    [0xe9, d0, d1, d2, d3]
}

/// The bit of the register that REX has.
const fn rex_r(register: u8) -> u8 {
    (register >> 3 & 1) << 2
}

/// The register in the middle of ModRM.
const fn reg_field(register: u8) -> u8 {
    (register & 7) << 3
}
