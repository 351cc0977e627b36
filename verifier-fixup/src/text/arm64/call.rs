// SPDX-License-Identifier: MIT OR Apache-2.0

//! Calls of arm64.
//!
//! Source of the encodings: Arm Architecture Reference Manual, BL, MOVN, MOVK, BLR.

use super::INSN_LEN;
use crate::text::call::{Around, CallForm, CallSite, Cursor, DecodeError, DecodeErrorKind};
use crate::text::imm::{Addr48, Imm26, ReachError};
use crate::text::patch::MAX_PATCH_LEN;

const BL: u32 = 0x9400_0000;
const BL_MASK: u32 = 0xfc00_0000;
/// `movn x10, #0`.
const MOVN: u32 = 0x9280_000a;
/// `movk x10, #0, lsl #16`.
const MOVK_16: u32 = 0xf2a0_000a;
/// `movk x10, #0, lsl #32`.
const MOVK_32: u32 = 0xf2c0_000a;
/// `blr x10`.
const BLR: u32 = 0xd63f_0140;
/// `blr` of any register, `blraa` and `blrab`, too.
const ANY_BLR: u32 = 0xd63f_0000;
const ANY_BLR_MASK: u32 = 0xfeff_0000;
const IMM16_SHIFT: u32 = 5;

pub(in crate::text) const BL_LEN: usize = INSN_LEN;
pub(in crate::text) const MOV_BLR_LEN: usize = 4 * INSN_LEN;

pub(in crate::text) fn encode_bl(
    address: u64,
    target: u64,
) -> Result<[u8; MAX_PATCH_LEN], ReachError> {
    let bl = BL | Imm26::between(address, target)?.bits();
    Ok(bytes([bl, 0, 0, 0]))
}

pub(in crate::text) fn encode_mov_blr(
    address: u64,
    target: u64,
) -> Result<[u8; MAX_PATCH_LEN], ReachError> {
    let [low, middle, high] = Addr48::new(address, target)?
        .fields()
        .map(|field| u32::from(field) << IMM16_SHIFT);
    Ok(bytes([MOVN | low, MOVK_16 | middle, MOVK_32 | high, BLR]))
}

pub(in crate::text) fn next(
    cursor: &mut Cursor<'_>,
    base: u64,
) -> Result<Option<CallSite>, DecodeError> {
    while !cursor.rest().is_empty() {
        let insn = insn(cursor.rest(), 0).ok_or(cursor.error(DecodeErrorKind::Truncated))?;
        let address = cursor.address(base);
        let (target, form) = if insn & BL_MASK == BL {
            (Imm26::of(insn).target(address), CallForm::Bl)
        } else if let Some(target) = mov_blr(cursor.rest()) {
            (target.address(), CallForm::MovBlr)
        } else if insn & ANY_BLR_MASK == ANY_BLR {
            return Err(cursor.error(DecodeErrorKind::NoAddress));
        } else {
            cursor.skip(INSN_LEN);
            continue;
        };
        cursor.skip(form.len());
        return Ok(Some(CallSite {
            address,
            target,
            form,
            around: Around::default(),
        }));
    }
    Ok(None)
}

/// The address in `movn; movk; movk; blr`, if the code begins with that.
fn mov_blr(code: &[u8]) -> Option<Addr48> {
    let field = |index, opcode| {
        let insn = insn(code, index)?;
        let field = (insn >> IMM16_SHIFT) as u16;
        (insn == opcode | u32::from(field) << IMM16_SHIFT).then_some(field)
    };
    let fields = [field(0, MOVN)?, field(1, MOVK_16)?, field(2, MOVK_32)?];
    (insn(code, 3)? == BLR).then(|| Addr48::of(fields))
}

fn insn(code: &[u8], index: usize) -> Option<u32> {
    let start = INSN_LEN.checked_mul(index)?;
    let bytes = code.get(start..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

fn bytes(insns: [u32; 4]) -> [u8; MAX_PATCH_LEN] {
    let [a, b, c, d] = insns.map(u32::to_le_bytes);
    let [a0, a1, a2, a3] = a;
    let [b0, b1, b2, b3] = b;
    let [c0, c1, c2, c3] = c;
    let [d0, d1, d2, d3] = d;
    [
        a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3,
    ]
}
