import type { ClusterDeployment, Config } from './config.ts';

/** What the enclave is told when it asks for `GET /configuration`. It trusts none of it. */
export function enclaveConfiguration(config: Config, cluster: ClusterDeployment): object {
  const { tee, sui, walrus, k3s, heartbeat_interval } = config;
  const { port, external_names, external_url } = config.api;
  return {
    cluster,
    tee,
    sui,
    walrus,
    k3s,
    api: { port, external_names, external_url: external_url ?? `https://${external_names[0]}:${port}` },
    heartbeat_interval,
  };
}
