// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the code of a stub does, as independent disassemblers read it: iced-x86 and yaxpeax-arm.

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Register};
use kfunc_abi::call::Arch;
use yaxpeax_arch::{Decoder as _, U8Reader};
use yaxpeax_arm::armv8::a64::{self, InstDecoder, Opcode, Operand, ShiftStyle, SizeCode};

/// What an instruction does; on arm64, two or more that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// An indirect call may come here.
    LandingPad,
    /// A register gets the eight bytes at an address.
    Load { register: u8, address: u64 },
    /// A register gets an address.
    Address { register: u8, address: u64 },
    /// A register gets a constant.
    Constant { register: u8, value: u64 },
    /// A register gets the return address of a call that has just been made.
    ReturnAddress { register: u8 },
    /// Goes on elsewhere.
    Jump { target: u64 },
    /// Goes nowhere.
    Trap,
}

/// What the code at `address` does.
///
/// # Panics
///
/// It has an instruction that no stub has, or its last one is cut off.
pub(crate) fn effects(arch: Arch, code: &[u8], address: u64) -> Vec<Effect> {
    match arch {
        Arch::X86_64 => x86_insns(code, address)
            .map(|insn| x86_effect(&insn))
            .collect(),
        Arch::Arm64 => arm_effects(code, address),
    }
}

/// The instructions at `address`.
pub(crate) fn x86_insns(code: &[u8], address: u64) -> impl Iterator<Item = Instruction> + '_ {
    let mut decoder = Decoder::with_ip(64, code, address, DecoderOptions::NONE);
    std::iter::from_fn(move || decoder.can_decode().then(|| decoder.decode()))
}

fn x86_effect(insn: &Instruction) -> Effect {
    // The 64-bit name of a 32-bit register, too: what writes that clears the other half.
    let register = || insn.op0_register().full_register().number() as u8;
    let from_memory = |base| insn.memory_base() == base && insn.memory_index() == Register::None;
    match insn.code() {
        Code::Endbr64 => Effect::LandingPad,
        Code::Mov_r64_rm64 if from_memory(Register::RIP) => Effect::Load {
            register: register(),
            address: insn.ip_rel_memory_address(),
        },
        Code::Mov_r64_rm64 if from_memory(Register::RSP) && insn.memory_displacement64() == 0 => {
            Effect::ReturnAddress {
                register: register(),
            }
        }
        Code::Lea_r64_m if from_memory(Register::RIP) => Effect::Address {
            register: register(),
            address: insn.ip_rel_memory_address(),
        },
        Code::Mov_r32_imm32 | Code::Mov_r64_imm64 | Code::Mov_rm64_imm32 => Effect::Constant {
            register: register(),
            value: insn.immediate(1),
        },
        Code::Jmp_rel32_64 => Effect::Jump {
            target: insn.near_branch_target(),
        },
        Code::Int3 => Effect::Trap,
        _ => panic!("{insn}"),
    }
}

/// The instructions, each with its bytes.
pub(crate) fn arm_insns(code: &[u8]) -> impl Iterator<Item = (&[u8], a64::Instruction)> {
    code.chunks(4).map(|word| {
        let insn = InstDecoder::default().decode(&mut U8Reader::new(word));
        let insn = insn.unwrap_or_else(|error| panic!("{word:02x?}: {error}"));
        (word, insn)
    })
}

fn arm_effects(code: &[u8], address: u64) -> Vec<Effect> {
    const X16: u16 = 16;
    const PAGE: u64 = 0xfff;
    const BTI_C: &str = "hint #0x22";
    use Operand::{
        ImmShift, Immediate, Nothing, PCOffset, RegPreIndex, RegShift, Register, RegisterOrSP,
    };
    let mut effects = Vec::new();
    // What `adrp` left, for the next instruction.
    let mut page = None;
    for ((_, insn), pc) in arm_insns(code).zip((address..).step_by(4)) {
        let pc_relative = |from: u64, offset| from.wrapping_add_signed(offset);
        let register = |number| number as u8;
        let before = page.take();
        let effect = match (insn.opcode, insn.operands) {
            (Opcode::HINT, _) if insn.to_string() == BTI_C => Effect::LandingPad,
            (Opcode::ADRP, [Register(SizeCode::X, to), PCOffset(offset), Nothing, Nothing]) => {
                page = Some((to, pc_relative(pc & !PAGE, offset)));
                continue;
            }
            (
                Opcode::LDR,
                [Register(SizeCode::X, to), RegPreIndex(X16, offset, false), Nothing, Nothing],
            ) => match before {
                Some((X16, page)) => Effect::Load {
                    register: register(to),
                    address: pc_relative(page, offset.into()),
                },
                _ => panic!("{insn} without adrp x16"),
            },
            (Opcode::LDR, [Register(SizeCode::X, to), PCOffset(offset), Nothing, Nothing]) => {
                Effect::Load {
                    register: register(to),
                    address: pc_relative(pc, offset),
                }
            }
            (
                Opcode::ADD,
                [RegisterOrSP(SizeCode::X, to), RegisterOrSP(SizeCode::X, from), Immediate(offset), Nothing],
            ) => match before {
                Some((base, page)) if (base, base) == (to, from) => Effect::Address {
                    register: register(to),
                    address: page.wrapping_add(offset.into()),
                },
                _ => panic!("{insn} without adrp x{to}"),
            },
            (Opcode::ADR, [Register(SizeCode::X, to), PCOffset(offset), Nothing, Nothing]) => {
                Effect::Address {
                    register: register(to),
                    address: pc_relative(pc, offset),
                }
            }
            (
                Opcode::MOVZ | Opcode::MOVN,
                [Register(SizeCode::X, to), ImmShift(part, shift), Nothing, Nothing],
            ) => {
                let value = u64::from(part) << shift;
                let inverted = insn.opcode == Opcode::MOVN;
                Effect::Constant {
                    register: register(to),
                    value: if inverted { !value } else { value },
                }
            }
            (
                Opcode::MOVK,
                [Register(SizeCode::X, to), ImmShift(part, shift), Nothing, Nothing],
            ) => match effects.pop() {
                Some(Effect::Constant {
                    register: same,
                    value,
                }) if same == register(to) => Effect::Constant {
                    register: same,
                    value: value & !(0xffff << shift) | u64::from(part) << shift,
                },
                _ => panic!("{insn} without mov x{to}"),
            },
            (
                Opcode::ORR,
                [Register(SizeCode::X, to), Register(SizeCode::X, 31), RegShift(ShiftStyle::LSL, 0, SizeCode::X, 30), Nothing],
            ) => Effect::ReturnAddress {
                register: register(to),
            },
            (Opcode::B, [PCOffset(offset), Nothing, Nothing, Nothing]) => Effect::Jump {
                target: pc_relative(pc, offset),
            },
            (Opcode::BRK, _) => Effect::Trap,
            _ => panic!("{insn}"),
        };
        assert!(before.is_none() || matches!(effect, Effect::Load { .. } | Effect::Address { .. }));
        effects.push(effect);
    }
    assert!(page.is_none());
    effects
}
