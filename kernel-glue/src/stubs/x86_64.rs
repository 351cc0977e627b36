// SPDX-License-Identifier: GPL-2.0-only

//! `verifier_fixup::text::x86_64`, for the assembler.

/// One stub.
#[doc(hidden)]
#[macro_export]
macro_rules! stub_code {
    ($name:ident $explicit:tt $implicit:tt) => {
        ::core::concat!(
            "endbr64\n",
            $crate::stub_loads!(
                $name $explicit $implicit ["rdi" "rsi" "rdx" "rcx" "r8"] ["0" "8" "16" "24" "32"]
            ),
            "jmp ", ::core::stringify!($name), "_impl\n",
            ".balign 16, 0xcc\n",
        )
    };
}

/// The load of one argument.
#[doc(hidden)]
#[macro_export]
macro_rules! stub_load {
    ($name:ident $register:literal $offset:literal) => {
        ::core::concat!(
            "mov ",
            $register,
            ", qword ptr [rip + __kfunc_slots_",
            ::core::stringify!($name),
            " + \\slot * {stride} + ",
            $offset,
            "]\n",
        )
    };
}
