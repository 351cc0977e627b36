// SPDX-License-Identifier: MIT OR Apache-2.0

//! What calls of kfuncs come to.

mod random;
mod refusals;
mod small_kernel;
mod values;
