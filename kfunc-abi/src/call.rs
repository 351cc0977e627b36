// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which registers carry arguments.
//!
//! Both JITs keep BPF's R1–R5 in the registers of the C calling convention, so one table serves the
//! BPF program and the body of the kfunc (`reg2hex` of `arch/x86/net/bpf_jit_comp.c`, `bpf2a64` of
//! `arch/arm64/net/bpf_jit_comp.c`).

/// `MAX_BPF_FUNC_REG_ARGS` of `include/linux/bpf.h`: arguments that a BPF call passes in registers.
pub const MAX_REGISTER_ARGS: usize = 5;

/// The arches that kfuncs with implicit arguments are built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// x86-64.
    X86_64,
    /// 64-bit Arm.
    Arm64,
}

impl Arch {
    /// The hardware number of the register of argument `index`, counted from 0: `rdi` is 7, `x0` is 0.
    /// None for an argument that a BPF call does not pass in a register.
    pub const fn argument_register(self, index: usize) -> Option<u8> {
        let number = match (self, index) {
            (Self::X86_64, 0) => 7, // rdi
            (Self::X86_64, 1) => 6, // rsi
            (Self::X86_64, 2) => 2, // rdx
            (Self::X86_64, 3) => 1, // rcx
            (Self::X86_64, 4) => 8, // r8
            (Self::Arm64, 0..MAX_REGISTER_ARGS) => index as u8,
            _ => return None,
        };
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_five_arguments_have_a_register() {
        for arch in [Arch::X86_64, Arch::Arm64] {
            assert!((0..MAX_REGISTER_ARGS).all(|index| arch.argument_register(index).is_some()));
            assert_eq!(arch.argument_register(MAX_REGISTER_ARGS), None);
        }
    }
}
