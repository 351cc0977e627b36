// SPDX-License-Identifier: GPL-2.0-only

//! What is registered, for those whom the kernel calls: the filter, the probe and the kfuncs.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

use verifier_fixup::layout::Layout;

use crate::bind::Call;
use crate::kfunc::{Called, Native};
use crate::{Kfunc, Module, Pool};

/// The most kfuncs of one module. The kernel allows 256 for one kind of program (`BTF_KFUNC_SET_MAX_CNT` of
/// `kernel/bpf/btf.c`).
pub(crate) const MAX_KFUNCS: usize = 64;

/// What the filter and the probe need to know.
pub(crate) struct Registered {
    pub(crate) module: &'static Module,
    pub(crate) layout: Layout,
    /// Whether the verifier fills in what it can.
    pub(crate) native: bool,
    /// Whether nothing is bound (for tests).
    pub(crate) unbound: bool,
    /// The ids by which the kernel knows the kfuncs, in their order.
    pub(crate) ids: [Ids; MAX_KFUNCS],
}

/// The ids of one kfunc; 0 is none.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ids {
    /// Of the public FUNC.
    pub(crate) public: u32,
    /// Of the full FUNC, if programs may call that too.
    pub(crate) legacy: u32,
}

impl Registered {
    /// What a call of the kfunc with this id is. The kernel does not ask about id 0.
    pub(crate) fn call(&self, id: u32) -> Option<Call> {
        for (ids, (set, kfunc)) in self.ids.iter().zip(self.module.in_sets()) {
            let by = match id {
                id if id == ids.public => Called::ByPublicName,
                id if id == ids.legacy => Called::ByFullName,
                _ => continue,
            };
            let ids = *ids;
            return Some(Call {
                set,
                kfunc,
                by,
                id,
                ids,
            });
        }
        None
    }

    /// What binds calls of `kfunc`; none if they are left alone.
    pub(crate) fn pool(&self, kfunc: &'static Kfunc) -> Option<&'static Pool> {
        let pool = kfunc.pool.as_ref();
        pool.filter(|_| !self.unbound && !self.is_native(kfunc))
    }

    /// Whether the verifier fills in the argument of `kfunc`.
    pub(crate) fn is_native(&self, kfunc: &Kfunc) -> bool {
        match kfunc.native {
            Native::Never => false,
            Native::IfAsked => self.native,
            Native::Always => true,
        }
    }
}

/// Written once, before [`READY`] is set.
struct Shared(UnsafeCell<MaybeUninit<Registered>>);

// SAFETY: Written by the one thread that loads the module, and only read once `READY` is set.
unsafe impl Sync for Shared {}

static SHARED: Shared = Shared(UnsafeCell::new(MaybeUninit::uninit()));
static READY: AtomicBool = AtomicBool::new(false);
/// Whether the verifier fills in what it can; by itself, so that calls look at one byte.
static NATIVE: AtomicBool = AtomicBool::new(false);

/// Makes `registered` known to the filter and the probe. To be called once.
pub(crate) fn publish(registered: Registered) {
    NATIVE.store(registered.native, Ordering::Relaxed);
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
#[inline]
pub fn native_active(native: &[bool]) -> bool {
    // Relaxed: it was set before the kfunc was registered, and no program runs before that.
    matches!(native, [true]) && NATIVE.load(Ordering::Relaxed)
}
