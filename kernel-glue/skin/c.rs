// SPDX-License-Identifier: GPL-2.0-only

//! A module on kernels without Rust: what `c.c` calls. Its kfuncs are a crate of their own.

#![no_std]

use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::panic::PanicInfo;

use kernel_glue::{register, Options, Registration};

/// The registration, between init and exit.
struct Loaded(UnsafeCell<Option<Registration>>);

// SAFETY: The kernel calls init and exit of a module once, one after the other.
unsafe impl Sync for Loaded {}

static LOADED: Loaded = Loaded(UnsafeCell::new(None));

/// Init function of the module.
///
/// # Safety
///
/// `owner` is the module that is being loaded.
#[no_mangle]
unsafe extern "C" fn kfunc_skin_init(owner: *mut c_void) -> c_int {
    extern "C" {
        /// The parameters: `params.c`.
        static kfunc_options: Options;
    }
    #[cfg(kfunc_c)]
    {
        extern "C" {
            /// What the C parts of the module register.
            fn kfunc_c_init() -> c_int;
        }
        // SAFETY: This is called once, when the module is loaded.
        let errno = unsafe { kfunc_c_init() };
        if errno != 0 {
            return errno;
        }
    }
    // SAFETY: Parameters of mode 0 are only written before init, with values that there are.
    let options = unsafe { kfunc_options };
    // SAFETY: The caller's promise.
    match unsafe { register(&kfuncs::MODULE, options, owner) } {
        Ok(registration) => {
            // SAFETY: Exit runs after init, so nobody else uses the cell.
            unsafe { *LOADED.0.get() = Some(registration) };
            0
        }
        Err(errno) => errno.0,
    }
}

/// Exit function of the module.
#[no_mangle]
extern "C" fn kfunc_skin_exit() {
    // SAFETY: Init is over, so nobody else uses the cell.
    unsafe { *LOADED.0.get() = None };
}

#[panic_handler]
fn panic(_info: &PanicInfo<'_>) -> ! {
    extern "C" {
        /// Not defined anywhere: a module in which a panic can be reached does not link.
        fn kfunc_skin_panic_is_reachable() -> !;
    }
    // SAFETY: Never reached, because it would not link.
    unsafe { kfunc_skin_panic_is_reachable() }
}
