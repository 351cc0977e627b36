// SPDX-License-Identifier: MIT OR Apache-2.0

//! Machine code: calls that are found in any bytes, and stubs that are made of any wish.
//!
//! An input begins with a byte: its bit 0 is the arch, bit 1 is set for a stub.
//!
//! | for calls | for a stub |
//! |---|---|
//! | 8 bytes: the address of the image | bit 2: near, bit 3: all registers of C, bit 4: registers of any number |
//! | 8 bytes: where its calls are sent | 8 bytes each: address, slot, body; unless bit 5 is set, the latter are distances |
//! | the image | implicit arguments, 10 bytes each: place, kind, value |

#[path = "../../verifier-fixup/tests/stubs/disassembled.rs"]
mod disassembled;

use disassembled::{effects, expected, Effect};
use kfunc_abi::call::{Arch, ArgPlace};
use verifier_fixup::text::call::{calls, CallForm, CallSite};
use verifier_fixup::text::patch::{PatchError, TextPatch};
use verifier_fixup::text::stub::{encode, stub_len, ArgRegisters, Implicit, Reach, Stub, Value};

const ARM64: u8 = 1;
const STUB: u8 = 1 << 1;
const NEAR: u8 = 1 << 2;
const OF_C: u8 = 1 << 3;
const ANY_NUMBER: u8 = 1 << 4;
const ANY_ADDRESS: u8 = 1 << 5;
/// Bytes of an implicit argument.
const IMPLICIT_LEN: usize = 10;

pub fn check(data: &[u8]) {
    let Some((head, rest)) = data.split_first() else {
        return;
    };
    let arch = match head & ARM64 {
        0 => Arch::X86_64,
        _ => Arch::Arm64,
    };
    let _ = match head & STUB {
        0 => check_calls(arch, rest),
        _ => check_stub(arch, *head, rest),
    };
}

fn check_calls(arch: Arch, data: &[u8]) -> Option<()> {
    let (base, rest) = number(data)?;
    let (target, image) = number(rest)?;
    // Nothing is loaded across the end of all addresses.
    base.checked_add(image.len() as u64)?;
    let found: Vec<_> = calls(arch, image, base).map_while(Result::ok).collect();
    for (index, site) in found.iter().enumerate() {
        let place = site.address.wrapping_sub(base) as usize;
        let code = &image[place..place + site.form.len()];
        match site.retarget(site.target) {
            Ok(patch) => assert_eq!((patch.old(), patch.new_bytes()), (code, code)),
            // No function is there, but the instructions can say so.
            Err(_) => assert!(site.form == CallForm::MovBlr && site.target % 4 != 0),
        }
        if let Ok(patch) = site.retarget(target) {
            let mut other_image = image.to_vec();
            check_patch(&patch, &mut other_image, base);
            let now = calls(arch, &other_image, base);
            let now: Vec<_> = now.map_while(Result::ok).collect();
            let mut sent = found.clone();
            sent[index] = CallSite { target, ..*site };
            assert_eq!(now, sent);
        }
    }
    Some(())
}

/// Applies the patch; and before, sees that it is refused where it does not belong, and that it can be undone.
fn check_patch(patch: &TextPatch, image: &mut [u8], base: u64) {
    let original = image.to_vec();
    let place = patch.address().wrapping_sub(base) as usize;
    for byte in place..place + patch.old().len() {
        image[byte] ^= 1;
        let spoiled = image.to_vec();
        let address = base.wrapping_add(byte as u64);
        let refused = patch.apply(image, base);
        assert_eq!(refused, Err(PatchError::OldBytesDiffer { address }));
        assert_eq!(image, spoiled);
        image[byte] ^= 1;
    }
    let mut half = original[..place + patch.old().len() - 1].to_vec();
    assert!(patch.apply(&mut half, base).is_err());
    patch.apply(image, base).unwrap();
    patch.reversed().apply(image, base).unwrap();
    assert_eq!(image, original);
    patch.apply(image, base).unwrap();
}

fn check_stub(arch: Arch, head: u8, data: &[u8]) -> Option<()> {
    let (address, rest) = number(data)?;
    let (slot, rest) = number(rest)?;
    let (body, rest) = number(rest)?;
    let place = |number: u64| match head & ANY_ADDRESS {
        0 => address.wrapping_add_signed(number as i64 >> 28) & !7,
        _ => number,
    };
    let implicit: Vec<_> = rest
        .chunks_exact(IMPLICIT_LEN)
        .enumerate()
        .map(|(argument, bytes)| implicit(arch, head, argument, bytes, place))
        .collect();
    let stub = Stub {
        address,
        slot: place(slot),
        body: place(body),
        implicit: &implicit,
        reach: if head & NEAR == 0 {
            Reach::Far
        } else {
            Reach::Near
        },
        registers: if head & OF_C == 0 {
            ArgRegisters::OfBpf
        } else {
            ArgRegisters::OfC
        },
    };
    let len = stub_len(arch, stub.reach, &implicit);
    let code = encode(arch, &stub).ok()?;
    assert_eq!(code.bytes().len(), len);
    let mut done = effects(arch, code.bytes(), address);
    while done.last() == Some(&Effect::Trap) {
        done.pop();
    }
    assert_eq!(done, expected(&stub));
    Some(())
}

fn implicit(
    arch: Arch,
    head: u8,
    argument: usize,
    bytes: &[u8],
    place_near: impl Fn(u64) -> u64,
) -> Implicit {
    let value = u64::from_le_bytes(bytes[2..].try_into().unwrap());
    let register = |index: u8| match head & ANY_NUMBER {
        0 => arch.c_register(usize::from(index)).unwrap_or(index),
        _ => index,
    };
    let low = bytes[0] >> 2;
    Implicit {
        argument,
        place: match bytes[0] & 3 {
            0 => ArgPlace::Stack {
                offset: u32::from(low) * 8,
            },
            1 => ArgPlace::Pair(register(low), register(low.wrapping_add(1))),
            _ => ArgPlace::Register(register(low)),
        },
        value: match bytes[1] & 3 {
            0 => Value::Slot(value as u32),
            1 => Value::Address(place_near(value)),
            2 => Value::Constant(value),
            _ => Value::CallSite,
        },
    }
}

fn number(data: &[u8]) -> Option<(u64, &[u8])> {
    let (bytes, rest) = data.split_first_chunk()?;
    Some((u64::from_le_bytes(*bytes), rest))
}

/// Images with calls of every form, and stubs with arguments of every kind.
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    const BASE: u64 = 0xffff_8000_7910_0000;
    let calls = |head: u8, image: &[u8]| {
        let mut seed = vec![head];
        seed.extend(BASE.to_le_bytes());
        seed.extend((BASE + 0x1000).to_le_bytes());
        seed.extend(image);
        seed
    };
    #[rustfmt::skip]
    let x86 = [
        0x55, // push %rbp
        0x48, 0x8b, 0x85, 0xf0, 0xfe, 0xff, 0xff, // mov -0x110(%rbp),%rax
        0xe8, 0x45, 0x45, 0x13, 0x01, // call
        0x41, 0x51, // push %r9
        0x65, 0x48, 0xc1, 0x3d, 0x00, 0x10, 0x00, 0x00, 0x05, // sarq $0x5,%gs:0x1000(%rip)
        0xe8, 0x35, 0x45, 0x13, 0x01, // call
        0x41, 0x59, // pop %r9
        0xc9, 0xc3, // leave; ret
    ];
    // bl; movn x10; movk x10; movk x10; blr x10; nop
    let arm = [
        0x9400_03fe_u32,
        0x9289_b96a,
        0xf2af_220a,
        0xf2d0_000a,
        0xd63f_0140,
        0xd503_201f,
    ];
    let arm: Vec<_> = arm.iter().flat_map(|insn| insn.to_le_bytes()).collect();
    let stub = |head: u8, places: &[u8]| {
        let mut seed = vec![head | STUB];
        seed.extend(BASE.to_le_bytes());
        for distance in [0x5000_i64, -0x3000] {
            seed.extend((distance << 28).to_le_bytes());
        }
        for (kind, place) in (0..).zip(places) {
            seed.extend([*place, kind]);
            seed.extend((1_u64 << 60 >> (8 * kind)).to_le_bytes());
        }
        seed
    };
    let register = |index: u8| index << 2 | 2;
    let four = [1, 2, 3, 4].map(register);
    let six = [0, 1, 2, 3, 4, 5].map(register);
    let pair = [1 << 2 | 1, register(3)];
    vec![
        ("calls-x86_64", calls(0, &x86)),
        ("calls-arm64", calls(ARM64, &arm)),
        ("stub-x86_64", stub(0, &four)),
        ("stub-arm64", stub(ARM64, &four)),
        ("near-stub-arm64", stub(ARM64 | NEAR, &four)),
        ("all-registers-x86_64", stub(OF_C, &six)),
        ("all-registers-arm64", stub(ARM64 | OF_C, &six)),
        ("pair-x86_64", stub(0, &pair)),
        ("pair-arm64", stub(ARM64, &pair)),
        ("on-the-stack", stub(0, &[0])),
    ]
}
