import { BlockList, isIPv4 } from 'node:net';
import { command } from './command.ts';
import { VmError } from './error.ts';

/** A bridge on this machine to which worker VMs are attached, like a provider's local network. */
export interface VmNetwork {
  /** The bridge's name, at most 15 characters. */
  name: string;
  /** IPv4 subnet in CIDR form with a prefix of 24 bits, such as `10.77.0.0/24`. */
  subnet: string;
}

/**
 * Address of this machine in the network: where its services listen for the VMs. There is no route
 * beyond it and no address translation, so that nothing a VM runs can come from elsewhere.
 */
export function gatewayOf(network: VmNetwork): string {
  return hostAddress(network, 1);
}

/** Address of the VM with the given number, 1 to 250. */
export function vmAddress(network: VmNetwork, number: number): string {
  if (!Number.isInteger(number) || number < 1 || number > 250)
    throw new VmError('invalid', `Cannot number a VM ${number}: give 1 to 250`);
  return hostAddress(network, number + 1);
}

function hostAddress({ subnet }: VmNetwork, number: number): string {
  const [base = '', prefix] = subnet.split('/');
  if (!isIPv4(base) || prefix !== '24' || !base.endsWith('.0'))
    throw new VmError('invalid', `Cannot use subnet ${subnet}: give one such as 10.77.0.0/24`);
  return base.replace(/0$/, String(number));
}

/**
 * Creates the bridge and gives it the gateway's address.
 * @throws VmError `exists` when this machine has a route into the subnet already
 */
export async function createVmNetwork(network: VmNetwork): Promise<void> {
  const gateway = gatewayOf(network);
  await refuseOverlap(network);
  await command('ip', 'link', 'add', network.name, 'type', 'bridge');
  await command('ip', 'address', 'add', `${gateway}/24`, 'dev', network.name);
  await command('ip', 'link', 'set', network.name, 'up');
}

/** Removes the bridge; without it, does nothing. */
export async function removeVmNetwork(name: string): Promise<void> {
  if (await linkExists(name)) await command('ip', 'link', 'delete', name);
}

/** Whether this machine has a network link of that name. */
export async function linkExists(name: string): Promise<boolean> {
  const links = JSON.parse(await command('ip', '-json', 'link', 'show')) as { ifname: string }[];
  return links.some((link) => link.ifname === name);
}

async function refuseOverlap({ name, subnet }: VmNetwork): Promise<void> {
  const ours = new BlockList();
  ours.addSubnet(subnet.split('/')[0] ?? '', 24);
  const routes = JSON.parse(await command('ip', '-4', '-json', 'route', 'show')) as {
    dst: string;
    dev: string;
  }[];
  const taken = routes.find(({ dst }) => dst !== 'default' && ours.check(dst.split('/')[0] ?? ''));
  if (taken !== undefined)
    throw new VmError('exists', `Cannot create network ${name}: ${subnet} is routed to ${taken.dev}`);
}
