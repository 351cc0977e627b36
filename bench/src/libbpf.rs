// SPDX-License-Identifier: MIT OR Apache-2.0

//! libbpf, through its C interface.

use std::ffi::CStr;
use std::io;
use std::ptr::NonNull;
use std::slice;

use anyhow::{Context, Result};
use libbpf_sys as sys;

use crate::task::{Answer, Prototype};

/// A BTF that libbpf opened.
#[derive(Debug)]
pub(crate) struct Btf(NonNull<sys::btf>);

impl Btf {
    /// Opens the raw BTF `data`, which libbpf copies.
    pub(crate) fn open(data: &[u8]) -> Result<Self> {
        let len = u32::try_from(data.len())?;
        // SAFETY: `data` has `len` bytes.
        let btf = unsafe { sys::btf__new(data.as_ptr().cast(), len) };
        NonNull::new(btf)
            .map(Self)
            .ok_or_else(io::Error::last_os_error)
            .context("libbpf does not open it")
    }

    /// The FUNC `name` with its prototype.
    pub(crate) fn func(&self, name: &CStr) -> Option<Answer> {
        // SAFETY: the BTF is open, and `name` ends with a NUL.
        let id = unsafe {
            sys::btf__find_by_name_kind(self.0.as_ptr(), name.as_ptr(), sys::BTF_KIND_FUNC)
        };
        let id = u32::try_from(id).ok()?;
        let proto = self.target(self.ty(id)?)?;
        Some(Answer {
            id: Some(id),
            prototype: Some(Prototype::of(
                params(proto)
                    .iter()
                    .map(|p| (p.type_, self.name_len(p.name_off))),
            )),
        })
    }

    fn ty(&self, id: u32) -> Option<&sys::btf_type> {
        // SAFETY: the BTF is open.
        let ty = unsafe { sys::btf__type_by_id(self.0.as_ptr(), id) };
        // SAFETY: null, or a record that stays as long as the BTF, which nobody changes, is open.
        unsafe { ty.as_ref() }
    }

    fn target(&self, ty: &sys::btf_type) -> Option<&sys::btf_type> {
        // SAFETY: both fields of the union are words.
        self.ty(unsafe { ty.__bindgen_anon_1.type_ })
    }

    fn name_len(&self, offset: u32) -> usize {
        // SAFETY: the BTF is open.
        let name = unsafe { sys::btf__name_by_offset(self.0.as_ptr(), offset) };
        if name.is_null() {
            return 0;
        }
        // SAFETY: a name of the BTF, which ends with a NUL and stays as long as it is open.
        unsafe { CStr::from_ptr(name) }.count_bytes()
    }
}

impl Drop for Btf {
    fn drop(&mut self) {
        // SAFETY: the BTF is open, and nothing of it is used from here on.
        unsafe { sys::btf__free(self.0.as_ptr()) }
    }
}

/// The parameters of a FUNC_PROTO of an open BTF.
fn params(proto: &sys::btf_type) -> &[sys::btf_param] {
    let len = (proto.info & 0xffff) as usize;
    let record: *const sys::btf_type = proto;
    // SAFETY: the record is inside of libbpf's copy, which has found that what follows is inside as well.
    let first = unsafe { record.add(1) };
    // SAFETY: as many parameters as the record says follow it, and words are aligned.
    unsafe { slice::from_raw_parts(first.cast(), len) }
}
