// SPDX-License-Identifier: GPL-2.0-only

//! A module on kernels with Rust. Its kfuncs are a crate of their own.

use kernel::prelude::*;
use kernel_glue::{register, Options, Registration};

module! {
    type: Kfuncs,
    // The module is called what kbuild calls it; this is what the kernel crate's own log lines would begin with.
    name: "kfuncs",
    license: "GPL",
    // params.c has the rest, and the parameters: `module!` knows none that is a string.
}

extern "C" {
    /// The parameters: `params.c`.
    static kfunc_options: Options;
}

struct Kfuncs {
    _registration: Registration,
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
        #[cfg(kfunc_c)]
        c_parts()?;
        // SAFETY: Parameters of mode 0 are only written before init, with values that there are.
        let options = unsafe { kfunc_options };
        // SAFETY: This is the init function of the module that `module` stands for.
        let registration = unsafe { register(&kfuncs::MODULE, options, module.as_ptr().cast()) };
        let _registration = registration.map_err(|errno| Error::from_errno(errno.0))?;
        Ok(Self { _registration })
    }
}
