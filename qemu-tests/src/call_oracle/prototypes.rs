// SPDX-License-Identifier: MIT OR Apache-2.0

//! Prototypes by chance, and C functions that each read one word of one argument.

use std::fmt::Write;

use fastrand::Rng;
use kfunc_abi::model::{MAX_ARGS, MAX_ARG_SIZE};

/// Structs and unions beside the scalars.
const COMPOSITES: usize = 120;
/// Fields of one, at most.
const MAX_FIELDS: usize = 6;
/// Bytes of a word.
pub const WORD: u32 = 8;

/// A C file, and what its functions read.
#[derive(Debug)]
pub struct Source {
    /// The text.
    pub text: String,
    /// All prototypes; number N is that of the function `pN`.
    pub prototypes: Vec<Prototype>,
    /// The functions that read.
    pub probes: Vec<Probe>,
}

/// The arguments of a prototype.
#[derive(Debug)]
pub struct Prototype {
    /// C's parameter list.
    pub text: String,
    /// The bytes that each has.
    pub sizes: Vec<u32>,
}

/// A function that reads one word of one argument, and nothing else.
#[derive(Debug)]
pub struct Probe {
    /// Its name.
    pub function: String,
    /// Its prototype's number.
    pub prototype: usize,
    /// The argument's number.
    pub arg: usize,
    /// The word's number: 0, or 1 for bytes 8 to 15.
    pub word: u32,
}

/// A C type.
struct CType {
    name: String,
    size: u32,
    alignment: u32,
    has_bits: bool,
    leaves: Vec<Leaf>,
}

/// Something in a value that C can read.
struct Leaf {
    offset: u32,
    size: u32,
    /// The C expression, with `@` for the value.
    read: String,
}

impl CType {
    fn scalar(name: &str, size: u32) -> Self {
        let halves = [("(u64)@", 0), ("(u64)(@ >> 64)", WORD)];
        let words = size.div_ceil(WORD) as usize;
        Self {
            name: name.to_owned(),
            size,
            alignment: size,
            has_bits: false,
            leaves: halves[..words]
                .iter()
                .map(|(read, offset)| Leaf {
                    offset: *offset,
                    size: size.min(WORD),
                    read: (*read).to_owned(),
                })
                .collect(),
        }
    }
}

/// What begins each file. `ENUM64` has a value that an `int` cannot have.
const HEAD: &str = "\
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long u64;
typedef signed char s8; typedef short s16; typedef int s32; typedef long s64;
typedef __int128 s128; typedef unsigned __int128 u128;
typedef void *pointer; typedef int (*callback)(int);
enum small { NONE, ONE }; enum big { BIG = 1UL << 40 };
volatile u64 sink;
";

fn scalars() -> Vec<CType> {
    [
        ("_Bool", 1),
        ("u8", 1),
        ("s8", 1),
        ("u16", 2),
        ("s16", 2),
        ("u32", 4),
        ("s32", 4),
        ("enum small", 4),
        ("u64", 8),
        ("s64", 8),
        ("enum big", 8),
        ("pointer", 8),
        ("callback", 8),
        ("const struct s0 *", 8),
        ("s128", 16),
        ("u128", 16),
    ]
    .map(|(name, size)| CType::scalar(name, size))
    .into()
}

/// As many prototypes as `count`, always the same for the same `seed`.
pub fn generate(seed: u64, count: usize) -> Source {
    let mut rng = Rng::with_seed(seed);
    let mut text = HEAD.to_owned();
    let mut types = scalars();
    let scalars = types.len();
    for number in 0..COMPOSITES {
        let (composite, definition) = match u32::try_from(number) {
            Ok(bytes @ 0..16) => byte_array(bytes + 1),
            _ => composite(&mut rng, number, &types[..scalars]),
        };
        _ = writeln!(text, "{definition}");
        types.push(composite);
    }
    let mut source = Source {
        text,
        prototypes: Vec::new(),
        probes: Vec::new(),
    };
    for number in 0..count {
        let args: Vec<_> = (0..rng.usize(1..=MAX_ARGS))
            .map(|_| match rng.u8(0..5) {
                0..3 => &types[rng.usize(..scalars)],
                _ => &types[rng.usize(scalars..types.len())],
            })
            .collect();
        source.push(number, &args);
    }
    source
}

impl Source {
    fn push(&mut self, number: usize, args: &[&CType]) {
        let params: Vec<_> = args
            .iter()
            .enumerate()
            .map(|(index, ty)| format!("{} a{index}", ty.name))
            .collect();
        let text = params.join(", ");
        _ = writeln!(self.text, "void p{number}({text}) {{}}");
        for (arg, ty) in args.iter().enumerate() {
            for word in 0..ty.size.div_ceil(WORD) {
                let whole = |leaf: &&Leaf| {
                    leaf.offset / WORD == word && (leaf.offset + leaf.size - 1) / WORD == word
                };
                // A packed struct may have no field that is in one word.
                let Some(leaf) = ty.leaves.iter().find(whole) else {
                    continue;
                };
                let function = format!("p{number}_a{arg}_w{word}");
                let read = leaf.read.replace('@', &format!("a{arg}"));
                _ = writeln!(self.text, "void {function}({text}) {{ sink = {read}; }}");
                self.probes.push(Probe {
                    function,
                    prototype: number,
                    arg,
                    word,
                });
            }
        }
        self.prototypes.push(Prototype {
            text,
            sizes: args.iter().map(|ty| ty.size).collect(),
        });
    }
}

/// A struct of so many bytes, so that there is one of each size.
fn byte_array(size: u32) -> (CType, String) {
    let name = format!("struct s{}", size - 1);
    let definition = format!("{name} {{ u8 f0[{size}]; }};");
    let leaf = |index| Leaf {
        offset: index,
        size: 1,
        read: format!("(u64)@.f0[{index}]"),
    };
    let ty = CType {
        name,
        size,
        alignment: 1,
        has_bits: false,
        leaves: (0..size).map(leaf).collect(),
    };
    (ty, definition)
}

/// Lays a struct or union of up to 16 bytes out, and defines it; the compiler has to agree about its size.
fn composite(rng: &mut Rng, number: usize, scalars: &[CType]) -> (CType, String) {
    let (packed, union) = match rng.u8(0..10) {
        0 => (true, false),
        1 => (false, true),
        _ => (false, false),
    };
    let (mut end, mut alignment) = (0, 1);
    let (mut leaves, mut fields) = (Vec::new(), String::new());
    for field in 0..rng.usize(1..=MAX_FIELDS) {
        let (declared, ty) = field_type(rng, &format!("f{field}"), scalars);
        let field_alignment = if packed { 1 } else { ty.alignment };
        let offset = if union {
            0
        } else {
            u32::next_multiple_of(end, field_alignment)
        };
        // A packed __int128 cannot be told from another one, and about packed bits compilers disagree.
        let untold = packed && (ty.alignment == 16 || ty.has_bits);
        if untold || offset + ty.size > u32::from(MAX_ARG_SIZE) {
            continue;
        }
        _ = write!(fields, " {declared};");
        leaves.extend(ty.leaves.into_iter().map(|leaf| Leaf {
            offset: offset + leaf.offset,
            ..leaf
        }));
        end = end.max(offset + ty.size);
        alignment = alignment.max(field_alignment);
    }
    if fields.is_empty() {
        fields.push_str(" u8 only;");
        leaves.push(Leaf {
            offset: 0,
            size: 1,
            read: "(u64)@.only".to_owned(),
        });
        end = 1;
    }
    let keyword = if union { "union" } else { "struct" };
    let attribute = if packed {
        " __attribute__((packed))"
    } else {
        ""
    };
    let name = format!("{keyword} s{number}");
    let size = end.next_multiple_of(alignment);
    let definition =
        format!("{name} {{{fields} }}{attribute}; _Static_assert(sizeof({name}) == {size}, \"\");");
    let ty = CType {
        name,
        size,
        alignment,
        has_bits: false,
        leaves,
    };
    (ty, definition)
}

/// What an array in a struct may be of.
struct Element {
    declared: &'static str,
    size: u32,
    alignment: u32,
    /// What C can read of it: its name, offset and size.
    leaves: &'static [(&'static str, u32, u32)],
    has_bits: bool,
}

const ELEMENTS: &[Element] = &[
    Element {
        declared: "u8",
        size: 1,
        alignment: 1,
        leaves: &[("", 0, 1)],
        has_bits: false,
    },
    Element {
        declared: "u16",
        size: 2,
        alignment: 2,
        leaves: &[("", 0, 2)],
        has_bits: false,
    },
    Element {
        declared: "struct { u8 x; u16 y; }",
        size: 4,
        alignment: 2,
        leaves: &[(".x", 0, 1), (".y", 2, 2)],
        has_bits: false,
    },
    Element {
        declared: "struct { u32 x : 12, y : 20; }",
        size: 4,
        alignment: 4,
        leaves: &[(".x", 0, 4)],
        has_bits: true,
    },
];
/// Elements of an array, at most.
const MAX_ELEMENTS: u32 = 9;

/// A field's declaration, and its type: a scalar or an array.
fn field_type(rng: &mut Rng, name: &str, scalars: &[CType]) -> (String, CType) {
    let Some(element) = ELEMENTS.get(rng.usize(..ELEMENTS.len() * 2)) else {
        let scalar = &scalars[rng.usize(..scalars.len())];
        let mut ty = CType::scalar("", scalar.size);
        for leaf in &mut ty.leaves {
            leaf.read = leaf.read.replace('@', &format!("@.{name}"));
        }
        return (format!("{} {name}", scalar.name), ty);
    };
    let count = rng.u32(1..=MAX_ELEMENTS / element.size.min(4));
    let leaves = (0..count)
        .flat_map(|index| {
            element.leaves.iter().map(move |(path, offset, size)| Leaf {
                offset: index * element.size + offset,
                size: *size,
                read: format!("(u64)@.{name}[{index}]{path}"),
            })
        })
        .collect();
    let ty = CType {
        name: String::new(),
        size: element.size * count,
        alignment: element.alignment,
        has_bits: element.has_bits,
        leaves,
    };
    (format!("{} {name}[{count}]", element.declared), ty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_source() {
        assert_eq!(generate(1, 50).text, generate(1, 50).text);
        assert_ne!(generate(1, 50).text, generate(2, 50).text);
    }

    #[test]
    fn each_argument_is_read_unless_no_field_is_in_one_word() {
        let source = generate(1, 300);
        assert_eq!(source.prototypes.len(), 300);
        let arguments: usize = source.prototypes.iter().map(|p| p.sizes.len()).sum();
        let read = source.probes.iter().filter(|probe| probe.word == 0).count();
        assert!(read * 100 > arguments * 99, "{read} of {arguments}");
        let longest = source.prototypes.iter().map(|p| p.sizes.len()).max();
        assert_eq!(longest, Some(MAX_ARGS));
        let sizes = source.prototypes.iter().flat_map(|p| &p.sizes);
        let sizes: std::collections::BTreeSet<_> = sizes.collect();
        assert_eq!(
            sizes.into_iter().copied().collect::<Vec<_>>(),
            (1..=16).collect::<Vec<_>>()
        );
    }
}
