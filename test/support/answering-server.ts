import { createServer } from 'node:https';
import { text } from 'node:stream/consumers';

// A program, run in the network of a pod: answers what an API server asks of webhooks and of aggregated APIs.
// usage: answering-server.ts KEY CERTIFICATE, both in PEM

/** Where it listens. */
export const ANSWERS_PORT = 8443;
/** The group of the API that it serves. */
export const GROUP = 'reach.example.com';

/** What an API server sends to a webhook, of either kind. */
interface Review {
  readonly apiVersion: string;
  readonly kind: string;
  readonly request: {
    readonly uid: string;
    readonly desiredAPIVersion?: string;
    readonly objects?: readonly object[];
  };
}

const THINGS = {
  name: 'things',
  singularName: 'thing',
  kind: 'Thing',
  namespaced: true,
  verbs: ['list'],
};
const GETS: Readonly<Record<string, object>> = {
  [`/apis/${GROUP}/v1`]: {
    ...{ kind: 'APIResourceList', apiVersion: 'v1', groupVersion: `${GROUP}/v1` },
    resources: [THINGS],
  },
  [`/apis/${GROUP}/v1/namespaces/default/things`]: {
    ...{ kind: 'ThingList', apiVersion: `${GROUP}/v1`, metadata: {} },
    items: [{ kind: 'Thing', apiVersion: `${GROUP}/v1`, metadata: { name: 'from a pod' } }],
  },
};

/** Refuses what it is asked to admit, and converts by the version alone. */
function judge({ apiVersion, kind, request: { uid, desiredAPIVersion, objects } }: Review): object {
  const answers = {
    AdmissionReview: { uid, allowed: false, status: { message: 'the pod says no' } },
    ConversionReview: {
      ...{ uid, result: { status: 'Success' } },
      convertedObjects: objects?.map((object) => ({ ...object, apiVersion: desiredAPIVersion })),
    },
  };
  return { apiVersion, kind, response: answers[kind as keyof typeof answers] };
}

if (import.meta.main) {
  const [key, cert] = process.argv.slice(2);
  createServer({ key, cert }, async (request, response) => {
    if (request.url?.startsWith('/hang')) return; // for as long as it is waited for
    const body = await text(request);
    const answer = request.method === 'POST' ? judge(JSON.parse(body)) : GETS[request.url ?? ''];
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? {}));
  }).listen(ANSWERS_PORT, () => process.stdout.write('listens\n'));
}
