import { z } from 'zod';
import { CliError } from '../error.ts';

/** The version of the protocol between kubectl and credential plugins that is spoken here. */
export const EXEC_API_VERSION = 'client.authentication.k8s.io/v1';

const info = z.object({
  apiVersion: z.string(),
  spec: z
    .object({
      cluster: z
        .object({ server: z.string(), 'certificate-authority-data': z.base64().optional() })
        .optional(),
    })
    .optional(),
});

/** The cluster that a client is about to ask, as its kubeconfig describes it. */
export interface AskedCluster {
  server: string;
  /** PEM. */
  ca: string;
}

/**
 * What kubectl says of the cluster that it wants a credential for.
 *
 * @param text of `KUBERNETES_EXEC_INFO`
 * @returns undefined when the client does not say
 * @throws CliError `file` when it speaks another version of the protocol
 */
export function readExecInfo(text: string | undefined): AskedCluster | undefined {
  if (text === undefined) return undefined;
  const { apiVersion, spec } = parse(text);
  if (apiVersion !== EXEC_API_VERSION)
    throw new CliError(
      'file',
      `Cannot give a credential of ${apiVersion}: write it anew with daas kubeconfig`,
    );
  const ca = spec?.cluster?.['certificate-authority-data'];
  if (spec?.cluster === undefined || ca === undefined) return undefined;
  return { server: spec.cluster.server, ca: Buffer.from(ca, 'base64').toString('utf8') };
}

function parse(text: string): z.output<typeof info> {
  try {
    return info.parse(JSON.parse(text));
  } catch (cause) {
    throw new CliError('file', 'Cannot read KUBERNETES_EXEC_INFO: it is not as Kubernetes writes it', {
      cause,
    });
  }
}
