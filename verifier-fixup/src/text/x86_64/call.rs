// SPDX-License-Identifier: MIT OR Apache-2.0

//! Calls of x86-64.

use super::insn::{Insn, Kind};
use crate::text::call::{Around, CallForm, CallSite, Cursor, DecodeError, DecodeErrorKind};
use crate::text::imm::{ReachError, Rel32};
use crate::text::patch::MAX_PATCH_LEN;

const CALL: u8 = 0xe8;
pub(in crate::text) const LEN: usize = 5;

pub(in crate::text) fn encode(
    address: u64,
    target: u64,
) -> Result<[u8; MAX_PATCH_LEN], ReachError> {
    let next = address.wrapping_add(LEN as u64);
    let [d0, d1, d2, d3] = Rel32::between(next, target)?.to_le_bytes();
    Ok([CALL, d0, d1, d2, d3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
}

pub(in crate::text) fn next(
    cursor: &mut Cursor<'_>,
    base: u64,
) -> Result<Option<CallSite>, DecodeError> {
    let mut around = Around::default();
    while !cursor.rest().is_empty() {
        let insn = Insn::decode(cursor.rest()).map_err(|kind| cursor.error(kind))?;
        let unpaired = cursor.error(DecodeErrorKind::PrivateStack);
        let address = cursor.address(base);
        cursor.skip(insn.len());
        let next = cursor.address(base);
        match insn.kind() {
            Kind::Call(rel) => {
                if around.private_stack && !pop_follows(cursor) {
                    return Err(unpaired);
                }
                return Ok(Some(CallSite {
                    address,
                    target: rel.target(next),
                    form: CallForm::Rel32,
                    around,
                }));
            }
            Kind::CallDepth => around.call_depth = true,
            _ if around.private_stack => return Err(unpaired),
            Kind::PushR9 => around.private_stack = true,
            Kind::TailCallReload => around.tail_call_reload = true,
            Kind::PopR9 | Kind::Other => around = Around::default(),
        }
    }
    if around.private_stack {
        return Err(cursor.error(DecodeErrorKind::PrivateStack));
    }
    Ok(None)
}

/// Skips the `pop %r9` of a private stack.
fn pop_follows(cursor: &mut Cursor<'_>) -> bool {
    let Ok(insn) = Insn::decode(cursor.rest()) else {
        return false;
    };
    cursor.skip(insn.len());
    insn.kind() == Kind::PopR9
}
