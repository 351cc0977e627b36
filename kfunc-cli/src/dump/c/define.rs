// SPDX-License-Identifier: MIT OR Apache-2.0

//! Definitions: `struct foo { … }`, `enum foo { … }`, `typedef … foo`.

use btf_core::{Error, Kind, RawMember, Type, TypeId};

use super::padding::{Filling, Gap};
use super::printer::Printer;
use crate::dump::words;

/// Types that gcc has built in for arm64's vectors, and clang for BPF has not.
const GCC_ONLY: &[(&[u8], &str)] = &[
    (b"__Poly8_t", "unsigned char"),
    (b"__Poly16_t", "unsigned short"),
    (b"__Poly64_t", "unsigned long long"),
    (b"__Poly128_t", "unsigned __int128"),
];

impl<'a> Printer<'_, 'a> {
    /// `struct foo`
    pub(super) fn tag(&mut self, ty: &Type<'a>) {
        self.put(match ty.kind() {
            Kind::FWD => words::fwd_kind(ty.info()),
            Kind::ENUM | Kind::ENUM64 => "enum",
            kind => words::composite(kind),
        });
        let name = self.names.of_type(ty);
        if ty.name_offset() != 0 {
            self.put(" ");
        }
        self.put_bytes(&name);
    }

    /// Gives an INT that only gcc knows a meaning.
    pub(super) fn missing_alias(&mut self, ty: &Type<'a>) {
        let name = self.names.of_type(ty);
        let known = GCC_ONLY.iter().find(|(gcc, _)| **gcc == *name);
        if let Some((name, meaning)) = known {
            self.put("typedef ");
            self.put(meaning);
            self.put(" ");
            self.put_bytes(name);
            self.end();
        }
    }

    pub(super) fn typedef_definition(&mut self, ty: &Type<'a>) -> Result<(), Error> {
        let name = self.names.of_type(ty);
        let target = ty.target().unwrap_or(TypeId::VOID);
        self.put("typedef ");
        // Old versions of gcc leave out what this one is.
        if target == TypeId::VOID && *name == *b"__gnuc_va_list" {
            self.put("__builtin_va_list __gnuc_va_list");
            return Ok(());
        }
        self.declaration(target, &name, 0)
    }

    pub(super) fn enum_definition(&mut self, ty: &Type<'a>, level: usize) -> Result<(), Error> {
        let suffix = match (ty.kind(), ty.info().kind_flag()) {
            (Kind::ENUM64, true) => "LL",
            (Kind::ENUM64, false) => "ULL",
            _ => "",
        };
        self.tag(ty);
        let mut before = " {";
        for enumerator in ty.enumerators() {
            self.limits.step(ty.id())?;
            self.put(before);
            before = "";
            self.new_line(level + 1);
            let name = self.names.of_enumerator(enumerator.name);
            self.put_bytes(&name);
            self.put(&format!(" = {}{suffix},", enumerator.value));
        }
        // Without values it is only announced.
        if before.is_empty() {
            self.new_line(level);
            self.put("}");
            self.put(self.enum_mode(ty));
        }
        Ok(())
    }

    /// What gives an enum its size, if its values do not.
    fn enum_mode(&self, ty: &Type<'_>) -> &'static str {
        let wide = |value: i128| ty.kind() == Kind::ENUM64 && u32::try_from(value).is_err();
        match ty.size() {
            Some(1) => " __attribute__((mode(byte)))",
            Some(2) => " __attribute__((mode(HI)))",
            Some(8)
                if self.layout.pointer_size == 8 && !ty.enumerators().any(|e| wide(e.value)) =>
            {
                " __attribute__((mode(word)))"
            }
            _ => "",
        }
    }

    pub(super) fn composite_definition(
        &mut self,
        ty: &Type<'a>,
        level: usize,
    ) -> Result<(), Error> {
        self.tag(ty);
        self.members(ty, level)
    }

    /// What a struct or union is after its tag.
    fn members(&mut self, ty: &Type<'a>, level: usize) -> Result<(), Error> {
        self.limits.enter(ty.id())?;
        let natural = self.layout.natural_align(ty, &mut self.limits)?;
        let is_struct = ty.kind() == Kind::STRUCT;
        let packed = is_struct && natural.is_none();
        let size = ty.size().unwrap_or_default();
        self.put(" {");
        let (mut end, mut after_bitfield) = (0, false);
        for member in ty.members() {
            let bitfield = member.bitfield_size != 0;
            let gap = Gap {
                start: end,
                end: member.bit_offset.into(),
                align: match packed {
                    true => 1,
                    false => self.layout.align_of(member.ty, &mut self.limits)?,
                },
                in_bitfield: after_bitfield && bitfield,
            };
            self.gap(ty.id(), &gap, level + 1)?;
            end = self.member(&member, level + 1)?;
            after_bitfield = bitfield;
        }
        if is_struct {
            let gap = Gap {
                start: end,
                end: u64::from(size) * 8,
                align: natural.unwrap_or(1),
                in_bitfield: false,
            };
            self.gap(ty.id(), &gap, level + 1)?;
        }
        if ty.info().vlen() != 0 || size != 0 {
            self.new_line(level);
        }
        self.put("}");
        self.put(if packed {
            " __attribute__((packed))"
        } else {
            ""
        });
        self.limits.leave();
        Ok(())
    }

    /// Writes a member; gives the bit at which it ends.
    fn member(&mut self, member: &RawMember, level: usize) -> Result<u64, Error> {
        self.new_line(level);
        match self.taken_in(member) {
            Some(ty) => {
                self.put(words::composite(ty.kind()));
                self.members(&ty, level)?;
            }
            None => self.declaration(member.ty, self.btf.name_at(member.name), level)?,
        }
        let bits = match member.bitfield_size {
            0 => self.layout.size_of(member.ty).saturating_mul(8),
            bits => {
                self.put(&format!(": {bits}"));
                bits.into()
            }
        };
        self.put(";");
        Ok(u64::from(member.bit_offset).saturating_add(bits))
    }

    /// The struct or union that has a name, and still gives its members to the one that it is in. Kernels from 7.0
    /// on are built with -fms-extensions, which allows that; BPF programs are not.
    fn taken_in(&self, member: &RawMember) -> Option<Type<'a>> {
        let ty = self.btf.skip_modifiers(member.ty).ok()??;
        let direct = self.btf.get(member.ty)?;
        let named = ty.name_offset() != 0 || direct.kind() == Kind::TYPEDEF;
        let composite = matches!(ty.kind(), Kind::STRUCT | Kind::UNION);
        (named && composite && member.name == 0 && member.bitfield_size == 0).then_some(ty)
    }

    fn gap(&mut self, within: TypeId, gap: &Gap, level: usize) -> Result<(), Error> {
        for filling in gap.fill(self.layout.pointer_size) {
            match filling {
                Filling::Bits { name, bits, times } => {
                    for _ in 0..times {
                        self.limits.step(within)?;
                        self.new_line(level);
                        self.put(&format!("{name}: {bits};"));
                    }
                }
                Filling::Bytes(len) => {
                    self.new_line(level);
                    self.gaps += 1;
                    self.put(&format!("char __gap_{}[{len}];", self.gaps));
                }
            }
        }
        Ok(())
    }
}
