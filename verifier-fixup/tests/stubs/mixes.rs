// SPDX-License-Identifier: MIT OR Apache-2.0

//! Every mix of arguments, as disassemblers read it: each register gets its value, and nothing else happens.

use kfunc_abi::call::{Arch, ArgPlace};
use verifier_fixup::text::stub::{
    encode, pool_arguments, pool_stub_len, stub_len, ArgRegisters, Implicit, Reach, Stub,
    StubError, Value, MAX_STUB_LEN, STUB_ALIGN,
};

use crate::disassembled::{effects, expected, Effect};
use crate::random::Random;
use crate::{arguments, stub, ARCHES};

/// Values at the edges of what an instruction can hold.
const CONSTANTS: [u64; 12] = [
    0,
    1,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0xffff_ffff_7fff_ffff,
    0xffff_ffff_8000_0000,
    0xffff_0000_ffff_0001,
    u64::MAX,
];

/// The code does what it must, and has the length that is told.
fn assert_does(arch: Arch, stub: &Stub<'_>) {
    let code = encode(arch, stub).unwrap_or_else(|error| panic!("{stub:x?}: {error}"));
    let code = code.bytes();
    assert_eq!(code.len(), stub_len(arch, stub.reach, stub.implicit));
    assert!(code.len() % STUB_ALIGN == 0 && code.len() <= MAX_STUB_LEN);
    let mut done = effects(arch, code, stub.address);
    while done.last() == Some(&Effect::Trap) {
        done.pop();
    }
    assert_eq!(done, expected(stub), "{stub:x?}");
}

/// The `mix`th mix of `count` arguments: two bits for the kind of each.
fn mix(stub: &Stub<'_>, count: usize, mix: usize) -> Vec<Value> {
    (0..count)
        .map(|index| match mix >> (2 * index) & 3 {
            0 => Value::Slot(index as u32),
            1 => Value::Address(stub.slot + 8 * index as u64),
            2 => Value::Constant(CONSTANTS[(mix / 4 + index) % CONSTANTS.len()]),
            _ => Value::CallSite,
        })
        .collect()
}

#[test]
fn every_mix_of_every_count_after_every_count() {
    let mut stubs = 0;
    for arch in ARCHES {
        let registers = (0..).map_while(|index| arch.c_register(index)).count();
        for (explicit, reach) in (0..registers).flat_map(|e| [(e, Reach::Far), (e, Reach::Near)]) {
            let mut stub = Stub {
                reach,
                ..stub(arch)
            };
            if reach == Reach::Near {
                stub.slot = stub.address + 0x5ff0;
            }
            // All of up to five; of more, every seventh.
            for count in 0..=registers - explicit {
                let step = if count > 5 { 7 } else { 1 };
                for number in (0..1 << (2 * count)).step_by(step) {
                    let implicit = arguments(arch, explicit, &mix(&stub, count, number));
                    assert_does(
                        arch,
                        &Stub {
                            implicit: &implicit,
                            ..stub
                        },
                    );
                    stubs += 1;
                }
            }
        }
    }
    assert!(stubs > 40_000, "{stubs}");
}

#[test]
fn every_constant_is_what_it_is() {
    let mut random = Random(0x0123_4567_89ab_cdef);
    for arch in ARCHES {
        for round in 0..20_000 {
            // Some of the four parts are all zeros, or all ones.
            let ones = random.next();
            let spread = |bits: u64| {
                (0..4).fold(0_u64, |mask, part| {
                    mask | ((bits >> part & 1) * 0xffff) << (16 * part)
                })
            };
            let kept = spread(ones);
            let value = (random.next() & kept) | (spread(ones >> 4) & !kept);
            let values = [
                Value::Constant(value >> (round % 3 * 16)),
                Value::Constant(value),
            ];
            let implicit = arguments(arch, round % 5, &values[..1 + usize::from(round % 5 < 4)]);
            assert_does(
                arch,
                &Stub {
                    implicit: &implicit,
                    ..stub(arch)
                },
            );
        }
    }
}

#[test]
fn every_place_within_reach_is_reached_and_no_other() {
    let mut random = Random(0xfedc_ba98_7654_3210);
    let mut refused = 0;
    for round in 0..20_000 {
        let arch = ARCHES[round % 2];
        let reach = random.pick(&[Reach::Near, Reach::Far]);
        let address = random.next() & !(STUB_ALIGN as u64 - 1);
        let mut near = |shifts: &[u32], align: u64| {
            let distance = random.next() as i64 >> random.pick(shifts);
            address.wrapping_add_signed(distance) & !(align - 1)
        };
        let stub = Stub {
            address,
            slot: near(&[32, 33, 43, 44, 50], 8),
            body: near(&[31, 32, 36, 37, 50], 4),
            reach,
            ..stub(arch)
        };
        let elsewhere = near(&[32, 33, 43, 44, 50], 1);
        let values = [
            Value::Slot(random.next() as u32 % 8),
            Value::Address(elsewhere),
        ];
        let implicit = arguments(arch, 2, &values);
        let stub = Stub {
            implicit: &implicit,
            ..stub
        };
        match encode(arch, &stub) {
            Ok(_) => assert_does(arch, &stub),
            Err(StubError::OutOfReach { distance }) => {
                let limit = match (arch, reach) {
                    (Arch::X86_64, _) => 1 << 31,
                    // The branch reaches 128 MiB, `adr` 1 MiB.
                    (Arch::Arm64, Reach::Near) => 1 << 20,
                    (Arch::Arm64, Reach::Far) => 1 << 27,
                };
                assert!(distance >= limit || distance < -limit, "{stub:x?}");
                refused += 1;
            }
            Err(error) => panic!("{error}: {stub:x?}"),
        }
    }
    assert!((4_000..16_000).contains(&refused), "{refused}");
}

#[test]
fn pairs_are_loaded_word_by_word() {
    for arch in ARCHES {
        for (first, word) in (0..5).flat_map(|first| (0..9).map(move |word| (first, word))) {
            let [low, high] = [first, first + 1].map(|index| arch.c_register(index).unwrap());
            let pair = Implicit {
                argument: 0,
                place: ArgPlace::Pair(low, high),
                value: Value::Slot(word),
            };
            assert_does(
                arch,
                &Stub {
                    implicit: &[pair],
                    ..stub(arch)
                },
            );
        }
    }
}

#[test]
fn a_pool_is_what_its_length_says() {
    for arch in ARCHES {
        let counts = (0..5).flat_map(|e| (1..=5 - e).map(move |count| (e, count)));
        let all =
            counts.flat_map(|(e, count)| (0..1_u32 << count).map(move |sites| (e, count, sites)));
        for (explicit, count, call_sites) in all {
            let implicit: Result<Vec<_>, _> =
                pool_arguments(arch, explicit, count, call_sites).collect();
            let implicit = implicit.unwrap();
            for (number, argument) in (0..).zip(&implicit) {
                let is_site = argument.value == Value::CallSite;
                assert_eq!(is_site, call_sites >> number & 1 != 0);
            }
            let stub = Stub {
                implicit: &implicit,
                registers: ArgRegisters::OfBpf,
                ..stub(arch)
            };
            assert_does(arch, &stub);
            assert_eq!(
                encode(arch, &stub).unwrap().bytes().len(),
                pool_stub_len(arch, count, call_sites)
            );
        }
    }
}
