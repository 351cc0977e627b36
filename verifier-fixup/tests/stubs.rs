// SPDX-License-Identifier: MIT OR Apache-2.0

//! Stub encodings, compared with what the GNU assembler makes of the same text:
//!
//! ```text
//! as stub.s -o stub.o
//! ld -e 0 --defsym slot=SLOT --defsym body=BODY -Ttext=ADDRESS stub.o -o stub.elf
//! objdump -d stub.elf
//! ```

use kfunc_abi::call::Arch;
use verifier_fixup::text::{encode, stub_len, Stub, StubError, STUB_ALIGN};

const X86: Stub = Stub {
    address: 0xffff_ffff_c010_0000,
    slot: 0xffff_ffff_c010_5ff0,
    body: 0xffff_ffff_c00f_f000,
    explicit: 0,
    implicit: 1,
};

const ARM: Stub = Stub {
    address: 0xffff_8000_7910_0000,
    slot: 0xffff_8000_7920_5ff0,
    body: 0xffff_8000_790f_f000,
    explicit: 0,
    implicit: 1,
};

fn code(arch: Arch, stub: Stub) -> Result<Vec<u8>, StubError> {
    encode(arch, &stub).map(|code| code.bytes().to_vec())
}

#[test]
fn x86_64_stubs_are_what_the_assembler_makes() {
    #[rustfmt::skip]
    let one = [
        0xf3, 0x0f, 0x1e, 0xfa,                   // endbr64
        0x48, 0x8b, 0x3d, 0xe5, 0x5f, 0x00, 0x00, // mov slot(%rip), %rdi
        0xe9, 0xf0, 0xef, 0xff, 0xff,             // jmp body
    ];
    assert_eq!(code(Arch::X86_64, X86), Ok(one.to_vec()));
    #[rustfmt::skip]
    let mut four = vec![
        0xf3, 0x0f, 0x1e, 0xfa,                   // endbr64
        0x48, 0x8b, 0x35, 0xdd, 0x5f, 0x00, 0x00, // mov slot+8(%rip), %rsi
        0x48, 0x8b, 0x15, 0xde, 0x5f, 0x00, 0x00, // mov slot+16(%rip), %rdx
        0x48, 0x8b, 0x0d, 0xdf, 0x5f, 0x00, 0x00, // mov slot+24(%rip), %rcx
        0x4c, 0x8b, 0x05, 0xe0, 0x5f, 0x00, 0x00, // mov slot+32(%rip), %r8
        0xe9, 0xcb, 0xef, 0xff, 0xff,             // jmp body
    ];
    four.resize(48, 0xcc); // int3
    let stub = Stub {
        address: X86.address + 16,
        slot: X86.slot + 8,
        explicit: 1,
        implicit: 4,
        ..X86
    };
    assert_eq!(code(Arch::X86_64, stub), Ok(four));
}

#[test]
fn arm64_stubs_are_what_the_assembler_makes() {
    let bytes = |insns: &[u32]| {
        insns
            .iter()
            .flat_map(|insn| insn.to_le_bytes())
            .collect::<Vec<_>>()
    };
    #[rustfmt::skip]
    let one = [
        0xd503_245f, // bti c
        0xb000_0830, // adrp x16, slot
        0xf947_fa00, // ldr x0, [x16, :lo12:slot]
        0x17ff_fbfd, // b body
    ];
    assert_eq!(code(Arch::Arm64, ARM), Ok(bytes(&one)));
    #[rustfmt::skip]
    let two = [
        0xd503_245f, // bti c
        0xb000_0830, // adrp x16, slot+8
        0xf947_fe03, // ldr x3, [x16, :lo12:slot+8]
        0xd000_0830, // adrp x16, slot+16
        0xf940_0204, // ldr x4, [x16, :lo12:slot+16]
        0x17ff_fbf7, // b body
        0xd420_0000, // brk #0
        0xd420_0000, // brk #0
    ];
    let stub = Stub {
        address: ARM.address + 16,
        slot: ARM.slot + 8,
        explicit: 3,
        implicit: 2,
        ..ARM
    };
    assert_eq!(code(Arch::Arm64, stub), Ok(bytes(&two)));
}

#[test]
fn every_stub_has_the_length_that_is_told() {
    for (arch, stub) in [(Arch::X86_64, X86), (Arch::Arm64, ARM)] {
        for implicit in 1..=5 {
            let code = code(arch, Stub { implicit, ..stub }).unwrap();
            assert_eq!(code.len(), stub_len(arch, implicit));
            assert_eq!(code.len() % STUB_ALIGN, 0);
        }
    }
}

#[test]
fn what_cannot_be_encoded_is_refused() {
    for (arch, stub) in [(Arch::X86_64, X86), (Arch::Arm64, ARM)] {
        let no_register = Stub {
            explicit: 4,
            implicit: 2,
            ..stub
        };
        assert_eq!(
            code(arch, no_register),
            Err(StubError::NoRegister { argument: 5 })
        );
        let far = |address: u64| address.wrapping_add(1 << 40);
        for stub in [
            Stub {
                slot: far(stub.slot),
                ..stub
            },
            Stub {
                body: far(stub.body),
                ..stub
            },
        ] {
            assert!(matches!(
                code(arch, stub),
                Err(StubError::OutOfReach { .. })
            ));
        }
    }
    let misaligned = Stub {
        slot: ARM.slot + 4,
        ..ARM
    };
    let address = misaligned.slot;
    assert_eq!(
        code(Arch::Arm64, misaligned),
        Err(StubError::Misaligned { address })
    );
}

#[test]
fn the_last_byte_in_reach_is_reached() {
    // From the end of the jump, 16 bytes into the stub.
    let edge = Stub {
        body: X86.address.wrapping_add(16).wrapping_sub(1 << 31),
        ..X86
    };
    assert!(code(Arch::X86_64, edge).is_ok());
    let beyond = Stub {
        body: edge.body - 1,
        ..edge
    };
    let distance = -(1_i64 << 31) - 1;
    assert_eq!(
        code(Arch::X86_64, beyond),
        Err(StubError::OutOfReach { distance })
    );

    // From the jump, 12 bytes into the stub.
    let edge = Stub {
        body: ARM.address + 12 - (1 << 27),
        ..ARM
    };
    assert!(code(Arch::Arm64, edge).is_ok());
    let beyond = Stub {
        body: edge.body - 4,
        ..edge
    };
    let distance = -(1_i64 << 27) - 4;
    assert_eq!(
        code(Arch::Arm64, beyond),
        Err(StubError::OutOfReach { distance })
    );
}
