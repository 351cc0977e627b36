// SPDX-License-Identifier: MIT OR Apache-2.0

//! Stubs: their bytes by table, mixes of arguments through disassemblers, and what is refused.

use kfunc_abi::call::{Arch, ArgPlace};
use verifier_fixup::text::stub::{ArgRegisters, Implicit, Reach, Stub, Value};

mod disassembled;
mod mixes;
#[path = "../random/mod.rs"]
mod random;
mod refused;
mod tables;

const ARCHES: [Arch; 2] = [Arch::X86_64, Arch::Arm64];

const X86: Stub<'_> = Stub {
    address: 0xffff_ffff_c010_0000,
    slot: 0xffff_ffff_c010_5ff0,
    body: 0xffff_ffff_c00f_f000,
    implicit: &[],
    reach: Reach::Far,
    registers: ArgRegisters::OfC,
};

const ARM: Stub<'_> = Stub {
    address: 0xffff_8000_7910_0000,
    slot: 0xffff_8000_7920_5ff0,
    body: 0xffff_8000_790f_f000,
    implicit: &[],
    reach: Reach::Far,
    registers: ArgRegisters::OfC,
};

/// A stub without arguments.
fn stub(arch: Arch) -> Stub<'static> {
    match arch {
        Arch::X86_64 => X86,
        Arch::Arm64 => ARM,
    }
}

/// Arguments from `first` on, a register each.
fn arguments(arch: Arch, first: usize, values: &[Value]) -> Vec<Implicit> {
    let with_value = |(argument, value): (usize, &Value)| Implicit {
        argument,
        place: ArgPlace::Register(arch.c_register(argument).unwrap()),
        value: *value,
    };
    (first..).zip(values).map(with_value).collect()
}
