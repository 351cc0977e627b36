// SPDX-License-Identifier: GPL-2.0-only

//! What is registered, for those whom the kernel calls: the filter, the probe and the kfuncs.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

use verifier_fixup::layout::Layout;

use crate::{Kfunc, Module, Options};

/// The most kfuncs of one module. The kernel allows 256 for one kind of program (`BTF_KFUNC_SET_MAX_CNT` of
/// `kernel/bpf/btf.c`).
pub(crate) const MAX_KFUNCS: usize = 64;

/// What the filter and the probe need to know.
pub(crate) struct Registered {
    pub(crate) module: &'static Module,
    pub(crate) layout: Layout,
    pub(crate) options: Options,
    /// The ids by which the kernel knows the kfuncs, in their order.
    pub(crate) ids: [u32; MAX_KFUNCS],
}

impl Registered {
    /// The kfunc that the kernel knows by this id.
    pub(crate) fn kfunc(&self, id: u32) -> Option<&'static Kfunc> {
        let mut known = self.ids.iter().zip(self.module.kfuncs);
        known
            .find(|(known, _)| **known == id)
            .map(|(_, kfunc)| *kfunc)
    }

    /// Whether calls of `kfunc` are not bound.
    pub(crate) fn leaves_alone(&self, kfunc: &Kfunc) -> bool {
        self.options.unbound || self.is_native(kfunc)
    }

    /// Whether the verifier fills in the argument of `kfunc`.
    pub(crate) fn is_native(&self, kfunc: &Kfunc) -> bool {
        self.options.native && kfunc.native
    }
}

/// Written once, before [`READY`] is set.
struct Shared(UnsafeCell<MaybeUninit<Registered>>);

// SAFETY: Written by the one thread that loads the module, and only read once `READY` is set.
unsafe impl Sync for Shared {}

static SHARED: Shared = Shared(UnsafeCell::new(MaybeUninit::uninit()));
static READY: AtomicBool = AtomicBool::new(false);

/// Makes `registered` known to the filter and the probe. To be called once.
pub(crate) fn publish(registered: Registered) {
    let place = SHARED.0.get().cast::<Registered>();
    // SAFETY: A module registers once, and nobody reads before `READY` is set.
    unsafe { place.write(registered) };
    READY.store(true, Ordering::Release);
}

/// What was registered; none before.
pub(crate) fn registered() -> Option<&'static Registered> {
    if !READY.load(Ordering::Acquire) {
        return None;
    }
    // SAFETY: Written before `READY` was set, and never again.
    Some(unsafe { &*SHARED.0.get().cast::<Registered>() })
}

/// Whether a safe entry was called by a program for which the verifier has filled in the argument.
#[doc(hidden)]
pub fn native_active(native: &[bool]) -> bool {
    matches!(native, [true]) && registered().is_some_and(|registered| registered.options.native)
}
