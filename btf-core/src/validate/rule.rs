// SPDX-License-Identifier: MIT OR Apache-2.0

//! The rules, each by the kernel's name.

use core::fmt;

use crate::{Error, ErrorKind, Section, TypeId};

/// What the kernel returns, as its positive number (`include/uapi/asm-generic/errno-base.h`, `include/linux/errno.h`).
mod errno {
    pub(super) const ENOENT: i32 = 2;
    pub(super) const E2BIG: i32 = 7;
    pub(super) const EFAULT: i32 = 14;
    pub(super) const EEXIST: i32 = 17;
    pub(super) const EINVAL: i32 = 22;
    pub(super) const ELOOP: i32 = 40;
    pub(super) const ENOTSUPP: i32 = 524;
}

macro_rules! rules {
    ($($name:ident: $errno:ident, $words:literal, $sentence:literal;)*) => {
        /// A rule of the kernel's BTF checker.
        ///
        /// It prints as the words that the kernel's log has for it. Where the kernel refuses without a word, it prints
        /// as the function of `kernel/bpf/btf.c` that does, with parentheses.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $(
                #[doc = concat!("`", $words, "`: ", $sentence, ".")]
                $name,
            )*
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Rule] = &[$(Rule::$name),*];

            /// The kernel's words for it, without the values that it adds.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $words,)*
                }
            }

            /// What the rule demands, or what was found instead.
            pub const fn sentence(self) -> &'static str {
                match self {
                    $(Self::$name => $sentence,)*
                }
            }

            /// The error number that the kernel gives, positive: 22 for EINVAL.
            pub const fn errno(self) -> i32 {
                match self {
                    $(Self::$name => errno::$errno,)*
                }
            }
        }
    };
}

rules! {
    // btf_parse, btf_parse_hdr, btf_check_sec_info
    TooLarge: E2BIG, "btf_parse()", "a program's BTF may have 16 MiB";
    HdrLenNotFound: EINVAL, "hdr_len not found", "the blob ends before the length of its header";
    HeaderNotFound: EINVAL, "btf_header not found", "the blob ends inside its header";
    UnsupportedHeader: E2BIG, "Unsupported btf_header", "a header field that this kernel does not know is not zero";
    InvalidMagic: EINVAL, "Invalid magic", "the magic is not that of BTF in the machine's byte order";
    UnsupportedVersion: ENOTSUPP, "Unsupported version", "the only version is 1";
    UnsupportedFlags: ENOTSUPP, "Unsupported flags", "no header flags are defined";
    NoData: EINVAL, "No data", "nothing follows the header";
    InvalidSectionOffset: EINVAL, "Invalid section offset", "a section begins beyond the end of the blob";
    UnsupportedSection: EINVAL, "Unsupported section found", "there are bytes that belong to no section";
    SectionOverlap: EINVAL, "Section overlap found", "two sections share bytes";
    SectionTooLong: EINVAL, "Total section length too long", "a section ends beyond the end of the blob";
    // btf_parse_str_sec
    StringsNotLast: EINVAL, "String section is not at the end", "without a layout section the strings must come last";
    InvalidStrings: EINVAL, "Invalid string section", "the strings must begin with an empty one, end with a NUL, and have at most 16 MiB";
    // btf_parse_layout_sec
    UnalignedLayout: EINVAL, "Unaligned layout_off", "the layout section must be aligned to 4 bytes";
    LayoutTooSmall: EINVAL, "Layout section is too small", "a layout section has at least one entry of 4 bytes";
    LayoutLen: EINVAL, "layout_len is not multiple of 4", "a layout section is made of entries of 4 bytes";
    // btf_parse_type_sec
    UnalignedTypes: EINVAL, "Unaligned type_off", "the types must be aligned to 4 bytes";
    NoTypes: EINVAL, "No type found", "there must be a type";
    // btf_check_meta and the check_meta of each kind
    MetaLeft: EINVAL, "meta_left", "the record ends beyond the type section";
    InvalidInfo: EINVAL, "Invalid btf_info:", "up to Linux 7.2 only the bits 0x9f00ffff of info mean something";
    InvalidKind: EINVAL, "Invalid kind", "there is no such kind";
    InvalidNameOffset: EINVAL, "Invalid name_offset", "the name lies outside of the strings";
    InvalidVlen: EINVAL, "vlen != 0", "this kind has no elements to count";
    InvalidKindFlag: EINVAL, "Invalid btf_info kind_flag", "this kind has no kind_flag";
    InvalidIntData: EINVAL, "Invalid int_data", "the upper four bits of an INT's data must be zero";
    IntBits: EINVAL, "nr_bits exceeds 128", "an INT has at most 128 bits, its offset counted in";
    IntSize: EINVAL, "nr_bits exceeds type_size", "an INT's bits must fit into its size";
    UnsupportedEncoding: ENOTSUPP, "Unsupported encoding", "an INT is SIGNED, CHAR, BOOL or none of them";
    InvalidTypeId: EINVAL, "Invalid type_id", "the id names no type that may stand here";
    InvalidName: EINVAL, "Invalid name", "a name that this kind must have is missing or not an identifier, or it must have none";
    TypeNotZero: EINVAL, "type != 0", "a FWD refers to nothing";
    SizeNotZero: EINVAL, "size != 0", "an ARRAY has no size of its own";
    InvalidElem: EINVAL, "Invalid elem", "an ARRAY's elements must be of a type with a size";
    InvalidIndex: EINVAL, "Invalid index", "an ARRAY's index must be a regular INT";
    InvalidMemberName: EINVAL, "Invalid member name_offset", "a member's name lies outside of the strings";
    InvalidMemberBitsOffset: EINVAL, "Invalid member bits_offset", "members stand in order, those of a union at 0";
    MemberBeyondStruct: EINVAL, "Member bits_offset exceeds its struct size", "a member begins beyond its struct";
    UnexpectedSize: EINVAL, "Unexpected size", "an enumeration has 1, 2, 4 or 8 bytes";
    FuncLinkage: EINVAL, "Invalid func linkage", "a FUNC is static (0) or global (1)";
    VarLinkage: EINVAL, "Linkage not supported", "a VAR is static (0) or global (1)";
    SizeZero: EINVAL, "size == 0", "a DATASEC has a size";
    InvalidOffset: EINVAL, "Invalid offset", "variables stand in order and inside their section";
    InvalidSize: EINVAL, "Invalid size", "a variable's size is at least its type's, not zero, and at most its section's";
    InvalidEnd: EINVAL, "Invalid offset+size", "a variable ends beyond its section";
    InvalidInfoSize: EINVAL, "Invalid btf_info size", "the variables have more bytes than their section";
    InvalidTypeSize: EINVAL, "Invalid type_size", "a FLOAT has 2, 4, 8, 12 or 16 bytes";
    InvalidValue: EINVAL, "Invalid value", "a DECL_TAG must have a name";
    InvalidComponent: EINVAL, "Invalid component_idx", "a DECL_TAG is on the type itself (-1) or on one of its elements";
    // the resolve of each kind, btf_resolve, btf_func_proto_check, btf_func_check
    InvalidMember: EINVAL, "Invalid member", "a member must be of a type with a size";
    MemberBitfieldSize: EINVAL, "Invalid member bitfield_size", "a bitfield is wider than its type, or its type can have none";
    MemberBaseType: EINVAL, "Invalid member base type", "a bitfield's INT must be regular";
    MemberOffset: EINVAL, "Invalid member offset", "a member that is no bitfield begins inside a byte";
    MemberUnaligned: EINVAL, "Member is not byte aligned", "a member of this type cannot begin inside a byte";
    MemberMisaligned: EINVAL, "Member is not properly aligned", "a FLOAT is aligned to its size, at most to 8 bytes";
    MemberEnd: EINVAL, "Member exceeds struct_size", "a member ends beyond its struct";
    CopyBits: EINVAL, "nr_copy_bits exceeds 128", "a bitfield spans more than 128 bits";
    BitsOffsetOverflow: EINVAL, "bits_offset exceeds U32_MAX", "a member's offset and that of its INT are too much together";
    IntArray: EINVAL, "Invalid array of int", "the INT of an ARRAY must be regular";
    ArraySize: EINVAL, "Array size overflows U32_MAX", "an ARRAY has less than 4 GiB";
    NotVar: EINVAL, "Not a VAR kind member", "a DATASEC holds VARs";
    ResolveDepth: E2BIG, "Exceeded max resolving depth", "more than 32 types stand in one another";
    Loop: EEXIST, "Loop detected", "a type contains itself";
    ReturnType: EINVAL, "Invalid return type", "a function returns void or a type with a size";
    InvalidArg: EINVAL, "Invalid arg#", "an argument is of a type with a size, has an identifier as name, and in a FUNC has one; the last may be '...'";
    // btf_check_modifier_chain_length, btf_check_type_tags
    ChainLength: ELOOP, "Max chain length or cycle detected", "more than 32 modifiers stand on one another";
    TagsAfterModifiers: EINVAL, "Type tags don't precede modifiers", "up to Linux 7.2 type tags come before other modifiers";
    ChainEnd: EINVAL, "btf_check_modifier_chain_length()", "a modifier refers to no type";
    // btf_parse_struct_metas and what it calls
    SecondField: E2BIG, "btf_get_field_type()", "a struct has one lock of a kind and one refcount";
    TooManyFields: E2BIG, "btf_find_field_one()", "a struct has at most 11 special fields, in at most 32 levels";
    RepeatedField: EINVAL, "btf_repeat_fields()", "an array cannot be of locks, nodes or refcounts";
    FieldOffset: EINVAL, "btf_find_struct_field()", "a struct with special fields has no bitfields";
    KptrTags: EINVAL, "btf_find_kptr()", "a kptr has one tag and points to a struct";
    Contains: EINVAL, "btf_find_graph_root()", "a list head or tree root has one tag 'contains:STRUCT:MEMBER'";
    ContainsNoStruct: ENOENT, "btf_find_by_name_kind()", "the struct of a tag 'contains:' does not exist";
    NoField: EFAULT, "btf_parse_struct_metas()", "a special field has not its type's size";
    FieldOverlap: EEXIST, "btf_parse_fields()", "two special fields share bytes";
    Kptr: ENOENT, "btf_parse_kptr()", "the kernel has no destructor for the target of a kptr";
    GraphNode: EINVAL, "btf_parse_graph_root()", "the member of a tag 'contains:' is not one node, aligned to 8 bytes";
    NoGraphNode: ENOENT, "btf_parse_graph_root()", "the member of a tag 'contains:' does not exist";
    Locks: EINVAL, "btf_record_has_field()", "list heads and roots need one lock, a node of both kinds needs a refcount";
    ValueWithoutFields: EFAULT, "btf_check_and_fixup_fields()", "the struct of a tag 'contains:' has no special fields";
    Ownership: ELOOP, "btf_check_ownership_depth()", "structs own one another in a circle, or too deep";
}

impl Rule {
    /// Whether the kernel's log says nothing about it. Then [`Rule::as_str`] is the name of a function.
    pub fn is_silent(self) -> bool {
        self.as_str().ends_with("()")
    }

    /// This rule, broken at `offset` of `section`.
    pub(super) fn at(self, section: Section, offset: usize) -> Error {
        ErrorKind::Rule(self).at(section, offset)
    }

    /// This rule, broken at `offset` of `section`, in the record of `type_id`.
    pub(super) fn at_type(self, section: Section, offset: usize, type_id: TypeId) -> Error {
        ErrorKind::Rule(self).at_type(section, offset, type_id)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
