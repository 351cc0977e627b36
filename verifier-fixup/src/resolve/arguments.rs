// SPDX-License-Identifier: MIT OR Apache-2.0

//! What `check_kfunc_args` refuses whatever is passed.

use btf_core::{Btf, Type};
use kfunc_abi::call::MAX_REGISTER_ARGS;

use super::{RefusalKind, Rules};
use crate::native::is_prog_aux;

/// Checks the parameters of `proto`.
pub(super) fn check<'a>(
    rules: Rules,
    btf: &Btf<'_>,
    name: &'a [u8],
    proto: &Type<'_>,
) -> Result<(), RefusalKind<'a>> {
    let count = proto.params().len();
    match rules {
        Rules::V6_12 if count > MAX_REGISTER_ARGS => {
            Err(RefusalKind::TooManyArguments { name, count })
        }
        Rules::V6_12 => Ok(()),
        Rules::V7_3 => check_aux(btf, proto),
    }
}

/// The verifier fills in one register.
fn check_aux<'a>(btf: &Btf<'_>, proto: &Type<'_>) -> Result<(), RefusalKind<'a>> {
    let mut auxes = proto
        .params()
        .enumerate()
        .filter(|(_, param)| is_prog_aux(btf, *param));
    match (auxes.next(), auxes.next()) {
        (Some((index, _)), _) if index >= MAX_REGISTER_ARGS => {
            Err(RefusalKind::AuxOnStack { index })
        }
        (_, Some(_)) => Err(RefusalKind::SecondAux),
        _ => Ok(()),
    }
}
