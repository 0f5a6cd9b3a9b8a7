//! The layout of a mesh that fits on a screen: all calls run from left to right in common columns, and
//! each namespace is a band over the columns that it needs. Bands share a height where their columns differ.
//!
//! Compared with laying out the namespaces one beside the other, this keeps a deep mesh from becoming a
//! long thin strip: the columns are those of the longest path, not the sum of every namespace's own.

use std::collections::BTreeMap;

use super::place::{Item, NODE_GAP, RANK_GAP, with_dugong};
use super::{BOX_PADDING, BOX_TITLE, Id, Shape, ShapeNode};

/// Between bands.
const BAND_GAP: f64 = 24.0;
/// Sweeps that pull nodes to the height of what they talk to; more change nothing that is seen.
const SWEEPS: usize = 12;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Namespace(Id, Id),
    Node(Id),
}

#[derive(Debug)]
struct Band<'a> {
    /// Column → its nodes, from top to bottom.
    columns: BTreeMap<usize, Vec<&'a str>>,
    has_title: bool,
    top: f64,
    height: f64,
}

impl Band<'_> {
    fn span(&self) -> std::ops::RangeInclusive<usize> {
        let first = self.columns.keys().next().copied().unwrap_or_default();
        first..=self.columns.keys().next_back().copied().unwrap_or(first)
    }

    /// Where its nodes may stand.
    fn room(&self) -> (f64, f64) {
        if self.has_title {
            let pad = f64::from(BOX_PADDING);
            (
                self.top + pad + f64::from(BOX_TITLE),
                self.top + self.height - pad,
            )
        } else {
            (self.top, self.top + self.height)
        }
    }
}

/// Returns the centre of every node, or nothing where dugong fails.
pub fn banded(shape: &Shape) -> Option<BTreeMap<Id, (i32, i32)>> {
    let (columns, heights) = columns(shape)?;
    let mut bands = bands(shape, &columns, &heights);
    stack(&mut bands);
    let mut ys: BTreeMap<&str, f64> = BTreeMap::new();
    for band in &bands {
        for nodes in band.columns.values() {
            settle(nodes, band, shape, &BTreeMap::new(), &mut ys);
        }
    }
    let neighbours = neighbours(shape);
    for sweep in 0..SWEEPS {
        // The order may still change in the first half; then only heights do.
        align(&mut bands, shape, &neighbours, sweep < SWEEPS / 2, &mut ys);
        drift(&mut bands, &neighbours, &mut ys);
    }
    let xs = column_centres(shape, &columns);
    let centres = ys.iter().filter_map(|(id, y)| {
        let (id, _) = shape.nodes.get_key_value(*id)?;
        let column = columns.get(&**id)?;
        Some((Id::clone(id), (*xs.get(*column)?, y.round() as i32)))
    });
    Some(centres.collect())
}

type Columns<'a> = BTreeMap<&'a str, usize>;

/// The column of every node, from dugong's ranks, and the height it would give it.
fn columns(shape: &Shape) -> Option<(Columns<'_>, BTreeMap<&str, f64>)> {
    let items: BTreeMap<&str, Item> = shape
        .nodes
        .iter()
        .map(|(id, n)| (&**id, Item { w: n.w, h: n.h }))
        .collect();
    let mut weights: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (from, to) in shape.edges.values().filter(|(from, to)| from != to) {
        // Calls within a namespace are kept short first.
        let home = |id: &Id| shape.nodes.get(id).and_then(|n| n.namespace.as_ref());
        let weight = if home(from) == home(to) { 3 } else { 1 };
        *weights.entry((from, to)).or_default() += weight;
    }
    let edges: Vec<(&str, &str, usize)> = weights.iter().map(|((a, b), n)| (*a, *b, *n)).collect();
    let connected = edges.iter().flat_map(|(a, b, _)| [*a, *b]).collect();
    let placed = if edges.is_empty() {
        BTreeMap::new()
    } else {
        with_dugong(&items, &connected, &edges)?
    };
    let mut ranks: Vec<i32> = placed.values().map(|(x, _)| *x).collect();
    ranks.sort_unstable();
    ranks.dedup();
    let mut columns: Columns<'_> = BTreeMap::new();
    let mut heights = BTreeMap::new();
    for (id, (x, y)) in &placed {
        columns.insert(*id, ranks.binary_search(x).ok()?);
        heights.insert(*id, f64::from(*y));
    }
    // What calls nobody stands where its namespace has most room.
    for (id, node) in &shape.nodes {
        if !columns.contains_key(&**id) {
            let column = emptiest(shape, node, &columns, ranks.len().max(1));
            columns.insert(id, column);
            heights.insert(id, f64::MAX);
        }
    }
    Some((columns, heights))
}

fn emptiest(shape: &Shape, node: &ShapeNode, columns: &Columns<'_>, n_columns: usize) -> usize {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for (id, column) in columns {
        let other = shape.nodes.get(*id).and_then(|n| n.namespace.as_ref());
        if node.namespace.is_some() && other == node.namespace.as_ref() {
            *counts.entry(*column).or_default() += 1;
        }
    }
    match (counts.keys().next(), counts.keys().next_back()) {
        // A namespace in which nobody calls anybody becomes about square.
        (Some(first), Some(last)) => {
            let total: usize = counts.values().sum();
            let wide = (*last).max(first + (total as f64).sqrt() as usize / 2);
            let last = wide.min((n_columns - 1).max(*last));
            let count = |c: &usize| counts.get(c).copied().unwrap_or_default();
            (*first..=last).min_by_key(count).unwrap_or(*first)
        }
        _ => 0,
    }
}

fn bands<'a>(
    shape: &'a Shape,
    columns: &Columns<'a>,
    heights: &BTreeMap<&'a str, f64>,
) -> Vec<Band<'a>> {
    let height = |id: &str| heights.get(id).copied().unwrap_or(f64::MAX);
    let mut members: BTreeMap<Owner, Vec<&'a str>> = BTreeMap::new();
    for (id, node) in &shape.nodes {
        let owner = match &node.namespace {
            Some((cluster, namespace)) => Owner::Namespace(cluster.clone(), namespace.clone()),
            None => Owner::Node(id.clone()),
        };
        members.entry(owner).or_default().push(id);
    }
    let mut bands: Vec<(f64, Band<'a>)> = members
        .into_iter()
        .map(|(owner, mut ids)| {
            ids.sort_by(|a, b| height(a).total_cmp(&height(b)).then(a.cmp(b)));
            let known: Vec<f64> = ids
                .iter()
                .map(|id| height(id))
                .filter(|h| *h < f64::MAX)
                .collect();
            let mean = known.iter().sum::<f64>() / (known.len() as f64).max(1.0);
            let mut by_column: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
            for id in ids {
                let column = columns.get(id).copied().unwrap_or_default();
                by_column.entry(column).or_default().push(id);
            }
            let tallest = by_column
                .values()
                .map(|ids| stack_height(ids, shape))
                .fold(0.0, f64::max);
            let has_title = matches!(owner, Owner::Namespace(..));
            let extra = if has_title {
                f64::from(2 * BOX_PADDING + BOX_TITLE)
            } else {
                0.0
            };
            let band = Band {
                columns: by_column,
                has_title,
                top: 0.0,
                height: tallest + extra,
            };
            (if known.is_empty() { f64::MAX } else { mean }, band)
        })
        .collect();
    // Stable: owners are in order already.
    bands.sort_by(|a, b| a.0.total_cmp(&b.0));
    bands.into_iter().map(|(_, band)| band).collect()
}

fn node_height(id: &str, shape: &Shape) -> f64 {
    shape.nodes.get(id).map_or(0.0, |n| f64::from(n.h))
}

fn stack_height(ids: &[&str], shape: &Shape) -> f64 {
    let cards: f64 = ids.iter().map(|id| node_height(id, shape)).sum();
    cards + NODE_GAP * (ids.len() as f64 - 1.0).max(0.0)
}

/// Puts every band as high as what stands above it in its columns lets it.
fn stack(bands: &mut [Band<'_>]) {
    let mut skyline: BTreeMap<usize, f64> = BTreeMap::new();
    for band in bands {
        let height = |c| skyline.get(&c).copied().unwrap_or(0.0);
        band.top = band.span().map(height).fold(0.0, f64::max);
        for column in band.span() {
            skyline.insert(column, band.top + band.height + BAND_GAP);
        }
    }
}

type Neighbours<'a> = BTreeMap<&'a str, Vec<&'a str>>;

fn neighbours(shape: &Shape) -> Neighbours<'_> {
    let mut neighbours: Neighbours<'_> = BTreeMap::new();
    for (from, to) in shape.edges.values().filter(|(from, to)| from != to) {
        neighbours.entry(from).or_default().push(to);
        neighbours.entry(to).or_default().push(from);
    }
    neighbours
}

/// Where a node would stand if its neighbours alone decided.
fn wish(id: &str, neighbours: &Neighbours<'_>, ys: &BTreeMap<&str, f64>) -> Option<f64> {
    let known: Vec<f64> = neighbours
        .get(id)?
        .iter()
        .filter_map(|n| ys.get(n).copied())
        .collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

/// Pulls every node towards its neighbours, as far as its column in its band lets it.
fn align<'a>(
    bands: &mut [Band<'a>],
    shape: &Shape,
    neighbours: &Neighbours<'_>,
    may_reorder: bool,
    ys: &mut BTreeMap<&'a str, f64>,
) {
    for band in bands {
        let mut columns = std::mem::take(&mut band.columns);
        for nodes in columns.values_mut() {
            let wishes: BTreeMap<&str, f64> = nodes
                .iter()
                .filter_map(|id| Some((*id, wish(id, neighbours, ys)?)))
                .collect();
            if may_reorder {
                let want = |id: &str| wishes.get(id).copied().unwrap_or(f64::MAX);
                nodes.sort_by(|a, b| want(a).total_cmp(&want(b)).then(a.cmp(b)));
            }
            settle(nodes, band, shape, &wishes, ys);
        }
        band.columns = columns;
    }
}

/// Gives the nodes of one column their heights: near their wishes, in order, apart, inside the band.
fn settle<'a>(
    nodes: &[&'a str],
    band: &Band<'_>,
    shape: &Shape,
    wishes: &BTreeMap<&str, f64>,
    ys: &mut BTreeMap<&'a str, f64>,
) {
    let (top, bottom) = band.room();
    let half = |id: &str| node_height(id, shape) / 2.0;
    let middle = f64::midpoint(top, bottom);
    let want = |id: &str| wishes.get(id).copied().unwrap_or(middle);
    // Pushed down from the top, and pushed up from the bottom; what lies between the two keeps both the
    // order and the distances.
    let mut down: Vec<f64> = Vec::with_capacity(nodes.len());
    let mut least = top;
    for id in nodes {
        let y = want(id).max(least + half(id));
        least = y + half(id) + NODE_GAP;
        down.push(y);
    }
    let mut most = bottom;
    for (y, id) in down.iter_mut().zip(nodes).rev() {
        *y = y.min(most - half(id));
        most = *y - half(id) - NODE_GAP;
    }
    let mut up: Vec<f64> = Vec::with_capacity(nodes.len());
    let mut most = bottom;
    for id in nodes.iter().rev() {
        let y = want(id).min(most - half(id));
        most = y - half(id) - NODE_GAP;
        up.push(y);
    }
    up.reverse();
    let mut least = top;
    for (y, id) in up.iter_mut().zip(nodes) {
        *y = y.max(least + half(id));
        least = *y + half(id) + NODE_GAP;
    }
    for ((id, a), b) in nodes.iter().zip(down).zip(up) {
        ys.insert(id, f64::midpoint(a, b));
    }
}

/// Moves whole bands towards what they talk to, as far as their neighbours above and below let them.
fn drift<'a>(bands: &mut [Band<'a>], neighbours: &Neighbours<'_>, ys: &mut BTreeMap<&'a str, f64>) {
    let total = bands.iter().map(|b| b.top + b.height).fold(0.0, f64::max);
    for at in 0..bands.len() {
        let Some(band) = bands.get(at) else {
            continue;
        };
        let (mut from, mut to) = (0.0_f64, total - band.height);
        for (idx, other) in bands.iter().enumerate() {
            let shares = other.columns.keys().any(|c| band.span().contains(c))
                || band.columns.keys().any(|c| other.span().contains(c));
            if idx == at || !shares {
                continue;
            }
            if other.top < band.top {
                from = from.max(other.top + other.height + BAND_GAP);
            } else {
                to = to.min(other.top - BAND_GAP - band.height);
            }
        }
        let ids: Vec<&str> = band.columns.values().flatten().copied().collect();
        let pulls: Vec<f64> = ids
            .iter()
            .flat_map(|id| {
                let here = ys.get(id).copied().unwrap_or_default();
                let others = neighbours.get(id).into_iter().flatten();
                let others = others
                    .filter(|n| !ids.contains(n))
                    .filter_map(|n| ys.get(n).copied());
                others.map(move |y| y - here).collect::<Vec<_>>()
            })
            .collect();
        if pulls.is_empty() || to <= from {
            continue;
        }
        let pull = pulls.iter().sum::<f64>() / pulls.len() as f64;
        let by = (band.top + pull).clamp(from, to) - band.top;
        if let Some(band) = bands.get_mut(at) {
            band.top += by;
        }
        for id in ids {
            if let Some(y) = ys.get_mut(id) {
                *y += by;
            }
        }
    }
}

/// The centre of every column.
fn column_centres(shape: &Shape, columns: &Columns<'_>) -> Vec<i32> {
    let mut widths: BTreeMap<usize, f64> = BTreeMap::new();
    for (id, column) in columns {
        let w = shape.nodes.get(*id).map_or(0.0, |n| f64::from(n.w));
        let width = widths.entry(*column).or_default();
        *width = width.max(w);
    }
    let n_columns = widths.keys().next_back().map_or(0, |last| last + 1);
    let mut left = 0.0;
    (0..n_columns)
        .map(|column| {
            let width = widths.get(&column).copied().unwrap_or(0.0);
            let centre = left + width / 2.0;
            left += width + RANK_GAP;
            centre.round() as i32
        })
        .collect()
}
