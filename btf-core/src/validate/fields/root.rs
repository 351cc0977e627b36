// SPDX-License-Identifier: MIT OR Apache-2.0

//! List heads and tree roots: what hangs on them, by a tag `contains:STRUCT:MEMBER` (`btf_find_graph_root`,
//! `btf_parse_graph_root`).

use super::kind::FieldKind;
use super::{Checker, Field};
use crate::validate::Rule;
use crate::{Kind, Type, TypeId};

/// How such a tag begins.
const PREFIX: &[u8] = b"contains:";
/// Bits to which a node is aligned in its struct.
const NODE_ALIGN: u32 = 64;

impl<'a> Checker<'_, 'a> {
    /// The struct that hangs on the member of number `place` of `ty`, and the name of its node. Linear in the number
    /// of types.
    pub(super) fn contained(
        &self,
        ty: &Type<'a>,
        place: usize,
    ) -> Result<(TypeId, &'a [u8]), Rule> {
        let component = i32::try_from(place).ok();
        let mut tags = self.btf.types().filter_map(|tag| {
            let on_member = tag.kind() == Kind::DECL_TAG
                && tag.target() == Some(ty.id())
                && tag.component() == component;
            self.btf
                .name(&tag)
                .strip_prefix(PREFIX)
                .filter(|_| on_member)
        });
        let (Some(value), None) = (tags.next(), tags.next()) else {
            return Err(Rule::Contains);
        };
        let colon = value.iter().position(|&byte| byte == b':');
        let (name, node) = colon
            .and_then(|colon| value.split_at_checked(colon))
            .ok_or(Rule::Contains)?;
        let value_type = self.btf.find_own(name, Kind::STRUCT);
        let value_type = value_type.ok_or(Rule::ContainsNoStruct)?;
        match node.strip_prefix(b":") {
            Some(node) if !node.is_empty() => Ok((value_type.id(), node)),
            _ => Err(Rule::Contains),
        }
    }

    /// What hangs on `field` must have the node that the tag names.
    pub(super) fn check_root(&self, field: &Field<'a>) -> Result<(), Rule> {
        let node_type: &[u8] = match field.kind {
            FieldKind::ListHead => b"bpf_list_node",
            _ => b"bpf_rb_node",
        };
        let value = self.node(field.target);
        let mut nodes = 0_u32;
        for member in value.members() {
            if self.shown_name(member.name) != field.node {
                continue;
            }
            let node = self.node(member.ty);
            let is_node = node.kind() == Kind::STRUCT
                && self.shown_name(node.name_offset()) == node_type
                && member.bit_offset % NODE_ALIGN == 0;
            if nodes != 0 || !is_node {
                return Err(Rule::GraphNode);
            }
            nodes = 1;
        }
        match nodes {
            0 => Err(Rule::NoGraphNode),
            _ => Ok(()),
        }
    }
}
