// SPDX-License-Identifier: MIT OR Apache-2.0

//! C types in Rust.
//!
//! Programs see only pointers to the structs of the kernel, which are opaque here. Those of a module have their members,
//! if Rust gives them the same places, else as many bytes.

use std::collections::{BTreeMap, HashMap};

use btf_core::limits::MAX_RESOLVE_DEPTH;
use btf_core::{At, Btf, Error, ErrorKind, Int, IntEncoding, Kind, Section, Type, TypeId};

/// Steps for one file; the kfuncs of a kernel need some thousand. What has no name is written out as often as it is
/// used, and can grow without end that way.
const MAX_STEPS: usize = 1 << 20;
/// Bytes of a pointer in BPF.
const POINTER_LEN: u32 = 8;
/// What Rust keeps for itself, and may stand behind `r#`.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];
/// What may not even stand there.
const NO_NAMES: &[&str] = &["crate", "self", "super", "Self", "_"];

/// `name`, so that Rust takes it for one.
pub(super) fn raw(name: &str) -> String {
    if KEYWORDS.contains(&name) {
        format!("r#{name}")
    } else if NO_NAMES.contains(&name) {
        format!("{name}_")
    } else {
        name.to_owned()
    }
}

/// Where a type ends that is passed by value.
#[derive(Clone, Copy)]
struct Layout {
    size: u32,
    align: u32,
}

/// Translates types, and defines those that have a name.
pub(super) struct Types<'t, 'a> {
    btf: &'t Btf<'a>,
    /// Types before this one are the kernel's.
    first_own: TypeId,
    definitions: &'t mut BTreeMap<String, String>,
    /// What was named, and is not defined yet.
    pending: Vec<(TypeId, String)>,
    layouts: HashMap<TypeId, Option<Layout>>,
    depth: usize,
    steps: usize,
}

impl<'t, 'a> Types<'t, 'a> {
    pub(super) fn new(
        btf: &'t Btf<'a>,
        first_own: TypeId,
        definitions: &'t mut BTreeMap<String, String>,
    ) -> Self {
        Self {
            btf,
            first_own,
            definitions,
            pending: Vec::new(),
            layouts: HashMap::new(),
            depth: 0,
            steps: 0,
        }
    }

    /// Defines what was named, and what these definitions name.
    pub(super) fn define(&mut self) -> Result<(), Error> {
        while let Some((id, name)) = self.pending.pop() {
            if let Some(ty) = self.btf.get(id) {
                let definition = self.definition(&ty, &name)?;
                self.definitions.insert(name, definition);
            }
        }
        Ok(())
    }

    /// The parameters of `proto`; foreign functions have names for them.
    pub(super) fn signature(&mut self, proto: TypeId, named: bool) -> Result<String, Error> {
        let mut text = Vec::new();
        let Some(proto) = self.btf.get(proto) else {
            return Ok(String::new());
        };
        let mut params = proto.params().peekable();
        while let Some(param) = params.next() {
            // A last `void` stands for any arguments; alone, for none.
            if param.ty == TypeId::VOID && params.peek().is_none() {
                if !text.is_empty() {
                    text.push("...".to_owned());
                }
                break;
            }
            let ty = self.of(param.ty)?;
            let name = String::from_utf8_lossy(self.btf.name_at(param.name));
            text.push(match (named, name.as_ref()) {
                (false, _) => ty,
                (true, "") => format!("_: {ty}"),
                (true, name) => format!("{}: {ty}", raw(name)),
            });
        }
        Ok(text.join(", "))
    }

    /// The type `id`, by value.
    pub(super) fn of(&mut self, id: TypeId) -> Result<String, Error> {
        self.enter(id)?;
        let text = self.of_next(id, None);
        self.depth -= 1;
        text
    }

    fn enter(&mut self, id: TypeId) -> Result<(), Error> {
        self.depth += 1;
        self.steps += 1;
        if self.depth > MAX_RESOLVE_DEPTH || self.steps > MAX_STEPS {
            return Err(too_deep(id));
        }
        Ok(())
    }

    /// The type `id`, which a typedef calls `alias`.
    fn of_next(&mut self, id: TypeId, alias: Option<&'a [u8]>) -> Result<String, Error> {
        let Some(ty) = self.btf.get(id) else {
            return Ok("c_void".to_owned());
        };
        let target = ty.target().unwrap_or(TypeId::VOID);
        match ty.kind() {
            Kind::INT => Ok(self.int(&ty)),
            Kind::FLOAT => Ok(format!("f{}", 8 * ty.size().unwrap_or_default())),
            Kind::ENUM | Kind::ENUM64 => Ok(self.enumeration(&ty)),
            Kind::PTR => self.pointer(target),
            Kind::ARRAY => self.array(&ty),
            Kind::STRUCT | Kind::UNION | Kind::FWD => self.composite(&ty, alias),
            Kind::TYPEDEF => self.inner(target, Some(self.btf.name(&ty))),
            _ if ty.kind().is_modifier() => self.inner(target, alias),
            _ => Ok("c_void".to_owned()),
        }
    }

    fn inner(&mut self, id: TypeId, alias: Option<&'a [u8]>) -> Result<String, Error> {
        self.enter(id)?;
        let text = self.of_next(id, alias);
        self.depth -= 1;
        text
    }

    fn int(&self, ty: &Type<'_>) -> String {
        let encoding = ty.int().map(|Int { encoding, .. }| encoding);
        let bits = 8 * ty.size().unwrap_or_default();
        match encoding {
            Some(IntEncoding::BOOL) => "bool".to_owned(),
            _ if self.btf.name(ty) == b"char" => "c_char".to_owned(),
            Some(IntEncoding::SIGNED) => format!("i{bits}"),
            _ => format!("u{bits}"),
        }
    }

    /// An enum is an integer. One of the module has a name for it, and for its values.
    fn enumeration(&mut self, ty: &Type<'a>) -> String {
        let sign = if ty.info().kind_flag() { 'i' } else { 'u' };
        let int = format!("{sign}{}", 8 * ty.size().unwrap_or_default());
        if ty.id() < self.first_own || ty.name_offset() == 0 {
            return int;
        }
        let c_name = String::from_utf8_lossy(self.btf.name(ty));
        let name = raw(&c_name);
        if !self.definitions.contains_key(&name) {
            let mut text =
                format!("/// `enum {c_name}` of the module.\npub type {name} = {int};\n");
            for value in ty.enumerators() {
                let value_name = String::from_utf8_lossy(self.btf.name_at(value.name));
                let value_name = raw(&value_name);
                text.push_str(&format!(
                    "pub const {value_name}: {name} = {};\n",
                    value.value
                ));
            }
            text.push('\n');
            self.definitions.insert(name.clone(), text);
        }
        name
    }

    fn pointer(&mut self, target: TypeId) -> Result<String, Error> {
        let pointee = self.btf.skip_modifiers(target)?;
        if let Some(proto) = pointee.filter(|ty| ty.kind() == Kind::FUNC_PROTO) {
            return self.function(&proto);
        }
        let qualifier = match self.is_const(target) {
            true => "*const",
            false => "*mut",
        };
        Ok(format!("{qualifier} {}", self.of(target)?))
    }

    /// Whether `id` is const, before a typedef says so.
    fn is_const(&self, id: TypeId) -> bool {
        let mut id = id;
        for _ in 0..MAX_RESOLVE_DEPTH {
            match self.btf.get(id) {
                Some(ty) if ty.kind() == Kind::CONST => return true,
                Some(ty) if ty.kind().is_modifier() && ty.kind() != Kind::TYPEDEF => {
                    id = ty.target().unwrap_or(TypeId::VOID);
                }
                _ => return false,
            }
        }
        false
    }

    fn function(&mut self, proto: &Type<'a>) -> Result<String, Error> {
        self.enter(proto.id())?;
        let params = self.signature(proto.id(), false)?;
        let returns = match proto.target() {
            None | Some(TypeId::VOID) => String::new(),
            Some(ty) => format!(" -> {}", self.of(ty)?),
        };
        self.depth -= 1;
        Ok(format!("Option<unsafe extern \"C\" fn({params}){returns}>"))
    }

    fn array(&mut self, ty: &Type<'a>) -> Result<String, Error> {
        let Some(array) = ty.array() else {
            return Ok("c_void".to_owned());
        };
        Ok(format!("[{}; {}]", self.of(array.element)?, array.len))
    }

    fn composite(&mut self, ty: &Type<'a>, alias: Option<&'a [u8]>) -> Result<String, Error> {
        let name = match self.btf.name(ty) {
            b"" => alias.unwrap_or_default(),
            name => name,
        };
        if name.is_empty() {
            return Ok("c_void".to_owned());
        }
        let name = raw(&String::from_utf8_lossy(name));
        if !self.definitions.contains_key(&name) {
            // Defined later: it may point to itself.
            self.definitions.insert(name.clone(), String::new());
            self.pending.push((ty.id(), name.clone()));
        }
        Ok(name)
    }

    fn definition(&mut self, ty: &Type<'a>, name: &str) -> Result<String, Error> {
        let keyword = match ty.kind() {
            Kind::UNION => "union",
            Kind::FWD if ty.info().kind_flag() => "union",
            _ => "struct",
        };
        let own = ty.id() >= self.first_own && ty.kind() != Kind::FWD;
        let bytes = ty.size().unwrap_or_default();
        let (repr, body) = match (own, self.members(ty)?) {
            (false, _) => ("C".to_owned(), "    _opaque: [u8; 0],\n".to_owned()),
            (true, Some(members)) => ("C".to_owned(), members),
            (true, None) => (
                format!("C, align({})", largest_alignment(bytes)),
                format!("    _bytes: [u8; {bytes}],\n"),
            ),
        };
        let of = if own { "the module" } else { "the kernel" };
        let size = match own {
            true => format!("const _: () = assert!(size_of::<{name}>() == {bytes});\n"),
            false => String::new(),
        };
        Ok(format!(
            "/// `{keyword} {}` of {of}.\n#[repr({repr})]\npub struct {name} {{\n{body}}}\n{size}\n",
            name.trim_start_matches("r#")
        ))
    }

    /// The members of `ty` in Rust; none if they would have other places there.
    fn members(&mut self, ty: &Type<'a>) -> Result<Option<String>, Error> {
        if ty.id() < self.first_own || !self.is_plain(ty)? {
            return Ok(None);
        }
        let mut text = String::new();
        for member in ty.members() {
            let name = String::from_utf8_lossy(self.btf.name_at(member.name));
            let ty = self.of(member.ty)?;
            text.push_str(&format!("    pub {}: {ty},\n", raw(&name)));
        }
        Ok(Some(text))
    }

    /// Whether Rust gives all members of `ty` their places.
    fn is_plain(&mut self, ty: &Type<'a>) -> Result<bool, Error> {
        Ok(self.layout(ty.id())?.is_some())
    }

    /// Size and alignment of `id`, where they are those of C; none for the rest.
    fn layout(&mut self, id: TypeId) -> Result<Option<Layout>, Error> {
        if let Some(&layout) = self.layouts.get(&id) {
            return Ok(layout);
        }
        self.enter(id)?;
        let layout = self.layout_next(id)?;
        self.depth -= 1;
        self.layouts.insert(id, layout);
        Ok(layout)
    }

    fn layout_next(&mut self, id: TypeId) -> Result<Option<Layout>, Error> {
        let Some(ty) = self.btf.skip_modifiers(id)? else {
            return Ok(None);
        };
        let scalar = |size: u32| {
            let regular = matches!(size, 1 | 2 | 4 | 8);
            regular.then_some(Layout { size, align: size })
        };
        match ty.kind() {
            Kind::INT | Kind::ENUM | Kind::ENUM64 | Kind::FLOAT => {
                Ok(scalar(ty.size().unwrap_or_default()))
            }
            Kind::PTR => Ok(scalar(POINTER_LEN)),
            Kind::ARRAY => {
                let Some(array) = ty.array() else {
                    return Ok(None);
                };
                let element = self.layout(array.element)?;
                Ok(element.and_then(|Layout { size, align }| {
                    let size = size.checked_mul(array.len)?;
                    Some(Layout { size, align })
                }))
            }
            Kind::STRUCT if ty.id() >= self.first_own && ty.name_offset() != 0 => {
                self.struct_layout(&ty)
            }
            _ => Ok(None),
        }
    }

    fn struct_layout(&mut self, ty: &Type<'a>) -> Result<Option<Layout>, Error> {
        let (mut end, mut align) = (0_u32, 1);
        for member in ty.members() {
            let Some(layout) = self.layout(member.ty)? else {
                return Ok(None);
            };
            let start = end.checked_next_multiple_of(layout.align);
            let at = (member.bit_offset % 8 == 0).then_some(member.bit_offset / 8);
            if member.bitfield_size != 0 || member.name == 0 || start != at {
                return Ok(None);
            }
            end = member.bit_offset / 8;
            end = end.saturating_add(layout.size);
            align = align.max(layout.align);
        }
        let size = end.checked_next_multiple_of(align);
        Ok(size
            .filter(|size| Some(*size) == ty.size())
            .map(|size| Layout { size, align }))
    }
}

/// The largest alignment that a type of this size can have.
fn largest_alignment(size: u32) -> u32 {
    match size {
        0 => 1,
        _ => POINTER_LEN.min(1 << size.trailing_zeros()),
    }
}

fn too_deep(type_id: TypeId) -> Error {
    Error {
        kind: ErrorKind::TooDeep,
        at: At {
            section: Section::Types,
            offset: 0,
            type_id,
        },
    }
}
