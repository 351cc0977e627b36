// SPDX-License-Identifier: MIT OR Apache-2.0

//! `btf-bench FILE`: btf-core and its peers open the raw BTF in FILE and look functions up; prints JSON.
//!
//! `cargo xtask bench btf` builds and runs it, and makes a table of what it prints. For a profiler there is
//! `btf-bench FILE --only NAME`, which lets one peer do the task alone.

mod heap;
mod larger;
mod libbpf;
mod peers;
mod task;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use serde::Serialize;

use peers::{Peer, Scratch, PEERS, REFERENCE};
use task::{shuffle, Answers, Task};

/// How often everything is measured; the median counts.
const REPETITIONS: usize = 21;
/// How many times as large the inputs are that show how cost grows.
const SIZES: &[usize] = &[1, 2, 4];

/// What is printed.
#[derive(Serialize)]
struct Report {
    bytes: usize,
    types: usize,
    look_ups: usize,
    repetitions: usize,
    sorted: bool,
    peers: Vec<Measured>,
    growth: Vec<Growth>,
}

/// What one peer took. Times are CPU time of the thread, medians, in milliseconds.
#[derive(Serialize)]
struct Measured {
    name: &'static str,
    open_ms: f64,
    look_ups_ms: f64,
    total_ms: f64,
    /// Of the reference's total.
    ratio: f64,
    target: Option<f64>,
    /// Answers without a prototype are of names only.
    prototypes: bool,
    /// Answers that differ from what a walk finds.
    wrong: usize,
    scratch_bytes: usize,
    live_heap: usize,
    peak_heap: usize,
    allocations: usize,
}

/// What btf-core took for an input of another size.
#[derive(Serialize)]
struct Growth {
    size: usize,
    bytes: usize,
    types: usize,
    scratch_bytes: usize,
    open_ms: f64,
    open_ns_per_type: f64,
    look_up_ns: f64,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let path = PathBuf::from(
        arguments
            .next()
            .context("usage: btf-bench FILE [--only NAME]")?,
    );
    let data = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let task = Task::new(data, path)?;
    if arguments.next().is_some_and(|option| option == "--only") {
        let name = arguments.next().context("--only what?")?;
        let all = [REFERENCE].into_iter().chain(PEERS.iter().copied());
        let mut chosen = all.filter(|peer| *peer.name == *name);
        let peer = chosen.next().context("no such peer")?;
        println!("{}", serde_json::to_string(&measure(&task, &[peer])?)?);
        return Ok(());
    }
    let report = compare(task)?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

fn compare(task: Task) -> Result<Report> {
    let types = btf_core::Btf::parse(&task.data)?.own_len() as usize;
    let peers: Vec<Peer> = [REFERENCE]
        .into_iter()
        .chain(PEERS.iter().copied())
        .collect();
    let measured = measure(&task, &peers)?;
    let sorted = btf_core::Btf::parse(&task.data)?
        .indexed(&mut vec![0; types])
        .is_sorted();
    Ok(Report {
        bytes: task.data.len(),
        types,
        look_ups: task.names.len(),
        repetitions: REPETITIONS,
        sorted,
        peers: measured,
        growth: growth(&task)?,
    })
}

/// Lets every peer do the task, one after the other, again and again.
fn measure(task: &Task, peers: &[Peer]) -> Result<Vec<Measured>> {
    let types = btf_core::Btf::parse(&task.data)?.own_len() as usize;
    let words = |peer: &Peer| match peer.scratch {
        Scratch::Heap => 0,
        Scratch::Words(words) => words,
        Scratch::PerType(words) => words * types,
    };
    let mut scratch = vec![0; peers.iter().map(words).max().unwrap_or(0)];
    let right = walk(task)?;
    let mut answers = Vec::with_capacity(task.names.len());
    let mut taken = vec![Vec::new(); peers.len()];
    let mut order: Vec<usize> = (0..peers.len()).collect();
    for repetition in 0..REPETITIONS {
        // Whom a peer follows must not matter: each leaves caches of its own behind.
        shuffle(&mut order, repetition as u64);
        for &place in &order {
            let peer = &peers[place];
            let room = &mut scratch[..words(peer)];
            task.bring_into_cache();
            taken[place].push((peer.run)(task, room, &mut answers).context(peer.name)?);
        }
    }
    let mut measured = Vec::new();
    for (peer, taken) in peers.iter().zip(&taken) {
        let room = &mut scratch[..words(peer)];
        let (once, heap) = heap::measure(|| (peer.run)(task, room, &mut answers));
        let live_heap = once?.live_heap;
        let wrong = answers.iter().zip(&right).filter(|(answer, right)| {
            !matches!((answer, right), (Some(answer), Some(right)) if answer.agrees(right))
        });
        let total_ms = median(taken.iter().map(|taken| taken.open + taken.look_ups));
        measured.push(Measured {
            name: peer.name,
            open_ms: median(taken.iter().map(|taken| taken.open)),
            look_ups_ms: median(taken.iter().map(|taken| taken.look_ups)),
            total_ms,
            ratio: total_ms
                / measured
                    .first()
                    .map_or(total_ms, |first: &Measured| first.total_ms),
            target: peer.target,
            prototypes: answers
                .iter()
                .flatten()
                .any(|answer| answer.prototype.is_some()),
            wrong: wrong.count(),
            scratch_bytes: words(peer) * size_of::<u32>(),
            live_heap,
            peak_heap: heap.peak,
            allocations: heap.allocations,
        });
        let ours = !matches!(peer.scratch, Scratch::Heap);
        ensure!(!ours || heap.allocations == 0, "{} allocates", peer.name);
    }
    Ok(measured)
}

/// The answers, found by looking at every type.
fn walk(task: &Task) -> Result<Answers> {
    let mut first = std::collections::HashMap::new();
    let btf = btf_core::Btf::parse(&task.data)?;
    for ty in btf.types().filter(|ty| ty.kind() == btf_core::Kind::FUNC) {
        first.entry(btf.name(&ty)).or_insert(ty);
    }
    let types: Vec<_> = btf.types().collect();
    Ok(task
        .names
        .iter()
        .map(|name| {
            let func = first.get(name.to_bytes())?;
            let proto = types.get((func.target()?.0 as usize).checked_sub(1)?)?;
            Some(peers::answer(&btf, func, proto))
        })
        .collect())
}

/// How cost grows with the input, with the smallest index in proportion to it.
fn growth(task: &Task) -> Result<Vec<Growth>> {
    let mut inputs = Vec::new();
    for &size in SIZES {
        let data = larger::build(&task.data, size)?;
        inputs.push((size, Task::new(data, PathBuf::new())?));
    }
    let mut growth = Vec::new();
    for (size, task) in &inputs {
        let types = btf_core::Btf::parse(&task.data)?.own_len() as usize;
        let peer = Peer {
            scratch: Scratch::Words(peers::SMALLEST_INDEX * size),
            ..PEERS[0]
        };
        for measured in measure(task, &[peer])? {
            ensure!(
                measured.wrong == 0,
                "wrong answers at {size} times the size"
            );
            growth.push(Growth {
                size: *size,
                bytes: task.data.len(),
                types,
                scratch_bytes: measured.scratch_bytes,
                open_ms: measured.open_ms,
                open_ns_per_type: measured.open_ms * 1e6 / types as f64,
                look_up_ns: measured.look_ups_ms * 1e6 / task.names.len() as f64,
            });
        }
    }
    Ok(growth)
}

/// In milliseconds.
fn median(times: impl Iterator<Item = Duration>) -> f64 {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}
