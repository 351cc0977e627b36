// SPDX-License-Identifier: GPL-2.0-only

//! One kfunc at run time.

use kfunc_abi::record::KfuncHead;

use crate::pool::Pool;

/// A kfunc of this module. Made by [`crate::kfuncs!`].
pub struct Kfunc {
    pub(crate) name: &'static str,
    pub(crate) head: &'static KfuncHead,
    pub(crate) native: Native,
    /// What binds programs; none if nothing is bound.
    pub(crate) pool: Option<Pool>,
    entry: *const (),
    legacy_entry: Option<*const ()>,
}

/// Whether the verifier fills in the implicit argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Native {
    /// It cannot, or there is none.
    Never,
    /// If the module is loaded so.
    IfAsked,
    /// There is no other way.
    Always,
}

// SAFETY: The pointers lead to code of this module, and are never written through.
unsafe impl Sync for Kfunc {}

impl Kfunc {
    /// A kfunc whose body is at `entry`, because nothing has to be bound.
    ///
    /// # Safety
    ///
    /// The entries are functions with the prototype that the record of `head` says.
    #[doc(hidden)]
    pub const unsafe fn unbound(
        name: &'static str,
        head: &'static KfuncHead,
        native: Native,
        entry: *const (),
        legacy_entry: Option<*const ()>,
    ) -> Self {
        Self {
            name,
            head,
            native,
            pool: None,
            entry,
            legacy_entry,
        }
    }

    /// A kfunc whose implicit arguments come from `pool`.
    ///
    /// # Safety
    ///
    /// As [`Kfunc::unbound`]; the stubs of `pool` jump to the body of this kfunc.
    #[doc(hidden)]
    pub const unsafe fn bound(
        name: &'static str,
        head: &'static KfuncHead,
        native: &[bool],
        pool: Pool,
        entry: *const (),
        legacy_entry: Option<*const ()>,
    ) -> Self {
        Self {
            name,
            head,
            native: match native {
                [true] => Native::IfAsked,
                _ => Native::Never,
            },
            pool: Some(pool),
            entry,
            legacy_entry,
        }
    }

    /// Where a call goes that is not bound: the address that the kernel finds for the name. That of `foo_impl`
    /// is another one.
    pub(crate) fn entry(&self, name: Called) -> u64 {
        match (name, self.legacy_entry) {
            (Called::ByFullName, Some(entry)) => entry as u64,
            _ => self.entry as u64,
        }
    }

    /// Whether programs may also call it by its full name.
    pub(crate) fn is_legacy(&self) -> bool {
        self.legacy_entry.is_some()
    }
}

/// By which of its names a program calls a kfunc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Called {
    /// `foo(..)`.
    ByPublicName,
    /// `foo_impl(.., NULL)`, if it is a legacy one.
    ByFullName,
}
