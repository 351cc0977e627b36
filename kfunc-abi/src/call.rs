// SPDX-License-Identifier: MIT OR Apache-2.0

//! Where a C function finds its arguments.
//!
//! Both JITs keep BPF's R1–R5 in the registers of the C calling convention, so one table serves the
//! BPF program and the body of the kfunc (`reg2hex` of `arch/x86/net/bpf_jit_comp.c`, `bpf2a64` of
//! `arch/arm64/net/bpf_jit_comp.c`). Those that do not fit are where C has them, too (the stack arguments of 7.2 and later).
//!
//! ```
//! use kfunc_abi::call::{Arch, ArgPlace};
//! use kfunc_abi::model::{ArgModel, FuncModel};
//! # fn main() -> Option<()> {
//! let seven = FuncModel::new(FuncModel::UNKNOWN.returned, &[ArgModel::scalar(8); 7])?;
//! let places = Arch::X86_64.places(&seven).ok()?;
//! // The return address is at the stack pointer, the seventh argument above it.
//! assert_eq!(places.args().last(), Some(&ArgPlace::Stack { offset: 8 }));
//! # Some(())
//! # }
//! # main().unwrap();
//! ```

mod aapcs64;
mod sysv64;

use crate::model::{ArgModel, Class, FuncModel, MAX_ARGS};
use core::fmt;

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

/// Where an argument is when the function is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgPlace {
    /// In the register of this hardware number: `rdi` is 7, `x0` is 0.
    Register(u8),
    /// In two registers: its bytes 0 to 7, and those from 8 on.
    Pair(u8, u8),
    /// On the stack, that many bytes above the stack pointer.
    Stack {
        /// Bytes. On x86-64 the return address has the first eight.
        offset: u32,
    },
}

/// Where the arguments of a function are, and what it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallPlaces {
    args: [ArgPlace; MAX_ARGS],
    count: usize,
    /// The end of the arguments on the stack, in bytes above the stack pointer at the entry.
    pub stack_end: u32,
    /// What is returned, if anything: in one or two registers.
    pub returned: Option<ArgPlace>,
}

/// A function of which nobody can tell where its arguments are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// The argument of this number, from 0, has a floating-point number in it: it is in a vector register.
    Float(usize),
}

impl Arch {
    /// The hardware number of the register of argument `index`, counted from 0: `rdi` is 7, `x0` is 0.
    /// None for an argument that a BPF call does not pass in a register.
    pub const fn argument_register(self, index: usize) -> Option<u8> {
        if index < MAX_REGISTER_ARGS {
            self.c_register(index)
        } else {
            None
        }
    }

    /// The hardware number of register `index` of the C calling convention: six on x86-64, eight on arm64.
    pub const fn c_register(self, index: usize) -> Option<u8> {
        match self {
            Self::X86_64 => sysv64::argument_register(index),
            Self::Arm64 => aapcs64::argument_register(index),
        }
    }

    /// Where a function of `model` finds its arguments.
    ///
    /// The rules are those that the kernel is compiled by: the System V ABI of x86-64, and the Procedure Call
    /// Standard of 64-bit Arm.
    ///
    /// # Errors
    ///
    /// A struct with a floating-point number in it.
    pub fn places(self, model: &FuncModel) -> Result<CallPlaces, CallError> {
        let mut state = State {
            arch: self,
            registers: 0,
            stack: match self {
                Self::X86_64 => sysv64::RETURN_ADDRESS_LEN,
                Self::Arm64 => 0,
            },
        };
        let mut places = CallPlaces {
            args: [ArgPlace::Stack { offset: 0 }; MAX_ARGS],
            count: model.args().len(),
            stack_end: 0,
            returned: self.return_place(model.returned.size),
        };
        for (index, (arg, place)) in model.args().iter().zip(&mut places.args).enumerate() {
            if arg.class == Class::Float {
                return Err(CallError::Float(index));
            }
            *place = match self {
                Self::X86_64 => sysv64::place(&mut state, arg),
                Self::Arm64 => aapcs64::place(&mut state, arg),
            };
        }
        places.stack_end = state.stack;
        Ok(places)
    }

    /// Integers of 16 bytes are returned in two registers.
    fn return_place(self, size: u8) -> Option<ArgPlace> {
        let [low, high] = match self {
            Self::X86_64 => sysv64::RETURN_REGISTERS,
            Self::Arm64 => aapcs64::RETURN_REGISTERS,
        };
        match size {
            0 => None,
            1..=8 => Some(ArgPlace::Register(low)),
            _ => Some(ArgPlace::Pair(low, high)),
        }
    }
}

impl CallPlaces {
    /// Where each argument is.
    pub fn args(&self) -> &[ArgPlace] {
        self.args.get(..self.count).unwrap_or_default()
    }
}

/// What the arguments so far have taken.
struct State {
    arch: Arch,
    /// Argument registers.
    registers: usize,
    /// Bytes above the stack pointer.
    stack: u32,
}

impl State {
    /// The next one or two registers; none if there are too few left.
    fn take_registers(&mut self, words: usize) -> Option<ArgPlace> {
        let low = self.arch.c_register(self.registers)?;
        let place = match words {
            1 => ArgPlace::Register(low),
            _ => ArgPlace::Pair(low, self.arch.c_register(self.registers.saturating_add(1))?),
        };
        self.registers = self.registers.saturating_add(words);
        Some(place)
    }

    /// The next bytes of the stack, with the argument's alignment.
    fn take_stack(&mut self, arg: &ArgModel) -> ArgPlace {
        let alignment = arg.alignment();
        // The alignment counts from the stack pointer before the call.
        let pushed = match self.arch {
            Arch::X86_64 => sysv64::RETURN_ADDRESS_LEN,
            Arch::Arm64 => 0,
        };
        let arguments = self.stack.saturating_sub(pushed);
        let aligned = arguments
            .checked_next_multiple_of(alignment)
            .unwrap_or(u32::MAX);
        let offset = aligned.saturating_add(pushed);
        let len = (words(arg) as u32).saturating_mul(8);
        self.stack = offset.saturating_add(len);
        ArgPlace::Stack { offset }
    }
}

/// How many registers the argument fills: one or two.
fn words(arg: &ArgModel) -> usize {
    if arg.size > 8 {
        2
    } else {
        1
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float(index) => write!(f, "argument {index} holds a floating-point number"),
        }
    }
}

impl core::error::Error for CallError {}
