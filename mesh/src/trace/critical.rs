//! Which spans a trace's duration is made of.
//!
//! Back from the end: what ended last before the point reached is what was waited for; where no child was running,
//! the span itself was (the critical path as Uber's CRISP describes it,
//! <https://www.usenix.org/conference/atc22/presentation/zhang-zhizhou>). A child that outlives its parent is
//! counted up to the parent's end.

use super::tree::Tree;

/// Returns for each span its parts of the critical path below `root`: from and to, in microseconds, ascending.
pub fn path(tree: &Tree<'_>, root: usize) -> Vec<Vec<[i64; 2]>> {
    let mut parts: Vec<Vec<[i64; 2]>> = vec![Vec::new(); tree.nodes.len()];
    let Some(top) = tree.nodes.get(root) else {
        return parts;
    };
    // Spans to walk through backwards, each within a part of its time.
    let mut to_do = vec![(root, top.start_us, top.end_us())];
    while let Some((idx, from, until)) = to_do.pop() {
        let mut children: Vec<usize> = tree.children(idx).collect();
        children.sort_by_key(|child| std::cmp::Reverse(tree.nodes[*child].end_us()));
        let mut at = until;
        for child in children {
            let child_node = &tree.nodes[child];
            let start = child_node.start_us.max(from);
            let end = child_node.end_us().min(until);
            // It still ran at the point reached: something else was waited for.
            if end > at || start >= end {
                continue;
            }
            if end < at {
                parts[idx].push([end, at]);
            }
            to_do.push((child, start, end));
            at = start;
        }
        if from < at {
            parts[idx].push([from, at]);
        }
    }
    for them in &mut parts {
        them.sort_unstable();
    }
    parts
}

/// Returns the time within each span that none of its children had, in microseconds.
pub fn own_times(tree: &Tree<'_>) -> Vec<i64> {
    (0..tree.nodes.len())
        .map(|idx| {
            let node = &tree.nodes[idx];
            // Children are in the order of their beginnings.
            let (mut covered, mut at) = (0_i64, node.start_us);
            for child in tree.children(idx) {
                let child = &tree.nodes[child];
                let start = child.start_us.max(at);
                let end = child.end_us().min(node.end_us());
                if start < end {
                    covered += end - start;
                    at = end;
                }
            }
            (node.duration_us - covered).max(0)
        })
        .collect()
}
