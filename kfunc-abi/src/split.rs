// SPDX-License-Identifier: MIT OR Apache-2.0

//! One prototype becomes two: what a kernel's build does to the BTF of kfuncs with implicit parameters.
//!
//! ```text
//!   FUNC foo ─► int (int a, struct bpf_prog_aux *aux)                     before
//!
//!   FUNC foo_impl ─► int (int a, struct bpf_prog_aux *aux)                after
//!   FUNC foo ─► int (int a)        DECL_TAG bpf_kfunc ─► foo
//! ```
//!
//! Follows `btf2btf` of `tools/bpf/resolve_btfids/main.c` (7.3) record by record. Beyond it, [`ImplicitRule`] takes implicit
//! parameters of any type.
//!
//! The input stays where it is. What is new goes into a BTF that is split over it, and the list of FUNCs whose
//! prototype changes into another slice; [`btf_core::Amended`] is both together, and [`btf_core::Writer::deduplicate`]
//! writes them as one.

mod error;
mod rule;

use btf_core::{Btf, Kind, Linkage, NewPrototype, Param, Tag, Type, TypeId, Writer};

use crate::signature::impl_name;
use crate::{KfuncFlags, ARENA_ATTRIBUTE, FASTCALL_TAG, KFUNC_TAG, KSYM_NAME_LEN};

pub use error::{SplitError, SplitErrorKind};
pub use rule::ImplicitRule;

/// What the names of arena pointers end with (`PARAM_SUFFIX_ARENA`, `PARAM_SUFFIX_ARENA_NULLABLE`).
const ARENA_SUFFIXES: [&[u8]; 2] = [b"__arena", b"__arena__nullable"];
/// The flags that make arena pointers of the first parameters.
const ARENA_FLAGS: [KfuncFlags; 2] = [KfuncFlags::ARENA_ARG1, KfuncFlags::ARENA_ARG2];
/// More parameters than this has no kfunc: the kernel passes 12 (`MAX_BPF_FUNC_ARGS` of `include/linux/bpf.h`).
const MAX_PARAMS: usize = 32;

/// A kfunc whose BTF is to be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitKfunc {
    /// Its FUNC.
    pub func: TypeId,
    /// Its flags, by its set.
    pub flags: KfuncFlags,
    /// Whether the source has a FUNC of the name with `_impl` behind it, for old programs: then none is made.
    pub has_impl: bool,
}

/// The transformation of one BTF.
///
/// ```
/// # use btf_core::{Amended, Btf, Error, Kind, NewPrototype, TypeId, Writer};
/// # use kfunc_abi::split::{ImplicitRule, SplitError, SplitKfunc, Splitter};
/// # fn example(data: &[u8], kfuncs: &[SplitKfunc]) -> Result<(), SplitError> {
/// let mut room = [0; 4096];
/// let btf = Btf::parse(data)?.indexed(&mut room);
/// let splitter = Splitter::new(&btf, kfuncs, ImplicitRule::OFFICIAL)?;
///
/// let tags: Vec<_> = btf.of_kind(Kind::DECL_TAG).map(|tag| tag.id()).collect();
/// let mut out = [0; 4096];
/// let mut changes = [NewPrototype { func: TypeId::VOID, proto: TypeId::VOID }; 64];
/// let mut writer = Writer::split(&mut out, &btf);
/// let changes = splitter.push(&mut writer, &mut changes, &tags)?;
/// let added = Btf::parse_split(writer.finish()?, &btf)?;
/// let amended = Amended::new(&added, changes);
/// # let _ = amended;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Splitter<'a> {
    btf: &'a Btf<'a>,
    kfuncs: &'a [SplitKfunc],
    rule: ImplicitRule<'a>,
}

impl<'a> Splitter<'a> {
    /// To split `kfuncs`, own FUNCs of `btf` in the order of their ids. A kfunc that is in several sets may be there
    /// several times.
    ///
    /// `btf` should have an index of its types ([`Btf::indexed`]).
    ///
    /// # Errors
    ///
    /// The kfuncs are not in order, or one is there with different flags.
    pub fn new(
        btf: &'a Btf<'a>,
        kfuncs: &'a [SplitKfunc],
        rule: ImplicitRule<'a>,
    ) -> Result<Self, SplitError> {
        let mut before: Option<SplitKfunc> = None;
        for kfunc in kfuncs {
            match before {
                Some(before) if before.func > kfunc.func => {
                    return Err(SplitErrorKind::Unsorted.at(kfunc.func));
                }
                Some(before) if before.func == kfunc.func && before.flags != kfunc.flags => {
                    let flags = [before.flags, kfunc.flags];
                    return Err(SplitErrorKind::InconsistentFlags(flags).at(kfunc.func));
                }
                _ => before = Some(*kfunc),
            }
        }
        Ok(Self { btf, kfuncs, rule })
    }

    /// Writes what is new, with a writer that is split over the BTF; gives the FUNCs that get another prototype, in the
    /// order of their ids.
    ///
    /// `tags` are all own DECL_TAGs of the BTF ([`Btf::of_kind`]): those of a kfunc are copied. `changes` needs a place for
    /// each kfunc. As for every [`Writer`], too small a slice is only told at the end, with the length that is enough.
    ///
    /// # Errors
    ///
    /// No FUNC, no prototype, a name that becomes too long, an arena pointer that is no pointer, too many parameters;
    /// `changes` is too small; or as [`Writer::push_func`].
    pub fn push<'c>(
        &self,
        writer: &mut Writer<'_>,
        changes: &'c mut [NewPrototype],
        tags: &[TypeId],
    ) -> Result<&'c [NewPrototype], SplitError> {
        let mut used = 0_usize;
        let mut before = TypeId::VOID;
        for kfunc in self.kfuncs {
            if kfunc.func == before {
                continue;
            }
            before = kfunc.func;
            let split = Split::of(self, *kfunc, tags)?;
            let proto = split.push(writer)?;
            if proto == split.proto.id() {
                continue;
            }
            let need = self.kfuncs.len();
            let too_small = SplitErrorKind::ChangesTooSmall { need }.at(kfunc.func);
            *changes.get_mut(used).ok_or(too_small)? = NewPrototype {
                func: kfunc.func,
                proto,
            };
            used = used.saturating_add(1);
        }
        Ok(changes.get(..used).unwrap_or_default())
    }
}

/// One kfunc.
struct Split<'s> {
    btf: &'s Btf<'s>,
    kfunc: SplitKfunc,
    func: Type<'s>,
    proto: Type<'s>,
    /// How many parameters are explicit.
    explicit: usize,
    /// Whether it is split at all.
    implicit: bool,
    tags: &'s [TypeId],
}

impl<'s> Split<'s> {
    fn of(
        splitter: &Splitter<'s>,
        kfunc: SplitKfunc,
        tags: &'s [TypeId],
    ) -> Result<Self, SplitError> {
        let btf = splitter.btf;
        let func = btf.get(kfunc.func).filter(|ty| ty.kind() == Kind::FUNC);
        let func = func.ok_or(SplitErrorKind::NoFunc.at(kfunc.func))?;
        let proto = func.target().and_then(|proto| btf.get(proto));
        let proto = proto.filter(|proto| proto.kind() == Kind::FUNC_PROTO);
        let proto = proto.ok_or(SplitErrorKind::NoPrototype.at(kfunc.func))?;
        let native = kfunc.flags.contains(KfuncFlags::IMPLICIT_ARGS);
        let first = splitter.rule.first_implicit(btf, &proto, native);
        let params = proto.params().len();
        Ok(Self {
            btf,
            kfunc,
            func,
            proto,
            explicit: first.unwrap_or(params),
            implicit: native || first.is_some(),
            tags,
        })
    }

    /// Writes all that is new for the kfunc; gives its prototype.
    fn push(&self, writer: &mut Writer<'_>) -> Result<TypeId, SplitError> {
        let Self { kfunc, .. } = self;
        writer.push_decl_tag(Tag::Value(KFUNC_TAG.as_bytes()), kfunc.func, None)?;
        if kfunc.flags.contains(KfuncFlags::FASTCALL) {
            writer.push_decl_tag(Tag::Value(FASTCALL_TAG.as_bytes()), kfunc.func, None)?;
        }
        let mut params = self.params()?;
        let mut proto = self.proto.id();
        if self.implicit {
            self.push_full(writer)?;
            proto = writer.push_func_proto(self.return_type(), params.slice())?;
        }
        if self.has_arena(params.slice()) {
            proto = self.push_arena(writer, &mut params)?;
        }
        Ok(proto)
    }

    fn return_type(&self) -> TypeId {
        self.proto.target().unwrap_or(TypeId::VOID)
    }

    /// The explicit parameters.
    fn params(&self) -> Result<ParamList, SplitError> {
        let mut list = ParamList::EMPTY;
        for param in self.proto.params().take(self.explicit) {
            if !list.push(param) {
                return Err(SplitErrorKind::TooManyParams(self.explicit).at(self.kfunc.func));
            }
        }
        Ok(list)
    }

    /// Writes the FUNC with the full prototype, and its tags; not if the source has one (legacy).
    fn push_full(&self, writer: &mut Writer<'_>) -> Result<(), SplitError> {
        if self.kfunc.has_impl {
            return Ok(());
        }
        let mut buffer = [0; KSYM_NAME_LEN];
        let name = impl_name(self.btf.name(&self.func), &mut buffer);
        let name = name.ok_or(SplitErrorKind::NameTooLong.at(self.kfunc.func))?;
        let linkage = Linkage(u16::try_from(self.func.info().vlen()).unwrap_or(0));
        let full = writer.push_func(name, self.proto.id(), linkage)?;
        for tag in self.tags {
            if let Some(tag) = self.btf.get(*tag) {
                self.copy_tag(writer, &tag, full)?;
            }
        }
        if self.kfunc.flags.contains(KfuncFlags::FASTCALL) {
            writer.push_decl_tag(Tag::Value(FASTCALL_TAG.as_bytes()), full, None)?;
        }
        Ok(())
    }

    /// Writes `tag` for `full`, too, if it is one of the kfunc, and not that of all kfuncs.
    fn copy_tag(
        &self,
        writer: &mut Writer<'_>,
        tag: &Type<'_>,
        full: TypeId,
    ) -> Result<(), SplitError> {
        let name = self.btf.name(tag);
        if tag.target() != Some(self.kfunc.func) || name == KFUNC_TAG.as_bytes() {
            return Ok(());
        }
        let value = if tag.info().kind_flag() {
            Tag::Attribute(name)
        } else {
            Tag::Value(name)
        };
        let component = tag.component().and_then(|place| u32::try_from(place).ok());
        writer.push_decl_tag(value, full, component)?;
        Ok(())
    }

    fn has_arena(&self, params: &[Param]) -> bool {
        let returned = self.kfunc.flags.contains(KfuncFlags::ARENA_RET);
        returned
            || (0..)
                .zip(params)
                .any(|(at, param)| self.is_arena(at, param))
    }

    fn is_arena(&self, at: usize, param: &Param) -> bool {
        let name = self.btf.name_at(param.name);
        let flag = ARENA_FLAGS.get(at);
        ARENA_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
            || flag.is_some_and(|flag| self.kfunc.flags.contains(*flag))
    }

    /// Writes the prototype whose arena pointers say so. The one before may be that of other functions, too, and stays.
    fn push_arena(
        &self,
        writer: &mut Writer<'_>,
        params: &mut ParamList,
    ) -> Result<TypeId, SplitError> {
        let mut return_type = self.return_type();
        if self.kfunc.flags.contains(KfuncFlags::ARENA_RET) {
            return_type = self.push_arena_pointer(writer, self.arena_target(return_type)?)?;
        }
        // The prototype comes before the pointers: each is a tag, and the pointer to it.
        let plain = *params;
        let mut next = writer.next_id().0.saturating_add(1);
        for (at, param) in (0..).zip(params.slice_mut()) {
            if self.is_arena(at, param) {
                self.arena_target(param.ty)?;
                param.ty = TypeId(next.saturating_add(1));
                next = next.saturating_add(2);
            }
        }
        let proto = writer.push_func_proto(return_type, params.slice())?;
        for (at, param) in (0..).zip(plain.slice()) {
            if self.is_arena(at, param) {
                self.push_arena_pointer(writer, self.arena_target(param.ty)?)?;
            }
        }
        Ok(proto)
    }

    /// What the arena pointer `id` points to.
    fn arena_target(&self, id: TypeId) -> Result<TypeId, SplitError> {
        let pointer = self.btf.get(id).filter(|ty| ty.kind() == Kind::PTR);
        let target = pointer.and_then(|pointer| pointer.target());
        target.ok_or(SplitErrorKind::ArenaNoPointer.at(self.kfunc.func))
    }

    fn push_arena_pointer(
        &self,
        writer: &mut Writer<'_>,
        target: TypeId,
    ) -> Result<TypeId, SplitError> {
        let tag = writer.push_type_tag(Tag::Attribute(ARENA_ATTRIBUTE.as_bytes()), target)?;
        Ok(writer.push_reference(Kind::PTR, tag)?)
    }
}

/// The parameters of a prototype.
#[derive(Clone, Copy)]
struct ParamList {
    params: [Param; MAX_PARAMS],
    len: usize,
}

impl ParamList {
    const EMPTY: Self = Self {
        params: [Param {
            name: 0,
            ty: TypeId::VOID,
        }; MAX_PARAMS],
        len: 0,
    };

    /// False when it is full.
    fn push(&mut self, param: Param) -> bool {
        let Some(slot) = self.params.get_mut(self.len) else {
            return false;
        };
        *slot = param;
        self.len = self.len.saturating_add(1);
        true
    }

    fn slice(&self) -> &[Param] {
        self.params.get(..self.len).unwrap_or_default()
    }

    fn slice_mut(&mut self) -> &mut [Param] {
        self.params.get_mut(..self.len).unwrap_or_default()
    }
}
