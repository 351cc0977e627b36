// SPDX-License-Identifier: MIT OR Apache-2.0

//! Stubs of x86-64: `endbr64; mov value(%rip), %reg …; jmp body`.
//!
//! Source of the encodings: Intel SDM volume 2, ENDBR64, MOV (REX.W + 8B /r), JMP (E9 cd).

use kfunc_abi::call::Arch;

use super::imm::Rel32;
use super::{Stub, StubCode, StubError};

pub(super) mod call;
pub mod insn;

const ENDBR64: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];
const LOAD_LEN: usize = 7;
const JMP_LEN: usize = 5;
/// `int3`.
const TRAP: [u8; 1] = [0xcc];

pub(super) const fn code_len(implicit: usize) -> usize {
    ENDBR64
        .len()
        .saturating_add(LOAD_LEN.saturating_mul(implicit))
        .saturating_add(JMP_LEN)
}

pub(super) fn encode(stub: &Stub) -> Result<StubCode, StubError> {
    let mut code = StubCode::new();
    let mut next = stub.address.wrapping_add(ENDBR64.len() as u64);
    code.push(&ENDBR64)?;
    for load in stub.loads(Arch::X86_64) {
        let (register, value) = load?;
        next = next.wrapping_add(LOAD_LEN as u64);
        code.push(&load_rip(register, Rel32::between(next, value)?))?;
    }
    next = next.wrapping_add(JMP_LEN as u64);
    code.push(&jmp(Rel32::between(next, stub.body)?))?;
    code.pad(&TRAP)?;
    Ok(code)
}

/// `mov disp(%rip), %register`.
fn load_rip(register: u8, disp: Rel32) -> [u8; LOAD_LEN] {
    let [d0, d1, d2, d3] = disp.to_le_bytes();
    let rex = 0x48 | (register >> 3 & 1) << 2;
    let modrm = (register & 7) << 3 | 0b101;
    [rex, 0x8b, modrm, d0, d1, d2, d3]
}

/// `jmp disp`.
fn jmp(disp: Rel32) -> [u8; JMP_LEN] {
    let [d0, d1, d2, d3] = disp.to_le_bytes();
    [0xe9, d0, d1, d2, d3]
}
