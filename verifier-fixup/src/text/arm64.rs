// SPDX-License-Identifier: MIT OR Apache-2.0

//! Stubs of arm64: `bti c; (adrp x16, value; ldr xN, [x16, #lo12]) …; b body`.
//!
//! Source of the encodings: Arm Architecture Reference Manual, BTI, ADRP, LDR (immediate, unsigned offset), B.

use kfunc_abi::call::Arch;

use super::imm::{signed_field, Imm26};
use super::{distance, Stub, StubCode, StubError, VALUE_LEN};

pub(super) mod call;

const INSN_LEN: usize = 4;
const BTI_C: u32 = 0xd503_245f;
/// `brk #0`.
const TRAP: u32 = 0xd420_0000;
/// The register that a procedure call may clobber (IP0).
const X16: u32 = 16;
const PAGE_SHIFT: u32 = 12;
const PAGE_MASK: u64 = 0xfff;

pub(super) const fn code_len(implicit: usize) -> usize {
    INSN_LEN.saturating_mul(implicit.saturating_mul(2).saturating_add(2))
}

pub(super) fn encode(stub: &Stub) -> Result<StubCode, StubError> {
    let mut code = StubCode::new();
    code.push(&BTI_C.to_le_bytes())?;
    for load in stub.loads(Arch::Arm64) {
        let (register, value) = load?;
        let adrp = adrp(X16, address_of_next(stub, &code), value)?;
        code.push(&adrp.to_le_bytes())?;
        code.push(&ldr(u32::from(register), X16, value)?.to_le_bytes())?;
    }
    let b = branch(address_of_next(stub, &code), stub.body)?;
    code.push(&b.to_le_bytes())?;
    code.pad(&TRAP.to_le_bytes())?;
    Ok(code)
}

fn address_of_next(stub: &Stub, code: &StubCode) -> u64 {
    stub.address.wrapping_add(code.bytes().len() as u64)
}

/// `adrp register, target`: the page of `target`, within 4 GiB.
fn adrp(register: u32, pc: u64, target: u64) -> Result<u32, StubError> {
    let bytes = distance(pc & !PAGE_MASK, target & !PAGE_MASK);
    let imm =
        signed_field(bytes >> PAGE_SHIFT, 21).ok_or(StubError::OutOfReach { distance: bytes })?;
    Ok(0x9000_0000 | (imm & 3) << 29 | (imm >> 2) << 5 | register)
}

/// `ldr register, [base, #offset of target in its page]`.
fn ldr(register: u32, base: u32, target: u64) -> Result<u32, StubError> {
    const SCALE: u64 = VALUE_LEN as u64;
    let offset = target & PAGE_MASK;
    if offset % SCALE != 0 {
        return Err(StubError::Misaligned { address: target });
    }
    let imm = (offset / SCALE) as u32;
    Ok(0xf940_0000 | imm << 10 | base << 5 | register)
}

/// `b target`, within 128 MiB.
fn branch(pc: u64, target: u64) -> Result<u32, StubError> {
    Ok(0x1400_0000 | Imm26::between(pc, target)?.bits())
}
