// SPDX-License-Identifier: GPL-2.0-only

//! The calling program, and what can be asked of it.

use core::ffi::c_void;

use kfunc_abi::{AsC, CType, ProgType};
use verifier_fixup::layout::{NAME_LEN, TAG_LEN};

use crate::registered::registered;
use crate::{memory, ProgAux, Program, Provider, Refusal};

/// The calling program: what [`Program`] says of it when it is bound, asked when it calls.
///
/// What is passed is its `struct bpf_prog_aux`, because that stays where it is; the `struct bpf_prog` of bind time may
/// have been moved and freed since (`bpf_prog_realloc` of `kernel/bpf/core.c`), so no kfunc can be given that.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct Prog(ProgAux);

impl Prog {
    /// The program's id; see [`ProgAux::id`].
    pub fn id(self) -> u32 {
        self.0.id()
    }

    /// What the program is called, filled up with NULs.
    pub fn name(self) -> [u8; NAME_LEN] {
        self.ask(|program| program.name()).unwrap_or_default()
    }

    /// The program's type; of one that extends another, the other's.
    pub fn prog_type(self) -> ProgType {
        self.ask(|program| program.prog_type())
            .unwrap_or(ProgType::UNSPEC)
    }

    /// The hook that the program was loaded for; see [`Program::attach_type`].
    pub fn attach_type(self) -> u32 {
        self.ask(|program| program.attach_type())
            .unwrap_or_default()
    }

    /// The digest of the program's instructions, as `bpftool prog` shows it.
    pub fn tag(self) -> [u8; TAG_LEN] {
        self.ask(|program| program.tag()).unwrap_or_default()
    }

    /// The user who has loaded the program; see [`Program::loader_uid`].
    pub fn loader_uid(self) -> u32 {
        self.ask(|program| program.loader_uid()).unwrap_or_default()
    }

    /// When the program was loaded, in nanoseconds since boot.
    pub fn load_time(self) -> u64 {
        self.ask(|program| program.load_time()).unwrap_or_default()
    }

    /// Always an answer: programs run only while registered, and have an aux that knows them.
    fn ask<T>(self, question: impl FnOnce(&Program<'_>) -> T) -> Option<T> {
        let layout = &registered()?.layout;
        // SAFETY: The aux of the program that is running is live, and of this layout; programs that run do not move.
        let prog = unsafe { memory::read::<*const c_void>(self.0.as_ptr(), layout.aux_prog) };
        // SAFETY: It leads to that program, which lives until it has ended.
        let program = unsafe { Program::new(prog, layout) }?;
        Some(question(&program))
    }
}

impl AsC for Prog {
    const C_TYPE: CType = ProgAux::C_TYPE;
}

// SAFETY: A transparent aux.
unsafe impl Provider for Prog {
    const NATIVE: bool = true;
    type For<'call> = Self;
    type Store = ();
    const EMPTY: () = ();

    unsafe fn bind(store: &'static (), program: &Program<'_>) -> Result<usize, Refusal> {
        // SAFETY: The caller's promise.
        unsafe { ProgAux::bind(store, program) }
    }

    unsafe fn unbind(_store: &'static ()) {}
}
