// SPDX-License-Identifier: GPL-2.0-only

//! The macro that makes kfuncs from their declarations.

use kfunc_abi::call::MAX_REGISTER_ARGS;

/// The most parameters of a kfunc on the kernel that the module is built for. kbuild says whether that has stack
/// arguments (`bpf_jit_supports_stack_args` of 7.2 and later).
#[doc(hidden)]
pub const MAX_PARAMS: usize = if cfg!(kfunc_stack_args) {
    kfunc_abi::model::MAX_ARGS
} else {
    MAX_REGISTER_ARGS
};

/// Stops the build on a type that is not passed in so many registers.
#[doc(hidden)]
pub const fn check_registers<T>(count: usize) {
    let registers = size_of::<T>().div_ceil(size_of::<usize>());
    assert!(
        registers == count,
        "an argument fills one register, and a memory two"
    );
}

/// Declares a set of kfuncs: each reads like the Rust function that it is.
///
/// ```no_run
/// # use core::sync::atomic::{AtomicU64, Ordering};
/// # use kernel_glue::{Module, ProgAux, PerProgram, State};
/// # struct Total(AtomicU64);
/// # impl State for Total {
/// #     const NAME: &'static str = "total";
/// #     const NEW: Self = Self(AtomicU64::new(0));
/// # }
/// kernel_glue::kfuncs! {
///     /// For programs of these types (`ANY` stands for all).
///     pub set COUNTERS for [SYSCALL, SCHED_CLS] {
///         /// The id of the calling program.
///         #[kfunc(slots = 16)]
///         pub fn bpf_self_id(#[implicit] program: ProgAux) -> u32 {
///             program.id()
///         }
///
///         /// Adds to the calling program's own total. Old programs call `bpf_add_impl(delta, NULL)`.
///         #[kfunc(slots = 16, legacy)]
///         pub fn bpf_add(delta: u64, #[implicit] total: PerProgram<'_, Total>) -> u64 {
///             total.0.fetch_add(delta, Ordering::Relaxed).wrapping_add(delta)
///         }
///
///         /// Takes nothing that is implicit, and so needs no slots.
///         #[kfunc(flags = [SLEEPABLE])]
///         pub fn bpf_double(value: u64) -> u64 {
///             value.wrapping_mul(2)
///         }
///     }
/// }
///
/// pub static MODULE: Module = Module::new("counters", &[&COUNTERS]);
/// # fn main() {}
/// ```
///
/// Explicit parameters come first, and are of [`crate::Explicit`] types; what the program does not pass is marked
/// `#[implicit]` and has a [`crate::Provider`] as its type. A kfunc's options, in any order:
///
/// | option | |
/// |---|---|
/// | `slots = N` | how many programs can be bound at once; demanded if something is implicit |
/// | `native` | instead of slots: only the verifier of Linux 7.0 and later fills it in, one [`crate::ProgAux`] or [`crate::Prog`] |
/// | `legacy` | programs may also call `foo_impl(.., NULL)`, as they did before there were implicit arguments |
/// | `flags = [A, B]` | constants of [`kfunc_abi::KfuncFlags`] |
///
/// This makes, for a kfunc `foo`: a static [`crate::Kfunc`] of that name, the safe entry (symbol `foo`), the body
/// (symbol `__kfunc_body_foo`), the slots, the stubs, and the record from which `kfunc embed` writes the BTF. A
/// kfunc to which nothing is bound has its body at the symbol `foo`.
#[macro_export]
macro_rules! kfuncs {
    ($($declarations:tt)*) => {
        $crate::kfunc_abi::parse_kfuncs! { $crate::emit_kfunc; $($declarations)* }
    };
}

/// Makes one kfunc, or the set, from its parsed declaration.
///
/// Everything that stands where the body can see it has a name that nobody else gives.
#[doc(hidden)]
#[macro_export]
macro_rules! emit_kfunc {
    (set [$($doc:expr)*] [$vis:vis] $Set:ident programs [$($program:ident)*] kfuncs [$($name:ident)*]) => {
        $(#[doc = $doc])*
        $vis static $Set: $crate::KfuncSet = $crate::KfuncSet::new(
            &[$(&$name),*],
            &[$($crate::kfunc_abi::ProgType::$program),*],
        );
    };
    (kfunc [$($doc:expr)*] [$vis:vis] $name:ident in $Set:ident programs $programs:tt
     delivery [slots $slots:expr] legacy $legacy:tt flags $flags:tt
     explicit [$(($arg:ident: $Arg:ty))*] implicit [$(($own:ident: $Own:ty))+] [$Ret:ty] $body:block) => {
        $(#[doc = $doc])*
        #[expect(non_upper_case_globals, reason = "called as BPF programs call it")]
        $vis static $name: $crate::Kfunc = {
            const __KFUNC_DECL: $crate::kfunc_abi::Decl = $crate::kfunc_decl!(
                [$($doc)*] $name $Set $programs
                [$crate::kfunc_abi::Delivery::Bound { slots: __KFUNC_SLOTS as u32 }]
                $legacy $flags [$(($arg: $Arg))*] [$(($own: $Own))*] [$Ret]
            );
            const __KFUNC_SLOTS: usize = $slots;
            /// Which implicit arguments the verifier can fill in.
            const __KFUNC_NATIVE: &[bool] = &[$(<$Own as $crate::Provider>::NATIVE),*];
            /// Where the stubs take them from.
            const __KFUNC_SOURCES: &[$crate::Source] = &[$(<$Own as $crate::Provider>::SOURCE),*];
            const __KFUNC_VALUES_LEN: usize = __KFUNC_SLOTS * __KFUNC_NATIVE.len();
            $($crate::check_registers::<$Arg>(<$Arg as $crate::Explicit>::PASSED.c_params());)*
            $($crate::check_registers::<$Own>(1);)*

            static __KFUNC_OWNERS: [::core::sync::atomic::AtomicUsize; __KFUNC_SLOTS] =
                [const { ::core::sync::atomic::AtomicUsize::new(0) }; __KFUNC_SLOTS];
            static __KFUNC_BIRTHS: [::core::sync::atomic::AtomicU64; __KFUNC_SLOTS] =
                [const { ::core::sync::atomic::AtomicU64::new(0) }; __KFUNC_SLOTS];
            #[export_name = ::core::concat!("__kfunc_slots_", ::core::stringify!($name))]
            static __KFUNC_VALUES: [::core::sync::atomic::AtomicUsize; __KFUNC_VALUES_LEN] =
                [const { ::core::sync::atomic::AtomicUsize::new(0) }; __KFUNC_VALUES_LEN];
            extern "C" {
                #[link_name = ::core::concat!("__kfunc_stubs_", ::core::stringify!($name))]
                static __KFUNC_STUBS: u8;
            }
            #[export_name = ::core::concat!("__kfunc_body_", ::core::stringify!($name))]
            extern "C" fn __kfunc_body(
                $($arg: $Arg,)* $($own: <$Own as $crate::Provider>::For<'_>),*
            ) -> $Ret $body

            #[export_name = ::core::stringify!($name)]
            extern "C" fn __kfunc_entry(
                $($arg: $Arg,)* $($own: ::core::mem::MaybeUninit<<$Own as $crate::Provider>::For<'_>>),*
            ) -> $Ret {
                if $crate::native_active(__KFUNC_NATIVE) {
                    $(
                        // SAFETY: Registered natively, so that the verifier has filled the register in.
                        let $own = unsafe { $own.assume_init() };
                    )*
                    __kfunc_body($($arg,)* $($own),*)
                } else {
                    $( let _ = $own; )*
                    <$Ret as $crate::Returned>::UNBOUND
                }
            }

            fn __kfunc_visit(
                slot: usize,
                mut visit: $crate::Visit<'_>,
            ) -> ::core::result::Result<(), $crate::Refusal> {
                $({
                    static STORES: [<$Own as $crate::Provider>::Store; __KFUNC_SLOTS] =
                        [const { <$Own as $crate::Provider>::EMPTY }; __KFUNC_SLOTS];
                    visit.next::<$Own>(STORES.get(slot))?;
                })*
                ::core::result::Result::Ok(())
            }

            // SAFETY: `stub_pool!` makes the stubs, and `kfunc embed` compares them with what they must be.
            let pool = unsafe {
                $crate::Pool::new(
                    $crate::Slots::new(
                        &__KFUNC_OWNERS,
                        &__KFUNC_BIRTHS,
                        &__KFUNC_VALUES,
                        __KFUNC_NATIVE.len(),
                    ),
                    &raw const __KFUNC_STUBS,
                    $crate::stub_len(__KFUNC_SOURCES),
                    __kfunc_visit,
                )
            };
            let head = $crate::kfunc_abi::kfunc_record!(__KFUNC_DECL, $crate::MAX_PARAMS);
            let legacy = $crate::legacy_entry!(
                $legacy $name __kfunc_entry [$(($arg: $Arg))* $(($own: ::core::mem::MaybeUninit<$Own>))*] [$Ret]
            );
            // SAFETY: Entries and record are made from one declaration, and so are the stubs.
            unsafe {
                $crate::Kfunc::bound(
                    ::core::stringify!($name),
                    head,
                    __KFUNC_NATIVE,
                    pool,
                    __kfunc_entry as *const (),
                    legacy,
                )
            }
        };

        $crate::stub_pool!(
            $name, $slots,
            0 $(+ <$Arg as $crate::Explicit>::PASSED.c_params())*,
            [$(::core::stringify!($own)),*].len(),
            $crate::call_sites(&[$(<$Own as $crate::Provider>::SOURCE),*])
        );
    };
    (kfunc [$($doc:expr)*] [$vis:vis] $name:ident in $Set:ident programs $programs:tt
     delivery [native] legacy $legacy:tt flags $flags:tt
     explicit $explicit:tt implicit [($own:ident: $Own:ty)] $Ret:tt $body:block) => {
        $crate::emit_unbound_kfunc! {
            [$($doc)*] [$vis] $name $Set $programs [$crate::kfunc_abi::Delivery::Native] Always
            $legacy $flags $explicit [($own: $Own)] $Ret $body
        }
        const _: () = ::core::assert!(
            <$Own as $crate::Provider>::NATIVE,
            "native delivery fills in one ProgAux or Prog only: the register of anything else would hold what the program left in it"
        );
    };
    // Without slots. With implicit parameters, that is refused when the declaration is checked.
    (kfunc [$($doc:expr)*] [$vis:vis] $name:ident in $Set:ident programs $programs:tt
     delivery [$($delivery:tt)+] legacy $legacy:tt flags $flags:tt
     explicit $explicit:tt implicit $implicit:tt $Ret:tt $body:block) => {
        $crate::emit_unbound_kfunc! {
            [$($doc)*] [$vis] $name $Set $programs [$crate::kfunc_delivery!($($delivery)+)] Never
            $legacy $flags $explicit $implicit $Ret $body
        }
    };
}

/// Makes a kfunc whose body is at the symbol of its name.
#[doc(hidden)]
#[macro_export]
macro_rules! emit_unbound_kfunc {
    ([$($doc:expr)*] [$vis:vis] $name:ident $Set:ident $programs:tt $delivery:tt $native:ident $legacy:tt $flags:tt
     [$(($arg:ident: $Arg:ty))*] [$(($own:ident: $Own:ty))*] [$Ret:ty] $body:block) => {
        $(#[doc = $doc])*
        #[expect(non_upper_case_globals, reason = "called as BPF programs call it")]
        $vis static $name: $crate::Kfunc = {
            const __KFUNC_DECL: $crate::kfunc_abi::Decl = $crate::kfunc_decl!(
                [$($doc)*] $name $Set $programs $delivery $legacy $flags
                [$(($arg: $Arg))*] [$(($own: $Own))*] [$Ret]
            );
            #[allow(clippy::too_many_arguments, reason = "a kfunc may have twelve")]
            #[export_name = ::core::stringify!($name)]
            extern "C" fn __kfunc_body($($arg: $Arg,)* $($own: $Own),*) -> $Ret $body

            $($crate::check_registers::<$Arg>(<$Arg as $crate::Explicit>::PASSED.c_params());)*
            $($crate::check_registers::<$Own>(1);)*
            let head = $crate::kfunc_abi::kfunc_record!(__KFUNC_DECL, $crate::MAX_PARAMS);
            let legacy = $crate::legacy_entry!(
                $legacy $name __kfunc_body [$(($arg: $Arg))* $(($own: $Own))*] [$Ret]
            );
            // SAFETY: Entries and record are made from one declaration.
            unsafe {
                $crate::Kfunc::unbound(
                    ::core::stringify!($name),
                    head,
                    $crate::Native::$native,
                    __kfunc_body as *const (),
                    legacy,
                )
            }
        };
    };
}

/// What `foo_impl(.., NULL)` of old programs gets to: the same as `foo`, if the kfunc is a legacy one.
#[doc(hidden)]
#[macro_export]
macro_rules! legacy_entry {
    ([no] $($rest:tt)*) => {
        ::core::option::Option::None
    };
    ([yes] $name:ident $entry:ident [$(($param:ident: $Param:ty))*] [$Ret:ty]) => {{
        #[export_name = ::core::concat!(::core::stringify!($name), "_impl")]
        extern "C" fn __kfunc_legacy_entry($($param: $Param),*) -> $Ret {
            $entry($($param),*)
        }
        ::core::option::Option::Some(__kfunc_legacy_entry as *const ())
    }};
}

/// The declaration, as `kfunc_abi` has it.
#[doc(hidden)]
#[macro_export]
macro_rules! kfunc_decl {
    ([$($doc:expr)*] $name:ident $Set:ident [$($program:ident)*] [$delivery:expr] $legacy:tt [$($flag:ident)*]
     [$(($arg:ident: $Arg:ty))*] [$(($own:ident: $Own:ty))*] [$Ret:ty]) => {
        $crate::kfunc_abi::Decl {
            name: ::core::stringify!($name),
            doc: ::core::concat!($($doc, "\n"),*),
            set: ::core::stringify!($Set),
            flags: $crate::kfunc_abi::KfuncFlags::empty()
                $(.union($crate::kfunc_abi::KfuncFlags::$flag))*,
            delivery: $delivery,
            legacy: $crate::kfunc_is_legacy!($legacy),
            prog_types: &[$($crate::kfunc_abi::ProgType::$program),*],
            return_type: $crate::returned_type::<$Ret>(),
            params: &[
                $($crate::kfunc_abi::ParamDecl {
                    name: ::core::stringify!($arg),
                    ty: <$Arg as $crate::kfunc_abi::AsC>::C_TYPE,
                    passed: <$Arg as $crate::Explicit>::PASSED,
                },)*
                $($crate::kfunc_abi::ParamDecl {
                    name: ::core::stringify!($own),
                    ty: <$Own as $crate::kfunc_abi::AsC>::C_TYPE,
                    passed: <$Own as $crate::Provider>::SOURCE.passed(),
                },)*
            ],
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! kfunc_is_legacy {
    ([yes]) => {
        true
    };
    ([no]) => {
        false
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! kfunc_delivery {
    (unneeded) => {
        $crate::kfunc_abi::Delivery::Unneeded
    };
    (native) => {
        $crate::kfunc_abi::Delivery::Native
    };
    (slots $slots:expr) => {
        $crate::kfunc_abi::Delivery::Bound {
            slots: $slots as u32,
        }
    };
}
