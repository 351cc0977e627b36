// SPDX-License-Identifier: MIT OR Apache-2.0

//! Both signatures of a kfunc, from any BTF.
//!
//! ```text
//!   FUNC foo ──► public prototype ──┐
//!                                   ├─ Signature: explicit parameters, implicit ones, and where that is from
//!   FUNC foo_impl ──► full prototype ┘
//! ```
//!
//! Kernels tell implicit parameters in different ways, see [`Source`].

mod error;
mod pair;

use btf_core::{Btf, Kind, Param, Params, Type, TypeId};

use crate::{KfuncFlags, KSYM_NAME_LEN};

pub use error::{SignatureError, SignatureErrorKind};
pub(crate) use pair::impl_name;

/// What the name of a parameter ends with that a kernel of 6.14 to 6.19 fills in (`is_kfunc_arg_prog` of
/// `kernel/bpf/verifier.c`).
const PROG_SUFFIX: &[u8] = b"__prog";
/// The same, as the feature was first proposed.
const MAGIC_SUFFIX: &[u8] = b"__magic";
/// The structs a pointer to which begins the implicit parameters (`is_kf_implicit_arg` of `tools/bpf/resolve_btfids`).
pub const IMPLICIT_STRUCTS: [&[u8]; 2] = [b"bpf_prog_aux", b"btf_struct_meta"];

/// How it is known which parameters are implicit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// One prototype: nothing is implicit.
    Plain,
    /// `foo` and `foo_impl` in BTF, as `resolve_btfids` makes them for `KF_IMPLICIT_ARGS` (7.0 and later).
    Pair,
    /// `KF_IMPLICIT_ARGS`, but the build did not make two prototypes of the one: implicit parameters are told by their
    /// types. No program can call such a kfunc by the prototype that it should have.
    Unsplit,
    /// A parameter whose name ends with `__prog`; programs pass it, too, and the kernel replaces it.
    ProgSuffix,
    /// A parameter whose name ends with `__magic`, in the one prototype that there is or in that of `foo_impl`: the
    /// feature as it was first proposed, which no release has.
    MagicSuffix,
    /// The declaration of a module of ours ([`crate::record`]).
    Record,
}

/// A parameter of a kfunc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignatureParam {
    /// Its name and type, as programs see them if it is explicit, else as the kernel does.
    pub param: Param,
    /// Whether programs do not pass it, or what they pass is replaced.
    pub implicit: bool,
}

/// What a kfunc takes of a program, and what of the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Signature<'a> {
    btf: &'a Btf<'a>,
    func: Type<'a>,
    full_func: Option<TypeId>,
    public: Type<'a>,
    full: Type<'a>,
    source: Source,
}

impl<'a> Signature<'a> {
    /// The signature of `func`, a FUNC of `btf`.
    ///
    /// `flags` are those of its set. Without them it is a pair if it looks like one: with them, only the flag counts,
    /// as for the kernel (`fetch_kfunc_meta` of `kernel/bpf/verifier.c`). A `foo_impl` alone is a kfunc like any other.
    ///
    /// # Errors
    ///
    /// Not a FUNC, no prototype, or two prototypes that do not belong together.
    pub fn of(
        btf: &'a Btf<'a>,
        func: &Type<'a>,
        flags: Option<KfuncFlags>,
    ) -> Result<Self, SignatureError> {
        let plain = Self::plain(btf, func)?;
        let flag = flags.map(|flags| flags.contains(KfuncFlags::IMPLICIT_ARGS));
        if flag != Some(false) {
            match (plain.with_impl(), flag) {
                (Some(full), _) if pair::belong(btf, &plain.public, &full.public).is_ok() => {
                    return Ok(plain.paired(&full, Source::Pair));
                }
                // The source of a legacy kfunc has both, and foo_impl may have another type there.
                (Some(_), Some(true)) if plain.shows_implicit() => {
                    return Ok(plain.from(Source::Unsplit));
                }
                (Some(full), Some(true)) => {
                    pair::belong(btf, &plain.public, &full.public)?;
                }
                (None, Some(true)) => return Ok(plain.from(Source::Unsplit)),
                _ => {}
            }
        }
        Ok(plain.by_suffix())
    }

    /// The signature of `func`, a FUNC of `btf`, as a verifier takes it that knows `KF_IMPLICIT_ARGS`
    /// (`fetch_kfunc_meta` and `is_kfunc_arg_implicit` of `kernel/bpf/verifier.c`, 7.x).
    ///
    /// With the flag, the full prototype is that of `foo_impl`, whatever that is, and what it has more than the public one
    /// is implicit. Nothing is without the flag.
    ///
    /// # Errors
    ///
    /// Not a FUNC, no prototype, or no `foo_impl`.
    pub fn of_verifier(
        btf: &'a Btf<'a>,
        func: &Type<'a>,
        flags: KfuncFlags,
    ) -> Result<Self, SignatureError> {
        let plain = Self::plain(btf, func)?;
        if !flags.contains(KfuncFlags::IMPLICIT_ARGS) {
            return Ok(plain);
        }
        let mut buffer = [0; KSYM_NAME_LEN];
        let name = pair::impl_name(plain.name(), &mut buffer)
            .ok_or(SignatureErrorKind::LongName.at(func.id()))?;
        let full = btf
            .find(name, Kind::FUNC)
            .ok_or(SignatureErrorKind::NoFull.at(func.id()))?;
        Ok(plain.paired(&Self::plain(btf, &full)?, Source::Pair))
    }

    /// Whether programs see a parameter that should be implicit.
    fn shows_implicit(&self) -> bool {
        let mut params = self.public.params();
        params.any(|param| points_to_implicit(self.btf, param.ty))
    }

    /// This signature, if no parameter has a suffix that tells it to be implicit; else with the source.
    fn by_suffix(self) -> Self {
        if let Some(full) = self.with_impl() {
            let magic = full.names_end_with(MAGIC_SUFFIX);
            if magic && pair::belong(self.btf, &self.public, &full.public).is_ok() {
                return self.paired(&full, Source::MagicSuffix);
            }
        }
        for (suffix, source) in [
            (PROG_SUFFIX, Source::ProgSuffix),
            (MAGIC_SUFFIX, Source::MagicSuffix),
        ] {
            if self.names_end_with(suffix) {
                return self.from(source);
            }
        }
        self
    }

    /// Whether the name of a parameter ends with `suffix`.
    fn names_end_with(&self, suffix: &[u8]) -> bool {
        let mut params = self.full.params();
        params.any(|param| has_suffix(self.btf.name_at(param.name), suffix))
    }

    /// The signature of a kfunc of a module of ours: its record names the FUNCs `public` and `full` of `btf`.
    ///
    /// # Errors
    ///
    /// As [`Signature::of`].
    pub fn of_record(
        btf: &'a Btf<'a>,
        public: TypeId,
        full: TypeId,
    ) -> Result<Self, SignatureError> {
        let func = |id| {
            let missing = SignatureErrorKind::NoFunc.at(id);
            btf.get(id).ok_or(missing)
        };
        let plain = Self::plain(btf, &func(public)?)?;
        if public == full {
            return Ok(plain.from(Source::Record));
        }
        let full = Self::plain(btf, &func(full)?)?;
        pair::belong(btf, &plain.public, &full.public)?;
        Ok(plain.paired(&full, Source::Record))
    }

    fn plain(btf: &'a Btf<'a>, func: &Type<'a>) -> Result<Self, SignatureError> {
        let proto = match func.target() {
            Some(target) if func.kind() == Kind::FUNC => btf.get(target),
            _ => return Err(SignatureErrorKind::NoFunc.at(func.id())),
        };
        match proto {
            Some(proto) if proto.kind() == Kind::FUNC_PROTO => Ok(Self {
                btf,
                func: *func,
                full_func: None,
                public: proto,
                full: proto,
                source: Source::Plain,
            }),
            _ => Err(SignatureErrorKind::NoPrototype.at(func.id())),
        }
    }

    /// The FUNC that has the full prototype of this one, by its name.
    fn with_impl(&self) -> Option<Self> {
        let full = pair::find_impl(self.btf, self.name())?;
        Self::plain(self.btf, &full).ok()
    }

    fn paired(self, full: &Self, source: Source) -> Self {
        Self {
            full_func: Some(full.func.id()),
            full: full.public,
            source,
            ..self
        }
    }

    fn from(self, source: Source) -> Self {
        Self { source, ..self }
    }

    /// The BTF that it is from.
    pub fn btf(&self) -> &'a Btf<'a> {
        self.btf
    }

    /// The name that programs call.
    pub fn name(&self) -> &'a [u8] {
        self.btf.name(&self.func)
    }

    /// The FUNC that programs call.
    pub fn func(&self) -> TypeId {
        self.func.id()
    }

    /// The FUNC with the full prototype, if that is another one.
    pub fn full_func(&self) -> Option<TypeId> {
        self.full_func
    }

    /// The FUNC_PROTO by which programs call it; what [`Source::Unsplit`] and the suffixes tell is not left out of it.
    pub fn public(&self) -> TypeId {
        self.public.id()
    }

    /// The FUNC_PROTO of the function that runs.
    pub fn full(&self) -> TypeId {
        self.full.id()
    }

    /// How it is known which parameters are implicit.
    pub fn source(&self) -> Source {
        self.source
    }

    /// What it returns, as programs see it.
    pub fn return_type(&self) -> TypeId {
        self.public.target().unwrap_or(TypeId::VOID)
    }

    /// All parameters of the function that runs, in order.
    pub fn params(&self) -> SignatureParams<'a> {
        SignatureParams {
            btf: self.btf,
            public: self.public.params(),
            full: self.full.params(),
            source: self.source,
            implicit_begun: false,
        }
    }

    /// How many parameters are implicit.
    pub fn implicit_len(&self) -> usize {
        let mut len = 0_usize;
        for param in self.params() {
            len = len.saturating_add(usize::from(param.implicit));
        }
        len
    }
}

/// The parameters of a [`Signature`].
#[derive(Clone, Debug)]
pub struct SignatureParams<'a> {
    btf: &'a Btf<'a>,
    public: Params<'a>,
    full: Params<'a>,
    source: Source,
    implicit_begun: bool,
}

impl SignatureParams<'_> {
    fn is_implicit(&mut self, public: Option<Param>, full: Param) -> bool {
        let name = self.btf.name_at(full.name);
        match self.source {
            Source::Plain => false,
            // By position: not every type tells it.
            Source::Pair | Source::Record => public.is_none(),
            Source::ProgSuffix => has_suffix(name, PROG_SUFFIX),
            Source::MagicSuffix => public.is_none() || has_suffix(name, MAGIC_SUFFIX),
            Source::Unsplit => {
                self.implicit_begun |= points_to_implicit(self.btf, full.ty);
                self.implicit_begun
            }
        }
    }
}

impl Iterator for SignatureParams<'_> {
    type Item = SignatureParam;

    fn next(&mut self) -> Option<SignatureParam> {
        let public = self.public.next();
        let full = self.full.next()?;
        let implicit = self.is_implicit(public, full);
        let param = match public {
            Some(public) if !implicit => public,
            _ => full,
        };
        Some(SignatureParam { param, implicit })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.full.size_hint()
    }
}

impl ExactSizeIterator for SignatureParams<'_> {}

/// Whether there is more of `name` than the suffix that it ends with (`btf_param_match_suffix` of `kernel/bpf/btf.c`).
fn has_suffix(name: &[u8], suffix: &[u8]) -> bool {
    name.len() > suffix.len() && name.ends_with(suffix)
}

/// Whether `ty` is a pointer to one of [`IMPLICIT_STRUCTS`].
fn points_to_implicit(btf: &Btf<'_>, ty: TypeId) -> bool {
    let pointer = match btf.skip_modifiers(ty) {
        Ok(Some(pointer)) if pointer.kind() == Kind::PTR => pointer,
        _ => return false,
    };
    match btf.skip_modifiers(pointer.target().unwrap_or(TypeId::VOID)) {
        Ok(Some(target)) => {
            target.kind() == Kind::STRUCT && IMPLICIT_STRUCTS.contains(&btf.name(&target))
        }
        _ => false,
    }
}
