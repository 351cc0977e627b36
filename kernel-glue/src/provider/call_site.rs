// SPDX-License-Identifier: GPL-2.0-only

//! Where a program calls.

use kfunc_abi::{AsC, CType};

use crate::{Program, Provider, Refusal, Source};

/// The call instruction by which a program calls: one value for every place in its code, the same each time. It is an
/// address, so it says nothing that could be compared with another run of the program.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallSite(usize);

impl CallSite {
    #[cfg(test)]
    pub(crate) const fn of(address: usize) -> Self {
        Self(address)
    }

    /// Where the call returns to. Not 0.
    pub(crate) fn address(self) -> usize {
        self.0
    }
}

impl AsC for CallSite {
    const C_TYPE: CType = u64::C_TYPE;
}

// SAFETY: A number in a register; every one is valid.
unsafe impl Provider for CallSite {
    const SOURCE: Source = Source::CallSite;
    type For<'call> = Self;
    type Store = ();
    const EMPTY: () = ();

    unsafe fn bind(_store: &'static (), _program: &Program<'_>) -> Result<usize, Refusal> {
        Ok(0)
    }

    unsafe fn unbind(_store: &'static ()) {}
}
