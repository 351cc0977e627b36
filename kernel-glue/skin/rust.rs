// SPDX-License-Identifier: GPL-2.0-only

//! A module on kernels with Rust. Its kfuncs are a crate of their own.

use core::borrow::Borrow;

use kernel::prelude::*;
use kernel_glue::{register, Options, Registration};

module! {
    type: Kfuncs,
    // The module is called what kbuild calls it; this is what the kernel crate's own log lines would begin with.
    name: "kfuncs",
    authors: ["The implicit-kfuncs authors"],
    description: "Kfuncs with implicit arguments, written in Rust",
    license: "GPL",
    params: {
        // Not bool, which 7.2 does not have here.
        native: u8 {
            default: 0,
            description: "Let the verifier fill in implicit arguments where it can (Linux 7.0 and later)",
        },
        unbound: u8 {
            default: 0,
            description: "Bind nothing, so that calls of kfuncs with slots fail (for tests)",
        },
    },
}

struct Kfuncs {
    _registration: Registration,
}

/// Whether a parameter is on. The kernel crate gives its value, or a reference to it (7.2).
fn is_on(value: impl Borrow<u8>) -> bool {
    *value.borrow() != 0
}

/// Lets the C parts of the module register what they have.
#[cfg(kfunc_c)]
fn c_parts() -> Result {
    extern "C" {
        fn kfunc_c_init() -> kernel::ffi::c_int;
    }
    // SAFETY: This is called once, when the module is loaded.
    kernel::error::to_result(unsafe { kfunc_c_init() })
}

impl kernel::Module for Kfuncs {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let options = Options {
            native: is_on(module_parameters::native.value()),
            unbound: is_on(module_parameters::unbound.value()),
        };
        #[cfg(kfunc_c)]
        c_parts()?;
        // SAFETY: This is the init function of the module that `module` stands for.
        let registration = unsafe { register(&kfuncs::MODULE, options, module.as_ptr().cast()) };
        let _registration = registration.map_err(|errno| Error::from_errno(errno.0))?;
        Ok(Self { _registration })
    }
}
