// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the kernel keeps of a prototype: how many bytes each argument has.
//!
//! [`FuncModel::distill`] follows `btf_distill_func_proto` of `kernel/bpf/btf.c`: it takes and refuses the same
//! prototypes, for the same reasons. Beside that it looks into structs, for what a calling convention asks and
//! the kernel does not: see [`Class`].

mod class;

use crate::suffix::{annotation_of, Annotation};
use crate::version::KernelVersion;
use btf_core::limits::POINTER_LEN;
use btf_core::{Btf, IntEncoding, Kind, Param, Type, TypeId};
pub use class::Class;
use core::fmt;

/// `MAX_BPF_FUNC_ARGS` of `include/linux/bpf.h`: arguments of a function that BPF calls or attaches to.
pub const MAX_ARGS: usize = 12;
/// The largest argument, in bytes.
pub const MAX_ARG_SIZE: u8 = 16;

/// The kernel whose rules a prototype is read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelRules {
    /// Those of 6.12: structs are marked, unions are not taken.
    V6_12,
    /// Those of 7.2: unions are taken, and marked like structs.
    V7_2,
    /// Those of 7.3: arena pointers and nullable ones are marked, structs are not.
    V7_3,
}

impl ModelRules {
    /// The rules of `kernel`; none for one that nobody has looked at. One newer than 7.3 is taken to be like it.
    pub fn of(kernel: KernelVersion) -> Option<Self> {
        match (kernel.major, kernel.minor) {
            (6, 12) => Some(Self::V6_12),
            (7, 2) => Some(Self::V7_2),
            _ if kernel >= KernelVersion::new(7, 3) => Some(Self::V7_3),
            _ => None,
        }
    }
}

bitflags::bitflags! {
    /// What the kernel notes of an argument (`BTF_FMODEL_*` of `include/linux/bpf.h`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct ArgFlags: u8 {
        /// A struct, in 6.12 and 7.2; a union, in 7.2.
        const STRUCT = 1 << 0;
        /// A signed integer.
        const SIGNED = 1 << 1;
        /// A pointer into the arena, in 7.3.
        const ARENA = 1 << 2;
        /// May be NULL, in 7.3.
        const NULLABLE = 1 << 3;
    }
}

/// An argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgModel {
    /// Its bytes, 1 to 16.
    pub size: u8,
    /// What the kernel notes of it.
    pub flags: ArgFlags,
    /// What a calling convention asks of it.
    pub class: Class,
}

/// What is returned: nothing, an integer or a pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReturnModel {
    /// Its bytes, up to 16; 0 for `void`.
    pub size: u8,
    /// What the kernel notes of it.
    pub flags: ArgFlags,
}

/// A prototype as the kernel keeps it (`struct btf_func_model` of `include/linux/bpf.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FuncModel {
    /// What is returned.
    pub returned: ReturnModel,
    args: [ArgModel; MAX_ARGS],
    count: usize,
}

/// Why the kernel does not take a prototype. It gives EINVAL for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelError {
    /// It is no FUNC_PROTO.
    NotAPrototype(Kind),
    /// There are more than [`MAX_ARGS`].
    TooManyArguments(usize),
    /// What is returned is of this kind; `Kind(0)` for a qualified `void`.
    ReturnType(Kind),
    /// It ends in `...`.
    VariableArguments,
    /// An argument is of a kind that is not passed, or larger than 16 bytes; `Kind(0)` for a qualified `void`.
    ArgumentType {
        /// Its number, from 0.
        index: usize,
        /// Its kind.
        kind: Kind,
    },
    /// An argument has no bytes.
    VoidArgument(usize),
    /// The type of an argument, or that returned, cannot be followed.
    Malformed {
        /// The argument's number, from 0; none for what is returned.
        index: Option<usize>,
        /// What is wrong with it.
        error: btf_core::Error,
    },
}

impl ArgModel {
    /// An integer, an enum or a pointer of `size` bytes.
    pub const fn scalar(size: u8) -> Self {
        Self {
            size,
            flags: ArgFlags::empty(),
            class: Class::Scalar,
        }
    }

    /// Bytes that it is aligned to where it is passed in memory: 8 or 16.
    pub const fn alignment(&self) -> u32 {
        match self.class {
            Class::Scalar if self.size > 8 => 16,
            Class::Composite16 => 16,
            _ => 8,
        }
    }
}

impl FuncModel {
    /// What the kernel takes where it has no prototype: five arguments of 8 bytes.
    pub const UNKNOWN: Self = Self {
        returned: ReturnModel {
            size: 8,
            flags: ArgFlags::empty(),
        },
        args: [ArgModel::scalar(8); MAX_ARGS],
        count: 5,
    };

    /// The model of these; none if there are more than [`MAX_ARGS`].
    pub fn new(returned: ReturnModel, args: &[ArgModel]) -> Option<Self> {
        let mut model = Self {
            returned,
            args: [ArgModel::scalar(8); MAX_ARGS],
            count: args.len(),
        };
        model.args.get_mut(..args.len())?.copy_from_slice(args);
        Some(model)
    }

    /// The arguments.
    pub fn args(&self) -> &[ArgModel] {
        self.args.get(..self.count).unwrap_or_default()
    }

    /// What the kernel keeps of the FUNC_PROTO `proto` of `btf`.
    ///
    /// # Errors
    ///
    /// It would refuse it.
    pub fn distill(btf: &Btf<'_>, proto: &Type<'_>, rules: ModelRules) -> Result<Self, ModelError> {
        let Some(return_type) = proto.target().filter(|_| proto.kind() == Kind::FUNC_PROTO) else {
            return Err(ModelError::NotAPrototype(proto.kind()));
        };
        let params = proto.params();
        if params.len() > MAX_ARGS {
            return Err(ModelError::TooManyArguments(params.len()));
        }
        let mut model = Self {
            returned: returned(btf, return_type, rules)?,
            args: [ArgModel::scalar(8); MAX_ARGS],
            count: params.len(),
        };
        for (index, (param, arg)) in params.zip(&mut model.args).enumerate() {
            let last = index.saturating_add(1) == model.count;
            if last && param.ty == TypeId::VOID {
                return Err(ModelError::VariableArguments);
            }
            *arg = argument(btf, index, param, rules)?;
        }
        Ok(model)
    }
}

/// The bytes of a type that can be passed, and what stands behind its modifiers (`__get_type_size`).
struct Sized<'a> {
    size: u32,
    ty: Option<Type<'a>>,
}

/// None for a kind that is not passed.
fn type_size<'a>(
    btf: &Btf<'a>,
    id: TypeId,
    rules: ModelRules,
) -> Result<Result<Sized<'a>, Kind>, btf_core::Error> {
    let ty = btf.skip_modifiers(id)?;
    let kind = ty.map_or(Kind(0), |ty| ty.kind());
    let size = match kind {
        // A void that is qualified, or has a name, is of no use.
        Kind(0) if id == TypeId::VOID => Some(0),
        Kind::PTR => Some(POINTER_LEN),
        Kind::INT | Kind::ENUM | Kind::ENUM64 | Kind::STRUCT => ty.and_then(|ty| ty.size()),
        Kind::UNION if rules != ModelRules::V6_12 => ty.and_then(|ty| ty.size()),
        _ => None,
    };
    Ok(size.map(|size| Sized { size, ty }).ok_or(kind))
}

fn returned(btf: &Btf<'_>, id: TypeId, rules: ModelRules) -> Result<ReturnModel, ModelError> {
    let sized = type_size(btf, id, rules)
        .map_err(|error| ModelError::Malformed { index: None, error })?
        .map_err(ModelError::ReturnType)?;
    let kind = sized.ty.map_or(Kind(0), |ty| ty.kind());
    match u8::try_from(sized.size) {
        Ok(size @ 0..=MAX_ARG_SIZE) if !matches!(kind, Kind::STRUCT | Kind::UNION) => {
            let flags = sized.ty.map_or(ArgFlags::empty(), |ty| signed(&ty));
            Ok(ReturnModel { size, flags })
        }
        _ => Err(ModelError::ReturnType(kind)),
    }
}

fn argument(
    btf: &Btf<'_>,
    index: usize,
    param: Param,
    rules: ModelRules,
) -> Result<ArgModel, ModelError> {
    let malformed = |error| ModelError::Malformed {
        index: Some(index),
        error,
    };
    let unsupported = |kind| ModelError::ArgumentType { index, kind };
    let sized = type_size(btf, param.ty, rules)
        .map_err(malformed)?
        .map_err(unsupported)?;
    let (Some(ty), true) = (sized.ty, sized.size != 0) else {
        return Err(ModelError::VoidArgument(index));
    };
    let Ok(size @ 1..=MAX_ARG_SIZE) = u8::try_from(sized.size) else {
        return Err(unsupported(ty.kind()));
    };
    let mut flags = signed(&ty);
    match rules {
        ModelRules::V6_12 | ModelRules::V7_2 => {
            let composite = matches!(ty.kind(), Kind::STRUCT | Kind::UNION);
            flags.set(ArgFlags::STRUCT, composite);
        }
        ModelRules::V7_3 => flags |= by_name(btf.name_at(param.name)),
    }
    let class = Class::of(btf, &ty).map_err(malformed)?;
    Ok(ArgModel { size, flags, class })
}

/// `__get_type_fmodel_flags`, as far as kernels agree.
fn signed(ty: &Type<'_>) -> ArgFlags {
    match ty.int() {
        Some(int) if int.encoding.0 & IntEncoding::SIGNED.0 != 0 => ArgFlags::SIGNED,
        _ => ArgFlags::empty(),
    }
}

/// `__get_arg_fmodel_flags` of 7.3.
fn by_name(name: &[u8]) -> ArgFlags {
    match annotation_of(name).0 {
        Some(Annotation::ArenaNullable) => ArgFlags::ARENA.union(ArgFlags::NULLABLE),
        Some(Annotation::Arena) => ArgFlags::ARENA,
        Some(Annotation::Nullable) => ArgFlags::NULLABLE,
        _ => ArgFlags::empty(),
    }
}

/// What the verifier would log, but for "The function" and its name.
impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotAPrototype(kind) => write!(f, "is {}, no prototype", KernelName(kind)),
            Self::TooManyArguments(count) => write!(f, "has {count} arguments. Too many."),
            Self::ReturnType(kind) => {
                write!(f, "return type {} is unsupported.", KernelName(kind))
            }
            Self::VariableArguments => f.write_str("with variable args is unsupported."),
            Self::ArgumentType { index, kind } => {
                write!(f, "arg{index} type {} is unsupported.", KernelName(kind))
            }
            Self::VoidArgument(_) => f.write_str("has malformed void argument."),
            Self::Malformed {
                index: Some(index),
                error,
            } => write!(f, "arg{index} type cannot be followed: {error}"),
            Self::Malformed { index: None, error } => {
                write!(f, "return type cannot be followed: {error}")
            }
        }
    }
}

impl core::error::Error for ModelError {}

/// A kind, as `btf_type_str` of `kernel/bpf/btf.c` names it.
struct KernelName(Kind);

impl fmt::Display for KernelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name().unwrap_or("UNKNOWN"))
    }
}
