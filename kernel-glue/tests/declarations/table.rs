// SPDX-License-Identifier: GPL-2.0-only

//! The table of declarations.

/// A declaration that cannot work, and one that can.
pub(crate) struct Row {
    /// What the row is about.
    pub(crate) name: &'static str,
    /// What the compiler must say of the bad one.
    pub(crate) says: &'static str,
    /// The kernel that the module is built for.
    pub(crate) kernel: Kernel,
    /// Whether the declarations stand inside of a set, or are whole items.
    pub(crate) in_set: bool,
    pub(crate) bad: &'static str,
    pub(crate) good: &'static str,
}

/// What a kernel can pass.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kernel {
    /// Five arguments (6.12).
    RegistersOnly,
    /// Twelve (7.3).
    StackArguments,
}

impl Kernel {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RegistersOnly => "registers_only",
            Self::StackArguments => "stack_arguments",
        }
    }

    pub(crate) fn rustflags(self) -> &'static str {
        match self {
            Self::RegistersOnly => "",
            Self::StackArguments => "--cfg kfunc_stack_args",
        }
    }
}

impl Row {
    /// The name of the program that holds one of its samples.
    pub(crate) fn binary(&self, which: &str) -> String {
        format!("{}_{which}", self.name.replace(' ', "_"))
    }
}

/// Rows of declarations inside of a set.
const fn kfunc(
    name: &'static str,
    says: &'static str,
    bad: &'static str,
    good: &'static str,
) -> Row {
    Row {
        name,
        says,
        kernel: Kernel::RegistersOnly,
        in_set: true,
        bad,
        good,
    }
}

/// Rows for kernels with stack arguments.
const fn stack(
    name: &'static str,
    says: &'static str,
    bad: &'static str,
    good: &'static str,
) -> Row {
    Row {
        kernel: Kernel::StackArguments,
        ..kfunc(name, says, bad, good)
    }
}

/// Rows of whole items.
const fn items(
    name: &'static str,
    says: &'static str,
    bad: &'static str,
    good: &'static str,
) -> Row {
    Row {
        in_set: false,
        ..kfunc(name, says, bad, good)
    }
}

pub(crate) const TABLE: &[Row] = &[
    kfunc(
        "six explicit parameters",
        "this kernel has no stack arguments",
        "#[kfunc] pub fn foo(a0: u64, a1: u64, a2: u64, a3: u64, a4: u64, a5: u64) {}",
        "#[kfunc] pub fn foo(a0: u64, a1: u64, a2: u64, a3: u64, a4: u64) {}",
    ),
    kfunc(
        "memories count twice",
        "this kernel has no stack arguments",
        "#[kfunc] pub fn foo(a: Memory<'_>, b: Memory<'_>, c: Memory<'_>) {}",
        "#[kfunc] pub fn foo(a: Memory<'_>, b: Memory<'_>, c: u64) {}",
    ),
    kfunc(
        "no register for an implicit parameter",
        "no argument register is left for an implicit parameter",
        "#[kfunc(slots = 1)] pub fn foo(a0: u64, a1: u64, a2: u64, a3: u64, a4: u64, #[implicit] p: ProgAux) {}",
        "#[kfunc(slots = 1)] pub fn foo(a0: u64, a1: u64, a2: u64, a3: u64, #[implicit] p: ProgAux) {}",
    ),
    kfunc(
        "no register beside memories",
        "no argument register is left for an implicit parameter",
        "#[kfunc(slots = 1)] pub fn foo(a: Memory<'_>, b: Memory<'_>, #[implicit] p: ProgAux, #[implicit] q: ProgAux) {}",
        "#[kfunc(slots = 1)] pub fn foo(a: Memory<'_>, b: Memory<'_>, #[implicit] p: ProgAux) {}",
    ),
    stack(
        "thirteen explicit parameters",
        "at most twelve arguments",
        "#[kfunc] pub fn foo(a0: u64, a1: u64, a2: u64, a3: u64, a4: u64, a5: u64, a6: u64, a7: u64, a8: u64, a9: u64, a10: u64, a11: u64, a12: u64) {}",
        "#[kfunc] pub fn foo(a0: u64, a1: u64, a2: u64, a3: u64, a4: u64, a5: u64, a6: u64, a7: u64, a8: u64, a9: u64, a10: u64, a11: u64) {}",
    ),
    stack(
        "an implicit parameter on the stack",
        "no argument register is left for an implicit parameter",
        "#[kfunc(slots = 1)] pub fn foo(a0: u64, a1: u64, a2: u64, a3: u64, a4: u64, a5: u64, #[implicit] p: ProgAux) {}",
        "#[kfunc(slots = 1)] pub fn foo(a0: u64, a1: u64, a2: u64, a3: u64, #[implicit] p: ProgAux) {}",
    ),
    stack(
        "a memory on the stack",
        "among the first five arguments",
        "#[kfunc] pub fn foo(a0: u64, a1: u64, a2: u64, a3: u64, m: Memory<'_>) {}",
        "#[kfunc] pub fn foo(m: Memory<'_>, a0: u64, a1: u64, a2: u64, a3: u64) {}",
    ),
    kfunc(
        "acquire returns a number",
        "KF_ACQUIRE is for kfuncs that return a pointer",
        "#[kfunc(flags = [ACQUIRE])] pub fn foo() -> u64 { 0 }",
        "#[kfunc(flags = [ACQUIRE, RET_NULL])] pub fn foo() -> Handed<Task> { Handed::null() }",
    ),
    kfunc(
        "null from a number",
        "KF_RET_NULL is for kfuncs that return a pointer",
        "#[kfunc(flags = [RET_NULL])] pub fn foo() -> u64 { 0 }",
        "#[kfunc(flags = [RET_NULL])] pub fn foo() -> Handed<Task> { Handed::null() }",
    ),
    kfunc(
        "a pointer that may be null unsaid",
        "it returns NULL to a program that is not bound",
        "#[kfunc(slots = 1)] pub fn foo(#[implicit] p: ProgAux) -> Handed<Task> { Handed::null() }",
        "#[kfunc(slots = 1, flags = [RET_NULL])] pub fn foo(#[implicit] p: ProgAux) -> Handed<Task> { Handed::null() }",
    ),
    kfunc(
        "release without a pointer",
        "KF_RELEASE is for kfuncs whose first parameter is the pointer",
        "#[kfunc(flags = [RELEASE])] pub fn foo(a: u64, task: *mut Task) {}",
        "#[kfunc(flags = [RELEASE])] pub fn foo(task: *mut Task, a: u64) {}",
    ),
    kfunc(
        "fastcall with an implicit parameter",
        "an implicit argument is loaded into one",
        "#[kfunc(slots = 1, flags = [FASTCALL])] pub fn foo(#[implicit] p: ProgAux) -> u32 { p.id() }",
        "#[kfunc(slots = 1)] pub fn foo(#[implicit] p: ProgAux) -> u32 { p.id() }",
    ),
    kfunc(
        "fastcall of a module",
        "no function of a module keeps that",
        "#[kfunc(flags = [FASTCALL])] pub fn foo(a: u64) -> u64 { a }",
        "#[kfunc] pub fn foo(a: u64) -> u64 { a }",
    ),
    kfunc(
        "implicit flag by hand",
        "KF_IMPLICIT_ARGS is not declared",
        "#[kfunc(slots = 1, flags = [IMPLICIT_ARGS])] pub fn foo(#[implicit] p: ProgAux) {}",
        "#[kfunc(native)] pub fn foo(#[implicit] p: ProgAux) {}",
    ),
    kfunc(
        "an unknown flag",
        "no associated item named `FOO`",
        "#[kfunc(flags = [FOO])] pub fn foo(a: u64) {}",
        "#[kfunc(flags = [SLEEPABLE])] pub fn foo(a: u64) {}",
    ),
    kfunc(
        "one name twice in a set",
        "is defined multiple times",
        "#[kfunc] pub fn foo(a: u64) {} #[kfunc] pub fn foo(a: u64) {}",
        "#[kfunc] pub fn foo(a: u64) {} #[kfunc] pub fn bar(a: u64) {}",
    ),
    items(
        "one name in two sets",
        "two kfuncs have one name",
        r#"mod one { kernel_glue::kfuncs! { pub set ONE for [SYSCALL] { #[kfunc] pub fn foo(a: u64) {} } } }
mod two { kernel_glue::kfuncs! { pub set TWO for [XDP] { #[kfunc] pub fn foo(a: u64) {} } } }
pub static MODULE: Module = Module::new("m", &[&one::ONE, &two::TWO]);"#,
        r#"mod one { kernel_glue::kfuncs! { pub set ONE for [SYSCALL] { #[kfunc] pub fn foo(a: u64) {} } } }
mod two { kernel_glue::kfuncs! { pub set TWO for [XDP] { #[kfunc] pub fn bar(a: u64) {} } } }
pub static MODULE: Module = Module::new("m", &[&one::ONE, &two::TWO]);"#,
    ),
    kfunc(
        "a name without room for _impl",
        "longer than KSYM_NAME_LEN",
        "#[kfunc(slots = 1)] pub fn fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff(#[implicit] p: ProgAux) {}",
        "#[kfunc(slots = 1)] pub fn ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff(#[implicit] p: ProgAux) {}",
    ),
    kfunc(
        "a full name",
        "declare the kfunc without it, as `legacy`",
        "#[kfunc] pub fn foo_impl(a: u64) {}",
        "#[kfunc(slots = 1, legacy)] pub fn foo(a: u64, #[implicit] p: ProgAux) {}",
    ),
    kfunc(
        "legacy with nothing implicit",
        "legacy is for kfuncs with implicit parameters",
        "#[kfunc(legacy)] pub fn foo(a: u64) {}",
        "#[kfunc(legacy, native)] pub fn foo(a: u64, #[implicit] p: ProgAux) {}",
    ),
    kfunc(
        "native delivery of state",
        "native delivery fills in one",
        "#[kfunc(native)] pub fn foo(#[implicit] t: PerProgram<'_, Total>) {}",
        "#[kfunc(slots = 1)] pub fn foo(#[implicit] t: PerProgram<'_, Total>) {}",
    ),
    kfunc(
        "native delivery of two",
        "native delivery fills in one",
        "#[kfunc(native)] pub fn foo(#[implicit] p: ProgAux, #[implicit] q: ProgAux) {}",
        "#[kfunc(native)] pub fn foo(#[implicit] p: ProgAux) {}",
    ),
    kfunc(
        "native delivery of nothing",
        "native delivery fills in one",
        "#[kfunc(native)] pub fn foo(a: u64) {}",
        "#[kfunc] pub fn foo(a: u64) {}",
    ),
    kfunc(
        "implicit without slots",
        "says `slots = N`",
        "#[kfunc] pub fn foo(#[implicit] p: ProgAux) {}",
        "#[kfunc(slots = 1)] pub fn foo(#[implicit] p: ProgAux) {}",
    ),
    kfunc(
        "slots with nothing implicit",
        "needs no slots",
        "#[kfunc(slots = 1)] pub fn foo(a: u64) {}",
        "#[kfunc] pub fn foo(a: u64) {}",
    ),
    kfunc(
        "no slot at all",
        "a kfunc without slots could not be bound",
        "#[kfunc(slots = 0)] pub fn foo(#[implicit] p: ProgAux) {}",
        "#[kfunc(slots = 1)] pub fn foo(#[implicit] p: ProgAux) {}",
    ),
    kfunc(
        "slots and native",
        "each once",
        "#[kfunc(slots = 1, native)] pub fn foo(#[implicit] p: ProgAux) {}",
        "#[kfunc(native)] pub fn foo(#[implicit] p: ProgAux) {}",
    ),
    kfunc(
        "an unknown option",
        "`quick`: a kfunc's options are",
        "#[kfunc(quick)] pub fn foo(a: u64) {}",
        "#[kfunc()] pub fn foo(a: u64) {}",
    ),
    kfunc(
        "explicit after implicit",
        "explicit parameters come before implicit ones",
        "#[kfunc(slots = 1)] pub fn foo(#[implicit] p: ProgAux, a: u64) {}",
        "#[kfunc(slots = 1)] pub fn foo(a: u64, #[implicit] p: ProgAux) {}",
    ),
    kfunc(
        "a pattern for a parameter",
        "a parameter is `name: Type`",
        "#[kfunc] pub fn foo((a, b): (u64, u64)) {}",
        "#[kfunc] pub fn foo(a: u64, b: u64) {}",
    ),
    kfunc(
        "a suffix by hand",
        "give the parameter the type that stands for it",
        "#[kfunc] pub fn foo(data: *mut u64, data__sz: u64) {}",
        "#[kfunc] pub fn foo(data: Memory<'_>) {}",
    ),
    kfunc(
        "a name that means something",
        "give the parameter the type that stands for it",
        "#[kfunc(flags = [RET_NULL])] pub fn foo(rdonly_buf_size: u64) -> Handed<u8> { Handed::null() }",
        "#[kfunc(flags = [RET_NULL])] pub fn foo(size: RdonlyBufSize) -> Handed<u8> { Handed::null() }",
    ),
    kfunc(
        "an old name that means something",
        "give the parameter the type that stands for it",
        "#[kfunc] pub fn foo(aux__prog: u64) {}",
        "#[kfunc(slots = 1)] pub fn foo(#[implicit] aux: ProgAux) {}",
    ),
    kfunc(
        "a buffer size for no buffer",
        "tell the size of the one buffer",
        "#[kfunc] pub fn foo(size: RdwrBufSize) -> u64 { 0 }",
        "#[kfunc(flags = [RET_NULL])] pub fn foo(size: RdwrBufSize) -> Handed<u8> { Handed::null() }",
    ),
    kfunc(
        "two constants",
        "follows one constant of a call",
        "#[kfunc] pub fn foo(a: Constant<u32>, b: ConstSizeMemory<'_>) {}",
        "#[kfunc] pub fn foo(a: Constant<u32>, b: Memory<'_>) {}",
    ),
    kfunc(
        "two maps",
        "follows one map of a call",
        "#[kfunc] pub fn foo(a: Map, b: Map) {}",
        "#[kfunc] pub fn foo(a: Map) {}",
    ),
    kfunc(
        "a pointer to void",
        "take a Memory, or a pointer to a type",
        "#[kfunc] pub fn foo(a: *mut core::ffi::c_void) {}",
        "#[kfunc] pub fn foo(a: *mut Task) {}",
    ),
    kfunc(
        "a narrow parameter",
        "a BPF program cannot pass a `u8`",
        "#[kfunc] pub fn foo(a: u8) {}",
        "#[kfunc] pub fn foo(a: u32) {}",
    ),
    kfunc(
        "a struct by value",
        "a BPF program cannot pass a `Counter`",
        "#[kfunc] pub fn foo(a: Counter) {}",
        "#[kfunc] pub fn foo(a: *mut Counter) {}",
    ),
    kfunc(
        "a forgotten implicit",
        "a BPF program cannot pass a `ProgAux`",
        "#[kfunc(slots = 1)] pub fn foo(p: ProgAux, #[implicit] q: ProgAux) {}",
        "#[kfunc(slots = 1)] pub fn foo(#[implicit] p: ProgAux, #[implicit] q: ProgAux) {}",
    ),
    kfunc(
        "a number that nobody provides",
        "Provider` is not satisfied",
        "#[kfunc(slots = 1)] pub fn foo(#[implicit] a: u64) {}",
        "#[kfunc(slots = 1)] pub fn foo(#[implicit] p: ProgAux) {}",
    ),
    kfunc(
        "a struct that is returned",
        "a kfunc cannot return a `Counter`",
        "#[kfunc] pub fn foo(a: u64) -> Counter { loop {} }",
        "#[kfunc(flags = [RET_NULL])] pub fn foo(a: u64) -> Handed<Counter> { Handed::null() }",
    ),
    kfunc(
        "two roles of an iterator",
        "one of KF_ITER_NEW, KF_ITER_NEXT and KF_ITER_DESTROY",
        "#[kfunc(flags = [ITER_NEW, ITER_DESTROY])] pub fn bpf_iter_counter_new(it: *mut Counter) {}",
        "#[kfunc(flags = [ITER_NEW])] pub fn bpf_iter_counter_new(it: *mut Counter) -> i32 { 0 }",
    ),
    kfunc(
        "an iterator of another name",
        "the kfuncs of an iterator foo are",
        "#[kfunc(flags = [ITER_NEW])] pub fn counter_begin(it: *mut Counter) -> i32 { 0 }",
        "#[kfunc(flags = [ITER_NEW])] pub fn bpf_iter_counter_new(it: *mut Counter) -> i32 { 0 }",
    ),
    kfunc(
        "an iterator of nothing",
        "the first parameter of an iterator's kfunc",
        "#[kfunc(flags = [ITER_NEW])] pub fn bpf_iter_counter_new(a: u64) -> i32 { 0 }",
        "#[kfunc(flags = [ITER_NEW])] pub fn bpf_iter_counter_new(it: *mut Counter, a: u64) -> i32 { 0 }",
    ),
    kfunc(
        "a step that returns a number",
        "KF_ITER_NEXT is for kfuncs that return a pointer",
        "#[kfunc(flags = [ITER_NEXT])] pub fn bpf_iter_counter_next(it: *mut Counter) -> u64 { 0 }",
        "#[kfunc(flags = [ITER_NEXT, RET_NULL])] pub fn bpf_iter_counter_next(it: *mut Counter) -> Handed<u64> { Handed::null() }",
    ),
    kfunc(
        "a step that takes more",
        "take the iterator and nothing else",
        "#[kfunc(flags = [ITER_NEXT, RET_NULL])] pub fn bpf_iter_counter_next(it: *mut Counter, a: u64) -> Handed<u64> { Handed::null() }",
        "#[kfunc(flags = [ITER_NEXT, RET_NULL])] pub fn bpf_iter_counter_next(it: *mut Counter) -> Handed<u64> { Handed::null() }",
    ),
    kfunc(
        "an end that returns",
        "KF_ITER_DESTROY is for kfuncs that return nothing",
        "#[kfunc(flags = [ITER_DESTROY])] pub fn bpf_iter_counter_destroy(it: *mut Counter) -> u64 { 0 }",
        "#[kfunc(flags = [ITER_DESTROY])] pub fn bpf_iter_counter_destroy(it: *mut Counter) {}",
    ),
    items(
        "an unknown program type",
        "no associated item named `TC`",
        "kernel_glue::kfuncs! { pub set SET for [TC] { #[kfunc] pub fn foo(a: u64) {} } }",
        "kernel_glue::kfuncs! { pub set SET for [SCHED_CLS] { #[kfunc] pub fn foo(a: u64) {} } }",
    ),
    items(
        "a program type without kfuncs",
        "cannot call a module's kfuncs",
        "kernel_glue::kfuncs! { pub set SET for [EXT] { #[kfunc] pub fn foo(a: u64) {} } }",
        "kernel_glue::kfuncs! { pub set SET for [LSM] { #[kfunc] pub fn foo(a: u64) {} } }",
    ),
    items(
        "no program type",
        "a set is `for [SYSCALL, …]`",
        "kernel_glue::kfuncs! { pub set SET for [] { #[kfunc] pub fn foo(a: u64) {} } }",
        "kernel_glue::kfuncs! { pub set SET for [ANY] { #[kfunc] pub fn foo(a: u64) {} } }",
    ),
    items(
        "a module without kfuncs",
        "has nothing to register",
        r#"pub static MODULE: Module = Module::new("m", &[]);"#,
        r#"kernel_glue::kfuncs! { pub set SET for [ANY] { #[kfunc] pub fn foo(a: u64) {} } }
pub static MODULE: Module = Module::new("m", &[&SET]);"#,
    ),
    items(
        "state that is not shared",
        "cannot be shared between threads safely",
        r#"pub struct Own(core::cell::Cell<u64>);
impl State for Own { const NAME: &'static str = "own"; const NEW: Self = Self(core::cell::Cell::new(0)); }
kernel_glue::kfuncs! { pub set SET for [ANY] { #[kfunc(slots = 1)] pub fn foo(#[implicit] o: PerProgram<'_, Own>) {} } }"#,
        r#"pub struct Own(AtomicU64, Option<Box<u64>>);
impl State for Own { const NAME: &'static str = "own"; const NEW: Self = Self(AtomicU64::new(0), None); }
kernel_glue::kfuncs! { pub set SET for [ANY] { #[kfunc(slots = 1)] pub fn foo(#[implicit] o: PerProgram<'_, Own>) {} } }"#,
    ),
    items(
        "state that is large",
        "a state is made on the kernel's stack, and has at most 1024 bytes",
        r#"pub struct Own([AtomicU64; 129]);
impl State for Own { const NAME: &'static str = "own"; const NEW: Self = Self([const { AtomicU64::new(0) }; 129]); }
kernel_glue::kfuncs! { pub set SET for [ANY] { #[kfunc(slots = 1)] pub fn foo(#[implicit] o: PerProgram<'_, Own>) {} } }"#,
        r#"pub struct Own([AtomicU64; 128]);
impl State for Own { const NAME: &'static str = "own"; const NEW: Self = Self([const { AtomicU64::new(0) }; 128]); }
kernel_glue::kfuncs! { pub set SET for [ANY] { #[kfunc(slots = 1)] pub fn foo(#[implicit] o: PerProgram<'_, Own>) {} } }"#,
    ),
    items(
        "state of a place that is large",
        "a state is made on the kernel's stack, and has at most 1024 bytes",
        r#"pub struct Own([AtomicU64; 129]);
impl State for Own { const NAME: &'static str = "own"; const NEW: Self = Self([const { AtomicU64::new(0) }; 129]); }
kernel_glue::kfuncs! { pub set SET for [ANY] { #[kfunc(slots = 1)] pub fn foo(#[implicit] o: PerSite<'_, Own, 1>, #[implicit] s: CallSite) {} } }"#,
        r#"kernel_glue::kfuncs! { pub set SET for [ANY] { #[kfunc(slots = 1)] pub fn foo(#[implicit] o: PerSite<'_, Total, 1024>, #[implicit] s: CallSite) {} } }"#,
    ),
    items(
        "state that is kept",
        "borrowed data escapes outside of function",
        r#"fn keep(total: &'static PerProgram<'static, Total>) {}
kernel_glue::kfuncs! { pub set SET for [ANY] { #[kfunc(slots = 1)] pub fn foo(#[implicit] t: PerProgram<'static, Total>) { keep(Box::leak(Box::new(t))) } } }"#,
        r#"fn look(total: &PerProgram<'_, Total>) {}
kernel_glue::kfuncs! { pub set SET for [ANY] { #[kfunc(slots = 1)] pub fn foo(#[implicit] t: PerProgram<'_, Total>) { look(&t) } } }"#,
    ),
    items(
        "an implicit argument of two registers",
        "an argument fills one register",
        r#"#[repr(C)] pub struct Wide([u64; 2]);
impl kernel_glue::kfunc_abi::AsC for Wide { const C_TYPE: kernel_glue::kfunc_abi::CType = <u64 as kernel_glue::kfunc_abi::AsC>::C_TYPE; }
// SAFETY: Never bound.
unsafe impl Provider for Wide {
    type For<'call> = Self;
    type Store = ();
    const EMPTY: () = ();
    unsafe fn bind(_store: &'static (), _program: &Program<'_>) -> Result<usize, Refusal> { Ok(0) }
    unsafe fn unbind(_store: &'static ()) {}
}
kernel_glue::kfuncs! { pub set SET for [ANY] { #[kfunc(slots = 1)] pub fn foo(#[implicit] w: Wide) {} } }"#,
        r#"#[repr(C)] pub struct Wide(u64);
impl kernel_glue::kfunc_abi::AsC for Wide { const C_TYPE: kernel_glue::kfunc_abi::CType = <u64 as kernel_glue::kfunc_abi::AsC>::C_TYPE; }
// SAFETY: Never bound.
unsafe impl Provider for Wide {
    type For<'call> = Self;
    type Store = ();
    const EMPTY: () = ();
    unsafe fn bind(_store: &'static (), _program: &Program<'_>) -> Result<usize, Refusal> { Ok(0) }
    unsafe fn unbind(_store: &'static ()) {}
}
kernel_glue::kfuncs! { pub set SET for [ANY] { #[kfunc(slots = 1)] pub fn foo(#[implicit] w: Wide) {} } }"#,
    ),
    items(
        "a node of a list",
        "heads and nodes of lists and trees",
        r#"kernel_glue::kernel_types! { pub struct Node as "bpf_list_node"; }
kernel_glue::kfuncs! { pub set SET for [ANY] { #[kfunc] pub fn foo(a: *mut Node) {} } }"#,
        r#"kernel_glue::kernel_types! { pub struct Node as "task_struct"; }
kernel_glue::kfuncs! { pub set SET for [ANY] { #[kfunc] pub fn foo(a: *mut Node) {} } }"#,
    ),
    kfunc(
        "a raw pointer that is returned",
        "a kfunc cannot return a `*mut Task`",
        "#[kfunc(flags = [RET_NULL])] pub fn foo() -> *mut Task { core::ptr::null_mut() }",
        "#[kfunc(flags = [RET_NULL])] pub fn foo() -> Handed<Task> { Handed::null() }",
    ),
    kfunc(
        "a pointer to void that is returned",
        "return one to a type",
        "#[kfunc(flags = [RET_NULL])] pub fn foo() -> Handed<core::ffi::c_void> { Handed::null() }",
        "#[kfunc(flags = [RET_NULL])] pub fn foo() -> Handed<u8> { Handed::null() }",
    ),
    kfunc(
        "an ignored memory",
        "of which only one would be ignored",
        "#[kfunc(slots = 1)] pub fn foo(a: Ignored<Memory<'_>>, #[implicit] p: ProgAux) {}",
        "#[kfunc(slots = 1)] pub fn foo(a: Ignored<u64>, #[implicit] p: ProgAux) {}",
    ),
    kfunc(
        "an iterator that is not begun",
        "KF_ITER_NEW is for kfuncs without slots",
        "#[kfunc(slots = 1, flags = [ITER_NEW])] pub fn bpf_iter_counter_new(it: *mut Counter, #[implicit] p: ProgAux) -> i32 { 0 }",
        "#[kfunc(flags = [ITER_NEW])] pub fn bpf_iter_counter_new(it: *mut Counter) -> i32 { 0 }",
    ),
    kfunc(
        "memory that is not filled",
        "Uninit is for kfuncs without slots",
        "#[kfunc(slots = 1)] pub fn foo(a: Uninit<Counter>, #[implicit] p: ProgAux) {}",
        "#[kfunc] pub fn foo(a: Uninit<Counter>) {}",
    ),
    kfunc(
        "native delivery of a constant",
        "native delivery fills in one",
        "#[kfunc(native)] pub fn foo(#[implicit] c: Const<5>) {}",
        "#[kfunc(native)] pub fn foo(#[implicit] p: Prog) {}",
    ),
    kfunc(
        "a call site without slots",
        "says `slots = N`",
        "#[kfunc] pub fn foo(#[implicit] site: CallSite) {}",
        "#[kfunc(slots = 1)] pub fn foo(#[implicit] site: CallSite) {}",
    ),
    kfunc(
        "a call site that is passed",
        "not a type for an explicit parameter",
        "#[kfunc(slots = 1)] pub fn foo(site: CallSite, #[implicit] p: Prog) {}",
        "#[kfunc(slots = 1)] pub fn foo(#[implicit] site: CallSite, #[implicit] p: Prog) {}",
    ),
    kfunc(
        "state of no place",
        "mismatched types",
        "#[kfunc(slots = 1)] pub fn foo(a: u64, #[implicit] t: PerSite<'_, Total, 4>) { t.at(a); }",
        "#[kfunc(slots = 1)] pub fn foo(a: u64, #[implicit] t: PerSite<'_, Total, 4>, #[implicit] s: CallSite) { t.at(s); }",
    ),
    items(
        "a function that makes nothing of programs",
        "FromProgram` is not satisfied",
        "pub struct Uid;
kernel_glue::kfuncs! { pub set SET for [ANY] { #[kfunc(slots = 1)] pub fn foo(#[implicit] u: ByProgram<Uid>) {} } }",
        "pub struct Uid;
impl FromProgram for Uid { fn from_program(program: &Program<'_>) -> Result<u64, Refusal> { Ok(program.loader_uid().into()) } }
kernel_glue::kfuncs! { pub set SET for [ANY] { #[kfunc(slots = 1)] pub fn foo(#[implicit] u: ByProgram<Uid>) {} } }",
    ),
];
