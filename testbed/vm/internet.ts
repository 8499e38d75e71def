import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from './command.ts';
import { createNamespace, holderOf, inNamespace, removeNamespace, startInNamespace } from './namespace.ts';
import {
  backboneOf,
  gatewayOf,
  internetOf,
  linkExists,
  PROVIDER,
  publicRange,
  refuseOverlap,
  SERVER_NAME,
  SITE_PREFIX,
  siteOf,
  type VmNetwork,
} from './network.ts';
import type { Visit } from './played-hosts.ts';

/*
 *   this machine ──┐                                          ┌── router ── worker VM    192.168.1.0/24 behind it
 *     10.A.B.1     ├── backbone: routes, and is the internet ─┤
 *                  │     25.A.B.2 resolver, .3 server         └── worker VM              a public address, 25.A.B.10
 */

/** Played hosts run as the tests do, without the warnings of Node's that nobody reads. */
export const PLAYED_HOSTS = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  join(import.meta.dirname, 'played-hosts.ts'),
];

/**
 * Makes the backbone and plugs this machine into it.
 *
 * @param disk folder for what the played hosts write down
 * @throws VmError `exists` when this machine has a route into the network already
 */
export async function createInternet(network: VmNetwork, disk: string): Promise<void> {
  await refuseOverlap(network);
  const { resolver, server } = internetOf(network);
  await mkdir(disk, { recursive: true });
  await createNamespace(network.name);
  await command(
    ...(['ip', 'link', 'add', network.name, 'type', 'veth'] as const),
    ...['peer', 'name', 'machine', 'netns', `${await holderOf(network.name)}`],
  );
  await inNamespace(
    network.name,
    `ip address add ${backboneOf(network)}/24 dev machine
     ip link set machine up
     for address in ${[resolver, server, ...Object.values(PROVIDER)].join(' ')}; do
       ip address add $address/32 dev lo
     done
     # Whoever is sent something too large is not told, as behind many a filter.
     iptables -A OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP`,
  );
  await command('ip', 'address', 'add', `${gatewayOf(network)}/24`, 'dev', network.name);
  await command('ip', 'link', 'set', network.name, 'up');
  await command('ip', 'route', 'add', publicRange(network), 'via', backboneOf(network));
  const hosts = [...PLAYED_HOSTS, visitsFile(disk), resolver, server, SERVER_NAME];
  await startInNamespace(network.name, hosts, join(disk, 'hosts.log'));
}

/** Removes the backbone and what it wrote down; without it, does nothing. */
export async function removeInternet(name: string, disk: string): Promise<void> {
  if (await linkExists(name)) await command('ip', 'link', 'delete', name);
  await removeNamespace(name);
  await rm(disk, { recursive: true, force: true });
}

/** Plugs a machine, whose network is that of process `pid`, into a site of the backbone; it gets the link `name`. */
export async function plug(
  network: VmNetwork,
  number: number,
  { pid, name, mtu = 1_500 }: { pid: number; name: string; mtu?: number | undefined },
): Promise<void> {
  const { router, neighbour } = siteOf(network, number);
  const link = linkOf(number);
  await inNamespace(
    network.name,
    `ip link add ${link} mtu ${mtu} type veth peer name ${name} mtu ${mtu} netns ${pid}
     ip address add ${router}/${SITE_PREFIX} dev ${link}
     ip address add ${neighbour}/${SITE_PREFIX} dev ${link}
     ip link set ${link} up`,
  );
}

/** Pulls a machine out of the backbone; does nothing where none is in, or no backbone. */
export async function unplug(network: VmNetwork, number: number): Promise<void> {
  const link = linkOf(number);
  await inNamespace(network.name, removeLink(link)).catch((error) => {
    if (error.code !== 'missing') throw error;
  });
}

/** A shell script that removes a link; the kernel does so too, sooner or later, when the namespace at its other end goes. */
export function removeLink(link: string): string {
  return `ip link delete ${link} 2>/dev/null || [ ! -e /proc/sys/net/ipv4/conf/${link} ]`;
}

/** Who came to the hosts that are played in a folder's namespace, so far. */
export async function visitsIn(disk: string): Promise<Visit[]> {
  const text = await readFile(visitsFile(disk), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Visit);
}

/** Where the hosts of a folder's namespace write down who came. */
export function visitsFile(disk: string): string {
  return join(disk, 'visits');
}

function linkOf(number: number): string {
  return `site${number}`;
}
