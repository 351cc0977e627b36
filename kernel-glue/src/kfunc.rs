// SPDX-License-Identifier: GPL-2.0-only

//! One kfunc at run time, and the macro that makes it from its declaration.

use kfunc_abi::call::MAX_REGISTER_ARGS;
use kfunc_abi::record::KfuncHead;

use crate::{Program, Provider, Refusal, Slots};

/// The values of a slot, as far as the providers have given them.
#[derive(Debug, Default)]
pub struct Values {
    values: [usize; MAX_REGISTER_ARGS],
    count: usize,
}

impl Values {
    /// What was provided.
    pub(crate) fn provided(&self) -> &[usize] {
        self.values.get(..self.count).unwrap_or_default()
    }
}

/// What is done with the stores of a slot, one implicit parameter after the other.
pub enum Visit<'v> {
    /// Each provider is asked for its value.
    Provide(&'v Program<'v>, &'v mut Values),
    /// So many providers end the use of their stores.
    Withdraw(usize),
}

impl Visit<'_> {
    /// Visits the store of the next implicit parameter.
    ///
    /// # Errors
    ///
    /// The provider's refusal.
    #[doc(hidden)]
    pub fn next<P: Provider>(&mut self, store: Option<&'static P::Store>) -> Result<(), Refusal> {
        const {
            assert!(
                size_of::<P>() == size_of::<usize>(),
                "an implicit argument fills one register"
            );
        }
        let Some(store) = store else {
            return Err(Refusal("no such slot")); // Not reached: slots have as many stores as owners.
        };
        match self {
            Self::Provide(program, values) => {
                let Some(place) = values.values.get_mut(values.count) else {
                    return Err(Refusal("too many values")); // Not reached: the declaration was checked.
                };
                *place = P::bind(store, program)?;
                values.count = values.count.saturating_add(1);
            }
            Self::Withdraw(left) => {
                if *left > 0 {
                    P::unbind(store);
                }
                *left = left.saturating_sub(1);
            }
        }
        Ok(())
    }
}

/// A kfunc of this module. Made by [`crate::kfuncs!`].
pub struct Kfunc {
    #[doc(hidden)]
    pub name: &'static str,
    #[doc(hidden)]
    pub head: &'static KfuncHead,
    #[doc(hidden)]
    pub native: bool,
    #[doc(hidden)]
    pub slots: Slots,
    #[doc(hidden)]
    pub entry: *const (),
    #[doc(hidden)]
    pub stubs: *const u8,
    #[doc(hidden)]
    pub stub_len: usize,
    #[doc(hidden)]
    pub visit: fn(slot: usize, visit: Visit<'_>) -> Result<(), Refusal>,
}

// SAFETY: The pointers lead to code of this module, and are never written through.
unsafe impl Sync for Kfunc {}

impl Kfunc {
    /// Where a call goes that is not bound: the address that the kernel finds for the name.
    pub(crate) fn entry(&self) -> u64 {
        self.entry as u64
    }

    /// Fills a slot that holds nothing; gives it back if a provider refuses.
    pub(crate) fn provide(&self, slot: usize, program: &Program<'_>) -> Result<(), Refusal> {
        let mut values = Values::default();
        let provided = (self.visit)(slot, Visit::Provide(program, &mut values));
        if provided.is_ok() {
            self.slots.fill(slot, values.provided());
        } else {
            self.withdraw(slot, values.provided().len());
            self.slots.release(slot);
        }
        provided
    }

    /// Ends the use of the first `count` stores of a slot.
    pub(crate) fn withdraw(&self, slot: usize, count: usize) {
        // Withdrawing is never refused.
        let _ = (self.visit)(slot, Visit::Withdraw(count));
    }

    /// Gives back a slot whose program does not run any more.
    pub(crate) fn give_back(&self, slot: usize) {
        self.withdraw(slot, usize::MAX);
        self.slots.release(slot);
    }

    /// The stub of `slot`.
    pub(crate) fn stub(&self, slot: usize) -> u64 {
        self.stubs.wrapping_add(slot.wrapping_mul(self.stub_len)) as u64
    }
}

/// Declares kfuncs: each reads like the Rust function that it is.
///
/// Explicit parameters come first; what the BPF program does not pass is marked `#[implicit]` and has a
/// [`crate::Provider`] as its type. `slots` is how many programs can be bound at once.
///
/// ```no_run
/// # use kernel_glue::ProgAux;
/// kernel_glue::kfuncs! {
///     /// The id of the calling program.
///     #[kfunc(slots = 16)]
///     pub fn bpf_self_id(#[implicit] program: ProgAux) -> u32 {
///         program.id()
///     }
/// }
/// # fn main() {}
/// ```
///
/// What a program passes must be a [`crate::Explicit`] type, so that a forgotten `#[implicit]` does not compile:
///
/// ```compile_fail
/// # use kernel_glue::ProgAux;
/// kernel_glue::kfuncs! {
///     #[kfunc(slots = 16)]
///     pub fn forgotten(other: ProgAux, #[implicit] program: ProgAux) -> u32 {
///         other.id() + program.id()
///     }
/// }
/// # fn main() {}
/// ```
///
/// Nor does a type of which the program could set more bits than the body expects:
///
/// ```compile_fail
/// # use kernel_glue::ProgAux;
/// kernel_glue::kfuncs! {
///     #[kfunc(slots = 16)]
///     pub fn narrow(index: u8, #[implicit] program: ProgAux) -> u32 {
///         program.id() + u32::from(index)
///     }
/// }
/// # fn main() {}
/// ```
///
/// This makes, for a kfunc `foo`: a static [`Kfunc`] of that name, the safe entry (symbol `foo`), the body
/// (symbol `foo_impl`), the slots, the stubs, and the record from which `kfunc embed` writes the BTF.
#[macro_export]
macro_rules! kfuncs {
    ($($declarations:tt)*) => {
        $crate::kfunc_abi::parse_kfuncs! { $crate::emit_kfunc; $($declarations)* }
    };
}

/// Makes one kfunc from its parsed declaration.
///
/// Everything that stands where the body can see it has a name that nobody else gives.
#[doc(hidden)]
#[macro_export]
macro_rules! emit_kfunc {
    ([$($doc:tt)*] [$vis:vis] [$slots:expr] [$flags:expr] $name:ident
     explicit [$(($arg:ident: $Arg:ty))*] implicit [$(($own:ident: $Own:ty))*] [$Ret:ty] $body:block) => {
        $($doc)*
        #[expect(non_upper_case_globals, reason = "called as BPF programs call it")]
        $vis static $name: $crate::Kfunc = {
            const __KFUNC_DECL: $crate::kfunc_abi::Decl = $crate::kfunc_abi::Decl {
                name: ::core::stringify!($name),
                flags: $flags,
                slots: __KFUNC_SLOTS as u32,
                return_type: <$Ret as $crate::kfunc_abi::AsC>::C_TYPE,
                params: &[
                    $($crate::kfunc_abi::ParamDecl {
                        name: ::core::stringify!($arg),
                        ty: $crate::explicit_type::<$Arg>(),
                        implicit: false,
                    },)*
                    $($crate::kfunc_abi::ParamDecl {
                        name: ::core::stringify!($own),
                        ty: <$Own as $crate::kfunc_abi::AsC>::C_TYPE,
                        implicit: true,
                    },)*
                ],
            };
            const __KFUNC_SLOTS: usize = $slots;
            /// Which implicit arguments the verifier can fill in.
            const __KFUNC_NATIVE: &[bool] = &[$(<$Own as $crate::Provider>::NATIVE),*];
            const __KFUNC_VALUES_LEN: usize = __KFUNC_SLOTS * __KFUNC_NATIVE.len();

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

            #[export_name = ::core::concat!(::core::stringify!($name), "_impl")]
            extern "C" fn __kfunc_body($($arg: $Arg,)* $($own: $Own),*) -> $Ret $body

            #[export_name = ::core::stringify!($name)]
            extern "C" fn __kfunc_entry($($arg: $Arg,)* $($own: ::core::mem::MaybeUninit<$Own>),*) -> $Ret {
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

            $crate::Kfunc {
                name: ::core::stringify!($name),
                head: $crate::kfunc_abi::kfunc_record!(__KFUNC_DECL),
                native: ::core::matches!(__KFUNC_NATIVE, [true]),
                slots: $crate::Slots::new(
                    &__KFUNC_OWNERS,
                    &__KFUNC_BIRTHS,
                    &__KFUNC_VALUES,
                    __KFUNC_NATIVE.len(),
                ),
                entry: __kfunc_entry as *const (),
                stubs: &raw const __KFUNC_STUBS,
                stub_len: $crate::stub_len(__KFUNC_NATIVE.len()),
                visit: __kfunc_visit,
            }
        };

        $crate::stub_pool!($name $slots; [$($arg)*] [$($own)*]);
    };
}
