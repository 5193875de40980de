//! Who waits for whom among the children of a group, and what a selection means for them by that.

use std::sync::Arc;

use super::definition::Definition;
use super::node::Upstream;
use super::selection::{Mode, Path};
use crate::dig::workflow::Parallel;
use crate::session::TaskName;

/// How the children of a group wait for each other.
pub(super) struct Edges(pub(super) Vec<Edge>);

/// How one child waits.
pub(super) struct Edge {
    /// Places of the siblings it waits for. Chunks start as a whole, and wait for no earlier chunk here.
    pub(super) waits_for: Vec<usize>,
    /// Whose stores it sees.
    pub(super) upstream: Upstream,
}

impl Edges {
    pub(super) fn of(parallel: Parallel, children: &[Arc<Definition>]) -> Self {
        match parallel {
            Parallel::No => Self::in_sequence(children),
            Parallel::All => Self::at_once(children, children.len()),
            Parallel::Chunks(size) => Self::at_once(children, size),
        }
    }

    /// The work that waits for each child, from the sizes of all: that of the largest that waits for it, and of the largest
    /// that waits for that one. What starts late puts off all of it.
    pub(super) fn work_after(&self, sizes: &[u64]) -> Vec<u64> {
        let mut after = vec![0_u64; sizes.len()];
        // Who is waited for stands before who waits.
        for (place, edge) in self.0.iter().enumerate().rev() {
            let from_here = sizes[place].saturating_add(after[place]);
            for earlier in &edge.waits_for {
                after[*earlier] = after[*earlier].max(from_here);
            }
        }
        after
    }

    /// What the way to a task says of children with these names.
    pub(super) fn modes(&self, path: Option<&Path>, parent: Mode, names: &[TaskName]) -> Vec<Mode> {
        let path = match (path, parent) {
            (Some(path), Mode::OnPath) => path,
            _ => return vec![parent; names.len()],
        };
        let Some((place, mode)) =
            names.iter().enumerate().find_map(|(place, name)| Some((place, path.on(name)?)))
        else {
            return vec![path.before; names.len()];
        };
        let is_before = |sibling| match self.0.get(place).map(|edge| &edge.upstream) {
            Some(Upstream::Prefix(count)) => sibling < *count,
            Some(Upstream::Some(places)) => places.contains(&sibling),
            None => false,
        };
        (0..names.len())
            .map(|sibling| match sibling {
                _ if sibling == place => mode,
                _ if is_before(sibling) => path.before,
                _ => path.after,
            })
            .collect()
    }

    /// Each waits for the foreground task before it and all background tasks since; a background task for nobody.
    fn in_sequence(children: &[Arc<Definition>]) -> Self {
        let mut since = Vec::new();
        let edges = children.iter().enumerate().map(|(place, child)| {
            if child.background {
                since.push(place);
                return Edge { waits_for: Vec::new(), upstream: Upstream::Prefix(0) };
            }
            let waits_for = std::mem::replace(&mut since, vec![place]);
            Edge { waits_for, upstream: Upstream::Prefix(place) }
        });
        Self(edges.collect())
    }

    /// Nobody waits, but for the siblings of its chunk that `_after` names. Those of earlier chunks are done when a
    /// chunk starts, and it sees the stores of them all.
    fn at_once(children: &[Arc<Definition>], size: usize) -> Self {
        let mut edges: Vec<Edge> = Vec::with_capacity(children.len());
        for (place, child) in children.iter().enumerate() {
            let start = place / size.max(1) * size.max(1);
            if child.after.is_empty() {
                edges.push(Edge { waits_for: Vec::new(), upstream: Upstream::Prefix(start) });
                continue;
            }
            let waits_for: Vec<usize> =
                (start..place).filter(|earlier| child.after.contains(&children[*earlier].name)).collect();
            let mut upstream: Vec<usize> = (0..start).collect();
            for earlier in &waits_for {
                if let Edge { upstream: Upstream::Some(farther), .. } = &edges[*earlier] {
                    upstream.extend(farther);
                }
                upstream.push(*earlier);
            }
            upstream.sort_unstable();
            upstream.dedup();
            edges.push(Edge { waits_for, upstream: Upstream::Some(upstream) });
        }
        Self(edges)
    }
}
