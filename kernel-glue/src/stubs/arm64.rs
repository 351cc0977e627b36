// SPDX-License-Identifier: GPL-2.0-only

//! The stubs of `verifier_fixup::text::stub`, for the assembler.

/// One stub.
#[doc(hidden)]
#[macro_export]
macro_rules! stub_code {
    ($name:ident) => {
        ::core::concat!(
            "bti c\n",
            $crate::stub_loads!($name 0 "x0" 1 "x1" 2 "x2" 3 "x3" 4 "x4"),
            "b __kfunc_body_", ::core::stringify!($name), "\n",
            ".balignl 16, 0xd4200000\n",
        )
    };
}

/// The load of one argument.
#[doc(hidden)]
#[macro_export]
macro_rules! stub_load {
    ($name:ident $index:literal $register:literal) => {
        ::core::concat!(
            "adrp x16, ", $crate::stub_value!($name $index), "\n",
            "ldr ", $register, ", [x16, :lo12:", $crate::stub_value!($name $index), "]\n",
        )
    };
}

/// The address behind the call, which the call has put into the link register.
#[doc(hidden)]
#[macro_export]
macro_rules! stub_call_site {
    ($register:literal) => {
        ::core::concat!("mov ", $register, ", x30\n")
    };
}
