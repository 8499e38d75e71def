import { parseArgs } from 'node:util';
import { EnclaveError } from '@daasvader/enclave/error.ts';

/** How this process was started. */
export interface Options {
  /** Software NSM and hybrid vsock: an ordinary process, which proves nothing to strangers. */
  readonly stateDir: string;
  /** Unix socket that stands for the vsock device. */
  readonly vsockPath: string;
  /** The Kubernetes server's binary. */
  readonly k3sBinary: string;
}

/**
 * Reads arguments and environment.
 *
 * @throws {EnclaveError} `configuration`, saying how to call it
 */
export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): Options {
  const { values } = parse(args);
  if (!values.dev)
    throw usage(
      'this is the development enclave, which says so with --dev; the image starts enclave/init/main.ts',
    );
  const { 'state-dir': stateDir, vsock: vsockPath } = values;
  if (!stateDir) throw usage('--state-dir is missing');
  if (!vsockPath) throw usage('--vsock is missing');
  const k3sBinary = env.DAAS_K3S;
  if (!k3sBinary) throw usage('DAAS_K3S does not name the k3s binary; `k3s/build` prints it');
  return { stateDir, vsockPath, k3sBinary };
}

function parse(args: readonly string[]) {
  const options = {
    dev: { type: 'boolean' },
    'state-dir': { type: 'string' },
    vsock: { type: 'string' },
  } as const;
  try {
    return parseArgs({ args: [...args], options });
  } catch (cause) {
    throw usage((cause as Error).message);
  }
}

function usage(why: string): EnclaveError {
  const call = 'bin/node testbed/enclave/main.ts --dev --state-dir DIR --vsock SOCKET';
  return new EnclaveError('configuration', `Cannot start: ${why}. Usage: ${call}`);
}
