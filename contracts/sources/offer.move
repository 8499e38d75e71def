/// What a worker offers and for how much.
module daasvader::offer;

use daasvader::grammar;
use std::string::String;

/// The capacity is more than the stake stands for.
const ECapacityTooLarge: u64 = 0;
/// The region is longer than 32 characters or not lower case letters, digits and hyphens.
const EBadRegion: u64 = 1;

const MIST_PER_SUI: u64 = 1_000_000_000;
/// Of each whole staked SUI. They bound what a small stake can attract, and lie far above what it can earn.
const CPU_MILLI_PER_SUI: u64 = 4_000;
const MEMORY_MIB_PER_SUI: u64 = 16_384;
const DISK_GIB_PER_SUI: u64 = 256;

public struct Offer has copy, drop, store {
    cpu_milli: u64,
    memory_mib: u64,
    disk_gib: u64,
    /// Prices in MIST, of a virtual CPU, a GiB of memory and a GiB of disk for an hour.
    cpu_price: u64,
    memory_price: u64,
    disk_price: u64,
    /// Where the worker says it stands; may be empty.
    region: String,
    /// Whether it lets in what comes from outside the cluster.
    gateway: bool,
}

/// @param stake - bonded, in MIST
/// @throws `ECapacityTooLarge`, `EBadRegion`
public(package) fun new(
    stake: u64,
    cpu_milli: u64,
    memory_mib: u64,
    disk_gib: u64,
    cpu_price: u64,
    memory_price: u64,
    disk_price: u64,
    region: String,
    gateway: bool,
): Offer {
    let whole = stake / MIST_PER_SUI;
    let is_covered =
        cpu_milli <= whole * CPU_MILLI_PER_SUI &&
        memory_mib <= whole * MEMORY_MIB_PER_SUI &&
        disk_gib <= whole * DISK_GIB_PER_SUI;
    assert!(is_covered, ECapacityTooLarge);
    assert!(grammar::is_region(region.as_bytes()), EBadRegion);
    Offer { cpu_milli, memory_mib, disk_gib, cpu_price, memory_price, disk_price, region, gateway }
}
