// SPDX-License-Identifier: MIT OR Apache-2.0

//! Arguments by the rules of the calling conventions. `cargo xtask test` compares them with a compiler's code.

use kfunc_abi::call::ArgPlace::{self, Pair, Register, Stack};
use kfunc_abi::call::{Arch, CallError, MAX_REGISTER_ARGS};
use kfunc_abi::model::{ArgFlags, ArgModel, Class, FuncModel, ReturnModel, MAX_ARGS};

const RETURNS_NOTHING: ReturnModel = ReturnModel {
    size: 0,
    flags: ArgFlags::empty(),
};

const fn arg(size: u8, class: Class) -> ArgModel {
    ArgModel {
        size,
        flags: ArgFlags::empty(),
        class,
    }
}

const LONG: ArgModel = ArgModel::scalar(8);
const BYTE: ArgModel = ArgModel::scalar(1);
const INT128: ArgModel = ArgModel::scalar(16);
const PAIR: ArgModel = arg(16, Class::Composite);
const SMALL: ArgModel = arg(3, Class::Composite);
const PACKED: ArgModel = arg(5, Class::Packed);
const STRUCT128: ArgModel = arg(16, Class::Composite16);

fn at(offset: u32) -> ArgPlace {
    Stack { offset }
}

fn places(arch: Arch, args: &[ArgModel]) -> Option<Vec<ArgPlace>> {
    let model = FuncModel::new(RETURNS_NOTHING, args)?;
    Some(arch.places(&model).ok()?.args().to_vec())
}

#[test]
fn only_five_arguments_of_a_bpf_call_have_a_register() {
    for arch in [Arch::X86_64, Arch::Arm64] {
        assert!((0..MAX_REGISTER_ARGS).all(|index| arch.argument_register(index).is_some()));
        assert_eq!(arch.argument_register(MAX_REGISTER_ARGS), None);
    }
    assert_eq!(Arch::X86_64.c_register(5), Some(9));
    assert_eq!(Arch::X86_64.c_register(6), None);
    assert_eq!(Arch::Arm64.c_register(7), Some(7));
    assert_eq!(Arch::Arm64.c_register(8), None);
}

#[test]
fn twelve_scalars() {
    let x86 = [7, 6, 2, 1, 8, 9].map(Register);
    let arm = [0, 1, 2, 3, 4, 5, 6, 7].map(Register);
    for size in [BYTE, LONG] {
        let found = places(Arch::X86_64, &[size; MAX_ARGS]);
        let stack = [8, 16, 24, 32, 40, 48].map(at);
        assert_eq!(found, Some([&x86[..], &stack].concat()));
        let found = places(Arch::Arm64, &[size; MAX_ARGS]);
        assert_eq!(found, Some([&arm[..], &[0, 8, 16, 24].map(at)].concat()));
    }
}

/// The System V ABI fills the registers that a struct left; that of Arm does not.
#[test]
fn a_struct_is_in_registers_as_a_whole_or_not_at_all() {
    let args = [LONG, LONG, LONG, LONG, LONG, PAIR, LONG, LONG];
    let expected = [
        Register(7),
        Register(6),
        Register(2),
        Register(1),
        Register(8),
        at(8),
        Register(9),
        at(24),
    ];
    assert_eq!(places(Arch::X86_64, &args), Some(expected.to_vec()));

    let args = [PAIR, PAIR, PAIR, LONG, PAIR, LONG, SMALL];
    let expected = [
        Pair(0, 1),
        Pair(2, 3),
        Pair(4, 5),
        Register(6),
        at(0),
        at(16),
        at(24),
    ];
    assert_eq!(places(Arch::Arm64, &args), Some(expected.to_vec()));
}

#[test]
fn an_int128_is_aligned_on_the_stack_and_by_arm_in_registers() {
    for wide in [INT128, STRUCT128] {
        let expected = [
            Register(0),
            Pair(2, 3),
            Register(4),
            Pair(6, 7),
            at(0),
            at(16),
        ];
        let found = places(Arch::Arm64, &[LONG, wide, LONG, wide, BYTE, wide]);
        assert_eq!(found, Some(expected.to_vec()));

        let expected = [
            Register(7),
            Pair(6, 2),
            Register(1),
            Pair(8, 9),
            at(8),
            at(24),
        ];
        let found = places(Arch::X86_64, &[LONG, wide, LONG, wide, BYTE, wide]);
        assert_eq!(found, Some(expected.to_vec()));
    }
    let found = places(Arch::Arm64, &[LONG, PAIR]);
    assert_eq!(found, Some([Register(0), Pair(1, 2)].to_vec()));
}

#[test]
fn a_packed_struct_is_in_memory_on_x86_only() {
    let x86 = places(Arch::X86_64, &[PACKED, LONG]);
    assert_eq!(x86, Some([at(8), Register(7)].to_vec()));
    let arm = places(Arch::Arm64, &[PACKED, LONG]);
    assert_eq!(arm, Some([Register(0), Register(1)].to_vec()));
}

/// A pointer and its length may be one parameter of Rust and two of C, but for one place.
#[test]
fn a_pair_is_where_its_halves_would_be_unless_registers_end_between_them() {
    for (arch, registers, word) in [(Arch::X86_64, 6, 8), (Arch::Arm64, 8, 0)] {
        for before in 0..=10 {
            let args = [&[LONG; MAX_ARGS][..before], &[PAIR]].concat();
            let as_one = places(arch, &args).and_then(|places| places.last().copied());
            let args = [&[LONG; MAX_ARGS][..before], &[LONG, LONG]].concat();
            let halves = places(arch, &args).unwrap_or_default()[before..].to_vec();
            let same = match as_one {
                Some(Pair(low, high)) => halves == [Register(low), Register(high)],
                Some(Stack { offset }) => halves == [at(offset), at(offset + 8)],
                _ => false,
            };
            assert_eq!(same, before + 1 != registers, "{arch:?} after {before}");
            if before == registers {
                assert_eq!(as_one, Some(at(word)));
            }
        }
    }
}

#[test]
fn what_is_returned_is_in_one_or_two_registers() {
    for (arch, pair) in [(Arch::X86_64, [0, 2]), (Arch::Arm64, [0, 1])] {
        for (size, place) in [
            (0, None),
            (1, Some(Register(pair[0]))),
            (8, Some(Register(pair[0]))),
            (16, Some(Pair(pair[0], pair[1]))),
        ] {
            let returned = ReturnModel {
                size,
                flags: ArgFlags::empty(),
            };
            let model = FuncModel::new(returned, &[]);
            let places = model.and_then(|model| arch.places(&model).ok());
            assert_eq!(places.map(|places| places.returned), Some(place));
            assert!(places.is_some_and(|places| places.args().is_empty()));
        }
    }
}

#[test]
fn the_end_of_the_stack_arguments_is_known() {
    for (arch, none, some) in [(Arch::X86_64, 8, 40), (Arch::Arm64, 0, 16)] {
        let end = |args| {
            let model = FuncModel::new(RETURNS_NOTHING, args)?;
            Some(arch.places(&model).ok()?.stack_end)
        };
        assert_eq!(end(&[LONG; 6]), Some(none));
        assert_eq!(end(&[BYTE; 10]), Some(some));
    }
}

#[test]
fn a_floating_point_number_is_refused() {
    let float = arg(8, Class::Float);
    let model = FuncModel::new(RETURNS_NOTHING, &[LONG, float]);
    for arch in [Arch::X86_64, Arch::Arm64] {
        let error = model.and_then(|model| arch.places(&model).err());
        assert_eq!(error, Some(CallError::Float(1)));
    }
    assert_eq!(FuncModel::new(RETURNS_NOTHING, &[LONG; MAX_ARGS + 1]), None);
}
