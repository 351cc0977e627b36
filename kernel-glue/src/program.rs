// SPDX-License-Identifier: GPL-2.0-only

//! A BPF program, as the kernel shows it while it is being checked and while it runs.

use core::ffi::c_void;
use core::ptr::NonNull;
use core::slice::EscapeAscii;

use kfunc_abi::ProgType;
use verifier_fixup::insn::Insn;
use verifier_fixup::layout::{Layout, NAME_LEN, TAG_LEN};

use crate::memory;
use crate::registered::Ids;

/// A BPF program (`struct bpf_prog`) that lives as long as this value does.
///
/// What is said of it was set before it was checked, and stays (`bpf_prog_load` of `kernel/bpf/syscall.c`).
#[derive(Clone, Copy)]
pub struct Program<'p> {
    prog: NonNull<c_void>,
    aux: NonNull<c_void>,
    layout: &'p Layout,
    /// The kfunc that it is being bound to.
    ids: Ids,
}

impl<'p> Program<'p> {
    /// The program at `prog`; none for NULL, or a program without aux.
    ///
    /// # Safety
    ///
    /// `prog` is NULL or points to a `struct bpf_prog` that lives, and stays where it is, for `'p`, on a kernel of this
    /// layout.
    pub(crate) unsafe fn new(prog: *const c_void, layout: &'p Layout) -> Option<Self> {
        let prog = NonNull::new(prog.cast_mut())?;
        // SAFETY: The caller promises a live program of this layout; `aux` does not change.
        let aux = unsafe { memory::read::<*mut c_void>(prog.as_ptr(), layout.prog_aux) };
        let aux = NonNull::new(aux)?;
        Some(Self {
            prog,
            aux,
            layout,
            ids: Ids::default(),
        })
    }

    /// The program, while it is being bound to the kfunc with these ids.
    pub(crate) fn calling(&self, ids: Ids) -> Self {
        Self { ids, ..*self }
    }

    /// The program's `struct bpf_prog_aux`. It stays where it is for the program's whole life, while the
    /// verifier may move the `struct bpf_prog`.
    pub fn aux(&self) -> NonNull<c_void> {
        self.aux
    }

    /// What the program is called, filled up with NULs.
    pub fn name(&self) -> [u8; NAME_LEN] {
        // SAFETY: The program is live and of this layout; its name was set before it was checked.
        unsafe { memory::read(self.aux.as_ptr(), self.layout.aux_name) }
    }

    /// The program's type; of one that extends another, the other's (`resolve_prog_type` of
    /// `include/linux/bpf_verifier.h`).
    pub fn prog_type(&self) -> ProgType {
        self.extended()
            .map_or(self.own_type(), |extended| extended.prog_type)
    }

    /// The hook that the program was loaded for, a number of `enum bpf_attach_type`; 0 if any will do. Of one that
    /// extends another, the other's.
    pub fn attach_type(&self) -> u32 {
        if let Some(extended) = self.extended() {
            return extended.attach_type;
        }
        // SAFETY: The program is live and of this layout; only the thread that checks it changes this.
        unsafe { memory::read(self.prog.as_ptr(), self.layout.prog_expected_attach_type) }
    }

    fn own_type(&self) -> ProgType {
        // SAFETY: The program is live and of this layout; the type was set before it was checked.
        let own_type = unsafe { memory::read(self.prog.as_ptr(), self.layout.prog_type) };
        ProgType(own_type)
    }

    /// What the program extends, if it is of a type that does.
    ///
    /// The kernel notes it in the aux, where it stays: 7.3 before the program is checked (`bpf_prog_load` of
    /// `kernel/bpf/syscall.c`), 6.12 after `check_cfg` has asked the filter (`check_attach_btf_id` of
    /// `kernel/bpf/verifier.c`). Until then the extended program itself is asked.
    fn extended(&self) -> Option<Extended> {
        if self.own_type() != ProgType::EXT {
            return None;
        }
        let (aux, layout) = (self.aux.as_ptr(), self.layout);
        // SAFETY: The program is live and of this layout; only the thread that checks it writes this.
        let noted = ProgType(unsafe { memory::read(aux, layout.aux_saved_dst_prog_type) });
        if noted != ProgType::UNSPEC {
            return Some(Extended {
                prog_type: noted,
                // SAFETY: As above.
                attach_type: unsafe { memory::read(aux, layout.aux_saved_dst_attach_type) },
            });
        }
        // SAFETY: The program is live and of this layout. As nothing is noted it is still being checked, by this thread,
        // or extends nothing; only attaching it changes this (`bpf_tracing_prog_attach` of `kernel/bpf/syscall.c`).
        let other = unsafe { memory::read::<*const c_void>(aux, layout.aux_dst_prog) };
        // It may name none (`attach_prog_fd` 0).
        let other = NonNull::new(other.cast_mut())?.as_ptr();
        Some(Extended {
            // SAFETY: A program of this layout, which this one holds until it is attached; its type does not change.
            prog_type: ProgType(unsafe { memory::read(other, layout.prog_type) }),
            // SAFETY: As above. It was checked before it could be extended, and its hook does not change since.
            attach_type: unsafe { memory::read(other, layout.prog_expected_attach_type) },
        })
    }

    /// The digest of the program's instructions, as `bpftool prog` shows it.
    pub fn tag(&self) -> [u8; TAG_LEN] {
        // SAFETY: The program is live and of this layout; the tag was made before calls are checked
        // (`bpf_prog_calc_tag` of `kernel/bpf/core.c`).
        unsafe { memory::read(self.prog.as_ptr(), self.layout.prog_tag) }
    }

    /// The user who has loaded the program, as the first user namespace counts users.
    pub fn loader_uid(&self) -> u32 {
        // SAFETY: The program is live and of this layout; it holds its user until nobody runs it.
        let user =
            unsafe { memory::read::<*const c_void>(self.aux.as_ptr(), self.layout.aux_user) };
        // SAFETY: The program has a user, whose number does not change.
        unsafe { memory::read(user, self.layout.user_uid) }
    }

    /// When the program was loaded, in nanoseconds since boot.
    pub fn load_time(&self) -> u64 {
        // SAFETY: The program is live and of this layout; the time was set before it was checked.
        unsafe { memory::read(self.aux.as_ptr(), self.layout.aux_load_time) }
    }

    /// How many instructions of the program call the kfunc to which it is being bound. Those count, too, that call one of
    /// another module with the same BTF id.
    pub fn call_sites(&self) -> usize {
        // SAFETY: The program is live and of this layout; only the thread that checks it, this one, changes it.
        let len: u32 = unsafe { memory::read(self.prog.as_ptr(), self.layout.prog_len) };
        let first = self
            .prog
            .as_ptr()
            .wrapping_byte_add(self.layout.prog_insns as usize)
            .cast::<Insn>();
        // SAFETY: The program has so many instructions there, of which any bytes are some; nobody changes them meanwhile.
        let insns = unsafe { core::slice::from_raw_parts(first, len as usize) };
        // Their ids are still those of BTF: the verifier writes others when all is checked (`fixup_kfunc_call` of
        // `kernel/bpf/verifier.c`). No pass before or after makes a second call of one.
        let calls =
            |insn: &&Insn| insn.calls_kfunc(self.ids.public) || insn.calls_kfunc(self.ids.legacy);
        let calls = insns.iter().filter(calls);
        // Not `count`, which panics where the sum does not fit.
        calls.fold(0, |count: usize, _| count.saturating_add(1))
    }

    /// The program's table of kfunc descriptors (`struct bpf_kfunc_desc_tab`); NULL if it has none.
    pub(crate) fn kfunc_tab(&self) -> *mut c_void {
        // SAFETY: The program is live and of this layout; the table was set before calls are checked.
        unsafe { memory::read(self.aux.as_ptr(), self.layout.aux_kfunc_tab) }
    }
}

/// A program that another one extends.
struct Extended {
    prog_type: ProgType,
    attach_type: u32,
}

/// The name of a program as text: up to the first NUL, with escapes for what is not printable.
pub(crate) fn printable(name: &[u8; NAME_LEN]) -> EscapeAscii<'_> {
    let name = name.split(|&byte| byte == 0).next();
    name.unwrap_or_default().escape_ascii()
}

#[cfg(test)]
mod tests {
    use verifier_fixup::layout::FACTS;

    use super::*;

    /// A `struct bpf_prog`, as far as it is asked.
    #[repr(C)]
    struct Prog {
        aux: *const Aux,
        prog_type: ProgType,
        attach_type: u32,
    }

    /// A `struct bpf_prog_aux`, as far as it is asked.
    #[repr(C)]
    struct Aux {
        dst_prog: *const Prog,
        saved_type: ProgType,
        saved_attach_type: u32,
    }

    const LAYOUT: Layout = Layout {
        prog_aux: 0,
        prog_type: 8,
        prog_expected_attach_type: 12,
        aux_dst_prog: 0,
        aux_saved_dst_prog_type: 8,
        aux_saved_dst_attach_type: 12,
        ..Layout::from_values([0; FACTS.len()])
    };

    const XDP_HOOK: u32 = 37;

    fn kind(prog_type: ProgType, aux: &Aux) -> (ProgType, u32) {
        let prog = Prog {
            aux,
            prog_type,
            attach_type: 5,
        };
        let prog = core::ptr::from_ref(&prog).cast();
        // SAFETY: It lives, and is of this layout.
        let program = unsafe { Program::new(prog, &LAYOUT) }.unwrap();
        (program.prog_type(), program.attach_type())
    }

    #[test]
    fn a_program_that_extends_another_is_of_its_type_noted_or_not() {
        let other = Prog {
            aux: core::ptr::null(),
            prog_type: ProgType::XDP,
            attach_type: XDP_HOOK,
        };
        let not_noted = Aux {
            dst_prog: &other,
            saved_type: ProgType::UNSPEC,
            saved_attach_type: 0,
        };
        assert_eq!(kind(ProgType::EXT, &not_noted), (ProgType::XDP, XDP_HOOK));
        // One that traces another program has a type of its own.
        assert_eq!(kind(ProgType::TRACING, &not_noted), (ProgType::TRACING, 5));
        let attached = Aux {
            dst_prog: core::ptr::null(),
            saved_type: ProgType::XDP,
            saved_attach_type: XDP_HOOK,
        };
        assert_eq!(kind(ProgType::EXT, &attached), (ProgType::XDP, XDP_HOOK));
        let none = Aux {
            saved_type: ProgType::UNSPEC,
            ..attached
        };
        assert_eq!(kind(ProgType::EXT, &none), (ProgType::EXT, 5));
    }
}
