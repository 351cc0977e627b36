// SPDX-License-Identifier: MIT OR Apache-2.0

//! Tables of stubs. The bytes are what the GNU assembler makes of the same instructions:
//!
//! ```text
//! as stub.s -o stub.o
//! ld -e 0 --defsym slot=SLOT --defsym body=BODY -Ttext=ADDRESS stub.o -o stub.elf
//! objdump -dw stub.elf
//! ```
//!
//! The text beside them is what iced-x86 and yaxpeax-arm make of the bytes; to the latter `bti c` is `hint #0x22`.

use iced_x86::{Formatter, GasFormatter};
use kfunc_abi::call::{Arch, ArgPlace};
use verifier_fixup::text::stub::{
    encode, pool_arguments, stub_len, ArgRegisters, Implicit, Reach, Stub, Value,
};
use Value::{Address, CallSite, Constant, Slot};

use crate::disassembled::{arm_insns, x86_insns};
use crate::{arguments, ARM, X86};

/// An instruction: its bytes, and its text.
type Row<'a> = (&'a [u8], &'a str);

/// The stub has these instructions, and behind them only what fills it up.
fn assert_is(arch: Arch, stub: Stub<'_>, rows: &[Row<'_>]) {
    let code = encode(arch, &stub).unwrap();
    assert_eq!(
        code.bytes().len(),
        stub_len(arch, stub.reach, stub.implicit)
    );
    let listing = listing(arch, code.bytes(), stub.address);
    let listing: Vec<_> = listing
        .iter()
        .map(|(bytes, text)| (&bytes[..], text.as_str()))
        .collect();
    let (insns, padding) = listing.split_at(rows.len());
    assert_eq!(insns, rows);
    let trap: Row<'_> = match arch {
        Arch::X86_64 => (&[0xcc], "int3"),
        Arch::Arm64 => (&[0x00, 0x00, 0x20, 0xd4], "brk #0x0"),
    };
    assert!(padding.iter().all(|insn| *insn == trap), "{padding:x?}");
}

/// Bytes and text of each instruction.
fn listing(arch: Arch, code: &[u8], address: u64) -> Vec<(Vec<u8>, String)> {
    match arch {
        Arch::X86_64 => {
            let mut formatter = GasFormatter::new();
            let options = formatter.options_mut();
            options.set_rip_relative_addresses(true);
            options.set_uppercase_hex(false);
            let lines = x86_insns(code, address).map(|insn| {
                let mut text = String::new();
                formatter.format(&insn, &mut text);
                let start = insn.ip().wrapping_sub(address) as usize;
                (code[start..start + insn.len()].to_vec(), text)
            });
            lines.collect()
        }
        Arch::Arm64 => arm_insns(code)
            .map(|(word, insn)| (word.to_vec(), insn.to_string()))
            .collect(),
    }
}

fn assert_is_of_arm64(stub: Stub<'_>, rows: &[(u32, &str)]) {
    let words: Vec<_> = rows.iter().map(|(word, _)| word.to_le_bytes()).collect();
    let rows = words.iter().zip(rows);
    let rows: Vec<Row<'_>> = rows.map(|(word, (_, text))| (&word[..], *text)).collect();
    assert_is(Arch::Arm64, stub, &rows);
}

/// As in a module's pool.
fn pool(arch: Arch, explicit: usize, count: usize) -> Vec<Implicit> {
    let arguments: Result<_, _> = pool_arguments(arch, explicit, count, 0).collect();
    arguments.unwrap()
}

#[test]
#[rustfmt::skip]
fn stubs_of_pools_of_x86_64() {
    let stub = Stub {
        implicit: &pool(Arch::X86_64, 0, 1),
        registers: ArgRegisters::OfBpf,
        ..X86
    };
    assert_is(Arch::X86_64, stub, &[
        (&[0xf3, 0x0f, 0x1e, 0xfa], "endbr64"),
        (&[0x48, 0x8b, 0x3d, 0xe5, 0x5f, 0x00, 0x00], "mov 0x5fe5(%rip),%rdi"), // slot
        (&[0xe9, 0xf0, 0xef, 0xff, 0xff], "jmp 0xffffffffc00ff000"), // body
    ]);
    let stub = Stub {
        address: X86.address + 16,
        slot: X86.slot + 8,
        implicit: &pool(Arch::X86_64, 1, 4),
        registers: ArgRegisters::OfBpf,
        ..X86
    };
    assert_is(Arch::X86_64, stub, &[
        (&[0xf3, 0x0f, 0x1e, 0xfa], "endbr64"),
        (&[0x48, 0x8b, 0x35, 0xdd, 0x5f, 0x00, 0x00], "mov 0x5fdd(%rip),%rsi"), // slot+8
        (&[0x48, 0x8b, 0x15, 0xde, 0x5f, 0x00, 0x00], "mov 0x5fde(%rip),%rdx"), // slot+16
        (&[0x48, 0x8b, 0x0d, 0xdf, 0x5f, 0x00, 0x00], "mov 0x5fdf(%rip),%rcx"), // slot+24
        (&[0x4c, 0x8b, 0x05, 0xe0, 0x5f, 0x00, 0x00], "mov 0x5fe0(%rip),%r8"), // slot+32
        (&[0xe9, 0xcb, 0xef, 0xff, 0xff], "jmp 0xffffffffc00ff000"), // body
    ]);
}

#[test]
#[rustfmt::skip]
fn stubs_of_x86_64_with_constants() {
    let values = [0, 1 << 31, !0, 0xffff_ffff_7fff_ffff, 0xffff_ffff, !0 << 31].map(Constant);
    let stub = Stub { implicit: &arguments(Arch::X86_64, 0, &values), ..X86 };
    assert_is(Arch::X86_64, stub, &[
        (&[0xf3, 0x0f, 0x1e, 0xfa], "endbr64"),
        (&[0xbf, 0x00, 0x00, 0x00, 0x00], "mov $0,%edi"),
        (&[0xbe, 0x00, 0x00, 0x00, 0x80], "mov $0x80000000,%esi"),
        (&[0x48, 0xc7, 0xc2, 0xff, 0xff, 0xff, 0xff], "mov $0xffffffffffffffff,%rdx"),
        (&[0x48, 0xb9, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff], "movabs $0xffffffff7fffffff,%rcx"),
        (&[0x41, 0xb8, 0xff, 0xff, 0xff, 0xff], "mov $0xffffffff,%r8d"),
        (&[0x49, 0xc7, 0xc1, 0x00, 0x00, 0x00, 0x80], "mov $0xffffffff80000000,%r9"),
        (&[0xe9, 0xcf, 0xef, 0xff, 0xff], "jmp 0xffffffffc00ff000"),
    ]);
}

#[test]
#[rustfmt::skip]
fn stubs_of_x86_64_with_all_kinds() {
    let slot = X86.slot;
    let values = [Address(slot), Slot(3), CallSite, CallSite, Address(slot - 1)];
    let stub = Stub {
        address: X86.address + 0x40,
        implicit: &arguments(Arch::X86_64, 1, &values),
        ..X86
    };
    assert_is(Arch::X86_64, stub, &[
        (&[0xf3, 0x0f, 0x1e, 0xfa], "endbr64"),
        (&[0x48, 0x8d, 0x35, 0xa5, 0x5f, 0x00, 0x00], "lea 0x5fa5(%rip),%rsi"), // slot
        (&[0x48, 0x8b, 0x15, 0xb6, 0x5f, 0x00, 0x00], "mov 0x5fb6(%rip),%rdx"), // slot+24
        (&[0x48, 0x8b, 0x0c, 0x24], "mov (%rsp),%rcx"),
        (&[0x4c, 0x8b, 0x04, 0x24], "mov (%rsp),%r8"),
        (&[0x4c, 0x8d, 0x0d, 0x8e, 0x5f, 0x00, 0x00], "lea 0x5f8e(%rip),%r9"), // slot-1
        (&[0xe9, 0x9a, 0xef, 0xff, 0xff], "jmp 0xffffffffc00ff000"),
    ]);
}

#[test]
#[rustfmt::skip]
fn stubs_of_pools_of_arm64() {
    let stub = Stub {
        implicit: &pool(Arch::Arm64, 0, 1),
        registers: ArgRegisters::OfBpf,
        ..ARM
    };
    assert_is_of_arm64(stub, &[
        (0xd503_245f, "hint #0x22"),
        (0xb000_0830, "adrp x16, $+0x105000"), // slot
        (0xf947_fa00, "ldr x0, [x16, #0xff0]"), // :lo12:slot
        (0x17ff_fbfd, "b $-0x100c"), // body
    ]);
    let stub = Stub {
        address: ARM.address + 16,
        slot: ARM.slot + 8,
        implicit: &pool(Arch::Arm64, 3, 2),
        registers: ArgRegisters::OfBpf,
        ..ARM
    };
    assert_is_of_arm64(stub, &[
        (0xd503_245f, "hint #0x22"),
        (0xb000_0830, "adrp x16, $+0x105000"), // slot+8
        (0xf947_fe03, "ldr x3, [x16, #0xff8]"), // :lo12:slot+8
        (0xd000_0830, "adrp x16, $+0x106000"), // slot+16
        (0xf940_0204, "ldr x4, [x16]"), // :lo12:slot+16
        (0x17ff_fbf7, "b $-0x1024"), // body
    ]);
}

#[test]
#[rustfmt::skip]
fn stubs_of_arm64_with_constants() {
    let values = [
        0,
        !0,
        0xffff,
        !0xedcb,
        0x1234 << 48,
        0x1234_0000_5678,
        !0 << 31,
        0x1122_3344_5566_7788,
    ];
    let stub = Stub {
        implicit: &arguments(Arch::Arm64, 0, &values.map(Constant)),
        ..ARM
    };
    assert_is_of_arm64(stub, &[
        (0xd503_245f, "hint #0x22"),
        (0xd280_0000, "mov x0, #0x0"),
        (0x9280_0001, "mov x1, #0xffffffffffffffff"),
        (0xd29f_ffe2, "mov x2, #0xffff"),
        (0x929d_b963, "mov x3, #0xffffffffffff1234"),
        (0xd2e2_4684, "mov x4, #0x1234000000000000"),
        (0xd28a_cf05, "mov x5, #0x5678"),
        (0xf2c2_4685, "movk x5, #0x1234, lsl #32"),
        (0x929f_ffe6, "mov x6, #0xffffffffffff0000"), // movn x6, #0xffff
        (0xf2b0_0006, "movk x6, #0x8000, lsl #16"),
        (0xd28e_f107, "mov x7, #0x7788"),
        (0xf2aa_acc7, "movk x7, #0x5566, lsl #16"),
        (0xf2c6_6887, "movk x7, #0x3344, lsl #32"),
        (0xf2e2_2447, "movk x7, #0x1122, lsl #48"),
        (0x17ff_fbf2, "b $-0x1038"),
    ]);
}

#[test]
#[rustfmt::skip]
fn stubs_of_arm64_with_all_kinds() {
    let stub = Stub {
        address: ARM.address + 0x40,
        implicit: &arguments(Arch::Arm64, 1, &[Address(ARM.slot), Slot(3), CallSite]),
        ..ARM
    };
    assert_is_of_arm64(stub, &[
        (0xd503_245f, "hint #0x22"),
        (0xb000_0821, "adrp x1, $+0x105000"), // slot
        (0x913f_c021, "add x1, x1, #0xff0"), // :lo12:slot
        (0xd000_0830, "adrp x16, $+0x106000"), // slot+24
        (0xf940_0602, "ldr x2, [x16, #0x8]"), // :lo12:slot+24
        (0xaa1e_03e3, "mov x3, x30"),
        (0x17ff_fbea, "b $-0x1058"),
    ]);
    let slot = ARM.address + 0x5ff0;
    let values = [Address(slot), Slot(3), CallSite, Address(slot - 1)];
    let stub = Stub {
        address: ARM.address + 0x60,
        slot,
        implicit: &arguments(Arch::Arm64, 1, &values),
        reach: Reach::Near,
        ..ARM
    };
    assert_is_of_arm64(stub, &[
        (0xd503_245f, "hint #0x22"),
        (0x1002_fc61, "adr x1, $+0x5f8c"), // slot
        (0x5802_fd02, "ldr x2, $+0x5fa0"), // slot+24
        (0xaa1e_03e3, "mov x3, x30"),
        (0x7002_fbe4, "adr x4, $+0x5f7f"), // slot-1
        (0x17ff_fbe3, "b $-0x1074"),
    ]);
}

#[test]
#[rustfmt::skip]
fn an_argument_of_two_words_is_two_loads() {
    let pair = |low, high| Implicit {
        argument: 1,
        place: ArgPlace::Pair(low, high),
        value: Slot(1),
    };
    let stub = Stub { implicit: &[pair(6, 2)], ..X86 };
    assert_is(Arch::X86_64, stub, &[
        (&[0xf3, 0x0f, 0x1e, 0xfa], "endbr64"),
        (&[0x48, 0x8b, 0x35, 0xed, 0x5f, 0x00, 0x00], "mov 0x5fed(%rip),%rsi"), // slot+8
        (&[0x48, 0x8b, 0x15, 0xee, 0x5f, 0x00, 0x00], "mov 0x5fee(%rip),%rdx"), // slot+16
        (&[0xe9, 0xe9, 0xef, 0xff, 0xff], "jmp 0xffffffffc00ff000"),
    ]);
    let stub = Stub { implicit: &[pair(2, 3)], ..ARM };
    assert_is_of_arm64(stub, &[
        (0xd503_245f, "hint #0x22"),
        (0xb000_0830, "adrp x16, $+0x105000"), // slot+8
        (0xf947_fe02, "ldr x2, [x16, #0xff8]"), // :lo12:slot+8
        (0xd000_0830, "adrp x16, $+0x106000"), // slot+16
        (0xf940_0203, "ldr x3, [x16]"), // :lo12:slot+16
        (0x17ff_fbfb, "b $-0x1014"),
    ]);
}
