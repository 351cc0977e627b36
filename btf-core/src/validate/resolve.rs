// SPDX-License-Identifier: MIT OR Apache-2.0

//! References lead somewhere, and in no circle (`btf_check_all_types`).
//!
//! A type is resolved when what it stands for is known. What it refers to is resolved first: it is pushed on a stack,
//! and the type is looked at again afterwards. How far that goes depends on where it began: behind a pointer structs
//! are not entered, so a struct may point to itself.

use super::graph::Graph;
use super::member;
use super::names::{in_bounds, is_identifier};
use super::{broken, Rule};
use crate::limits::MAX_RESOLVE_DEPTH;
use crate::{Error, Kind, Type, TypeId};

/// Checks all types of `graph`, and leaves in it what each one stands for.
pub(super) fn check(graph: &Graph<'_, '_>) -> Result<(), Error> {
    let btf = graph.btf();
    let mut stack = Stack::new();
    for ty in btf.types() {
        let broken = |rule| broken(btf, rule, ty.id());
        if needs_resolve(ty.kind()) && !graph.is_resolved(ty.id()) {
            resolve(graph, &mut stack, ty)?;
        }
        if ty.kind() == Kind::FUNC_PROTO {
            return_type(graph, &mut stack, ty)?.map_err(broken)?;
            params(graph, &mut stack, ty)?.map_err(broken)?;
        }
    }
    Ok(())
}

/// `btf_type_needs_resolve`.
fn needs_resolve(kind: Kind) -> bool {
    kind.is_modifier()
        || matches!(
            kind,
            Kind::PTR
                | Kind::STRUCT
                | Kind::UNION
                | Kind::ARRAY
                | Kind::VAR
                | Kind::FUNC
                | Kind::DECL_TAG
                | Kind::DATASEC
        )
}

/// `btf_type_is_resolve_source_only`: nothing but a DATASEC or a tag refers to these.
fn is_source_only(kind: Kind) -> bool {
    matches!(kind, Kind::VAR | Kind::DECL_TAG | Kind::DATASEC)
}

/// `btf_type_nosize`.
fn has_no_size(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::VOID | Kind::FWD | Kind::FUNC | Kind::FUNC_PROTO | Kind::DECL_TAG
    )
}

/// `btf_func_proto_check`, what is returned. The inner result is about the FUNC_PROTO.
fn return_type<'a>(
    graph: &Graph<'_, 'a>,
    stack: &mut Stack<'a>,
    proto: Type<'a>,
) -> Result<Result<(), Rule>, Error> {
    let Some(id) = proto.target().filter(|id| *id != TypeId::VOID) else {
        return Ok(Ok(()));
    };
    let sized = value(graph, stack, id)?;
    Ok(sized.then_some(()).ok_or(Rule::ReturnType))
}

/// Whether `id` is a type of a value; resolves it.
fn value<'a>(graph: &Graph<'_, 'a>, stack: &mut Stack<'a>, id: TypeId) -> Result<bool, Error> {
    let Some(ty) = graph.node(id).filter(|ty| !is_source_only(ty.kind())) else {
        return Ok(false);
    };
    if needs_resolve(ty.kind()) && !graph.is_resolved(id) {
        resolve(graph, stack, ty)?;
    }
    Ok(graph.sized(id).is_some())
}

/// `btf_func_proto_check`, the parameters.
fn params<'a>(
    graph: &Graph<'_, 'a>,
    stack: &mut Stack<'a>,
    proto: Type<'a>,
) -> Result<Result<(), Rule>, Error> {
    let params = proto.params();
    let mut count = params.len();
    // The kernel looks at the last one first.
    if let Some(last) = params.last().filter(|last| last.ty == TypeId::VOID) {
        if last.name != 0 {
            return Ok(Err(Rule::InvalidArg));
        }
        count = count.saturating_sub(1);
    }
    for param in params.take(count) {
        // It looks at the name before it resolves the type.
        let known = graph.node(param.ty);
        let bad_type = known.is_none_or(|ty| is_source_only(ty.kind()));
        let name_is_right = param.name == 0
            || in_bounds(graph.btf(), param.name) && is_identifier(graph.btf(), param.name);
        if bad_type || !name_is_right || !value(graph, stack, param.ty)? {
            return Ok(Err(Rule::InvalidArg));
        }
    }
    Ok(Ok(()))
}

/// What may stay as it is while something else is resolved (`enum resolve_mode`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Undecided,
    Pointer,
    StructOrArray,
}

impl Mode {
    /// Whether a reference to a type of `kind` needs no further look (`env_type_is_resolve_sink`).
    fn is_sink(self, kind: Kind) -> bool {
        match self {
            Self::Undecided => !needs_resolve(kind),
            Self::Pointer => !kind.is_modifier() && kind != Kind::PTR,
            Self::StructOrArray => {
                !kind.is_modifier() && !matches!(kind, Kind::ARRAY | Kind::STRUCT | Kind::UNION)
            }
        }
    }
}

/// A type that is being resolved, and the element to go on with.
#[derive(Clone, Copy)]
struct Vertex<'a> {
    ty: Type<'a>,
    next: usize,
}

/// The types that are being resolved, each because of the one below.
struct Stack<'a> {
    vertices: [Vertex<'a>; MAX_RESOLVE_DEPTH],
    len: usize,
    mode: Mode,
}

impl<'a> Stack<'a> {
    fn new() -> Self {
        let none = Vertex {
            ty: Type::VOID,
            next: 0,
        };
        Self {
            vertices: [none; MAX_RESOLVE_DEPTH],
            len: 0,
            mode: Mode::Undecided,
        }
    }

    /// `env_stack_push`.
    fn push(&mut self, graph: &Graph<'_, 'a>, ty: Type<'a>) -> Result<(), Rule> {
        let vertex = self.vertices.get_mut(self.len).ok_or(Rule::ResolveDepth)?;
        if graph.is_visited(ty.id()) {
            return Err(Rule::Loop);
        }
        graph.visit(ty.id());
        *vertex = Vertex { ty, next: 0 };
        self.len = self.len.saturating_add(1);
        if self.mode == Mode::Undecided {
            self.mode = match ty.kind() {
                Kind::PTR => Mode::Pointer,
                Kind::STRUCT | Kind::UNION | Kind::ARRAY => Mode::StructOrArray,
                _ => Mode::Undecided,
            };
        }
        Ok(())
    }

    fn top(&mut self) -> Option<&mut Vertex<'a>> {
        self.vertices.get_mut(self.len.checked_sub(1)?)
    }

    /// Where `vertex` goes on when what it pushes is resolved.
    fn go_on_at(&mut self, element: usize) {
        if let Some(vertex) = self.top() {
            vertex.next = element;
        }
    }

    /// Pushes `ty` if it must be looked at first. True if so.
    fn descend(&mut self, graph: &Graph<'_, 'a>, ty: Type<'a>) -> Result<bool, Rule> {
        if self.mode.is_sink(ty.kind()) || graph.is_resolved(ty.id()) {
            return Ok(false);
        }
        self.push(graph, ty)?;
        Ok(true)
    }
}

/// What becomes of the type on top of the stack.
enum Step {
    /// Something else was pushed.
    Later,
    /// It stands for this type, and has this size.
    Resolved(TypeId, u32),
}

/// Resolves `root` and everything that it needs (`btf_resolve`).
fn resolve<'a>(graph: &Graph<'_, 'a>, stack: &mut Stack<'a>, root: Type<'a>) -> Result<(), Error> {
    stack.mode = Mode::Undecided;
    let btf = graph.btf();
    let broken = |rule: Rule, id: TypeId| {
        // The kernel blames these on where it began.
        let id = match rule {
            Rule::ResolveDepth | Rule::Loop => root.id(),
            _ => id,
        };
        broken(btf, rule, id)
    };
    stack
        .push(graph, root)
        .map_err(|rule| broken(rule, root.id()))?;
    while let Some(&mut vertex) = stack.top() {
        let id = vertex.ty.id();
        match step(graph, stack, vertex).map_err(|rule| broken(rule, id))? {
            Step::Later => {}
            Step::Resolved(to, size) => {
                graph.resolve(id, to, size);
                stack.len = stack.len.saturating_sub(1);
            }
        }
    }
    Ok(())
}

/// The `resolve` of the kind.
fn step<'a>(
    graph: &Graph<'_, 'a>,
    stack: &mut Stack<'a>,
    vertex: Vertex<'a>,
) -> Result<Step, Rule> {
    match vertex.ty.kind() {
        Kind::PTR => pointer(graph, stack, vertex.ty),
        Kind::ARRAY => array(graph, stack, vertex.ty),
        Kind::STRUCT | Kind::UNION => composite(graph, stack, vertex),
        Kind::VAR => var(graph, stack, vertex.ty),
        Kind::DATASEC => datasec(graph, stack, vertex),
        Kind::FUNC => func(graph, vertex.ty),
        Kind::DECL_TAG => decl_tag(graph, stack, vertex.ty),
        _ => modifier(graph, stack, vertex.ty),
    }
}

/// The type that `ty` refers to.
fn target<'a>(graph: &Graph<'_, 'a>, ty: Type<'a>) -> Result<Type<'a>, Rule> {
    ty.target()
        .and_then(|id| graph.node(id))
        .filter(|target| !is_source_only(target.kind()))
        .ok_or(Rule::InvalidTypeId)
}

/// `btf_modifier_resolve`.
fn modifier<'a>(graph: &Graph<'_, 'a>, stack: &mut Stack<'a>, ty: Type<'a>) -> Result<Step, Rule> {
    let next = target(graph, ty)?;
    if stack.descend(graph, next)? {
        return Ok(Step::Later);
    }
    sized_or_opaque(graph, next)
}

/// The type with a size that `next` stands for, or void, a FWD or a FUNC_PROTO.
fn sized_or_opaque<'a>(graph: &Graph<'_, 'a>, next: Type<'a>) -> Result<Step, Rule> {
    if let Some(sized) = graph.sized(next.id()) {
        return Ok(Step::Resolved(sized.ty.id(), 0));
    }
    let end = if graph.is_resolved(next.id()) {
        graph.node(graph.resolved_id(next.id()))
    } else {
        Some(next)
    };
    end.filter(|end| matches!(end.kind(), Kind::VOID | Kind::FWD | Kind::FUNC_PROTO))
        .map(|end| Step::Resolved(end.id(), 0))
        .ok_or(Rule::InvalidTypeId)
}

/// A modifier that was resolved inside a struct stops at a pointer: that pointer must still be followed. True if it
/// was pushed.
fn follow_pointer_behind<'a>(
    graph: &Graph<'_, 'a>,
    stack: &mut Stack<'a>,
    next: Type<'a>,
) -> Result<bool, Rule> {
    if !next.kind().is_modifier() {
        return Ok(false);
    }
    match graph.node(graph.resolved_id(next.id())) {
        Some(pointer) if pointer.kind() == Kind::PTR => stack.descend(graph, pointer),
        _ => Ok(false),
    }
}

/// `btf_ptr_resolve`.
fn pointer<'a>(graph: &Graph<'_, 'a>, stack: &mut Stack<'a>, ty: Type<'a>) -> Result<Step, Rule> {
    let next = target(graph, ty)?;
    if stack.descend(graph, next)? || follow_pointer_behind(graph, stack, next)? {
        return Ok(Step::Later);
    }
    sized_or_opaque(graph, next)
}

/// `btf_var_resolve`.
fn var<'a>(graph: &Graph<'_, 'a>, stack: &mut Stack<'a>, ty: Type<'a>) -> Result<Step, Rule> {
    let next = target(graph, ty)?;
    if stack.descend(graph, next)? || follow_pointer_behind(graph, stack, next)? {
        return Ok(Step::Later);
    }
    let sized = graph.sized(next.id()).ok_or(Rule::InvalidTypeId)?;
    Ok(Step::Resolved(sized.ty.id(), 0))
}

/// `btf_array_resolve`.
fn array<'a>(graph: &Graph<'_, 'a>, stack: &mut Stack<'a>, ty: Type<'a>) -> Result<Step, Rule> {
    let array = ty.array().ok_or(Rule::InvalidElem)?;
    let index = part(graph, array.index).ok_or(Rule::InvalidIndex)?;
    if stack.descend(graph, index)? {
        return Ok(Step::Later);
    }
    graph
        .sized(array.index)
        .filter(|index| index.ty.int().is_some_and(|int| int.is_regular()))
        .ok_or(Rule::InvalidIndex)?;
    let element = part(graph, array.element).ok_or(Rule::InvalidElem)?;
    if stack.descend(graph, element)? {
        return Ok(Step::Later);
    }
    let element = graph.sized(array.element).ok_or(Rule::InvalidElem)?;
    if element.ty.int().is_some_and(|int| !int.is_regular()) {
        return Err(Rule::IntArray);
    }
    let size = element.size.checked_mul(array.len).ok_or(Rule::ArraySize)?;
    Ok(Step::Resolved(element.ty.id(), size))
}

/// The type of `id`, if something can be made of it.
fn part<'a>(graph: &Graph<'_, 'a>, id: TypeId) -> Option<Type<'a>> {
    graph
        .node(id)
        .filter(|ty| !has_no_size(ty.kind()) && !is_source_only(ty.kind()))
}

/// `btf_struct_resolve`.
fn composite<'a>(
    graph: &Graph<'_, 'a>,
    stack: &mut Stack<'a>,
    vertex: Vertex<'a>,
) -> Result<Step, Rule> {
    for (place, member) in vertex.ty.members().enumerate().skip(vertex.next) {
        let ty = part(graph, member.ty).ok_or(Rule::InvalidMember)?;
        stack.go_on_at(place);
        if stack.descend(graph, ty)? {
            return Ok(Step::Later);
        }
        member::check(graph, &vertex.ty, &member)?;
    }
    Ok(Step::Resolved(TypeId::VOID, 0))
}

/// `btf_datasec_resolve`. The size of a variable that it had to resolve first is not compared, as the kernel goes on
/// with the next one.
fn datasec<'a>(
    graph: &Graph<'_, 'a>,
    stack: &mut Stack<'a>,
    vertex: Vertex<'a>,
) -> Result<Step, Rule> {
    stack.mode = Mode::Undecided;
    for (place, variable) in vertex.ty.variables().enumerate().skip(vertex.next) {
        let var = graph
            .node(variable.var)
            .filter(|ty| ty.kind() == Kind::VAR)
            .ok_or(Rule::NotVar)?;
        stack.go_on_at(place.saturating_add(1));
        if stack.descend(graph, var)? {
            return Ok(Step::Later);
        }
        let ty = var.target().unwrap_or(TypeId::VOID);
        // A VAR that is resolved has a type with a size.
        let size = graph.sized(ty).map_or(0, |sized| sized.size);
        if variable.size < size {
            return Err(Rule::InvalidSize);
        }
    }
    Ok(Step::Resolved(TypeId::VOID, 0))
}

/// `btf_func_check`: a prototype whose parameters have names.
fn func<'a>(graph: &Graph<'_, 'a>, ty: Type<'a>) -> Result<Step, Rule> {
    let proto = ty
        .target()
        .and_then(|id| graph.node(id))
        .filter(|proto| proto.kind() == Kind::FUNC_PROTO)
        .ok_or(Rule::InvalidTypeId)?;
    let nameless = |param: crate::Param| param.name == 0 && param.ty != TypeId::VOID;
    if proto.params().any(nameless) {
        return Err(Rule::InvalidArg);
    }
    Ok(Step::Resolved(proto.id(), 0))
}

/// `btf_decl_tag_resolve`.
fn decl_tag<'a>(graph: &Graph<'_, 'a>, stack: &mut Stack<'a>, ty: Type<'a>) -> Result<Step, Rule> {
    let tagged = ty
        .target()
        .and_then(|id| graph.node(id))
        .filter(|tagged| {
            matches!(
                tagged.kind(),
                Kind::FUNC | Kind::STRUCT | Kind::UNION | Kind::VAR | Kind::TYPEDEF
            )
        })
        .ok_or(Rule::InvalidTypeId)?;
    if stack.descend(graph, tagged)? {
        return Ok(Step::Later);
    }
    if let Some(component) = ty.component().and_then(|index| u32::try_from(index).ok()) {
        let elements = match tagged.kind() {
            Kind::VAR | Kind::TYPEDEF => 0,
            Kind::FUNC => tagged
                .target()
                .and_then(|id| graph.node(id))
                .map_or(0, |proto| proto.info().vlen()),
            _ => tagged.info().vlen(),
        };
        if component >= elements {
            return Err(Rule::InvalidComponent);
        }
    }
    Ok(Step::Resolved(tagged.id(), 0))
}
