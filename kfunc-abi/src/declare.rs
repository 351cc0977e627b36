// SPDX-License-Identifier: MIT OR Apache-2.0

//! The declaration macro: kfuncs that read like the Rust functions that they are.

/// Reads the declaration of a set of kfuncs, and hands its parts to the macro `$emit`, in one canonical form:
/// first each kfunc, then the set.
///
/// ```text
/// $emit! {
///     kfunc [doc …] [visibility] name in SET programs [SYSCALL …]
///     delivery [unneeded | slots N | native] legacy [yes | no] flags [SLEEPABLE …]
///     explicit [(a: A) …]  implicit [(b: B) …]
///     [return type] { body }
/// }
/// $emit! { set [doc …] [visibility] NAME programs [SYSCALL …] kfuncs [name …] }
/// ```
///
/// Kernel modules use `kernel_glue::kfuncs!`, which calls this with the code that a module needs.
///
/// ```
/// macro_rules! emit {
///     (kfunc [$($doc:expr)*] [$($vis:tt)*] $name:ident in $Set:ident programs $programs:tt
///      delivery $delivery:tt legacy $legacy:tt flags $flags:tt
///      explicit [$(($a:ident: $A:ty))*] implicit [$(($b:ident: $B:ty))*] [$ret:ty] $body:block) => {
///         fn $name($($a: $A,)* $($b: $B),*) -> $ret $body
///     };
///     (set $($set:tt)*) => {};
/// }
/// kfunc_abi::parse_kfuncs! { emit;
///     set COUNTERS for [SYSCALL, XDP] {
///         /// Adds to what the program has.
///         #[kfunc(slots = 4)]
///         fn add(delta: u64, #[implicit] have: u64) -> u64 { have + delta }
///
///         #[kfunc(flags = [SLEEPABLE])]
///         fn returns_nothing(_a: u64) {}
///     }
/// }
/// assert_eq!(add(1, 2), 3);
/// returns_nothing(1);
/// ```
#[macro_export]
macro_rules! parse_kfuncs {
    ($emit:path;
     $(#[doc = $set_doc:expr])*
     $set_vis:vis set $Set:ident for $programs:tt {
         $(
             $(#[doc = $doc:expr])*
             #[kfunc $(($($option:tt)*))?]
             $vis:vis fn $name:ident($($params:tt)*) $(-> $ret:ty)? $body:block
         )+
     }
    ) => {
        $($crate::parse_kfunc_programs! {
            $emit; {kfunc [$($doc)*] [$vis] $name in $Set} $programs {
                {[$crate::kfunc_return_type!($($ret)?)] $body} {$($params)*}
            } {$($($option)*)?}
        })+
        $crate::parse_set_programs! { $emit; [$($set_doc)*] [$set_vis] $Set $programs [$($name)+] }
    };
}

/// Puts the types of program, which are those of the set, to one kfunc.
#[doc(hidden)]
#[macro_export]
macro_rules! parse_kfunc_programs {
    ($emit:path; {$($head:tt)*} [$($program:ident),+ $(,)?] $rest:tt {$($option:tt)*}) => {
        $crate::parse_kfunc_options! {
            $emit; {$($head)* programs [$($program)+]} $rest
            delivery [unneeded] legacy [no] flags [] $($option)*
        }
    };
    // The set says what is wrong.
    ($emit:path; $head:tt $programs:tt $rest:tt $option:tt) => {};
}

/// Puts the types of program to the set.
#[doc(hidden)]
#[macro_export]
macro_rules! parse_set_programs {
    ($emit:path; $doc:tt $vis:tt $Set:ident [$($program:ident),+ $(,)?] $names:tt) => {
        $emit! { set $doc $vis $Set programs [$($program)+] kfuncs $names }
    };
    ($emit:path; $doc:tt $vis:tt $Set:ident $programs:tt $names:tt) => {
        ::core::compile_error!(::core::concat!(
            "`", ::core::stringify!($programs), "`: a set is `for [SYSCALL, …]`, types of program, or `for [ANY]`"
        ));
    };
}

/// The return type of a function that may have none.
#[doc(hidden)]
#[macro_export]
macro_rules! kfunc_return_type {
    () => {
        ()
    };
    ($ret:ty) => {
        $ret
    };
}

/// Sorts the options of one kfunc, which stand in any order.
#[doc(hidden)]
#[macro_export]
macro_rules! parse_kfunc_options {
    ($emit:path; {$($head:tt)*} {$tail:tt {$($params:tt)*}}
     delivery $delivery:tt legacy $legacy:tt flags $flags:tt) => {
        $crate::parse_kfunc_params! {
            $emit; {$($head)* delivery $delivery legacy $legacy flags $flags} $tail
            explicit [] implicit [] $($params)*
        }
    };
    ($emit:path; $head:tt $rest:tt delivery [unneeded] legacy $legacy:tt flags $flags:tt
     slots = $slots:expr $(, $($option:tt)*)?) => {
        $crate::parse_kfunc_options! {
            $emit; $head $rest delivery [slots $slots] legacy $legacy flags $flags $($($option)*)?
        }
    };
    ($emit:path; $head:tt $rest:tt delivery [unneeded] legacy $legacy:tt flags $flags:tt
     native $(, $($option:tt)*)?) => {
        $crate::parse_kfunc_options! {
            $emit; $head $rest delivery [native] legacy $legacy flags $flags $($($option)*)?
        }
    };
    ($emit:path; $head:tt $rest:tt delivery $delivery:tt legacy [no] flags $flags:tt
     legacy $(, $($option:tt)*)?) => {
        $crate::parse_kfunc_options! {
            $emit; $head $rest delivery $delivery legacy [yes] flags $flags $($($option)*)?
        }
    };
    ($emit:path; $head:tt $rest:tt delivery $delivery:tt legacy $legacy:tt flags []
     flags = [$($flag:ident),+ $(,)?] $(, $($option:tt)*)?) => {
        $crate::parse_kfunc_options! {
            $emit; $head $rest delivery $delivery legacy $legacy flags [$($flag)+] $($($option)*)?
        }
    };
    ($emit:path; $head:tt $rest:tt delivery $delivery:tt legacy $legacy:tt flags $flags:tt
     $option:tt $($more:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "`", ::core::stringify!($option), "`: a kfunc's options are `slots = N` or `native`, `legacy`, and ",
            "`flags = [ACQUIRE, …]`, each once"
        ));
    };
}

/// Sorts the parameters of one kfunc into explicit and implicit ones.
#[doc(hidden)]
#[macro_export]
macro_rules! parse_kfunc_params {
    ($emit:path; {$($head:tt)*} {$($tail:tt)*} explicit [$($explicit:tt)*] implicit [$($implicit:tt)*]) => {
        $emit! { $($head)* explicit [$($explicit)*] implicit [$($implicit)*] $($tail)* }
    };
    ($emit:path; $head:tt $tail:tt explicit $explicit:tt implicit [$($implicit:tt)*]
     #[implicit] $name:ident: $ty:ty $(, $($rest:tt)*)?) => {
        $crate::parse_kfunc_params! {
            $emit; $head $tail explicit $explicit implicit [$($implicit)* ($name: $ty)] $($($rest)*)?
        }
    };
    ($emit:path; $head:tt $tail:tt explicit [$($explicit:tt)*] implicit []
     $name:ident: $ty:ty $(, $($rest:tt)*)?) => {
        $crate::parse_kfunc_params! {
            $emit; $head $tail explicit [$($explicit)* ($name: $ty)] implicit [] $($($rest)*)?
        }
    };
    ($emit:path; $head:tt $tail:tt explicit $explicit:tt implicit $implicit:tt $name:ident: $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "parameter `", ::core::stringify!($name), "`: explicit parameters come before implicit ones"
        ));
    };
    ($emit:path; $head:tt $tail:tt explicit $explicit:tt implicit $implicit:tt $($rest:tt)+) => {
        ::core::compile_error!(::core::concat!(
            "`", ::core::stringify!($($rest)+), "`: a parameter is `name: Type` or `#[implicit] name: Type`"
        ));
    };
}

/// Places the record of a [`crate::Decl`] in the section `.kfunc_abi`; gives the `&'static` head of it.
/// `$max_params` is that of [`crate::Decl::check`].
#[macro_export]
macro_rules! kfunc_record {
    ($decl:expr, $max_params:expr) => {{
        const ENCODED: $crate::record::Encoded =
            $crate::record::Encoded::kfunc(&$decl, $max_params);
        #[used]
        #[link_section = ".kfunc_abi"]
        static RECORD: $crate::record::KfuncRecord<{ ENCODED.len() }> =
            $crate::record::KfuncRecord::new(&$decl, &ENCODED);
        RECORD.head()
    }};
}

/// Places the record of a [`crate::TypeDecl`] in the section `.kfunc_abi`.
#[macro_export]
macro_rules! type_record {
    ($decl:expr) => {
        const _: () = {
            const ENCODED: $crate::record::Encoded = $crate::record::Encoded::type_decl(&$decl);
            #[used]
            #[link_section = ".kfunc_abi"]
            static RECORD: $crate::record::TypeRecordBytes<{ ENCODED.len() }> =
                $crate::record::TypeRecordBytes::new(&$decl, &ENCODED);
        };
    };
}
