//! What a picture of the address plan shows: blocks of addresses that belong together.

use std::net::IpAddr;

use super::{
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

/// A range, the pools of one name, or the virtual IPs.
pub(super) struct Row {
    pub(super) label: String,
    /// None: addresses, not a range.
    pub(super) kind: Option<RangeKind>,
    pub(super) spans: Vec<(IpAddr, IpAddr)>,
    /// What should not be shared.
    pub(super) clashes: Vec<(IpAddr, IpAddr)>,
}

/// Returns the blocks, in the order of their addresses.
pub(super) fn blocks(plan: &AddressPlan) -> Vec<Block> {
    let mut rows = of_ranges(plan);
    rows.extend(of_pools(plan));
    let mut blocks: Vec<Block> = Vec::new();
    // From the first address on, the larger one before what is in it.
    rows.sort_by_key(|row| {
        row.spans.first().map(|(first, last)| {
            (first.is_ipv6(), number(*first), std::cmp::Reverse(number(*last)), row.kind.is_none())
        })
    });
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
    blocks
}

fn of_ranges(plan: &AddressPlan) -> Vec<Row> {
    let meetings = plan.meetings();
    let row = |range: &super::PlannedRange| {
        let clashes = meetings
            .iter()
            .filter(|(_, _, meeting)| *meeting != Meeting::Twice)
            .filter_map(|(one, other, _)| {
                let other = match () {
                    () if std::ptr::eq(*one, range) => other.cidr,
                    () if std::ptr::eq(*other, range) => one.cidr,
                    () => return None,
                };
                let first = range.cidr.first().max(other.first());
                Some((first, range.cidr.last().min(other.last())))
            })
            .collect();
        Row {
            label: format!("{} {}", range.name, range.cidr),
            kind: Some(range.kind),
            spans: vec![(range.cidr.first(), range.cidr.last())],
            clashes,
        }
    };
    plan.ranges.iter().map(row).collect()
}

fn of_pools(plan: &AddressPlan) -> Vec<Row> {
    let row = |pool: &super::PlannedPool| {
        let by = if pool.origin.said_by == "Neutron" { "" } else { "planned " };
        Row {
            label: format!("{by}{} {}", pool.name, pool.range),
            kind: None,
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
                    kind: None,
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
    let Some((first, _)) = row.spans.first().copied() else { return };
    let inside = |block: &&mut Block| (block.first..=block.last).contains(&first);
    if let Some(block) = blocks.iter_mut().find(inside) {
        block.rows.push(row);
        return;
    }
    let nth = blocks.partition_point(|block| block.first < first);
    blocks.insert(nth, Block { first, last: first, rows: vec![row] });
}
