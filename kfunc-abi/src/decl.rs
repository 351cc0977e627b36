// SPDX-License-Identifier: MIT OR Apache-2.0

//! One kfunc, as declared.

use crate::call::MAX_REGISTER_ARGS;
use crate::{CType, KfuncFlags};

/// What the full signature's name adds to the public one (`KF_IMPL_SUFFIX` of `include/linux/btf.h`).
pub const IMPL_SUFFIX: &str = "_impl";

/// `KSYM_NAME_LEN` of `include/linux/kallsyms.h`: bytes of a symbol name with its NUL.
pub const KSYM_NAME_LEN: usize = 512;

/// A kfunc, as its declaration says it.
#[derive(Clone, Copy, Debug)]
pub struct Decl {
    /// The name that BPF programs call.
    pub name: &'static str,
    /// KF_* flags.
    pub flags: KfuncFlags,
    /// How many programs can be bound to it at once.
    pub slots: u32,
    /// The return type.
    pub return_type: CType,
    /// All parameters, implicit ones last.
    pub params: &'static [ParamDecl],
}

/// A parameter, as declared.
#[derive(Clone, Copy, Debug)]
pub struct ParamDecl {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: CType,
    /// Whether it is filled in when a program is loaded.
    pub implicit: bool,
}

impl Decl {
    /// Stops the build, with a sentence, on a declaration that could not work.
    ///
    /// ```
    /// # use kfunc_abi::{CType, Decl, KfuncFlags, ParamDecl};
    /// # const fn decl(params: &'static [ParamDecl]) -> Decl {
    /// #     Decl { name: "foo", flags: KfuncFlags::empty(), slots: 1, return_type: CType::Void, params }
    /// # }
    /// # const fn param(implicit: bool) -> ParamDecl {
    /// #     ParamDecl { name: "a", ty: CType::Void, implicit }
    /// # }
    /// const _: () = decl(&[param(false), param(true)]).check();
    /// ```
    ///
    /// ```compile_fail
    /// # use kfunc_abi::{CType, Decl, KfuncFlags, ParamDecl};
    /// # const fn decl(params: &'static [ParamDecl]) -> Decl {
    /// #     Decl { name: "foo", flags: KfuncFlags::empty(), slots: 1, return_type: CType::Void, params }
    /// # }
    /// # const fn param(implicit: bool) -> ParamDecl {
    /// #     ParamDecl { name: "a", ty: CType::Void, implicit }
    /// # }
    /// // A sixth argument has no register.
    /// const _: () = decl(&[param(false), param(false), param(false), param(false), param(true), param(true)]).check();
    /// ```
    ///
    /// ```compile_fail
    /// # use kfunc_abi::{CType, Decl, KfuncFlags, ParamDecl};
    /// # const fn decl(params: &'static [ParamDecl]) -> Decl {
    /// #     Decl { name: "foo", flags: KfuncFlags::empty(), slots: 1, return_type: CType::Void, params }
    /// # }
    /// # const fn param(implicit: bool) -> ParamDecl {
    /// #     ParamDecl { name: "a", ty: CType::Void, implicit }
    /// # }
    /// // Nothing is implicit.
    /// const _: () = decl(&[param(false)]).check();
    /// ```
    pub const fn check(&self) {
        assert!(
            self.params.len() <= MAX_REGISTER_ARGS,
            "a kfunc has five argument registers, for its explicit and implicit parameters together"
        );
        assert!(
            self.explicit() < self.params.len(),
            "a kfunc without an implicit parameter needs nothing of this crate"
        );
        assert!(
            self.name.len().saturating_add(IMPL_SUFFIX.len()) < KSYM_NAME_LEN,
            "the name and _impl together are longer than KSYM_NAME_LEN"
        );
        assert!(self.slots > 0, "a kfunc without slots could not be bound");
    }

    /// How many parameters the public signature has.
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "the loop's bound is the length of the slice"
    )]
    pub const fn explicit(&self) -> usize {
        let mut count = 0;
        while count < self.params.len() && !self.params[count].implicit {
            count += 1;
        }
        count
    }
}
