// SPDX-License-Identifier: MIT OR Apache-2.0

//! Declarations: `int (*name)(void)`.

use btf_core::{Error, ErrorKind, Kind, Type, TypeId};

use super::limits::{of_type, too_deep, MAX_CHAIN};
use super::printer::Printer;

/// A declaration in the making: the types around the innermost one, the outermost first, which are written from the
/// last to the first.
struct Chain<'n> {
    rest: Vec<TypeId>,
    /// What is declared; empty for an abstract declaration.
    name: &'n [u8],
    level: usize,
    /// No space goes between `*` and what follows.
    after_pointer: bool,
}

impl<'a> Printer<'_, 'a> {
    /// Declares `name` to be of type `id`: `int (*name)(void)`.
    pub(super) fn declaration(
        &mut self,
        id: TypeId,
        name: &[u8],
        level: usize,
    ) -> Result<(), Error> {
        self.limits.enter(id)?;
        let types = std::iter::successors(Some(id), |&id| self.around(id));
        let rest: Vec<_> = types.take(MAX_CHAIN + 1).collect();
        if rest.len() > MAX_CHAIN {
            return Err(too_deep(id));
        }
        let mut chain = Chain {
            rest,
            name,
            level,
            after_pointer: true,
        };
        self.chain(&mut chain)?;
        self.limits.leave();
        Ok(())
    }

    /// What `id` is put around, in a declaration.
    fn around(&self, id: TypeId) -> Option<TypeId> {
        let ty = self.btf.get(id)?;
        match ty.kind() {
            Kind::PTR
            | Kind::VOLATILE
            | Kind::CONST
            | Kind::RESTRICT
            | Kind::FUNC_PROTO
            | Kind::TYPE_TAG => ty.target(),
            Kind::ARRAY => ty.array().map(|array| array.element),
            _ => None,
        }
    }

    fn chain(&mut self, chain: &mut Chain<'_>) -> Result<(), Error> {
        while let Some(id) = chain.rest.pop() {
            let Some(ty) = self.btf.get(id) else {
                self.qualifiers(chain);
                self.put("void");
                chain.after_pointer = false;
                continue;
            };
            match ty.kind() {
                Kind::PTR => self.put(if chain.after_pointer { "*" } else { " *" }),
                Kind::VOLATILE => self.put(" volatile"),
                Kind::CONST => self.put(" const"),
                Kind::RESTRICT => self.put(" restrict"),
                Kind::TYPE_TAG => self.type_tag(&ty, chain),
                Kind::ARRAY => return self.array(&ty, chain),
                Kind::FUNC_PROTO => return self.function(&ty, chain),
                _ => self.innermost(&ty, chain)?,
            }
            chain.after_pointer = ty.kind() == Kind::PTR;
        }
        self.chain_name(chain);
        Ok(())
    }

    /// The name, at the place where C wants it.
    fn chain_name(&mut self, chain: &Chain<'_>) {
        if !chain.name.is_empty() && !chain.after_pointer {
            self.put(" ");
        }
        self.put_bytes(chain.name);
    }

    fn innermost(&mut self, ty: &Type<'a>, chain: &mut Chain<'_>) -> Result<(), Error> {
        self.qualifiers(chain);
        let anonymous = ty.name_offset() == 0;
        match ty.kind() {
            Kind::INT | Kind::FLOAT => self.put_bytes(self.btf.name(ty)),
            Kind::TYPEDEF => {
                let name = self.names.of_type(ty);
                self.put_bytes(&name);
            }
            Kind::STRUCT | Kind::UNION if anonymous => {
                self.composite_definition(ty, chain.level)?;
            }
            Kind::ENUM | Kind::ENUM64 if anonymous => self.enum_definition(ty, chain.level)?,
            Kind::STRUCT | Kind::UNION | Kind::ENUM | Kind::ENUM64 | Kind::FWD => self.tag(ty),
            kind => return Err(of_type(ErrorKind::UnexpectedKind(kind), ty.id())),
        }
        Ok(())
    }

    /// Qualifiers of what is not a pointer stand before it.
    fn qualifiers(&mut self, chain: &mut Chain<'_>) {
        while let Some(ty) = chain.rest.last().and_then(|&id| self.btf.get(id)) {
            self.put(match ty.kind() {
                Kind::VOLATILE => "volatile ",
                Kind::CONST => "const ",
                Kind::RESTRICT => "restrict ",
                _ => return,
            });
            chain.rest.pop();
        }
    }

    fn type_tag(&mut self, ty: &Type<'a>, chain: &mut Chain<'_>) {
        self.qualifiers(chain);
        let (before, after) = match ty.info().kind_flag() {
            true => (" __attribute__((", "))"),
            false => (" __attribute__((btf_type_tag(\"", "\")))"),
        };
        self.put(before);
        self.put_bytes(self.btf.name(ty));
        self.put(after);
    }

    /// Qualifiers of arrays and functions, which gcc records and C does not have.
    fn drop_qualifiers(&self, chain: &mut Chain<'_>) {
        while let Some(ty) = chain.rest.last().and_then(|&id| self.btf.get(id)) {
            if !ty.kind().is_modifier() || ty.kind() == Kind::TYPEDEF {
                return;
            }
            chain.rest.pop();
        }
    }

    fn array(&mut self, ty: &Type<'a>, chain: &mut Chain<'_>) -> Result<(), Error> {
        let len = ty.array().map_or(0, |array| array.len);
        self.drop_qualifiers(chain);
        match chain.rest.last().and_then(|&id| self.btf.get(id)) {
            None => self.chain_name(chain),
            Some(outer) => {
                if !chain.name.is_empty() && !chain.after_pointer {
                    self.put(" ");
                }
                let parentheses = outer.kind() != Kind::ARRAY;
                self.put(if parentheses { "(" } else { "" });
                chain.after_pointer = true;
                self.chain(chain)?;
                self.put(if parentheses { ")" } else { "" });
            }
        }
        self.put(&format!("[{len}]"));
        Ok(())
    }

    fn function(&mut self, ty: &Type<'a>, chain: &mut Chain<'_>) -> Result<(), Error> {
        self.drop_qualifiers(chain);
        if chain.rest.is_empty() {
            self.chain_name(chain);
        } else {
            self.put(" (");
            chain.after_pointer = true;
            self.chain(chain)?;
            self.put(")");
        }
        self.put("(");
        let mut params = ty.params().peekable();
        let mut before = "";
        while let Some(param) = params.next() {
            self.put(before);
            // A last `void` stands for any arguments; alone, for none.
            if param.ty == TypeId::VOID && params.peek().is_none() {
                self.put(if before.is_empty() { "void" } else { "..." });
            } else {
                self.declaration(param.ty, self.btf.name_at(param.name), chain.level)?;
            }
            before = ", ";
        }
        self.put(if before.is_empty() { "void)" } else { ")" });
        Ok(())
    }
}
