type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What often has a meaning of its own, or none. */
const VALUES: readonly Json[] = [
  null,
  true,
  '',
  0,
  -1,
  70_000,
  2 ** 40,
  'x'.repeat(300),
  'Not A Name',
  'a/b',
  '10Ti',
  '50%',
  [],
  {},
  [null],
  { unknown: 1 },
];

/** By the end of a path, what policies judge of what may stand there. */
const FIELDS: readonly [RegExp, { [key: string]: Json }][] = [
  [
    /\.spec$/,
    {
      activeDeadlineSeconds: 60,
      dnsConfig: { nameservers: ['1.1.1.1'] },
      externalIPs: ['192.0.2.1'],
      hostNetwork: true,
      hostUsers: false,
      loadBalancerIP: '192.0.2.1',
      nodeName: 'worker-1',
      priority: 5,
      replicas: 1_000,
      revisionHistoryLimit: 1_000,
      runtimeClassName: 'other',
      schedulerName: 'other',
      shareProcessNamespace: true,
      terminationGracePeriodSeconds: 90_000,
      tolerations: [{ operator: 'Exists' }],
      type: 'LoadBalancer',
      volumeName: 'other',
      volumes: [{ name: 'host', hostPath: { path: '/' } }],
    },
  ],
  [
    /ontainers\.\d+$/,
    {
      image: 'localhost:5000/x',
      livenessProbe: { httpGet: { host: '10.0.0.1', port: 80 } },
      ports: [{ containerPort: 80, hostPort: 80 }],
      resources: { limits: { cpu: '2' } },
      securityContext: { runAsUser: 0 },
      volumeDevices: [{ name: 'data', devicePath: '/dev/x' }],
    },
  ],
  [
    /\.metadata$/,
    {
      annotations: { 'daasvader.io/request-id': '1' },
      finalizers: ['example.org/never'],
      labels: { 'daasvader.io/managed': 'true', app: 'web' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'a', uid: 'b', controller: true }],
    },
  ],
];

/**
 * Objects that differ from one in a single place: a value is another, an item stands twice, a key is missing or has
 * another name, a field is there that policies judge. Its kind and where it is stay. The same object always gives the same ones.
 */
export function mutationsOf<T extends object>(object: T, count: number): T[] {
  const random = randomFrom(JSON.stringify(object));
  return Array.from({ length: count }, () => {
    const copy = structuredClone(object);
    const places = placesIn(copy as Json);
    const known = places.flatMap((place) =>
      FIELDS.filter(([end]) => end.test(place.path)).map(([, fields]) => ({ place, fields })),
    );
    if (known.length > 0 && random() < 0.3) addField(pick(known, random), random);
    else mutate(pick(places.filter(isFree), random), random);
    return copy;
  });
}

/** Where a value stands: in an object or a list. */
interface Place {
  readonly parent: Json[] | { [key: string]: Json };
  readonly key: string;
  readonly path: string;
}

function mutate({ parent, key }: Place, random: () => number): void {
  const holder = parent as { [key: string]: Json };
  const value = holder[key] as Json;
  const change = pick(['value', 'value', 'value', 'key', 'twice', 'gone'], random);
  if (change === 'twice' && Array.isArray(parent)) parent.push(structuredClone(value));
  else if (change === 'key' && !Array.isArray(parent)) {
    delete holder[key];
    holder[`${key}s`] = value;
  } else if (change === 'gone' && !Array.isArray(parent)) delete holder[key];
  else holder[key] = structuredClone(pick(VALUES, random));
}

function addField(
  { place: { parent, key }, fields }: { place: Place; fields: { [key: string]: Json } },
  random: () => number,
): void {
  const [name, value] = pick(Object.entries(fields), random);
  const holder = (parent as { [key: string]: Json })[key] as { [key: string]: Json };
  holder[name] = structuredClone(value);
}

function placesIn(value: Json, path = ''): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => [
    { parent: value, key, path: `${path}.${key}` },
    ...placesIn(child as Json, `${path}.${key}`),
  ]);
}

/** What the object is called decides where it is asked for, and a Service's account is not looked up by a check. */
function isFree({ path }: Place): boolean {
  return !/^\.(?:apiVersion|kind|metadata|metadata\.(?:name|namespace))$|\.serviceAccountName$/.test(path);
}

function pick<T>(choices: readonly T[], random: () => number): T {
  return choices[Math.floor(random() * choices.length)] as T;
}

/** Numbers from 0 to 1, always the same ones for a text (mulberry32 over FNV-1a). */
function randomFrom(text: string): () => number {
  let state = 2_166_136_261;
  for (const character of text) state = Math.imul(state ^ character.charCodeAt(0), 16_777_619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
