//! What a picture of the address plan shows: blocks of addresses that belong together.

use std::net::IpAddr;

use super::{
    PlannedPool, PlannedRange,
    meets::Meeting,
    plan::{AddressPlan, RangeKind},
    svg::number,
};

/// Ranges of one part of the addresses.
pub(super) struct Block {
    pub(super) first: IpAddr,
    pub(super) last: IpAddr,
    pub(super) rows: Vec<Row>,
}

/// A line of the picture.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) label: String,
    pub(super) drawn: Drawn,
    pub(super) spans: Vec<(IpAddr, IpAddr)>,
    /// What should not be shared.
    pub(super) clashes: Vec<(IpAddr, IpAddr)>,
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Drawn {
    Range(RangeKind),
    Pool,
    Addresses,
}

/// Returns the blocks, in the order of their addresses.
pub(super) fn blocks(plan: &AddressPlan) -> Vec<Block> {
    let mut rows = of_ranges(plan);
    rows.extend(of_pools(plan));
    // From the first address on, the larger one before what is in it.
    rows.sort_by_key(|row| {
        row.spans.first().map(|(first, last)| {
            (first.is_ipv6(), number(*first), std::cmp::Reverse(number(*last)), row.drawn)
        })
    });
    // What is reserved is large, and would make all else small: it is shown where something else is.
    let is_reserved = |row: &Row| row.drawn == Drawn::Range(RangeKind::Reserved);
    let (reserved, rows): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(is_reserved);
    let mut blocks: Vec<Block> = Vec::new();
    for row in rows {
        let Some((first, last)) = row.spans.first().copied() else { continue };
        match blocks.last_mut() {
            Some(block) if block.first.is_ipv4() == first.is_ipv4() && first <= block.last => {
                block.last = block.last.max(last);
                block.rows.push(row);
            }
            Some(_) | None => blocks.push(Block { first, last, rows: vec![row] }),
        }
    }
    for row in of_addresses(plan, &blocks) {
        put(&mut blocks, row);
    }
    for row in reserved {
        reserve(&mut blocks, &row);
    }
    blocks
}

fn of_ranges(plan: &AddressPlan) -> Vec<Row> {
    let meetings = plan.meetings();
    let row = |range: &PlannedRange| {
        let clashes = meetings
            .iter()
            .filter(|(_, _, meeting)| *meeting != Meeting::Twice)
            .filter_map(|(one, other, _)| {
                let other = if std::ptr::eq(*one, range) {
                    other.cidr
                } else if std::ptr::eq(*other, range) {
                    one.cidr
                } else {
                    return None;
                };
                let first = range.cidr.first().max(other.first());
                Some((first, range.cidr.last().min(other.last())))
            })
            .collect();
        Row {
            label: format!("{} {}", range.name, range.cidr),
            drawn: Drawn::Range(range.kind),
            spans: vec![(range.cidr.first(), range.cidr.last())],
            clashes,
        }
    };
    plan.ranges.iter().map(row).collect()
}

fn of_pools(plan: &AddressPlan) -> Vec<Row> {
    let row = |pool: &PlannedPool| {
        let by = if pool.origin.said_by == "Neutron" { "" } else { "planned " };
        Row {
            label: format!("{by}{} {}", pool.name, pool.range),
            drawn: Drawn::Pool,
            spans: vec![(pool.range.first, pool.range.last)],
            clashes: Vec::new(),
        }
    };
    plan.pools.iter().map(row).collect()
}

/// Returns the virtual IPs of each block in a row of their own, and those that are in none.
fn of_addresses(plan: &AddressPlan, blocks: &[Block]) -> Vec<Row> {
    let block = |address: IpAddr| {
        blocks.iter().position(|block| (block.first..=block.last).contains(&address))
    };
    let in_pool = |address: IpAddr| plan.pools.iter().any(|pool| pool.range.contains(address));
    let mut rows: Vec<(Option<usize>, Row)> = Vec::new();
    let mut addresses: Vec<IpAddr> = plan.addresses.iter().map(|one| one.address).collect();
    addresses.sort_unstable();
    for address in addresses {
        let at = block(address);
        let clash = in_pool(address).then_some((address, address));
        match rows.last_mut().filter(|(last, _)| at.is_some() && *last == at) {
            Some((_, row)) => {
                row.spans.push((address, address));
                row.clashes.extend(clash);
            }
            None => rows.push((
                at,
                Row {
                    label: String::new(),
                    drawn: Drawn::Addresses,
                    spans: vec![(address, address)],
                    clashes: clash.into_iter().collect(),
                },
            )),
        }
    }
    let mut rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
    for row in &mut rows {
        row.label = match row.spans.as_slice() {
            [(only, _)] => format!("virtual IP {only}"),
            several => format!("{} virtual IPs", several.len()),
        };
    }
    rows
}

fn put(blocks: &mut Vec<Block>, row: Row) {
    let Some((first, last)) = row.spans.first().copied() else { return };
    let inside = |block: &&mut Block| (block.first..=block.last).contains(&first);
    if let Some(block) = blocks.iter_mut().find(inside) {
        block.rows.push(row);
        return;
    }
    let nth = blocks.partition_point(|block| block.first < first);
    blocks.insert(nth, Block { first, last, rows: vec![row] });
}

/// Shows what is reserved in each block that it meets; in one of its own, if it meets none.
fn reserve(blocks: &mut Vec<Block>, row: &Row) {
    let Some((first, last)) = row.spans.first().copied() else { return };
    let mut is_shown = false;
    for block in blocks.iter_mut().filter(|block| block.first <= last && first <= block.last) {
        let clip = |(from, to): (IpAddr, IpAddr)| {
            let (from, to) = (from.max(block.first), to.min(block.last));
            (from <= to).then_some((from, to))
        };
        let spans = row.spans.iter().copied().filter_map(clip).collect();
        let clashes = row.clashes.iter().copied().filter_map(clip).collect();
        let part = Row { spans, clashes, ..row.clone() };
        block.rows.insert(0, part);
        is_shown = true;
    }
    if !is_shown {
        put(blocks, row.clone());
    }
}
