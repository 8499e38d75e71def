import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';
import type { User } from '../cluster/user.ts';

const BUILD = resolve(import.meta.dirname, '../../build');

/**
 * What a shell reads to use the playground. A link into the cluster's directory: whoever sweeps that, in whatever clone,
 * leaves nobody with the addresses of a cluster that is gone.
 */
export const ENV_FILE: string = join(BUILD, 'cluster.env');

/** What the playground told while it started, and what goes wrong in it. */
export const LOG_FILE: string = join(BUILD, 'cluster.log');

/** Container image that every worker has, so that no registry is asked for it. */
export const IMAGE = 'docker.io/library/hello:1';

/**
 * Writes what any POSIX shell can source, and links {@link ENV_FILE} to it.
 *
 * @returns where it is
 */
export async function writeEnvironment(cluster: Cluster, user: User): Promise<string> {
  const { addresses, daas, k3s, directory } = cluster;
  const text = [
    '# The playground that bin/up started. After `. build/cluster.env`, bin/daas and bin/kubectl know it.',
    ...exported({ ...daas.env, SUI_RPC_URL: addresses.rpcUrl, DAAS_KUBERNETES: addresses.kubernetesUrl }),
    '',
    '# A user with SUI, who staked for the role developer. The credential lasts minutes, and is renewed while the',
    '# playground runs; by hand: bin/daas kubeconfig --out "$KUBECONFIG"',
    ...exported({ DAAS_WALLET: user.wallet, DAAS_ADDRESS: user.address, KUBECONFIG: user.kubeconfig }),
    '',
    '# The program behind bin/kubectl, an image that every worker has, and the logs of all parts.',
    ...exported({ DAAS_K3S: k3s, DAAS_IMAGE: IMAGE, DAAS_LOGS: directory }),
    '',
    ...administration(cluster),
  ];
  const file = join(directory, 'cluster.env');
  await writeFile(file, `${text.join('\n')}\n`, { mode: 0o600 });
  await mkdir(BUILD, { recursive: true });
  await rm(ENV_FILE, { force: true });
  await symlink(file, ENV_FILE);
  return file;
}

/** Removes what the playground has written into `build`. */
export async function removeEnvironment(): Promise<void> {
  for (const file of [ENV_FILE, LOG_FILE]) await rm(file, { force: true });
}

function administration({ image, adminKubeconfig }: Cluster): string[] {
  if (image !== undefined)
    return ["# The enclave is a machine of its own, which lets nobody have its administrator's key."];
  return [
    '# For development only: the administrator of Kubernetes, whose key no real enclave lets out. It is on disk here',
    '# because the enclave is an ordinary process. bin/kubectl --kubeconfig "$ADMIN_KUBECONFIG" get nodes',
    ...exported({ ADMIN_KUBECONFIG: adminKubeconfig }),
  ];
}

function exported(variables: Readonly<Record<string, string>>): string[] {
  return Object.entries(variables).map(([name, value]) => `export ${name}=${quote(value)}`);
}

/** As one word of a shell, whatever is in it. */
function quote(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}
