// SPDX-License-Identifier: GPL-2.0-only

//! The stubs of `verifier_fixup::text::stub`, for the assembler.

/// One stub.
#[doc(hidden)]
#[macro_export]
macro_rules! stub_code {
    ($name:ident) => {
        ::core::concat!(
            "endbr64\n",
            $crate::stub_loads!($name 0 "rdi" 1 "rsi" 2 "rdx" 3 "rcx" 4 "r8"),
            "jmp __kfunc_body_", ::core::stringify!($name), "\n",
            ".balign 16, 0xcc\n",
        )
    };
}

/// The load of one argument.
#[doc(hidden)]
#[macro_export]
macro_rules! stub_load {
    ($name:ident $index:literal $register:literal) => {
        ::core::concat!(
            "mov ", $register, ", qword ptr [rip + ", $crate::stub_value!($name $index), "]\n",
        )
    };
}

/// The address behind the call, which the call has pushed.
#[doc(hidden)]
#[macro_export]
macro_rules! stub_call_site {
    ($register:literal) => {
        ::core::concat!("mov ", $register, ", qword ptr [rsp]\n")
    };
}
