import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { printable } from '@daasvader/attestation/printable.ts';
import { type Command, InvalidArgumentError } from 'commander';
import { parsePort } from './arguments.ts';
import { CliError } from './error.ts';
import { type KubeOptions, LONG_MS, openKube, withKube } from './kube/open.ts';
import { findPod } from './kube/pods.ts';
import { forwardPort } from './kube/port-forward.ts';
import { printLine } from './output.ts';

interface Ports {
  localPort: number;
  podPort: number;
}

/** `daas port-forward`: a port of a pod on this machine, until Ctrl-C. */
export function portForwardCommand(command: Command): void {
  withKube(command)
    .argument('<name>', 'of a pod, or of what daas deploy made')
    .argument('<ports>', 'LOCAL:REMOTE, REMOTE for both, or :REMOTE for any that is free here', parsePorts)
    .action(forward);
}

function parsePorts(text: string): Ports {
  const [first = '', second, ...rest] = text.split(':');
  if (rest.length > 0) throw new InvalidArgumentError('It is not LOCAL:REMOTE.');
  const podPort = Number(parsePort(second ?? first));
  return { podPort, localPort: first === '' ? 0 : Number(parsePort(first)) };
}

async function forward(name: string, ports: Ports, options: KubeOptions): Promise<void> {
  const connect = await openKube(options, LONG_MS);
  const credential = await connect();
  const { metadata } = await findPod(credential, options.namespace ?? credential.namespace, name);
  const forwarding = { name, namespace: options.namespace, ...ports };
  const server = await forwardPort(connect, forwarding, tell).catch((cause: Error) => {
    throw new CliError('file', `Cannot listen on port ${ports.localPort}: ${cause.message}`, { cause });
  });
  const { port } = server.address() as AddressInfo;
  printLine(`127.0.0.1:${port} is port ${ports.podPort} of ${metadata.name}, until Ctrl-C`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  process.exit(); // with the connections that there are
}

function tell(text: string): void {
  process.stderr.write(`port-forward: ${printable(text.trim())}\n`);
}
