// SPDX-License-Identifier: MIT OR Apache-2.0

//! Prototypes that the kernel takes and refuses.

use btf_core::{
    Array, Btf, Error, ErrorKind, IntEncoding, Kind, Param, RawMember, Tag, TypeId, Writer,
};
use kfunc_abi::model::{
    ArgFlags, ArgModel, Class, FuncModel, ModelError, ModelRules, ReturnModel, MAX_ARGS,
};
use kfunc_abi::KernelVersion;
use ModelRules::{V6_12, V7_2, V7_3};

/// Distils the FUNC_PROTO that `build` makes last, by the rules of each kernel.
fn distill(
    build: impl Fn(&mut Writer<'_>) -> Result<TypeId, Error>,
) -> [Result<FuncModel, ModelError>; 3] {
    let mut out = [0; 4 << 10];
    let mut writer = Writer::new(&mut out);
    let proto = build(&mut writer).expect("the BTF fits");
    let btf = Btf::parse(writer.finish().expect("the BTF fits")).expect("it is BTF");
    let proto = btf.get(proto).expect("it was written");
    [V6_12, V7_2, V7_3].map(|rules| FuncModel::distill(&btf, &proto, rules))
}

/// Distils a prototype with one parameter of the type that `ty` makes, and this name.
fn argument(
    name: &[u8],
    ty: impl Fn(&mut Writer<'_>) -> Result<TypeId, Error>,
) -> [Result<ArgModel, ModelError>; 3] {
    let models = distill(|writer| {
        let ty = ty(writer)?;
        let name = writer.name(name)?;
        writer.push_func_proto(TypeId::VOID, &[Param { name, ty }])
    });
    models.map(|model| model.map(|model| model.args()[0]))
}

fn member(ty: TypeId, bit_offset: u32) -> RawMember {
    RawMember {
        name: 0,
        ty,
        bit_offset,
        bitfield_size: 0,
    }
}

fn int(writer: &mut Writer<'_>, size: u8) -> Result<TypeId, Error> {
    writer.push_int(b"int", size, IntEncoding::UNSIGNED)
}

const fn arg(size: u8, flags: ArgFlags, class: Class) -> ArgModel {
    ArgModel { size, flags, class }
}

#[test]
fn scalars_have_their_size() {
    for size in [1, 2, 4, 8, 16] {
        assert_eq!(
            argument(b"a", |writer| int(writer, size)),
            [Ok(ArgModel::scalar(size)); 3]
        );
        let signed = arg(size, ArgFlags::SIGNED, Class::Scalar);
        let found = argument(b"a", |writer| {
            writer.push_int(b"i", size, IntEncoding::SIGNED)
        });
        assert_eq!(found, [Ok(signed); 3]);
    }
    for kind in [Kind::ENUM, Kind::ENUM64] {
        let found = argument(b"a", |writer| writer.push_enum(kind, b"e", 4, false, &[]));
        assert_eq!(found, [Ok(ArgModel::scalar(4)); 3]);
    }
    // A pointer to void, behind each kind of modifier.
    let found = argument(b"a", |writer| {
        let mut ty = writer.push_reference(Kind::PTR, TypeId::VOID)?;
        for kind in [Kind::CONST, Kind::VOLATILE, Kind::RESTRICT] {
            ty = writer.push_reference(kind, ty)?;
        }
        ty = writer.push_type_tag(Tag::Value(b"user"), ty)?;
        writer.push_typedef(b"cookie", ty)
    });
    assert_eq!(found, [Ok(ArgModel::scalar(8)); 3]);
}

#[test]
fn kernels_mark_different_things() {
    let pointer = |writer: &mut Writer<'_>| writer.push_reference(Kind::PTR, TypeId::VOID);
    for (name, flags) in [
        (&b"p__arena"[..], ArgFlags::ARENA),
        (b"p__arena__nullable", ArgFlags::ARENA | ArgFlags::NULLABLE),
        (b"p__nullable", ArgFlags::NULLABLE),
        (b"p__ign", ArgFlags::empty()),
        (b"", ArgFlags::empty()),
    ] {
        let new = arg(8, flags, Class::Scalar);
        let old = ArgModel::scalar(8);
        assert_eq!(argument(name, pointer), [Ok(old), Ok(old), Ok(new)]);
    }
    for (kind, old) in [
        (Kind::STRUCT, Ok(arg(4, ArgFlags::STRUCT, Class::Composite))),
        (
            Kind::UNION,
            Err(ModelError::ArgumentType {
                index: 0,
                kind: Kind::UNION,
            }),
        ),
    ] {
        let found = argument(b"s", |writer| {
            let int = int(writer, 4)?;
            writer.push_composite(kind, b"s", 4, &[member(int, 0)])
        });
        assert_eq!(
            found,
            [
                old,
                Ok(arg(4, ArgFlags::STRUCT, Class::Composite)),
                Ok(arg(4, ArgFlags::empty(), Class::Composite))
            ]
        );
    }
}

#[test]
fn what_is_returned_is_no_struct() {
    for (size, flags) in [(8, ArgFlags::empty()), (16, ArgFlags::SIGNED)] {
        let models = distill(|writer| {
            let ty = writer.push_int(b"i", size, IntEncoding(flags.bits() >> 1))?;
            writer.push_func_proto(ty, &[])
        });
        assert_eq!(
            models.map(|m| m.map(|m| m.returned)),
            [Ok(ReturnModel { size, flags }); 3]
        );
    }
    let void = distill(|writer| writer.push_func_proto(TypeId::VOID, &[]));
    assert!(void
        .iter()
        .all(|model| model.is_ok_and(|m| m.returned.size == 0 && m.args().is_empty())));

    for kind in [Kind::STRUCT, Kind::UNION, Kind::FLOAT] {
        let models = distill(|writer| {
            let ty = writer.push_opaque(kind, b"s", 4)?;
            writer.push_func_proto(ty, &[])
        });
        assert_eq!(models, [Err(ModelError::ReturnType(kind)); 3]);
    }
    // `const void` has no size.
    let models = distill(|writer| {
        let ty = writer.push_reference(Kind::CONST, TypeId::VOID)?;
        writer.push_func_proto(ty, &[])
    });
    assert_eq!(models, [Err(ModelError::ReturnType(Kind(0))); 3]);
}

#[test]
fn prototypes_are_refused_as_the_kernel_does() {
    let many = |count| {
        distill(|writer| {
            let int = int(writer, 4)?;
            writer.push_func_proto(int, &vec![Param { name: 0, ty: int }; count])
        })
    };
    assert!(many(MAX_ARGS)
        .iter()
        .all(|m| m.is_ok_and(|m| m.args() == [ArgModel::scalar(4); 12])));
    assert_eq!(
        many(MAX_ARGS + 1),
        [Err(ModelError::TooManyArguments(13)); 3]
    );

    let with_void = |at: usize| {
        distill(|writer| {
            let int = int(writer, 4)?;
            let mut params = [Param { name: 0, ty: int }; 3];
            params[at].ty = TypeId::VOID;
            writer.push_func_proto(int, &params)
        })
    };
    assert_eq!(with_void(2), [Err(ModelError::VariableArguments); 3]);
    assert_eq!(with_void(1), [Err(ModelError::VoidArgument(1)); 3]);

    let unsupported = |kind| [Err(ModelError::ArgumentType { index: 0, kind }); 3];
    for size in [17, 24, 256, 264, u32::MAX] {
        let found = argument(b"s", |writer| writer.push_opaque(Kind::STRUCT, b"s", size));
        assert_eq!(found, unsupported(Kind::STRUCT), "{size}");
    }
    let empty = argument(b"s", |writer| writer.push_opaque(Kind::STRUCT, b"s", 0));
    assert_eq!(empty, [Err(ModelError::VoidArgument(0)); 3]);
    let float = argument(b"f", |writer| writer.push_opaque(Kind::FLOAT, b"double", 8));
    assert_eq!(float, unsupported(Kind::FLOAT));
    let fwd = argument(b"f", |writer| writer.push_fwd(Kind::STRUCT, b"s"));
    assert_eq!(fwd, unsupported(Kind::FWD));
    let void = argument(b"v", |writer| writer.push_typedef(b"nothing", TypeId::VOID));
    assert_eq!(void, unsupported(Kind(0)));

    let no_proto = distill(|writer| int(writer, 4));
    assert_eq!(no_proto, [Err(ModelError::NotAPrototype(Kind::INT)); 3]);
}

#[test]
fn refusals_are_told_in_the_kernels_words() {
    for (error, text) in [
        (
            ModelError::TooManyArguments(13),
            "has 13 arguments. Too many.",
        ),
        (
            ModelError::ReturnType(Kind(0)),
            "return type UNKNOWN is unsupported.",
        ),
        (
            ModelError::VariableArguments,
            "with variable args is unsupported.",
        ),
        (
            ModelError::ArgumentType {
                index: 2,
                kind: Kind::STRUCT,
            },
            "arg2 type STRUCT is unsupported.",
        ),
        (ModelError::VoidArgument(1), "has malformed void argument."),
    ] {
        assert_eq!(error.to_string(), text);
    }
}

/// The error that says a type cannot be followed.
fn malformed(found: Result<ArgModel, ModelError>) -> Option<ErrorKind> {
    match found {
        Err(ModelError::Malformed {
            index: Some(0),
            error,
        }) => Some(error.kind),
        _ => None,
    }
}

#[test]
fn types_that_lead_nowhere_are_refused() {
    // A typedef of itself, and one of a type that is not there.
    for (target, kind) in [
        (1, ErrorKind::TooDeep),
        (99, ErrorKind::InvalidTypeId(TypeId(99))),
    ] {
        let found = argument(b"a", |writer| writer.push_typedef(b"t", TypeId(target)));
        assert_eq!(found.map(malformed), [Some(kind); 3]);
        let returned = distill(|writer| {
            let ty = writer.push_typedef(b"t", TypeId(target))?;
            writer.push_func_proto(ty, &[])
        });
        assert!(returned.iter().all(
            |m| matches!(m, Err(ModelError::Malformed { index: None, error }) if error.kind == kind)
        ));
    }
    // A struct in itself, once and often.
    for times in [1, 8] {
        let found = argument(b"s", |writer| {
            writer.push_composite(Kind::STRUCT, b"s", 8, &vec![member(TypeId(1), 0); times])
        });
        assert_eq!(found.map(malformed), [Some(ErrorKind::TooDeep); 3]);
    }
    // An array of itself.
    let found = argument(b"s", |writer| {
        let element = TypeId(1);
        let array = writer.push_array(Array {
            element,
            index: element,
            len: 1,
        })?;
        writer.push_composite(Kind::STRUCT, b"s", 8, &[member(array, 0)])
    });
    assert_eq!(found.map(malformed), [Some(ErrorKind::TooDeep); 3]);
}

/// The class of a struct with these members: a size in bytes, or 0 for a float, and an offset in bits.
fn class(size: u32, members: &[(u8, u32)]) -> Class {
    let [_, _, found] = argument(b"s", |writer| {
        let mut raw = Vec::new();
        for (size, at) in members {
            let ty = match size {
                0 => writer.push_opaque(Kind::FLOAT, b"float", 4)?,
                _ => int(writer, *size)?,
            };
            raw.push(member(ty, *at));
        }
        writer.push_composite(Kind::STRUCT, b"s", size, &raw)
    });
    found.expect("it is taken").class
}

#[test]
fn structs_are_classed_by_their_members() {
    assert_eq!(class(8, &[(4, 0), (4, 32)]), Class::Composite);
    assert_eq!(class(3, &[(1, 0), (1, 8), (1, 16)]), Class::Composite);
    assert_eq!(class(16, &[(16, 0)]), Class::Composite16);
    assert_eq!(class(5, &[(1, 0), (4, 8)]), Class::Packed);
    assert_eq!(class(5, &[(4, 0), (1, 32)]), Class::Composite);
    assert_eq!(class(8, &[(4, 0), (0, 32)]), Class::Float);
    assert_eq!(class(8, &[]), Class::Composite);
}

#[test]
fn members_count_wherever_they_are_nested() {
    // struct { struct { char a; struct { u32 b[2]; } c; } __packed; }
    let found = |offset| {
        argument(b"s", |writer| {
            let byte = int(writer, 1)?;
            let word = int(writer, 4)?;
            let array = writer.push_array(Array {
                element: word,
                index: word,
                len: 2,
            })?;
            let inner = writer.push_composite(Kind::STRUCT, b"c", 8, &[member(array, 0)])?;
            let members = [member(byte, 0), member(inner, offset)];
            let middle = writer.push_composite(Kind::STRUCT, b"", 12, &members)?;
            writer.push_composite(Kind::UNION, b"u", 12, &[member(middle, 0)])
        })[2]
            .map(|arg| arg.class)
    };
    assert_eq!(found(8), Ok(Class::Packed));
    assert_eq!(found(32), Ok(Class::Composite));
}

#[test]
fn bitfields_are_where_they_please() {
    let found = argument(b"s", |writer| {
        let word = int(writer, 4)?;
        let bits = |bit_offset| RawMember {
            bitfield_size: 3,
            ..member(word, bit_offset)
        };
        writer.push_composite(Kind::STRUCT, b"s", 4, &[bits(0), bits(3), bits(6)])
    });
    assert_eq!(found[2].map(|arg| arg.class), Ok(Class::Composite));
}

#[test]
fn rules_are_those_of_kernels_that_were_read() {
    for (major, minor, rules) in [
        (6, 11, None),
        (6, 12, Some(V6_12)),
        (6, 13, None),
        (7, 1, None),
        (7, 2, Some(V7_2)),
        (7, 3, Some(V7_3)),
        (8, 0, Some(V7_3)),
    ] {
        assert_eq!(ModelRules::of(KernelVersion::new(major, minor)), rules);
    }
}
