import { BlockList, isIPv4 } from 'node:net';
import { command } from './command.ts';
import { VmError } from './error.ts';

/**
 * An internet of its own, in which worker VMs stand: the backbone and all that is reached over it are network namespaces
 * of this machine. Its routers know no way out, so nothing that a VM sends leaves the machine.
 */
export interface VmNetwork {
  /** The name of this machine's link to it, at most 15 characters. */
  name: string;
  /**
   * IPv4 subnet `10.A.B.0/24` that this machine is in. Public addresses of the network are `25.A.B.0/24`: those of the
   * British ministry of defence, which it does not announce, so that every filter takes them for public and nobody misses them.
   */
  subnet: string;
}

/** Where a VM is plugged in: a block of eight addresses, as a provider gives them to a machine. */
export interface Site {
  /** Of the backbone's router. */
  router: string;
  /** Of the VM, or of the outer side of its router. */
  first: string;
  /** Another one that it may change to. */
  second: string;
  /** Of another machine of the provider, on the same wire. */
  neighbour: string;
}

/** Addresses of all played hosts of the provider, which a pod must never reach. */
export const PROVIDER = {
  metadata: '169.254.169.254',
  /** A service of the provider's somewhere beyond the VM's own network, and one with an address of the carrier's. */
  remote: '10.99.0.9',
  carrier: '100.64.0.9',
} as const;

/** The one name that the internet's resolver knows: of its server. */
export const SERVER_NAME = 'www.daasvader.net';

const SITE_SIZE = 8;
const LAST_SITE = 256 / SITE_SIZE - 1;

/** Address of this machine in the network: where its services listen for the VMs. */
export function gatewayOf(network: VmNetwork): string {
  return `10.${middleOf(network)}.1`;
}

/** The other end of this machine's link, which is the backbone's router. */
export function backboneOf(network: VmNetwork): string {
  return `10.${middleOf(network)}.2`;
}

/** Addresses of the internet's resolver (UDP 53) and of its server: HTTP on 80, SMTP on 25, echo on UDP 7. */
export function internetOf(network: VmNetwork): { resolver: string; server: string } {
  return { resolver: `25.${middleOf(network)}.2`, server: `25.${middleOf(network)}.3` };
}

/** The site with the given number, 1 to 31. */
export function siteOf(network: VmNetwork, number: number): Site {
  if (!Number.isInteger(number) || number < 1 || number > LAST_SITE)
    throw new VmError('invalid', `Cannot number a VM ${number}: give 1 to ${LAST_SITE}`);
  const host = (index: number) => `25.${middleOf(network)}.${SITE_SIZE * number + index}`;
  return { router: host(1), first: host(2), second: host(3), neighbour: host(4) };
}

/** All public addresses of the network. */
export function publicRange(network: VmNetwork): string {
  return `25.${middleOf(network)}.0/24`;
}

/** Prefix length of a {@link Site}. */
export const SITE_PREFIX = 29;

function middleOf({ subnet }: VmNetwork): string {
  const [base = '', prefix] = subnet.split('/');
  const [, middle] = /^10\.(\d+\.\d+)\.0$/.exec(base) ?? [];
  if (!isIPv4(base) || prefix !== '24' || middle === undefined)
    throw new VmError('invalid', `Cannot use subnet ${subnet}: give one such as 10.77.0.0/24`);
  return middle;
}

/** Whether this machine has a network link of that name. */
export async function linkExists(name: string): Promise<boolean> {
  const links = JSON.parse(await command('ip', '-json', 'link', 'show')) as { ifname: string }[];
  return links.some((link) => link.ifname === name);
}

/** @throws VmError `exists` when this machine has a route into the network already */
export async function refuseOverlap(network: VmNetwork): Promise<void> {
  const ours = new BlockList();
  for (const range of [network.subnet, publicRange(network)]) ours.addSubnet(range.split('/')[0] ?? '', 24);
  const routes = JSON.parse(await command('ip', '-4', '-json', 'route', 'show')) as {
    dst: string;
    dev: string;
  }[];
  const taken = routes.find(({ dst }) => dst !== 'default' && ours.check(dst.split('/')[0] ?? ''));
  if (taken !== undefined)
    throw new VmError(
      'exists',
      `Cannot create network ${network.name}: ${taken.dst} is routed to ${taken.dev}`,
    );
}
