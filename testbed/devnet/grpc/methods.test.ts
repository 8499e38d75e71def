/** Every method of every service the SDK knows, under any request: it answers, or refuses with the right status. */
import { readFile } from 'node:fs/promises';
import { GrpcTypes, SuiGrpcClient } from '@mysten/sui/grpc';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Devnet, startDevnet } from '../devnet.ts';
import { increment, publishCounter } from '../testing/counter.ts';
import { messageFrame } from './wire.ts';

interface Field {
  name: string;
  localName: string;
  kind: 'scalar' | 'enum' | 'message' | 'map';
  T: number | (() => unknown);
  repeat?: number;
  oneof?: string;
}

interface Message {
  typeName: string;
  fields: Field[];
  create(value?: object): object;
  toBinary(message: object): Uint8Array;
}

interface Service {
  typeName: string;
  methods: { name: string; I: Message; O: Message; serverStreaming: boolean }[];
}

const services = Object.values(GrpcTypes).filter(
  (value): value is never => typeof value === 'object' && 'methods' in value && 'typeName' in value,
) as Service[];
const methods = services.flatMap(({ typeName, methods: all }) =>
  all.map((method) => ({ path: `${typeName}/${method.name}`, ...method })),
);

let devnet: Devnet;
let client: SuiGrpcClient;
/** An address, an object, a package, a transaction. */
let known: string[];

beforeAll(async () => {
  devnet = await startDevnet();
  client = new SuiGrpcClient({ network: 'devnet', baseUrl: devnet.url });
  const counter = await publishCounter(client, devnet.accounts[0]!);
  const transaction = increment(counter, 1);
  const done = await client.signAndExecuteTransaction({ transaction, signer: devnet.accounts[0]! });
  const address = devnet.accounts[0]!.toSuiAddress();
  known = [
    address,
    counter.counterId,
    counter.packageId,
    done.Transaction!.digest,
    `${counter.packageId}::counter`,
  ];
});

afterAll(() => devnet.close());

/** Calls over HTTP; a stream is left after its first moments. @returns the status, undefined for an unended stream */
async function status(path: string, request: Uint8Array): Promise<number | undefined> {
  const signal = AbortSignal.timeout(/Subscribe/.test(path) ? 50 : 5_000);
  try {
    const response = await fetch(`${devnet.url}/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/grpc-web+proto' },
      body: new Uint8Array(messageFrame(request)),
      signal,
    });
    const body = Buffer.from(await response.arrayBuffer()).toString('latin1');
    return Number(/grpc-status:(\d+)/.exec(body)![1]);
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

const UNIMPLEMENTED = 12;
const INTERNAL = 13;

test('a method is there, or the README says that it is not', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const refused = readme.slice(
    readme.indexOf('## What is not'),
    readme.indexOf('Different, and to be known'),
  );
  expect(methods.length).toBeGreaterThan(25);
  for (const { path, name, I } of methods) {
    const isThere = (await status(path, I.toBinary(I.create()))) !== UNIMPLEMENTED;
    expect(`${name} is refused: ${!isThere}`).toBe(`${name} is refused: ${refused.includes(`\`${name}\``)}`);
  }
});

const HOSTILE = ['', '0x0', 'u64', '::', '0x2::sui', `0x${'f'.repeat(65)}`, '\u0000', '*', 'a'.repeat(5_000)];

/** What a field of this name asks for, most of the time. */
function text(name: string): fc.Arbitrary<string> {
  const [address, objectId, packageId, digest] = known as [string, string, string, string];
  const types = [
    '0x2::sui::SUI',
    '0x2::coin::Coin',
    '0x2::coin::Coin<0x2::sui::SUI>',
    `${packageId}::counter::Counter`,
  ];
  const asked = /digest/i.test(name)
    ? [digest]
    : /type/i.test(name)
      ? types
      : /package/i.test(name)
        ? [packageId, '0x2', '0x1']
        : /module/i.test(name)
          ? ['counter', 'coin', `${packageId}::counter`]
          : /function|^name$/i.test(name)
            ? [
                'increment',
                'value',
                'Counter',
                `${packageId}::counter::value`,
                'TransactionData',
                'PersonalMessage',
              ]
            : [address, objectId, packageId, '0x6', '0x2'];
  return fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...asked) },
    { weight: 1, arbitrary: fc.constantFrom(...HOSTILE) },
    { weight: 1, arbitrary: fc.string() },
  );
}

const [DOUBLE, INT64, UINT64, INT32, BOOL, STRING, BYTES, UINT32] = [1, 3, 4, 5, 8, 9, 12, 13];

/** Protobuf's scalar types, by number, with hostile values among the plain ones. */
function scalar(type: number, name: string): fc.Arbitrary<unknown> {
  switch (type) {
    case BOOL:
      return fc.boolean();
    case STRING:
      return text(name);
    case BYTES:
      return fc.oneof(
        fc.uint8Array({ maxLength: 100 }),
        text(name).map((some) => Buffer.from(some)),
      );
    case DOUBLE:
      return fc.double();
    case INT64:
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case UINT64:
      return fc.oneof(
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.constantFrom(0n, 1n, 2n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n),
      );
    case INT32:
      return fc.integer();
    case UINT32:
      return fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.constantFrom(0, 1, 2, 2 ** 32 - 1));
    default:
      throw new Error(`No request has a field of scalar type ${type}`);
  }
}

function value(field: Field, depth: number): fc.Arbitrary<unknown> {
  const one = single(field, depth);
  return field.repeat ? fc.array(one, { maxLength: 3 }) : one;
}

function single(field: Field, depth: number): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case 'scalar':
      return scalar(field.T as number, field.localName);
    case 'enum':
      return fc.oneof(fc.integer({ min: 0, max: 6 }), fc.constantFrom(-1, 99, 2 ** 31 - 1));
    case 'map':
      return fc.constant({});
    case 'message':
      return message((field.T as () => Message)(), depth + 1);
  }
}

/** Paths of some answers, and of none. */
const PATHS = [
  'digest',
  'effects',
  'json',
  'object_id',
  'events.events.json',
  'digest.x',
  '',
  '.',
  'bcs..',
  'nothing',
];
const masks = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ paths: ['*'] }) },
  { weight: 1, arbitrary: fc.record({ paths: fc.array(fc.constantFrom(...PATHS), { maxLength: 2 }) }) },
);

function message(type: Message, depth: number): fc.Arbitrary<object> {
  if (type.typeName === 'google.protobuf.FieldMask') return masks;
  if (depth > 7) return fc.constant(type.create());
  const shape: Record<string, fc.Arbitrary<unknown>> = {};
  for (const field of type.fields.filter(({ oneof }) => !oneof)) {
    const isList = field.repeat || field.kind === 'map';
    shape[field.localName] = isList
      ? value(field, depth)
      : fc.option(value(field, depth), { nil: undefined, freq: 8 });
  }
  const groups = Map.groupBy(
    type.fields.filter(({ oneof }) => oneof),
    ({ oneof }) => oneof!,
  );
  for (const [name, fields] of groups) shape[name] = choice(fields, depth);
  return fc.record(shape).map((fields) => type.create(fields));
}

function choice(fields: Field[], depth: number): fc.Arbitrary<unknown> {
  const choices = fields.map((field) =>
    value(field, depth).map((inner) => ({ oneofKind: field.localName, [field.localName]: inner })),
  );
  return fc.oneof(
    { weight: 1, arbitrary: fc.constant({ oneofKind: undefined }) },
    ...choices.map((arbitrary) => ({ weight: 4, arbitrary })),
  );
}

/** A message with one of its fields, at any depth, made another. */
function near(type: Message, from: Record<string, unknown>): fc.Arbitrary<object> {
  const changed = (name: string) => (inner: unknown) => ({ ...from, [name]: inner });
  const others = type.fields
    .filter(({ oneof }) => !oneof)
    .flatMap((field) => {
      const name = field.localName;
      const replaced = value(field, 0).map(changed(name));
      if (field.kind !== 'message' || from[name] === undefined) return [replaced];
      const inner = (field.T as () => Message)();
      if (!field.repeat) return [replaced, near(inner, from[name] as never).map(changed(name))];
      const list = from[name] as Record<string, unknown>[];
      const inside = list.map((item, index) =>
        near(inner, item).map((next) => changed(name)(list.with(index, next as never))),
      );
      return [replaced, ...inside];
    });
  const chosen = type.fields.flatMap((field) => {
    const group = field.oneof && (from[field.oneof] as { oneofKind?: string; [kind: string]: unknown });
    if (!group || group.oneofKind !== field.localName || field.kind !== 'message') return [];
    const inner = near((field.T as () => Message)(), group[field.localName] as never);
    return [
      inner.map((next) => changed(field.oneof!)({ oneofKind: field.localName, [field.localName]: next })),
    ];
  });
  return fc.oneof(...others, ...chosen);
}

test('a simulation of what is nearly a transaction never fails by a defect', async () => {
  const { path, I } = methods.find(({ name }) => name === 'SimulateTransaction')!;
  const { response } = await client.ledgerService.getTransaction({
    digest: known[3]!,
    readMask: { paths: ['transaction'] },
  });
  const { kind, sender } = response.transaction!.transaction!;
  const transaction = { kind, sender, expiration: { kind: 1 } };
  const request = I.create({ transaction, doGasSelection: true });
  await neverADefect(path, I, near(I, request as never), 10 * RUNS);
}, 60_000);

const RUNS = 150;

test.each(methods.map(({ path, ...method }) => [path, method] as const))(
  '%s never fails by a defect',
  async (path, { I }) => neverADefect(path, I, message(I, 0), /Subscribe/.test(path) ? 20 : RUNS),
  60_000,
);

async function neverADefect(
  path: string,
  type: Message,
  requests: fc.Arbitrary<object>,
  numRuns: number,
): Promise<void> {
  const defects = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const check = async (request: object) => {
    const code = await status(path, type.toBinary(request));
    expect(defects.mock.calls.map(([, error]) => (error as Error).stack)).toEqual([]);
    expect(code).not.toBe(INTERNAL);
  };
  try {
    await fc.assert(fc.asyncProperty(requests, check), { numRuns });
  } finally {
    defects.mockRestore();
  }
  expect((await fetch(`${devnet.url}/healthz`)).status).toBe(200);
}
