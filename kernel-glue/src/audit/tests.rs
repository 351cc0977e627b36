// SPDX-License-Identifier: GPL-2.0-only

//! The audit of programs that can be read, that cannot, and that change meanwhile; in a kernel that is made of these
//! few functions.

extern crate std;

use core::ffi::{c_char, c_int, c_long, c_void};
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};
use std::cell::Cell;
use std::string::String;
use std::vec::Vec;

use verifier_fixup::layout::FACTS;

use super::*;
use crate::slots::Owner;
use crate::ProgAux;

crate::kfuncs! {
    /// What is audited.
    pub(super) set AUDITED for [SYSCALL] {
        /// Its own id.
        #[kfunc(slots = 1)]
        pub(super) fn audited(#[implicit] program: ProgAux) -> u32 {
            program.id()
        }
    }
}

/// A `struct bpf_prog_aux` of a program with one function.
#[repr(C)]
struct Aux {
    prog: *const Prog,
    load_time: u64,
    id: AtomicU32,
    real_func_cnt: u32,
    name: [u8; NAME_LEN],
}

/// A `struct bpf_prog`.
#[repr(C)]
struct Prog {
    bpf_func: *const u8,
    prog_type: ProgType,
    jited_len: u32,
}

const LAYOUT: Layout = Layout {
    aux_prog: 0,
    aux_load_time: 8,
    aux_id: 16,
    aux_real_func_cnt: 20,
    aux_name: 24,
    prog_bpf_func: 0,
    prog_type: 8,
    prog_jited_len: 12,
    ..Layout::from_values([0; FACTS.len()])
};

/// `ret` of x86-64, four of which are no call of arm64's either.
static CODE: [u8; 4] = [0xc3; 4];

std::thread_local! {
    /// The address that cannot be read.
    static LOST: Cell<usize> = const { Cell::new(0) };
    /// The id that is to be written there, when the program's name is read.
    static NEXT_ID: Cell<Option<(*const AtomicU32, u32)>> = const { Cell::new(None) };
}

#[no_mangle]
unsafe extern "C" fn copy_from_kernel_nofault(
    into: *mut c_void,
    from: *const c_void,
    len: usize,
) -> c_long {
    const EFAULT: c_long = 14;
    if from as usize == LOST.get() {
        return -EFAULT;
    }
    // SAFETY: Tests read what lives.
    unsafe { ptr::copy_nonoverlapping(from.cast::<u8>(), into.cast::<u8>(), len) };
    if let (NAME_LEN, Some((place, id))) = (len, NEXT_ID.get()) {
        NEXT_ID.set(None);
        // SAFETY: The id of the program that the test has.
        unsafe { &*place }.store(id, Ordering::Relaxed);
    }
    0
}

#[no_mangle]
unsafe extern "C" fn seq_write(file: *mut SeqFile, data: *const c_void, len: usize) -> c_int {
    // SAFETY: Tests pass their text.
    let text = unsafe { &mut *file.cast::<Vec<u8>>() };
    // SAFETY: What is written has that many bytes.
    text.extend(unsafe { core::slice::from_raw_parts(data.cast::<u8>(), len) });
    0
}

/// Not that of the kernel, which takes any number of arguments: values are not shown.
#[no_mangle]
unsafe extern "C" fn seq_printf(file: *mut SeqFile, _format: *const c_char) {
    // SAFETY: Tests pass their text.
    unsafe { &mut *file.cast::<Vec<u8>>() }.push(b'?');
}

#[no_mangle]
extern "C" fn vzalloc_noprof(len: usize) -> *mut c_void {
    assert_eq!(len, CODE.len());
    std::boxed::Box::into_raw(std::boxed::Box::new([0_u8; CODE.len()])).cast()
}

#[no_mangle]
unsafe extern "C" fn vfree(data: *const c_void) {
    // SAFETY: From `vzalloc_noprof`.
    drop(unsafe { std::boxed::Box::from_raw(data.cast_mut().cast::<[u8; CODE.len()]>()) });
}

#[no_mangle]
extern "C" fn schedule() {}

fn kfunc_and_pool() -> (&'static Kfunc, &'static Pool) {
    let kfunc = *AUDITED.kfuncs.first().unwrap();
    (kfunc, kfunc.pool.as_ref().unwrap())
}

/// The lines of a program with this id. `prepare` sees where everything is.
fn listed(id: u32, prepare: impl FnOnce(&Aux, &Prog)) -> String {
    let prog = Prog {
        bpf_func: CODE.as_ptr(),
        prog_type: ProgType::XDP,
        jited_len: CODE.len() as u32,
    };
    let aux = Aux {
        prog: &prog,
        load_time: 5,
        id: AtomicU32::new(id),
        real_func_cnt: 0,
        name: *b"named\0\0\0\0\0\0\0\0\0\0\0",
    };
    let slots = &kfunc_and_pool().1.slots;
    let owner = Owner {
        aux: ptr::from_ref(&aux) as usize,
        birth: aux.load_time,
    };
    slots.claim(owner).unwrap();
    prepare(&aux, &prog);
    let text = list();
    slots.release(0);
    LOST.set(0);
    text
}

fn list() -> String {
    let mut text = Vec::<u8>::new();
    // SAFETY: The functions above take this for the file.
    let mut out = unsafe { Out::new(ptr::from_mut(&mut text).cast()) };
    let (kfunc, pool) = kfunc_and_pool();
    let done = list_slot(&mut out, &LAYOUT, kfunc, pool, 0);
    assert!(done.is_ok());
    String::from_utf8(text).unwrap()
}

/// One test, because there is one slot.
#[test]
fn no_program_that_lives_goes_without_a_line() {
    const REST: &str = "kfunc=audited slot=0 values=? func=- offset=- target=- landed=";
    let line = |head: &str, landed: &str| std::format!("{head} {REST}{landed}\n");

    assert_eq!(list(), "");
    let read = line("program=named id=7 type=XDP", "none");
    assert_eq!(listed(7, |_, _| ()), read);
    let without_id = line("program=named id=0 type=-", "unknown");
    assert_eq!(listed(0, |_, _| ()), without_id);

    // What cannot be read is not known, wherever it is.
    let lost = |place: *const c_void| LOST.set(place as usize);
    let code = listed(7, |_, prog| lost(prog.bpf_func.cast()));
    assert_eq!(code, line("program=named id=7 type=XDP", "unknown"));
    let name = listed(7, |aux, _| lost(ptr::from_ref(&aux.name).cast()));
    assert_eq!(name, line("program=- id=7 type=XDP", "none"));
    let prog = listed(7, |aux, _| lost(ptr::from_ref(aux).cast()));
    assert_eq!(prog, line("program=named id=7 type=-", "unknown"));

    // An id that is given or taken while the program is read.
    let next = |aux: &Aux, id| NEXT_ID.set(Some((ptr::from_ref(&aux.id), id)));
    assert_eq!(listed(0, |aux, _| next(aux, 7)), read);
    assert_eq!(listed(7, |aux, _| next(aux, 0)), without_id);
}
