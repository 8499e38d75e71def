/// How a cluster begins: all its shared objects at once, and never a second time for this package.
module daasvader::cluster;

use daasvader::enclave_registry;
use daasvader::image_registry;
use daasvader::k8s_scheduler;
use daasvader::public_config;
use daasvader::staking;
use daasvader::upgrades;
use daasvader::worker_registry;
use std::string::String;
use sui::package::UpgradeCap;

/// Makes and shares the objects of the package's only cluster; the sender becomes its admin.
///
/// `upgrade_cap` is the package's own, and stays with the cluster. `delay_ms` is how long the admin's proposals wait: 0,
/// or longer than stake takes to leave, at most 90 days. The ranges of addresses are fixed. `apps_domain`,
/// `acme_directory` and `acme_root` may be empty.
///
/// @throws `upgrades::EWrongUpgradeCap`, `public_config::ETextTooLong`, `public_config::ERootTooLarge`,
/// `enclave_registry::EDelayTooLong`, `enclave_registry::EDelayTooShort`, `enclave_registry::EBadRange`
#[allow(lint(self_transfer))]
public(package) entry fun create_cluster(
    upgrade_cap: UpgradeCap,
    delay_ms: u64,
    cluster_cidr: String,
    service_cidr: String,
    apps_domain: String,
    acme_directory: String,
    acme_root: vector<u8>,
    ctx: &mut TxContext,
) {
    let upgrades = upgrades::new(upgrade_cap);
    let config = public_config::new(apps_domain, acme_directory, acme_root);
    let (mut registry, cap) = enclave_registry::new(
        upgrades,
        delay_ms,
        cluster_cidr,
        service_cidr,
        config,
        ctx,
    );
    let cluster_id = registry.id();
    registry.complete(
        worker_registry::create(cluster_id, ctx),
        staking::create(cluster_id, ctx),
        k8s_scheduler::create(cluster_id, ctx),
        image_registry::create(cluster_id, ctx),
    );
    registry.share();
    transfer::public_transfer(cap, ctx.sender());
}
