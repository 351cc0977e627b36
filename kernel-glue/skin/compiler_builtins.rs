// SPDX-License-Identifier: GPL-2.0-only

//! The compiler asks for this crate. Nothing that it would hold is used.

#![no_std]
#![feature(compiler_builtins)]
#![compiler_builtins]
#![expect(internal_features, reason = "the compiler demands the crate by this attribute")]
