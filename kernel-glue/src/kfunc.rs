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
    /// Asks the provider `P` for the next value.
    ///
    /// # Errors
    ///
    /// The provider's refusal.
    pub fn provide<P: Provider>(
        &mut self,
        store: Option<&'static P::Store>,
        program: &Program<'_>,
    ) -> Result<(), Refusal> {
        let (Some(store), Some(place)) = (store, self.values.get_mut(self.count)) else {
            return Err(Refusal("no room for the value")); // Not reached: the declaration was checked.
        };
        *place = P::bind(store, program)?;
        self.count += 1;
        Ok(())
    }

    /// What was provided.
    pub(crate) fn provided(&self) -> &[usize] {
        self.values.get(..self.count).unwrap_or_default()
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
    pub provide: fn(slot: usize, program: &Program<'_>, values: &mut Values) -> Result<(), Refusal>,
    #[doc(hidden)]
    pub withdraw: fn(slot: usize, count: usize),
}

// SAFETY: The pointers lead to code of this module, and are never written through.
unsafe impl Sync for Kfunc {}

impl Kfunc {
    /// Where a call goes that is not bound: the address that the kernel finds for the name.
    pub(crate) fn entry(&self) -> u64 {
        self.entry as u64
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
/// This makes, for a kfunc `foo`: a static [`Kfunc`] of that name, the safe entry (symbol `foo`), the body
/// (symbol `foo_impl`), the slots, the stubs, and the record from which `kfunc embed` writes the BTF.
#[macro_export]
macro_rules! kfuncs {
    ($($declarations:tt)*) => {
        $crate::kfunc_abi::parse_kfuncs! { $crate::emit_kfunc; $($declarations)* }
    };
}

/// Makes one kfunc from its parsed declaration.
#[doc(hidden)]
#[macro_export]
macro_rules! emit_kfunc {
    ([$($doc:tt)*] [$vis:vis] [$slots:expr] [$flags:expr] $name:ident
     explicit [$(($arg:ident: $Arg:ty))*] implicit [$(($own:ident: $Own:ty))*] [$Ret:ty] $body:block) => {
        $($doc)*
        #[expect(non_upper_case_globals, reason = "called as BPF programs call it")]
        $vis static $name: $crate::Kfunc = {
            use ::core::mem::MaybeUninit;
            use ::core::sync::atomic::{AtomicU64, AtomicUsize};
            use $crate::kfunc_abi::{AsC, Decl, ParamDecl};
            use $crate::Provider;

            const DECL: Decl = Decl {
                name: ::core::stringify!($name),
                flags: $flags,
                slots: SLOTS as u32,
                return_type: <$Ret as AsC>::C_TYPE,
                params: &[
                    $(ParamDecl { name: ::core::stringify!($arg), ty: <$Arg as AsC>::C_TYPE, implicit: false },)*
                    $(ParamDecl { name: ::core::stringify!($own), ty: <$Own as AsC>::C_TYPE, implicit: true },)*
                ],
            };
            const SLOTS: usize = $slots;
            /// Which implicit arguments the verifier can fill in.
            const NATIVE: &[bool] = &[$(<$Own as Provider>::NATIVE),*];
            const WIDTH: usize = NATIVE.len();

            static OWNERS: [AtomicUsize; SLOTS] = [const { AtomicUsize::new(0) }; SLOTS];
            static BIRTHS: [AtomicU64; SLOTS] = [const { AtomicU64::new(0) }; SLOTS];
            #[export_name = ::core::concat!("__kfunc_slots_", ::core::stringify!($name))]
            static VALUES: [AtomicUsize; SLOTS * WIDTH] = [const { AtomicUsize::new(0) }; SLOTS * WIDTH];

            #[export_name = ::core::concat!(::core::stringify!($name), "_impl")]
            extern "C" fn kfunc_body($($arg: $Arg,)* $($own: $Own),*) -> $Ret $body

            #[export_name = ::core::stringify!($name)]
            extern "C" fn kfunc_entry($($arg: $Arg,)* $($own: MaybeUninit<$Own>),*) -> $Ret {
                if $crate::native_active(NATIVE) {
                    $(
                        // SAFETY: Registered natively, so that the verifier has filled the register in.
                        let $own = unsafe { $own.assume_init() };
                    )*
                    kfunc_body($($arg,)* $($own),*)
                } else {
                    $( let _ = $own; )*
                    <$Ret as $crate::Unbound>::UNBOUND
                }
            }

            extern "C" {
                #[link_name = ::core::concat!("__kfunc_stubs_", ::core::stringify!($name))]
                static STUBS: u8;
            }

            // The stores of each implicit parameter, in a function of its name.
            $(
                fn $own(slot: usize) -> Option<&'static <$Own as Provider>::Store> {
                    static STORES: [<$Own as Provider>::Store; SLOTS] = [const { <$Own as Provider>::EMPTY }; SLOTS];
                    STORES.get(slot)
                }
            )*

            fn kfunc_provide(
                slot: usize,
                program: &$crate::Program<'_>,
                values: &mut $crate::Values,
            ) -> ::core::result::Result<(), $crate::Refusal> {
                $( values.provide::<$Own>($own(slot), program)?; )*
                Ok(())
            }

            fn kfunc_withdraw(slot: usize, count: usize) {
                let mut stores = 0_usize..count;
                $(
                    if let (Some(_), Some(store)) = (stores.next(), $own(slot)) {
                        <$Own as Provider>::unbind(store);
                    }
                )*
            }

            $crate::Kfunc {
                name: ::core::stringify!($name),
                head: $crate::kfunc_abi::kfunc_record!(DECL),
                native: ::core::matches!(NATIVE, [true]),
                slots: $crate::Slots::new(&OWNERS, &BIRTHS, &VALUES, WIDTH),
                entry: kfunc_entry as *const (),
                stubs: &raw const STUBS,
                stub_len: $crate::stub_len(WIDTH),
                provide: kfunc_provide,
                withdraw: kfunc_withdraw,
            }
        };

        $crate::stub_pool!($name $slots; [$($arg)*] [$($own)*]);
    };
}
