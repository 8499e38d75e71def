import { command } from './command.ts';
import { plug, unplug } from './internet.ts';
import { SITE_PREFIX, siteOf, type VmNetwork } from './network.ts';
import { createRouter, LAN, plugIntoLan, type Router, type RouterPlace, removeRouter } from './router.ts';

/** Where in the internet a worker VM stands: with a public address of its own, or behind a router of its own. */
export type Place = { nat: 'none' } | Router;

/** A VM's connection to its network. */
export interface Connection {
  network: VmNetwork;
  /** Of the site. */
  number: number;
  place: Place;
  /** The router, where there is one. */
  router: RouterPlace;
}

/** The address that the VM itself has. */
export function addressOf({ network, number, place }: Connection): string {
  return place.nat === 'none' ? siteOf(network, number).first : LAN.vm;
}

/** Plugs in a VM, as its `eth0`; a router is made first. */
export async function connect(connection: Connection, pid: number): Promise<void> {
  if (connection.place.nat !== 'none') await createRouter(connection.router, connection.place);
  await reconnect(connection, pid);
}

/** Plugs in a VM that has booted again; its router stands as it was. */
export async function reconnect(connection: Connection, pid: number): Promise<void> {
  const { network, number, place, router } = connection;
  if (place.nat === 'none') {
    await unplug(network, number);
    await plug(network, number, { pid, name: 'eth0' });
  } else {
    await plugIntoLan(router.name, pid);
  }
  const isPublic = place.nat === 'none';
  const [prefix, gateway] = isPublic
    ? [SITE_PREFIX, siteOf(network, number).router]
    : [LAN.prefix, LAN.router];
  const inside = (...args: string[]) => command('nsenter', '-t', `${pid}`, '-n', 'ip', ...args);
  await inside('address', 'add', `${addressOf(connection)}/${prefix}`, 'dev', 'eth0');
  await inside('link', 'set', 'eth0', 'up');
  await inside('route', 'add', 'default', 'via', gateway);
}

/** Pulls a VM out, and removes its router. */
export async function disconnect({ network, number, router }: Connection): Promise<void> {
  await removeRouter(router);
  await unplug(network, number);
}
