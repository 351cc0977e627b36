// SPDX-License-Identifier: MIT OR Apache-2.0

//! The declaration macro: a kfunc that reads like the Rust function that it is.

/// Reads declarations of kfuncs and hands each to the macro `$emit`, in one canonical form:
///
/// ```text
/// $emit! {
///     [doc attributes] [visibility] [slots] [flags] name
///     explicit [(a: A) …]  implicit [(b: B) …]
///     [return type] { body }
/// }
/// ```
///
/// Kernel modules use `kernel_glue::kfuncs!`, which calls this with the code that a module needs.
///
/// ```
/// macro_rules! emit {
///     ([$($doc:tt)*] [$($vis:tt)*] [$slots:expr] [$flags:expr] $name:ident
///      explicit [$(($a:ident: $A:ty))*] implicit [$(($b:ident: $B:ty))*] [$ret:ty] $body:block) => {
///         fn $name($($a: $A,)* $($b: $B),*) -> $ret $body
///     };
/// }
/// kfunc_abi::parse_kfuncs! { emit;
///     /// Adds to what the program has.
///     #[kfunc(slots = 4)]
///     fn add(delta: u64, #[implicit] have: u64) -> u64 { have + delta }
/// }
/// assert_eq!(add(1, 2), 3);
/// kfunc_abi::parse_kfuncs! { emit;
///     #[kfunc(slots = 4)]
///     fn returns_nothing(#[implicit] _have: u64) {}
/// }
/// returns_nothing(1);
/// ```
///
/// Explicit parameters come first:
///
/// ```compile_fail
/// macro_rules! emit { ($($t:tt)*) => {}; }
/// kfunc_abi::parse_kfuncs! { emit;
///     #[kfunc(slots = 4)]
///     fn add(#[implicit] have: u64, delta: u64) -> u64 { have + delta }
/// }
/// ```
#[macro_export]
macro_rules! parse_kfuncs {
    ($emit:path;
     $(
        $(#[doc = $doc:expr])*
        #[kfunc(slots = $slots:expr $(, flags = $flags:expr)?)]
        $vis:vis fn $name:ident($($params:tt)*) $(-> $ret:ty)? $body:block
     )*) => {
        $($crate::parse_kfunc_params! {
            $emit; {
                [$(#[doc = $doc])*] [$vis] [$slots]
                [$crate::KfuncFlags::empty()$(.union($flags))?] $name
            } { [$crate::kfunc_return_type!($($ret)?)] $body } explicit [] implicit [] $($params)*
        })*
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
}

/// Places the record of a [`crate::Decl`] in the section `.kfunc_abi`; gives the `&'static` head of it.
#[macro_export]
macro_rules! kfunc_record {
    ($decl:expr) => {{
        const ENCODED: $crate::record::EncodedDecl = $crate::record::EncodedDecl::new(&$decl);
        #[used]
        #[link_section = ".kfunc_abi"]
        static RECORD: $crate::record::KfuncRecord<{ ENCODED.len() }> =
            $crate::record::KfuncRecord::new(&$decl, &ENCODED);
        RECORD.head()
    }};
}
