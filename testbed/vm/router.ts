import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PLAYED_HOSTS, plug, removeLink, unplug, visitsFile } from './internet.ts';
import { createNamespace, holderOf, inNamespace, removeNamespace, startInNamespace } from './namespace.ts';
import { PROVIDER, SITE_PREFIX, type Site, siteOf, type VmNetwork } from './network.ts';

/** How a worker VM behind a router is connected. */
export interface Router {
  /**
   * Which outer port the router gives to what the VM sends from one port. `cone`: the same, whomever it goes to.
   * `symmetric`: another one for each address and port that it goes to. Either lets in only what comes from there.
   */
  nat: 'cone' | 'symmetric';
  /** Largest packet on the outer side, bytes; 1,500 unless given. Who sends a larger one is not told. */
  mtu?: number;
  /** Share of packets that are lost, each way, 0 to 1. */
  loss?: number;
  /** How much longer every packet from the VM takes, ms. */
  delayMs?: number;
}

/** Where a router stands, and its name, which is that of its VM with something behind it. */
export interface RouterPlace {
  name: string;
  network: VmNetwork;
  /** Of the site. */
  number: number;
  /** Folder for what the hosts on the LAN write down. */
  disk: string;
}

/** Every router has the same LAN, as everywhere. */
export const LAN = {
  router: '192.168.1.1',
  vm: '192.168.1.2',
  /** A service of the provider's. */
  neighbour: '192.168.1.9',
  prefix: 24,
} as const;

const DELAY = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  join(import.meta.dirname, 'delay.ts'),
];

/** Makes a router at a site; `lan` is its inner side, a bridge on which the provider's hosts are too. */
export async function createRouter(place: RouterPlace, router: Router): Promise<void> {
  const { name, network, number, disk } = place;
  await mkdir(disk, { recursive: true });
  await createNamespace(name);
  await unplug(network, number);
  await plug(network, number, { pid: await holderOf(name), name: 'wan', mtu: router.mtu });
  await inNamespace(
    name,
    `ip link add lan type bridge
     for address in ${LAN.router} ${LAN.neighbour}; do ip address add $address/${LAN.prefix} dev lan; done
     ip address add ${PROVIDER.metadata}/32 dev lan
     ip link set lan up
     iptables-restore <<'RULES'\n${rules(router)}\nRULES
     ${connect(siteOf(network, number), 'first')}`,
  );
  if (router.delayMs !== undefined) await addDelay(place, router.delayMs);
  await startInNamespace(name, [...PLAYED_HOSTS, visitsFile(disk)], join(disk, 'hosts.log'));
}

/** Plugs the VM whose first process is `pid` into the router's LAN, as its `eth0`. */
export async function plugIntoLan(name: string, pid: number): Promise<void> {
  await inNamespace(
    name,
    `${removeLink('vm')}
     ip link add vm type veth peer name eth0 netns ${pid}
     ip link set vm master lan up`,
  );
}

/** Removes a router and what its hosts wrote down; without it, does nothing. */
export async function removeRouter({ name, disk }: RouterPlace): Promise<void> {
  await removeNamespace(name);
  await rm(disk, { recursive: true, force: true });
}

/** Switches a router off, and on again after a while: it knows none of the connections of before. */
export async function rebootRouter({ name, network, number }: RouterPlace, downMs: number): Promise<void> {
  const address = await outerAddress(name);
  const { first } = siteOf(network, number);
  await inNamespace(name, 'ip link set wan down; conntrack --flush');
  await sleep(downMs);
  await inNamespace(name, connect(siteOf(network, number), address === first ? 'first' : 'second'));
}

/** Gives a router the other one of its site's two addresses, as providers do overnight. */
export async function changeAddress({ name, network, number }: RouterPlace): Promise<string> {
  const site = siteOf(network, number);
  const next = (await outerAddress(name)) === site.first ? 'second' : 'first';
  await inNamespace(name, `ip address flush dev wan; conntrack --flush; ${connect(site, next)}`);
  return site[next];
}

async function outerAddress(name: string): Promise<string> {
  const [wan] = JSON.parse(await inNamespace(name, 'ip -json -4 address show dev wan')) as {
    addr_info: { local: string }[];
  }[];
  return wan?.addr_info[0]?.local ?? '';
}

function connect(site: Site, which: 'first' | 'second'): string {
  return `ip address replace ${site[which]}/${SITE_PREFIX} dev wan
     ip link set wan up
     ip route replace default via ${site.router}`;
}

/*
 * What comes in from outside and belongs to no connection is dropped before the kernel remembers it: otherwise a peer
 * that is earlier than the VM would take the very port that the VM is to get.
 */
function rules({ nat, mtu, loss, delayMs }: Router): string {
  return [
    '*raw',
    // What waits passes twice. It is tracked, and translated, when it has waited.
    ...(delayMs === undefined ? [] : ['-A PREROUTING -i lan -j CT --notrack']),
    'COMMIT',
    '*mangle',
    // As routers do whose provider has a smaller MTU, so that TCP at least does not notice.
    ...(mtu === undefined ? [] : ['-A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu']),
    'COMMIT',
    '*nat',
    `-A POSTROUTING -o wan -j MASQUERADE${nat === 'symmetric' ? ' --random-fully' : ''}`,
    'COMMIT',
    '*filter',
    ':FORWARD DROP',
    ...(loss === undefined ? [] : ['-i', '-o'].map((way) => `-A FORWARD ${way} wan ${lose(loss)}`)),
    '-A FORWARD -i wan -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT',
    '-A FORWARD ! -i wan -j ACCEPT',
    '-A INPUT -i wan -m conntrack --ctstate NEW -j DROP',
    '-A OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP',
    'COMMIT',
  ].join('\n');
}

function lose(share: number): string {
  return `-m statistic --mode random --probability ${share} -j DROP`;
}

/** What comes from the LAN goes through a TUN device, at the other end of which it waits. */
async function addDelay({ name, disk }: RouterPlace, delayMs: number): Promise<void> {
  await startInNamespace(name, [...DELAY, 'delay', `${delayMs}`], join(disk, 'delay.log'));
  await inNamespace(
    name,
    `ip link set delay up
     ip route add default dev delay table 7
     ip rule add iif lan table 7`,
  );
}
