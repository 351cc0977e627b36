// SPDX-License-Identifier: MIT OR Apache-2.0

//! A kernel's own BTF, written again by btf-core: nothing changes but what was asked for.

use std::fs;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use anyhow::{ensure, Context, Result};
use btf_core::{
    Btf, Error, ErrorKind, Header, IntEncoding, Kind, Linkage, SortKey, Tag, Type, TypeId,
    WriteOptions, Writer,
};

use crate::real_btf;

/// A module's BTF, and what to call it.
#[derive(Clone, Debug)]
pub struct ModuleBtf {
    /// The name of the module's file.
    pub name: String,
    /// Its `.BTF`.
    pub data: Vec<u8>,
}

impl ModuleBtf {
    /// Reads a file with the BTF of one module.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn read(file: &Path) -> Result<Self> {
        let name = file.file_stem().unwrap_or_default();
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            data: fs::read(file)?,
        })
    }
}

/// Reads, writes and sorts the BTF of vmlinux and all modules.
///
/// # Errors
///
/// The first difference.
pub fn check(vmlinux: &[u8], modules: &[ModuleBtf]) -> Result<()> {
    let parsed = Btf::parse(vmlinux)?;
    let mut index = vec![0; words(parsed.own_len())];
    let mut name_index = vec![0; 2 * parsed.names_len()];
    let base = parsed.indexed(&mut index).names_indexed(&mut name_index);
    Original {
        data: vmlinux,
        base: None,
        btf: base,
    }
    .check()
    .context("vmlinux")?;
    let check_all = |modules: &[ModuleBtf]| {
        modules
            .iter()
            .try_for_each(|module| check_module(module, &base).with_context(|| module.name.clone()))
    };
    // Modules have nothing to do with each other: each thread takes its share.
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = modules.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let shares: Vec<_> = modules
            .chunks(share)
            .map(|share| scope.spawn(|| check_all(share)))
            .collect();
        shares.into_iter().try_for_each(|share| match share.join() {
            Ok(checked) => checked,
            Err(panic) => resume_unwind(panic),
        })
    })
}

fn check_module(module: &ModuleBtf, base: &Btf<'_>) -> Result<()> {
    let split = Btf::parse_split(&module.data, base)?;
    let mut index = vec![0; words(split.own_len())];
    let btf = split.indexed(&mut index);
    real_btf::check(btf, real_btf::QUICK)?;
    let original = Original {
        data: &module.data,
        base: Some(base),
        btf,
    };
    original.check()
}

/// The vmlinux BTF with its strings in the order of their use, sorted by name: what resolve_btfids makes of it.
///
/// # Errors
///
/// It cannot be read or written.
pub fn compact_and_sorted(vmlinux: &[u8]) -> Result<Vec<u8>> {
    let btf = Btf::parse(vmlinux)?;
    let original = Original {
        data: vmlinux,
        base: None,
        btf,
    };
    let compact = original.write(vmlinux.len(), &mut |writer| copy(writer, &btf))?;
    let compact = Btf::parse(&compact)?;
    Ok(original.sort(&compact)?)
}

/// The length of a room with one word for each of `types`.
fn words(types: u32) -> usize {
    types as usize
}

/// What is written again. The types have an index.
struct Original<'o> {
    data: &'o [u8],
    base: Option<&'o Btf<'o>>,
    btf: Btf<'o>,
}

/// What is pushed to a writer.
type Fill<'f> = &'f mut dyn FnMut(&mut Writer<'_>) -> Result<(), Error>;

impl Original<'_> {
    fn check(&self) -> Result<()> {
        let Self { data, btf, .. } = self;
        let copy_all: Fill<'_> = &mut |writer| {
            writer.push_names(btf);
            copy(writer, btf)
        };
        let copied = self.write(data.len(), copy_all)?;
        ensure!(copied == *data, "copied: the bytes differ");
        let too_small = self
            .write(data.len() - 1, copy_all)
            .map_err(|error| error.kind);
        let need = data.len();
        ensure!(
            too_small == Err(ErrorKind::BufferTooSmall { need }),
            "one byte less than {need} is not told to be too small"
        );
        let rebuilt = self.write(data.len(), &mut |writer| {
            writer.push_names(btf);
            btf.types().try_for_each(|ty| rebuild(writer, btf, &ty))
        })?;
        ensure!(
            rebuilt == *data,
            "each kind by its function: the bytes differ"
        );

        // Strings in the order of their use instead, and none that is not used.
        let compact = self.write(data.len(), &mut |writer| copy(writer, btf))?;
        ensure!(compact.len() <= data.len(), "compact: longer than it was");
        let compact = self.parse(&compact)?;
        ensure!(
            compact.own_len() == btf.own_len(),
            "compact: types are missing"
        );
        for (old, new) in btf.types().zip(compact.types()) {
            self.compare(&compact, &old, &new, &|id| id)
                .context("compact")?;
        }
        self.check_sorted()
    }

    fn check_sorted(&self) -> Result<()> {
        let Self { data, btf, .. } = self;
        let sorted_data = self.sort(btf)?;
        if btf.is_sorted() {
            ensure!(sorted_data == *data, "sorted again: the bytes differ");
        }
        let sorted = self.parse(&sorted_data)?;
        // The sort of the standard library is stable.
        let mut expected: Vec<_> = btf.types().collect();
        expected.sort_by_key(|ty| btf.name(ty));
        let mut new_ids = vec![TypeId::VOID; expected.len()];
        let place = |id: TypeId| id.0.checked_sub(btf.first_id().0).map(words);
        for (old, new) in expected.iter().zip(sorted.types()) {
            new_ids[place(old.id()).unwrap_or_default()] = new.id();
        }
        let new_id = |id| place(id).map_or(id, |place| new_ids[place]);
        ensure!(
            sorted.own_len() == btf.own_len(),
            "sorted: types are missing"
        );
        for (old, new) in expected.iter().zip(sorted.types()) {
            self.compare(&sorted, old, &new, &new_id)
                .context("sorted")?;
        }

        // Backwards, then sorted: the names come in the same order.
        let last = btf.first_id().0 + btf.end_id().0 - 1;
        let turn = |id: TypeId| {
            if id < btf.first_id() {
                id
            } else {
                TypeId(last - id.0)
            }
        };
        let turned = self.write(data.len(), &mut |writer| {
            writer.push_names(btf);
            (btf.first_id().0..btf.end_id().0)
                .rev()
                .filter_map(|id| btf.get(TypeId(id)))
                .try_for_each(|ty| writer.push_type(btf, &ty, turn).map(|_| ()))
        })?;
        let sorted_turned = self.sort(&self.parse(&turned)?)?;
        let sorted_turned = self.parse(&sorted_turned)?;
        let names = |btf: &Btf<'_>| {
            btf.types()
                .map(|ty| btf.name(&ty).to_vec())
                .collect::<Vec<_>>()
        };
        ensure!(
            names(&sorted) == names(&sorted_turned),
            "turned and sorted: other names"
        );
        Ok(())
    }

    fn sort(&self, btf: &Btf<'_>) -> Result<Vec<u8>, Error> {
        let types = words(btf.own_len());
        let mut room = vec![0; 2 * types];
        let mut order = vec![SortKey::default(); 2 * types];
        self.write(self.data.len(), &mut |writer| {
            writer.push_names(btf);
            writer.push_sorted(btf, &mut room, &mut order)
        })
    }

    fn parse<'a>(&'a self, data: &'a [u8]) -> Result<Btf<'a>> {
        Ok(match self.base {
            Some(base) => Btf::parse_split(data, base)?,
            None => Btf::parse(data)?,
        })
    }

    /// What a writer makes of a slice of `len` bytes.
    fn write(&self, len: usize, fill: Fill<'_>) -> Result<Vec<u8>, Error> {
        let mut name_index = vec![0; 2 * self.btf.names_len()];
        let mut out = vec![0; len];
        let options = WriteOptions {
            base: self.base,
            byte_order: self.btf.byte_order(),
            layout: !Header::parse(self.data)?.layout.is_empty(),
            name_index: &mut name_index,
            ..WriteOptions::default()
        };
        let mut writer = Writer::with(&mut out, options);
        fill(&mut writer)?;
        let written = writer.finish()?.len();
        out.truncate(written);
        Ok(out)
    }

    /// Whether `new` of `btf` is what `old` was, with ids that `new_id` gives.
    fn compare(
        &self,
        btf: &Btf<'_>,
        old: &Type<'_>,
        new: &Type<'_>,
        new_id: &dyn Fn(TypeId) -> TypeId,
    ) -> Result<()> {
        let old_meaning = meaning(&self.btf, old, new_id);
        let new_meaning = meaning(btf, new, &|id| id);
        ensure!(
            old_meaning == new_meaning,
            "type {} was {old_meaning:?}, is {new_meaning:?}",
            old.id().0
        );
        Ok(())
    }
}

fn copy(writer: &mut Writer<'_>, btf: &Btf<'_>) -> Result<(), Error> {
    btf.types()
        .try_for_each(|ty| writer.push_type(btf, &ty, |id| id).map(|_| ()))
}

/// All that a record says, with its names and new ids.
#[derive(Debug, PartialEq)]
struct Meaning<'a> {
    name: &'a [u8],
    info: u32,
    size_or_type: Option<u32>,
    numbers: Vec<Option<u32>>,
    elements: Vec<(&'a [u8], TypeId, i128, u32)>,
}

fn meaning<'a>(btf: &Btf<'a>, ty: &Type<'a>, new_id: &dyn Fn(TypeId) -> TypeId) -> Meaning<'a> {
    let array = ty.array();
    let named = |name| btf.name_at(name);
    let members = ty.members().map(|member| {
        let offset = i128::from(member.bit_offset);
        (
            named(member.name),
            new_id(member.ty),
            offset,
            member.bitfield_size,
        )
    });
    let params = ty
        .params()
        .map(|param| (named(param.name), new_id(param.ty), 0, 0));
    let enumerators = ty
        .enumerators()
        .map(|enumerator| (named(enumerator.name), TypeId::VOID, enumerator.value, 0));
    let variables = ty.variables().map(|variable| {
        let offset = i128::from(variable.offset);
        (&[][..], new_id(variable.var), offset, variable.size)
    });
    Meaning {
        name: btf.name(ty),
        info: ty.info().0,
        size_or_type: ty.size().or(ty.target().map(|target| new_id(target).0)),
        numbers: vec![
            ty.int()
                .map(|int| u32::from_le_bytes([int.bits, 0, int.offset, int.encoding.0])),
            ty.component().map(|component| component as u32),
            ty.linkage(),
            array.map(|array| new_id(array.element).0),
            array.map(|array| new_id(array.index).0),
            array.map(|array| array.len),
        ],
        elements: members
            .chain(params)
            .chain(enumerators)
            .chain(variables)
            .collect(),
    }
}

/// Writes `ty` by the function of its kind. The writer has the names of `btf` at their offsets.
fn rebuild(writer: &mut Writer<'_>, btf: &Btf<'_>, ty: &Type<'_>) -> Result<(), Error> {
    let (kind, name) = (ty.kind(), btf.name(ty));
    let size = ty.size().unwrap_or_default();
    let target = ty.target().unwrap_or(TypeId::VOID);
    let flag = ty.info().kind_flag();
    let tag = if flag {
        Tag::Attribute(name)
    } else {
        Tag::Value(name)
    };
    let composite = if flag { Kind::UNION } else { Kind::STRUCT };
    match kind {
        Kind::INT => {
            let encoding = ty.int().map_or(IntEncoding::UNSIGNED, |int| int.encoding);
            writer.push_int(name, size as u8, encoding)
        }
        Kind::PTR | Kind::VOLATILE | Kind::CONST | Kind::RESTRICT => {
            writer.push_reference(kind, target)
        }
        Kind::ARRAY => match ty.array() {
            Some(array) => writer.push_array(array),
            None => Ok(TypeId::VOID),
        },
        Kind::STRUCT | Kind::UNION => {
            writer.push_composite(kind, name, size, &ty.members().collect::<Vec<_>>())
        }
        Kind::ENUM | Kind::ENUM64 => writer.push_enum(
            kind,
            name,
            size,
            flag,
            &ty.enumerators().collect::<Vec<_>>(),
        ),
        Kind::FWD => writer.push_fwd(composite, name),
        Kind::TYPEDEF => writer.push_typedef(name, target),
        Kind::FUNC => writer.push_func(name, target, Linkage(ty.info().vlen() as u16)),
        Kind::FUNC_PROTO => writer.push_func_proto(target, &ty.params().collect::<Vec<_>>()),
        Kind::VAR => writer.push_var(name, target, ty.linkage().unwrap_or_default()),
        Kind::DATASEC => writer.push_datasec(name, size, &ty.variables().collect::<Vec<_>>()),
        Kind::FLOAT => writer.push_opaque(kind, name, size),
        Kind::DECL_TAG => {
            let component = ty
                .component()
                .and_then(|component| u32::try_from(component).ok());
            writer.push_decl_tag(tag, target, component)
        }
        _ => writer.push_type_tag(tag, target),
    }
    .map(|_| ())
}
