// SPDX-License-Identifier: MIT OR Apache-2.0

//! The calls in what a JIT made of a program, and what sends one elsewhere.
//!
//! ```text
//!   x86-64: [mov tail_call_cnt_ptr, %rax]   7.3: before calls of subprograms only
//!           [push %r9]                      private stack
//!           [sarq $5, %gs:__x86_call_depth] call depth tracking
//!           call rel32                      ◄── the site
//!           [pop %r9]                       private stack
//!   arm64:  bl target                       ◄── the site, within 128 MiB
//!       or: movn x10; movk x10; movk x10; blr x10
//! ```
//!
//! An image is the code of one function, as `BPF_OBJ_GET_INFO_BY_FD` gives it: `jited_prog_insns` cut by
//! `jited_func_lens`, at the address of `jited_ksyms`. It is read from its begin to its end. On arm64 that is
//! word by word: the image ends before the only datum, the target of the PLT. On x86-64 it takes the length
//! of each instruction, see [`insn`](super::x86_64::insn).
//!
//! What is found are all calls: of kfuncs, of helpers, of subprograms, and of the trampoline of a tracing program
//! that is attached to this one, which takes the place of a nop before the program's own code.
//!
//! Follows `do_jit` of `arch/x86/net/bpf_jit_comp.c`, `emit_call` of `arch/arm64/net/bpf_jit_comp.c`.

use core::fmt;
use core::iter::FusedIterator;

use kfunc_abi::call::Arch;

use super::imm::ReachError;
use super::patch::{TextPatch, MAX_PATCH_LEN};
use super::{arm64, x86_64};

/// A call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallSite {
    /// Address of its first byte, without what is around it.
    pub address: u64,
    /// Address of the function that it calls.
    pub target: u64,
    /// The instructions that it is made of.
    pub form: CallForm,
    /// The instructions around it.
    pub around: Around,
}

/// The instructions that a call is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallForm {
    /// x86-64: `call rel32`.
    Rel32,
    /// arm64: `bl target`.
    Bl,
    /// arm64: `movn x10; movk x10; movk x10; blr x10`.
    MovBlr,
}

/// What x86-64 has around a call. A new target changes nothing of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// `mov disp32(%rbp), %rax` comes before. It may be a load of the program's own, which looks the same.
    pub tail_call_reload: bool,
    /// `push %r9` before, `pop %r9` after.
    pub private_stack: bool,
    /// `sarq $5, %gs:__x86_call_depth` comes before.
    pub call_depth: bool,
}

/// Where reading an image ended, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Bytes from the image's begin to the instruction.
    pub offset: usize,
    /// What is wrong with it.
    pub kind: DecodeErrorKind,
}

/// What is wrong with an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The JIT emits no such instruction.
    Unknown,
    /// The image ends in it.
    Truncated,
    /// `push %r9` without its call, or the call without its `pop %r9`.
    PrivateStack,
    /// `blr` without the address before it.
    NoAddress,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            DecodeErrorKind::Unknown => "the JIT emits no such instruction",
            DecodeErrorKind::Truncated => "the image ends in an instruction",
            DecodeErrorKind::PrivateStack => "push and pop of the private stack are not a pair",
            DecodeErrorKind::NoAddress => "blr without the address before it",
        };
        write!(f, "offset {:#x}: {what}", self.offset)
    }
}

impl core::error::Error for DecodeError {}

impl CallForm {
    /// Bytes of the call.
    #[expect(clippy::len_without_is_empty, reason = "a call is never empty")]
    pub const fn len(self) -> usize {
        match self {
            Self::Rel32 => x86_64::call::LEN,
            Self::Bl => arm64::call::BL_LEN,
            Self::MovBlr => arm64::call::MOV_BLR_LEN,
        }
    }
}

impl CallSite {
    /// What sends this call to `target`: a call of the same form at the same place.
    ///
    /// # Errors
    ///
    /// The form does not reach that far.
    pub fn retarget(&self, target: u64) -> Result<TextPatch, ReachError> {
        let old = self.encode(self.target)?;
        let new = self.encode(target)?;
        Ok(TextPatch::of_len(self.address, old, new, self.form.len()))
    }

    /// The bytes of the call, and zeros after them.
    fn encode(&self, target: u64) -> Result<[u8; MAX_PATCH_LEN], ReachError> {
        match self.form {
            CallForm::Rel32 => x86_64::call::encode(self.address, target),
            CallForm::Bl => arm64::call::encode_bl(self.address, target),
            CallForm::MovBlr => arm64::call::encode_mov_blr(self.address, target),
        }
    }
}

/// The calls in `image`, the code from the address `base` on.
///
/// ```
/// use kfunc_abi::call::Arch;
/// use verifier_fixup::text::call::calls;
/// # fn main() -> Result<(), Box<dyn core::error::Error>> {
/// // push %rbp; call 0x2000; leave; ret
/// let mut image = [0x55, 0xe8, 0xfa, 0x0f, 0x00, 0x00, 0xc9, 0xc3];
/// for site in calls(Arch::X86_64, &image.clone(), 0x1000) {
///     let site = site?;
///     assert_eq!((site.address, site.target), (0x1001, 0x2000));
///     site.retarget(0x3000)?.apply(&mut image, 0x1000)?;
/// }
/// assert_eq!(image, [0x55, 0xe8, 0xfa, 0x1f, 0x00, 0x00, 0xc9, 0xc3]);
/// # Ok(())
/// # }
/// # main().unwrap();
/// ```
pub const fn calls(arch: Arch, image: &[u8], base: u64) -> Calls<'_> {
    Calls {
        arch,
        base,
        cursor: Cursor { image, at: 0 },
    }
}

/// The calls of an image, in order. It ends after the first error.
#[derive(Clone, Debug)]
pub struct Calls<'a> {
    arch: Arch,
    base: u64,
    cursor: Cursor<'a>,
}

impl Iterator for Calls<'_> {
    type Item = Result<CallSite, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = match self.arch {
            Arch::X86_64 => x86_64::call::next(&mut self.cursor, self.base),
            Arch::Arm64 => arm64::call::next(&mut self.cursor, self.base),
        };
        if found.is_err() {
            self.cursor.image = &[];
        }
        found.transpose()
    }
}

impl FusedIterator for Calls<'_> {}

/// A place in an image.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    image: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// What is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.image.get(self.at..).unwrap_or_default()
    }

    /// The address of what is left.
    pub(super) const fn address(&self, base: u64) -> u64 {
        base.wrapping_add(self.at as u64)
    }

    pub(super) fn skip(&mut self, len: usize) {
        self.at = self.at.saturating_add(len);
    }

    /// What is left begins with an error.
    pub(super) const fn error(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError {
            offset: self.at,
            kind,
        }
    }
}
