import { applyRequest, dryRunOf, FIELD_MANAGER } from '../apply.ts';
import { messageOf } from '../kube/exchange.ts';
import type { ManifestFile } from '../manifests/files.ts';
import { isSecret, type TenantObject, tenantObjects } from '../manifests/objects.ts';
import { parseManifests } from '../manifests/read.ts';
import { ask, openSession, type SessionOptions } from '../manifests/session.ts';
import type { ObjectVerdict, Verdict } from './program.ts';

/**
 * Asks the verified control plane, by dry runs as the user, about what was accepted so far. Secrets are not shown to it.
 *
 * @returns the verdict with what it refused
 */
export async function checkOnServer(
  options: SessionOptions,
  files: readonly ManifestFile[],
  verdict: Verdict,
): Promise<Verdict> {
  const isAccepted = (file: string, kind: string, name: unknown) =>
    verdict.objects.some((each) => each.accepted && isAbout(each, file, kind, name));
  const manifests = files
    .flatMap(({ name, text }) => parseManifests(name, text))
    .filter(({ file, kind, object }) => isAccepted(file, kind, Object(object.metadata).name));
  const refusals = await refusalsOf(options, tenantObjects(manifests, options.namespace));
  const objects = verdict.objects.map((each) => {
    const refusal = refusals.find(({ of: { file, kind, name } }) => isAbout(each, file, kind.kind, name));
    if (refusal === undefined) return each;
    return { ...each, accepted: false, problems: [{ path: '', message: `the cluster: ${refusal.message}` }] };
  });
  return { ...verdict, accepted: verdict.accepted && refusals.length === 0, objects };
}

interface Refusal {
  readonly of: TenantObject;
  readonly message: string;
}

async function refusalsOf(options: SessionOptions, objects: readonly TenantObject[]): Promise<Refusal[]> {
  const { wallet, connect } = await openSession(options);
  const kubernetes = await connect();
  const refusals = await Promise.all(
    objects
      .filter((each) => !isSecret(each))
      .map(async (each): Promise<Refusal[]> => {
        const request = dryRunOf(applyRequest(each.object, FIELD_MANAGER, false));
        const { status, body } = await ask(kubernetes, wallet, each, request);
        return status < 300 ? [] : [{ of: each, message: messageOf(body) }];
      }),
  );
  return refusals.flat();
}

function isAbout(verdict: ObjectVerdict, file: string, kind: string, name: unknown): boolean {
  return verdict.file === file && verdict.kind === kind && verdict.name === name;
}
