// SPDX-License-Identifier: GPL-2.0-only

//! `verifier_fixup::text::arm64`, for the assembler.

/// One stub.
#[doc(hidden)]
#[macro_export]
macro_rules! stub_code {
    ($name:ident $explicit:tt $implicit:tt) => {
        ::core::concat!(
            "bti c\n",
            $crate::stub_loads!(
                $name $explicit $implicit ["x0" "x1" "x2" "x3" "x4"] ["0" "8" "16" "24" "32"]
            ),
            "b ", ::core::stringify!($name), "_impl\n",
            ".balignl 16, 0xd4200000\n",
        )
    };
}

/// The load of one argument.
#[doc(hidden)]
#[macro_export]
macro_rules! stub_load {
    ($name:ident $register:literal $offset:literal) => {
        ::core::concat!(
            "adrp x16, __kfunc_slots_",
            ::core::stringify!($name),
            " + \\slot * {stride} + ",
            $offset,
            "\n",
            "ldr ",
            $register,
            ", [x16, :lo12:__kfunc_slots_",
            ::core::stringify!($name),
            " + \\slot * {stride} + ",
            $offset,
            "]\n",
        )
    };
}
