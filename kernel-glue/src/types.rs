// SPDX-License-Identifier: GPL-2.0-only

//! Types with a C name: the kernel's, and the module's own.

/// Names types of the kernel, to be pointed to, or passed where they are numbers.
///
/// ```no_run
/// kernel_glue::kernel_types! {
///     /// Opaque: only pointers to it are of use.
///     pub struct Task as "task_struct";
///     pub union Sigval as "sigval";
///     /// A number, of which this integer has the size.
///     pub enum ProgType as "bpf_prog_type": u32;
///     pub type Gfp as "gfp_t" = u32;
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! kernel_types {
    () => {};
    ($(#[$attr:meta])* $vis:vis struct $Name:ident as $name:literal; $($rest:tt)*) => {
        $crate::opaque_type! { [$(#[$attr])*] [$vis] $Name STRUCT $name }
        $crate::kernel_types! { $($rest)* }
    };
    ($(#[$attr:meta])* $vis:vis union $Name:ident as $name:literal; $($rest:tt)*) => {
        $crate::opaque_type! { [$(#[$attr])*] [$vis] $Name UNION $name }
        $crate::kernel_types! { $($rest)* }
    };
    ($(#[$attr:meta])* $vis:vis enum $Name:ident as $name:literal: $Int:ty; $($rest:tt)*) => {
        $crate::number_type! {
            [$(#[$attr])*] [$vis] $Name $Int,
            $crate::kfunc_abi::CType::Kernel { kind: $crate::kfunc_abi::Kind::ENUM, name: $name }
        }
        $crate::kernel_types! { $($rest)* }
    };
    ($(#[$attr:meta])* $vis:vis type $Name:ident as $name:literal = $Int:ty; $($rest:tt)*) => {
        $crate::number_type! {
            [$(#[$attr])*] [$vis] $Name $Int,
            $crate::kfunc_abi::CType::Kernel { kind: $crate::kfunc_abi::Kind::TYPEDEF, name: $name }
        }
        $crate::kernel_types! { $($rest)* }
    };
}

/// Defines types of the module. Programs see them with their members, in the module's BTF.
///
/// ```no_run
/// kernel_glue::module_types! {
///     pub struct Point as "point" {
///         pub x: i32,
///         pub y: i32,
///     }
///     pub union Word as "word" {
///         pub whole: u64,
///         pub half: u32,
///     }
///     /// A program may pass any number: hence constants, not variants.
///     pub enum Mode as "mode": u32 {
///         OFF = 0,
///         ON = 1,
///     }
///     pub type Cookie as "cookie_t" = u64;
/// }
///
/// kernel_glue::kfuncs! {
///     pub set SET for [SYSCALL] {
///         /// Whether that is on.
///         #[kfunc]
///         pub fn bpf_is_on(mode: Mode, _cookie: Cookie) -> u32 {
///             u32::from(mode == Mode::ON)
///         }
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! module_types {
    () => {};
    ($(#[$attr:meta])* $vis:vis struct $Name:ident as $name:literal {
        $($(#[$member_attr:meta])* $member_vis:vis $member:ident: $Member:ty),* $(,)?
     } $($rest:tt)*) => {
        $(#[$attr])*
        #[repr(C)]
        $vis struct $Name {
            $($(#[$member_attr])* $member_vis $member: $Member,)*
        }
        $crate::composite_record! { Struct STRUCT $Name $name [$($member: $Member)*] }
        $crate::module_types! { $($rest)* }
    };
    ($(#[$attr:meta])* $vis:vis union $Name:ident as $name:literal {
        $($(#[$member_attr:meta])* $member_vis:vis $member:ident: $Member:ty),* $(,)?
     } $($rest:tt)*) => {
        $(#[$attr])*
        #[repr(C)]
        $vis union $Name {
            $($(#[$member_attr])* $member_vis $member: $Member,)*
        }
        $crate::composite_record! { Union UNION $Name $name [$($member: $Member)*] }
        $crate::module_types! { $($rest)* }
    };
    ($(#[$attr:meta])* $vis:vis enum $Name:ident as $name:literal: $Int:ident {
        $($(#[$value_attr:meta])* $value:ident = $number:expr),* $(,)?
     } $($rest:tt)*) => {
        $crate::number_type! {
            [$(#[$attr])*] [$vis] $Name $Int,
            $crate::kfunc_abi::CType::Module {
                kind: $crate::kfunc_abi::Kind::ENUM,
                name: $name,
                size: size_of::<$Int>() as u32,
            }
        }
        impl $Name {
            $($(#[$value_attr])* $vis const $value: Self = Self($number);)*
        }
        $crate::kfunc_abi::type_record!($crate::kfunc_abi::TypeDecl {
            name: $name,
            size: size_of::<$Int>() as u32,
            body: $crate::kfunc_abi::TypeBody::Enum(
                &[$((::core::stringify!($value), { const NUMBER: $Int = $number; NUMBER as i64 })),*],
                <$Int>::MIN != 0,
            ),
        });
        $crate::module_types! { $($rest)* }
    };
    ($(#[$attr:meta])* $vis:vis type $Name:ident as $name:literal = $Int:ty; $($rest:tt)*) => {
        $crate::number_type! {
            [$(#[$attr])*] [$vis] $Name $Int,
            $crate::kfunc_abi::CType::Module {
                kind: $crate::kfunc_abi::Kind::TYPEDEF,
                name: $name,
                size: size_of::<$Int>() as u32,
            }
        }
        $crate::kfunc_abi::type_record!($crate::kfunc_abi::TypeDecl {
            name: $name,
            size: size_of::<$Int>() as u32,
            body: $crate::kfunc_abi::TypeBody::Typedef(<$Int as $crate::kfunc_abi::AsC>::C_TYPE),
        });
        $crate::module_types! { $($rest)* }
    };
}

/// A type that is only pointed to.
#[doc(hidden)]
#[macro_export]
macro_rules! opaque_type {
    ([$($attr:tt)*] [$vis:vis] $Name:ident $kind:ident $name:literal) => {
        $($attr)*
        #[repr(C)]
        $vis struct $Name {
            _opaque: [u8; 0],
            // Neither Send nor Sync nor Unpin: nothing is known of it.
            _marker: ::core::marker::PhantomData<(*mut u8, ::core::marker::PhantomPinned)>,
        }
        impl $crate::kfunc_abi::AsC for $Name {
            const C_TYPE: $crate::kfunc_abi::CType = $crate::kfunc_abi::CType::Kernel {
                kind: $crate::kfunc_abi::Kind::$kind,
                name: $name,
            };
        }
    };
}

/// A number with a C name of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! number_type {
    ([$($attr:tt)*] [$vis:vis] $Name:ident $Int:ty, $c_type:expr) => {
        $($attr)*
        #[repr(transparent)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis struct $Name($vis $Int);
        impl $crate::kfunc_abi::AsC for $Name {
            const C_TYPE: $crate::kfunc_abi::CType = $c_type;
        }
        // SAFETY: As the integer that it consists of.
        unsafe impl $crate::Explicit for $Name {
            const PASSED: $crate::kfunc_abi::Passed = <$Int as $crate::Explicit>::PASSED;
        }
        // SAFETY: As the integer that it consists of.
        unsafe impl $crate::Returned for $Name {
            const UNBOUND: Self = Self(<$Int as $crate::Returned>::UNBOUND);
        }
    };
}

/// The C name and the record of a struct or union.
#[doc(hidden)]
#[macro_export]
macro_rules! composite_record {
    ($Body:ident $kind:ident $Name:ident $name:literal [$($member:ident: $Member:ty)*]) => {
        impl $crate::kfunc_abi::AsC for $Name {
            const C_TYPE: $crate::kfunc_abi::CType = $crate::kfunc_abi::CType::Module {
                kind: $crate::kfunc_abi::Kind::$kind,
                name: $name,
                size: size_of::<$Name>() as u32,
            };
        }
        $crate::kfunc_abi::type_record!($crate::kfunc_abi::TypeDecl {
            name: $name,
            size: size_of::<$Name>() as u32,
            body: $crate::kfunc_abi::TypeBody::$Body(&[$($crate::kfunc_abi::MemberDecl {
                name: ::core::stringify!($member),
                ty: <$Member as $crate::kfunc_abi::AsC>::C_TYPE,
                offset: ::core::mem::offset_of!($Name, $member) as u32,
            }),*]),
        });
    };
}
