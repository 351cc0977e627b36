// SPDX-License-Identifier: MIT OR Apache-2.0

//! Stubs that there cannot be.

use kfunc_abi::call::{Arch, ArgPlace};
use kfunc_abi::model::{ArgModel, FuncModel};
use verifier_fixup::text::stub::{
    encode, pool_arguments, ArgRegisters, Implicit, Reach, Stub, StubError, Value,
};

use crate::{arguments, stub, ARCHES, ARM, X86};

fn refused(arch: Arch, stub: Stub<'_>) -> StubError {
    encode(arch, &stub).expect_err("it is not refused")
}

fn with(arch: Arch, implicit: &[Implicit]) -> Stub<'_> {
    Stub {
        implicit,
        ..stub(arch)
    }
}

#[test]
fn registers_beyond_those_of_bpf_are_for_kernels_that_leave_them_free() {
    for arch in ARCHES {
        let implicit = arguments(arch, 4, &[Value::Slot(0), Value::CallSite]);
        assert!(encode(arch, &with(arch, &implicit)).is_ok());
        let of_bpf = Stub {
            registers: ArgRegisters::OfBpf,
            ..with(arch, &implicit)
        };
        let error = refused(arch, of_bpf);
        assert_eq!(error, StubError::NotFree { argument: 5 });
        assert_eq!(
            error.to_string(),
            "argument 5 is in a register of the program's own arguments"
        );
        let five = Stub {
            implicit: &implicit[..1],
            ..of_bpf
        };
        assert!(encode(arch, &five).is_ok());

        let pool: Result<Vec<_>, _> = pool_arguments(arch, 4, 2, 0).collect();
        assert_eq!(pool, Err(StubError::NoRegister { argument: 5 }));
    }
}

#[test]
fn what_is_on_the_stack_is_refused_by_its_number() {
    let model = FuncModel::new(FuncModel::UNKNOWN.returned, &[ArgModel::scalar(8); 9]).unwrap();
    for (arch, on_stack) in [(Arch::X86_64, 6), (Arch::Arm64, 8)] {
        let places = arch.places(&model).unwrap();
        let implicit: Vec<_> = places
            .args()
            .iter()
            .enumerate()
            .map(|(argument, place)| Implicit {
                argument,
                place: *place,
                value: Value::Constant(1),
            })
            .collect();
        assert!(encode(arch, &with(arch, &implicit[..on_stack])).is_ok());
        let error = refused(arch, with(arch, &implicit[..=on_stack]));
        assert_eq!(error, StubError::OnStack { argument: on_stack });
        let text = format!("argument {on_stack} is passed on the stack");
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn no_register_is_written_that_is_not_an_arguments() {
    for arch in ARCHES {
        for register in 0..=u8::MAX {
            let is_argument = (0..8).any(|index| arch.c_register(index) == Some(register));
            let implicit = [Implicit {
                argument: 3,
                place: ArgPlace::Register(register),
                value: Value::CallSite,
            }];
            let done = encode(arch, &with(arch, &implicit)).map(|_| ());
            let expected = if is_argument {
                Ok(())
            } else {
                Err(StubError::NoRegister { argument: 3 })
            };
            assert_eq!(done, expected, "{register}");
        }
    }
}

#[test]
fn no_register_is_written_twice() {
    for arch in ARCHES {
        let mut implicit = arguments(arch, 0, &[Value::CallSite; 3]);
        implicit[2].place = implicit[1].place;
        assert_eq!(
            refused(arch, with(arch, &implicit)),
            StubError::Twice { argument: 2 }
        );
        let register = arch.c_register(0).unwrap();
        let pair = [Implicit {
            argument: 0,
            place: ArgPlace::Pair(register, register),
            value: Value::Slot(0),
        }];
        assert_eq!(
            refused(arch, with(arch, &pair)),
            StubError::Twice { argument: 0 }
        );
    }
}

#[test]
fn an_argument_of_two_words_is_from_the_slot() {
    for arch in ARCHES {
        let [low, high] = [1, 2].map(|index| arch.c_register(index).unwrap());
        let pair = |value| {
            [Implicit {
                argument: 1,
                place: ArgPlace::Pair(low, high),
                value,
            }]
        };
        assert!(encode(arch, &with(arch, &pair(Value::Slot(0)))).is_ok());
        for value in [
            Value::CallSite,
            Value::Constant(0),
            Value::Address(stub(arch).slot),
        ] {
            assert_eq!(
                refused(arch, with(arch, &pair(value))),
                StubError::TwoWords { argument: 1 }
            );
        }
    }
}

#[test]
fn stubs_are_aligned() {
    for arch in ARCHES {
        let address = stub(arch).address + 8;
        let misaligned = Stub {
            address,
            ..stub(arch)
        };
        let error = refused(arch, misaligned);
        assert_eq!(error, StubError::Misaligned { address });
    }
}

#[test]
fn words_are_aligned_where_they_must_be_read_at_once() {
    let implicit = arguments(Arch::Arm64, 0, &[Value::Slot(0)]);
    for reach in [Reach::Far, Reach::Near] {
        let address = ARM.address + 0x1004;
        let stub = Stub {
            slot: address,
            reach,
            ..with(Arch::Arm64, &implicit)
        };
        assert_eq!(
            refused(Arch::Arm64, stub),
            StubError::Misaligned { address }
        );
    }
    let body = ARM.body + 2;
    let stub = Stub { body, ..ARM };
    assert_eq!(
        refused(Arch::Arm64, stub),
        StubError::Misaligned { address: body }
    );
}

/// At `edge` there is a stub, at `beyond` there is none, but for so many bytes.
fn assert_edge(arch: Arch, edge: Stub<'_>, beyond: Stub<'_>, distance: i64) {
    assert!(encode(arch, &edge).is_ok(), "{edge:x?}");
    assert_eq!(refused(arch, beyond), StubError::OutOfReach { distance });
}

#[test]
fn the_last_byte_in_reach_is_reached() {
    const GIB: u64 = 1 << 30;
    const MIB: u64 = 1 << 20;
    // From the end of the jump, 9 bytes into the stub.
    let at = |body| Stub { body, ..X86 };
    let next = X86.address + 9;
    let lowest = next.wrapping_sub(2 * GIB);
    let distance = -(1 << 31) - 1;
    assert_edge(Arch::X86_64, at(lowest), at(lowest - 1), distance);
    let highest = next.wrapping_add(2 * GIB - 1);
    let beyond = highest.wrapping_add(1);
    assert_edge(Arch::X86_64, at(highest), at(beyond), 1 << 31);

    // From the branch, 4 bytes into the stub.
    let at = |body| Stub { body, ..ARM };
    let pc = ARM.address + 4;
    let (lowest, highest) = (pc - 128 * MIB, pc + 128 * MIB - 4);
    assert_edge(Arch::Arm64, at(lowest), at(lowest - 4), -(1 << 27) - 4);
    assert_edge(Arch::Arm64, at(highest), at(highest + 4), 1 << 27);

    // From the `ldr`, from the page of the `adrp`.
    let load = arguments(Arch::Arm64, 0, &[Value::Slot(0)]);
    let at = |slot, reach| Stub {
        slot,
        reach,
        ..with(Arch::Arm64, &load)
    };
    let (lowest, highest) = (pc - MIB + 4, pc + MIB - 4);
    let near = |slot| at(slot, Reach::Near);
    assert_edge(Arch::Arm64, near(lowest), near(lowest - 8), -(1 << 20) - 4);
    assert_edge(Arch::Arm64, near(highest), near(highest + 8), (1 << 20) + 4);
    let far = |slot| at(slot, Reach::Far);
    let (lowest, highest) = (ARM.address - 4 * GIB, ARM.address + 4 * GIB - 8);
    let page = 4096;
    assert_edge(Arch::Arm64, far(lowest), far(lowest - 8), -(1 << 32) - page);
    assert_edge(Arch::Arm64, far(highest), far(highest + 8), 1 << 32);

    // From the `adr`.
    let adr = |address| arguments(Arch::Arm64, 0, &[Value::Address(address)]);
    for (edge, beyond, distance) in [
        (pc - MIB, pc - MIB - 1, -(1 << 20) - 1),
        (pc + MIB - 1, pc + MIB, 1 << 20),
    ] {
        let (edge, beyond) = (adr(edge), adr(beyond));
        let near = |implicit| Stub {
            implicit,
            reach: Reach::Near,
            ..ARM
        };
        assert_edge(Arch::Arm64, near(&edge), near(&beyond), distance);
    }
}
