// SPDX-License-Identifier: MIT OR Apache-2.0

//! BPF instructions, as the kernel keeps them (`struct bpf_insn` of `include/uapi/linux/bpf.h`).
//!
//! Three kinds of instruction name another one by its distance, counted from the one after them:
//!
//! ```text
//!   jump                 off, 16 bits; imm, 32 bits, in gotol alone
//!   subprogram call      imm
//!   callback reference   imm of the first half of an ld_imm64 pair
//! ```

/// Bytes of an instruction. An ld_imm64 takes two.
pub const INSN_LEN: usize = 8;

/// An operation code: class in bits 0–2, operand from a register in bit 3, operation in bits 4–7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Code(pub u8);

impl Code {
    /// First half of a load of 64 bits, `BPF_LD | BPF_IMM | BPF_DW`. The code of the second half is 0.
    pub const LD_IMM64: Self = Self(0x18);
    /// `BPF_JMP | BPF_CALL`; the source register tells of what.
    pub const CALL: Self = Self(0x85);
    /// `BPF_JMP | BPF_EXIT`.
    pub const EXIT: Self = Self(0x95);
    /// A jump without condition, `BPF_JMP | BPF_JA`.
    pub const GOTO: Self = Self(0x05);
    /// The same with a distance of 32 bits, `BPF_JMP32 | BPF_JA`.
    pub const GOTOL: Self = Self(0x06);
    /// A jump to where a register points, `BPF_JMP | BPF_JA | BPF_X`.
    pub const GOTOX: Self = Self(0x0d);
    /// `may_goto`, `BPF_JMP | BPF_JCOND`.
    pub const MAY_GOTO: Self = Self(0xe5);

    /// Whether it is of one of the two classes of jumps, `BPF_JMP` and `BPF_JMP32`.
    pub const fn is_jump_class(self) -> bool {
        matches!(self.0 & 0x07, 0x05 | 0x06)
    }

    /// The operation of a jump (`BPF_OP`).
    const fn operation(self) -> u8 {
        self.0 & 0xf0
    }
}

/// A register of BPF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reg(pub u8);

impl Reg {
    /// What a call returns.
    pub const R0: Self = Self(0);
    /// The first argument.
    pub const R1: Self = Self(1);
    /// The second argument.
    pub const R2: Self = Self(2);
    /// The third argument.
    pub const R3: Self = Self(3);
    /// The fourth argument.
    pub const R4: Self = Self(4);
    /// The fifth argument.
    pub const R5: Self = Self(5);

    /// What the source register of a call or an ld_imm64 says when it is none (`BPF_PSEUDO_*`).
    pub const NONE: Self = Self(0);
    /// A call of a subprogram (`BPF_PSEUDO_CALL`).
    pub const PSEUDO_CALL: Self = Self(1);
    /// A call of a kfunc (`BPF_PSEUDO_KFUNC_CALL`).
    pub const PSEUDO_KFUNC_CALL: Self = Self(2);
    /// An ld_imm64 of a callback (`BPF_PSEUDO_FUNC`).
    pub const PSEUDO_FUNC: Self = Self(4);
}

/// One instruction. Whether it is one that the kernel accepts is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Insn {
    /// What it does.
    pub code: Code,
    /// Destination in bits 0–3, source in bits 4–7.
    regs: u8,
    /// Distance of a jump, offset of a memory access, or index into a program's file descriptors.
    pub off: i16,
    /// An immediate value.
    pub imm: i32,
}

impl Insn {
    /// An instruction of these parts. Of a register number only the lower four bits count.
    pub const fn new(code: Code, dst: Reg, src: Reg, off: i16, imm: i32) -> Self {
        Self {
            code,
            regs: (dst.0 & 0x0f) | (src.0 << 4),
            off,
            imm,
        }
    }

    /// A jump without condition over `distance` instructions.
    pub const fn goto(distance: i16) -> Self {
        Self::new(Code::GOTO, Reg::R0, Reg::NONE, distance, 0)
    }

    /// Both halves of a load of 64 bits.
    pub const fn ld_imm64(dst: Reg, value: u64) -> [Self; 2] {
        let (low, high) = (value as i32, (value >> 32) as i32);
        [
            Self::new(Code::LD_IMM64, dst, Reg::NONE, 0, low),
            Self::new(Code(0), Reg::R0, Reg::NONE, 0, high),
        ]
    }

    /// Reads an instruction as x86-64 and arm64 keep it.
    pub const fn from_le_bytes(bytes: [u8; INSN_LEN]) -> Self {
        let [code, regs, off @ .., a, b, c, d] = bytes;
        Self {
            code: Code(code),
            regs,
            off: i16::from_le_bytes(off),
            imm: i32::from_le_bytes([a, b, c, d]),
        }
    }

    /// The instruction as x86-64 and arm64 keep it.
    pub const fn to_le_bytes(self) -> [u8; INSN_LEN] {
        let ([off0, off1], [a, b, c, d]) = (self.off.to_le_bytes(), self.imm.to_le_bytes());
        [self.code.0, self.regs, off0, off1, a, b, c, d]
    }

    /// The destination register.
    pub const fn dst(self) -> Reg {
        Reg(self.regs & 0x0f)
    }

    /// The source register.
    pub const fn src(self) -> Reg {
        Reg(self.regs >> 4)
    }

    /// Whether a kfunc is called. Until the verifier's fixup `imm` is its BTF id, and `off` says of which BTF.
    pub fn is_kfunc_call(self) -> bool {
        self.code == Code::CALL && self.src() == Reg::PSEUDO_KFUNC_CALL
    }

    /// Whether a kfunc with this BTF id is called, of whatever BTF, before the verifier's fixup. No kfunc has id 0.
    pub fn calls_kfunc(self, id: u32) -> bool {
        id != 0 && self.is_kfunc_call() && self.imm as u32 == id
    }

    /// Whether a subprogram is called.
    pub fn is_subprogram_call(self) -> bool {
        self.code == Code::CALL && self.src() == Reg::PSEUDO_CALL
    }

    /// Whether it is the first half of an ld_imm64.
    pub fn is_ld_imm64(self) -> bool {
        self.code == Code::LD_IMM64
    }

    /// Whether it is the first half of an ld_imm64 of a callback.
    pub fn is_callback_reference(self) -> bool {
        self.is_ld_imm64() && self.src() == Reg::PSEUDO_FUNC
    }

    /// How many instructions after the next one the one is that it names; none if it names none.
    ///
    /// The cases are those of `bpf_adj_branches` of `kernel/bpf/core.c`, but for `gotox`, whose `off` is 0.
    pub fn distance(self) -> Option<i32> {
        self.distance_field().map(|field| match field {
            Field::Off => i32::from(self.off),
            Field::Imm => self.imm,
        })
    }

    /// The instruction with another distance; none if that does not fit, or if it has none.
    pub fn with_distance(self, distance: i64) -> Option<Self> {
        Some(match self.distance_field()? {
            Field::Off => Self {
                off: distance.try_into().ok()?,
                ..self
            },
            Field::Imm => Self {
                imm: distance.try_into().ok()?,
                ..self
            },
        })
    }

    fn distance_field(self) -> Option<Field> {
        const CALL: u8 = Code::CALL.operation();
        const EXIT: u8 = Code::EXIT.operation();
        if self.is_callback_reference() {
            return Some(Field::Imm);
        }
        if !self.code.is_jump_class() {
            return None;
        }
        match (self.code, self.code.operation()) {
            (Code::GOTOX, _) | (_, EXIT) => None,
            (_, CALL) => (self.src() == Reg::PSEUDO_CALL).then_some(Field::Imm),
            (Code::GOTOL, _) => Some(Field::Imm),
            _ => Some(Field::Off),
        }
    }
}

/// Where an instruction keeps its distance.
enum Field {
    Off,
    Imm,
}
