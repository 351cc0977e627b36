// SPDX-License-Identifier: MIT OR Apache-2.0

//! Calls in JIT images: found, and sent elsewhere.
//!
//! The bytes are what the GNU assembler makes of the text beside them:
//!
//! ```text
//! as calls.s -o calls.o
//! ld -e 0 --defsym target=TARGET -Ttext=ADDRESS calls.o -o calls.elf
//! objdump -dw calls.elf
//! ```

use iced_x86::{Decoder, DecoderOptions, Mnemonic};
use kfunc_abi::call::Arch;
use random::Random;
use verifier_fixup::text::call::{calls, Around, CallForm, CallSite, DecodeError, DecodeErrorKind};
use verifier_fixup::text::imm::ReachError;
use yaxpeax_arch::{Decoder as _, U8Reader};
use yaxpeax_arm::armv8::a64::{InstDecoder, Opcode, Operand};

mod random;

const X86_BASE: u64 = 0xffff_ffff_c010_0000;
const ARM_BASE: u64 = 0xffff_8000_7910_0000;

fn sites(arch: Arch, image: &[u8], base: u64) -> Result<Vec<CallSite>, DecodeError> {
    calls(arch, image, base).collect()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Address, target, and what is around; with `target` at 0xffffffff81234560.
#[test]
fn calls_of_x86_64_are_found_with_what_is_around_them() {
    #[rustfmt::skip]
    let image = [
        0xf3, 0x0f, 0x1e, 0xfa,                               // 00 endbr64
        0x0f, 0x1f, 0x44, 0x00, 0x00,                         // 04 nopl 0x0(%rax,%rax,1)
        0x55,                                                 // 09 push %rbp
        0xe8, 0x51, 0x45, 0x13, 0xc1,                         // 0a call target
        0x48, 0x8b, 0x85, 0xf0, 0xfe, 0xff, 0xff,             // 0f mov -0x110(%rbp),%rax
        0xe8, 0x45, 0x45, 0x13, 0xc1,                         // 16 call target
        0x41, 0x51,                                           // 1b push %r9
        0x65, 0x48, 0xc1, 0x3d, 0x00, 0x10, 0x00, 0x00, 0x05, // 1d sarq $0x5,%gs:0x1000(%rip)
        0xe8, 0x35, 0x45, 0x13, 0xc1,                         // 26 call target
        0x41, 0x59,                                           // 2b pop %r9
        // The bytes of a call, in a constant.
        0x48, 0xbf, 0xe8, 0xe8, 0xe8, 0xe8, 0xe8, 0xe8, 0xe8, 0xe8, // 2d movabs $…,%rdi
        0xe8, 0x24, 0x45, 0x13, 0xc1,                         // 37 call target
        0xc9,                                                 // 3c leave
        0xc3,                                                 // 3d ret
    ];
    let none = Around::default();
    let expected = [
        (0x0a, none),
        (
            0x16,
            Around {
                tail_call_reload: true,
                ..none
            },
        ),
        (
            0x26,
            Around {
                private_stack: true,
                call_depth: true,
                ..none
            },
        ),
        (0x37, none),
    ]
    .map(|(offset, around)| CallSite {
        address: X86_BASE + offset,
        target: 0xffff_ffff_8123_4560,
        form: CallForm::Rel32,
        around,
    });
    assert_eq!(sites(Arch::X86_64, &image, X86_BASE), Ok(expected.to_vec()));
}

#[test]
fn calls_of_arm64_are_found_in_both_forms() {
    let image = words(&[
        0xaa1e_03e9, // 00 mov  x9, x30
        0xd503_201f, // 04 nop
        0x9400_03fe, // 08 bl   .text+0x1000
        0x9289_b96a, // 0c mov  x10, #0xffffffffffffb234
        0xf2af_220a, // 10 movk x10, #0x7910, lsl #16
        0xf2d0_000a, // 14 movk x10, #0x8000, lsl #32
        0xd63f_0140, // 18 blr  x10
        0xaa00_03e7, // 1c mov  x7, x0
        0x9289_b96a, // 20 mov  x10, #0xffffffffffffb234
        0x97ff_fff7, // 24 bl   .text
        0xd61f_0140, // 28 br   x10
    ]);
    let site = |offset, target, form| CallSite {
        address: ARM_BASE + offset,
        target,
        form,
        around: Around::default(),
    };
    let expected = vec![
        site(0x08, ARM_BASE + 0x1000, CallForm::Bl),
        site(0x0c, 0xffff_8000_7910_b234, CallForm::MovBlr),
        site(0x24, ARM_BASE, CallForm::Bl),
    ];
    assert_eq!(sites(Arch::Arm64, &image, ARM_BASE), Ok(expected));
}

#[test]
fn an_image_that_the_jit_does_not_make_is_refused_where_it_is_wrong() {
    use DecodeErrorKind::{NoAddress, PrivateStack, Truncated, Unknown};
    let refused = |arch, image: &[u8]| sites(arch, image, 0).map_err(|e| (e.offset, e.kind));
    let x86 = |image: &[u8]| refused(Arch::X86_64, image);
    assert_eq!(x86(&[0x90, 0x0f, 0x05]), Err((1, Unknown)));
    assert_eq!(x86(&[0x90, 0xe8, 0, 0]), Err((1, Truncated)));
    // push %r9; then nothing, a nop, a call without pop %r9, a call and the end
    assert_eq!(x86(&[0x41, 0x51]), Err((2, PrivateStack)));
    assert_eq!(x86(&[0x41, 0x51, 0x90]), Err((2, PrivateStack)));
    let call = [0x41, 0x51, 0xe8, 0, 0, 0, 0, 0x90];
    assert_eq!(x86(&call), Err((2, PrivateStack)));
    assert_eq!(x86(&call[..7]), Err((2, PrivateStack)));

    let arm = |image: &[u8]| refused(Arch::Arm64, image);
    assert_eq!(arm(&[0x1f, 0x20, 0x03, 0xd5, 0]), Err((4, Truncated)));
    // nop; blr x10, blr x0, blraaz x10
    for blr in [0xd63f_0140, 0xd63f_0000, 0xd63f_095f] {
        let image = words(&[0xd503_201f, blr]);
        assert_eq!(arm(&image), Err((4, NoAddress)));
    }
    // The movk of another register, of another half.
    for movk in [0xf2af_220b, 0xf2cf_220a] {
        let image = words(&[0x9289_b96a, movk, 0xf2d0_000a, 0xd63f_0140]);
        assert_eq!(arm(&image), Err((12, NoAddress)));
    }
    // The good image, for the same rules.
    let image = words(&[0x9289_b96a, 0xf2af_220a, 0xf2d0_000a, 0xd63f_0140]);
    assert!(arm(&image).is_ok());
}

#[test]
fn after_an_error_there_are_no_more_calls() {
    let image = [0x06, 0xe8, 0, 0, 0, 0];
    let mut calls = calls(Arch::X86_64, &image, 0);
    assert!(calls.next().is_some_and(|call| call.is_err()));
    assert!(calls.next().is_none());
}

#[test]
fn whatever_an_image_is_each_call_is_in_it_and_they_come_in_order() {
    let mut random = Random(0xfeed_face_cafe_beef);
    let mut found = 0;
    for round in 0..200_000_u64 {
        let arch = random.pick(&[Arch::X86_64, Arch::Arm64]);
        let mut image: Vec<_> = (0..8).flat_map(|_| random.next().to_le_bytes()).collect();
        // Calls among the rest, which is often refused.
        for at in (0..image.len() - 4).step_by(4).filter(|at| at % 3 == 0) {
            match arch {
                Arch::X86_64 => image[at] = random.pick(&[0xe8, 0x90, 0x50, 0xc3]),
                Arch::Arm64 => image[at + 3] = random.pick(&[0x94, 0x97, 0x92, 0xd6]),
            }
        }
        image.truncate(random.next() as usize % (image.len() + 1));
        let mut end = 0;
        for site in calls(arch, &image, round) {
            match site {
                Ok(site) => {
                    let offset = (site.address - round) as usize;
                    assert!(offset >= end, "{image:02x?}");
                    end = offset + site.form.len();
                    let len = site.form.len();
                    let code = &image[offset..offset + len];
                    assert_eq!(oracle(site.form, code, site.address), site.target);
                    found += 1;
                }
                Err(error) => assert!(error.offset <= image.len(), "{image:02x?}"),
            }
        }
    }
    assert!(found > 100_000, "{found}");
}

const FORMS: [(Arch, CallForm); 3] = [
    (Arch::X86_64, CallForm::Rel32),
    (Arch::Arm64, CallForm::Bl),
    (Arch::Arm64, CallForm::MovBlr),
];

fn site(form: CallForm, address: u64, target: u64) -> CallSite {
    CallSite {
        address,
        target,
        form,
        around: Around::default(),
    }
}

#[test]
fn the_edges_of_reach() {
    const GIB2: i64 = 1 << 31;
    const MIB128: i64 = 1 << 27;
    let to = |form, distance| {
        let base = match form {
            CallForm::Rel32 => X86_BASE,
            CallForm::Bl | CallForm::MovBlr => ARM_BASE,
        };
        site(form, base, base)
            .retarget(base.wrapping_add_signed(distance))
            .map(|_| ())
    };
    let beyond = |distance| Err(ReachError::OutOfReach { distance });
    // From the end of the call, five bytes on.
    assert_eq!(to(CallForm::Rel32, 5 - GIB2), Ok(()));
    assert_eq!(to(CallForm::Rel32, 5 - GIB2 - 1), beyond(-GIB2 - 1));
    assert_eq!(to(CallForm::Rel32, 5 + GIB2 - 1), Ok(()));
    assert_eq!(to(CallForm::Rel32, 5 + GIB2), beyond(GIB2));
    assert_eq!(to(CallForm::Bl, -MIB128), Ok(()));
    assert_eq!(to(CallForm::Bl, -MIB128 - 4), beyond(-MIB128 - 4));
    assert_eq!(to(CallForm::Bl, MIB128 - 4), Ok(()));
    assert_eq!(to(CallForm::Bl, MIB128), beyond(MIB128));
    for form in [CallForm::Bl, CallForm::MovBlr] {
        let address = ARM_BASE + 2;
        assert_eq!(to(form, 2), Err(ReachError::Misaligned { address }));
    }
    let lowest = 0xffff_0000_0000_0000_u64;
    let distance = lowest.wrapping_sub(ARM_BASE) as i64;
    assert_eq!(to(CallForm::MovBlr, distance), Ok(()));
    assert_eq!(to(CallForm::MovBlr, distance - 4), beyond(distance - 4));
}

/// The target of the only call in `code`, as an independent disassembler tells it.
fn oracle(form: CallForm, code: &[u8], address: u64) -> u64 {
    if form == CallForm::Rel32 {
        let insn = Decoder::with_ip(64, code, address, DecoderOptions::NONE).decode();
        assert_eq!((insn.mnemonic(), insn.len()), (Mnemonic::Call, code.len()));
        return insn.near_branch_target();
    }
    let insns: Vec<_> = code
        .chunks(4)
        .map(|word| {
            let insn = InstDecoder::default().decode(&mut U8Reader::new(word));
            insn.unwrap_or_else(|error| panic!("{word:02x?}: {error}"))
        })
        .collect();
    if form == CallForm::Bl {
        let [insn] = insns[..] else {
            panic!("{code:02x?}")
        };
        let (Opcode::BL, Operand::PCOffset(offset)) = (insn.opcode, insn.operands[0]) else {
            panic!("{insn}");
        };
        return address.wrapping_add_signed(offset);
    }
    let text: Vec<_> = insns.iter().map(|insn| insn.to_string()).collect();
    let [mov, movk_16, movk_32, blr] = &text[..] else {
        panic!("{text:?}");
    };
    assert_eq!(blr, "blr x10");
    // As objdump does, the disassembler prints movn as a mov of the value.
    let number = |text: &str, end: &str| {
        let number = text
            .strip_suffix(end)
            .and_then(|text| text.split_once("x10, #0x"));
        let (_, number) = number.unwrap_or_else(|| panic!("{text}"));
        u64::from_str_radix(number, 16).unwrap()
    };
    let low = number(mov, "");
    let kept = low & !0xffff_ffff_0000;
    kept | number(movk_16, ", lsl #16") << 16 | number(movk_32, ", lsl #32") << 32
}

/// decode(encode(x)) is x, and the disassembler agrees with both.
#[test]
fn random_calls_are_encoded_and_decoded_to_what_they_are() {
    let mut random = Random(0x0123_4567_89ab_cdef);
    let mut out_of_reach = 0;
    for round in 0..200_000 {
        let (arch, form) = FORMS[round % FORMS.len()];
        let align = if form == CallForm::Rel32 { 1 } else { 4 };
        let address = (0xffff << 48 | random.next()) & !(align - 1);
        // As far as the form reaches, about, so that both sides of the edge are tried.
        let shift = random.pick(match form {
            CallForm::Rel32 => &[31, 32, 40, 60],
            CallForm::Bl => &[35, 36, 40, 60],
            CallForm::MovBlr => &[14, 15, 16, 40],
        });
        let distance = random.next() as i64 >> shift;
        let target = address.wrapping_add_signed(distance) & !(align - 1);
        let Ok(patch) = site(form, address, address).retarget(target) else {
            let next = address + if form == CallForm::Rel32 { 5 } else { 0 };
            let distance = target.wrapping_sub(next) as i64;
            let reached = match form {
                CallForm::Rel32 => i32::try_from(distance).is_ok(),
                CallForm::Bl => (-1 << 27..1 << 27).contains(&distance),
                CallForm::MovBlr => target >> 48 == 0xffff,
            };
            assert!(!reached, "{form:?} at {address:#x} to {target:#x}");
            out_of_reach += 1;
            continue;
        };
        let code = patch.new_bytes();
        assert_eq!(code.len(), form.len());
        assert_eq!(oracle(form, code, address), target, "{code:02x?}");
        let expected = site(form, address, target);
        assert_eq!(sites(arch, code, address), Ok(vec![expected]));
    }
    assert!(out_of_reach > 10_000, "{out_of_reach}");
}

#[test]
fn a_call_sent_elsewhere_is_a_call_to_there() {
    let mut image = [0x90, 0x55, 0xe8, 0xf9, 0xff, 0xff, 0xff, 0xc9, 0xc3];
    let before = image;
    let found = sites(Arch::X86_64, &image, X86_BASE).unwrap();
    assert_eq!(found, [site(CallForm::Rel32, X86_BASE + 2, X86_BASE)]);
    let stub = X86_BASE + 0x1000;
    let patch = found[0].retarget(stub).unwrap();
    assert_eq!(patch.address(), X86_BASE + 2);
    assert_eq!(patch.old(), [0xe8, 0xf9, 0xff, 0xff, 0xff]);
    assert_eq!(patch.new_bytes(), [0xe8, 0xf9, 0x0f, 0x00, 0x00]);
    assert_eq!(patch.apply(&mut image, X86_BASE), Ok(()));
    let found = sites(Arch::X86_64, &image, X86_BASE).unwrap();
    assert_eq!(found, [site(CallForm::Rel32, X86_BASE + 2, stub)]);
    assert_eq!(patch.reversed().apply(&mut image, X86_BASE), Ok(()));
    assert_eq!(image, before);
}
