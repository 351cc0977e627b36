// SPDX-License-Identifier: MIT OR Apache-2.0

//! arm64: calls and stubs.

pub(super) mod call;
pub(super) mod stub;

const INSN_LEN: usize = 4;
