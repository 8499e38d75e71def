import { Tag } from '@daasvader/attestation/der.ts';
import { element, extension, integer, oid, sequence } from '@daasvader/attestation/testing/der.ts';
import { encodeRequest } from '@daasvader/enclave/kube/certificate-request.ts';
import {
  alternativeNames,
  asking,
  attribute,
  COMMON_NAME,
  name,
  newKeys,
  nodeName,
  ORGANIZATION,
  requestDer,
  requestPem,
} from '@daasvader/enclave/kube/testing/certificate-request.ts';
import fc from 'fast-check';

// Requests for a certificate as nobody well-behaved writes them, each with its own worker's honest one nearby.

const foreignKeys = newKeys();
export const own = requestPem();
const serving = { attributes: asking([alternativeNames(['worker-1'], [[10, 99, 0, 2]])]) };
export const ownServing = requestPem(serving);
const foreign = requestPem({ subject: nodeName('worker-2'), keys: foreignKeys });
const BEGIN = '-----BEGIN CERTIFICATE REQUEST-----';

/** PEM around requests: who finds which block? */
function oddTexts(): string[] {
  const body = own.split('\n').slice(1, -2).join('');
  const foreignBody = foreign.split('\n').slice(1, -2);
  return [
    `x${foreign}${own}`,
    `x${own}${foreign}`,
    ...[
      'x',
      ' ',
      '\t',
      '-',
      '\u00e9',
      '\0',
      '\ufeff',
      '\n',
      '\r',
      'x\n',
      'x\r',
      '-----',
      `${BEGIN}`,
      `${BEGIN}\n`,
    ].flatMap((junk) => [
      junk + own,
      junk + foreign + own,
      own + junk,
      own + junk + foreign,
      foreign + junk + own,
    ]),
    own.replaceAll('\n', '\r\n'),
    own.replaceAll('\n', '\r'),
    own.replaceAll('\n', ' \n'),
    own.replaceAll('\n', '\n\n'),
    own.trimEnd(),
    own.replace(BEGIN, `${BEGIN} `),
    own.replace(BEGIN, ` ${BEGIN}`),
    own.replace(BEGIN, `${BEGIN}\nProc-Type: 4,ENCRYPTED\n`),
    own.replace(BEGIN, `${BEGIN}\nA: b\nC: d\n`),
    own.replace(BEGIN, `${BEGIN}\n: \n`),
    own.replaceAll('CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'),
    own.replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE'),
    own.replace('END CERTIFICATE REQUEST', 'END CERTIFICATE'),
    own.replaceAll('CERTIFICATE REQUEST', 'certificate request'),
    `${BEGIN}\n${body}\n-----END CERTIFICATE REQUEST-----\n`,
    `${BEGIN}\n${body.replace(/.{1,76}/g, '$&\n')}-----END CERTIFICATE REQUEST-----\n`,
    `${BEGIN}\n${body.replace(/.{1,64}/g, '$&\n')}====\n-----END CERTIFICATE REQUEST-----\n`,
    `${BEGIN}${body}-----END CERTIFICATE REQUEST-----`,
    `${BEGIN}\n${body.replaceAll('+', '-').replaceAll('/', '_')}\n-----END CERTIFICATE REQUEST-----\n`,
    `${BEGIN}\n${[...foreignBody, '-----END CERTIFICATE REQUEST-----'].join('\n')}${own}`,
    `${BEGIN}\n${foreignBody.join('\n')}${own}`,
    `${BEGIN}\n${BEGIN}\n${foreignBody.join('\n')}\n-----END CERTIFICATE REQUEST-----\n${own}`,
    own.replace('\n', '\n\0'),
    Buffer.from(own, 'latin1').toString('utf16le'),
    body,
    Buffer.from(body, 'base64').toString('latin1'),
  ];
}

const O = attribute(ORGANIZATION, 'system:nodes');
const CN = attribute(COMMON_NAME, 'system:node:worker-1');
const MASTERS = attribute(ORGANIZATION, 'system:masters');
const text = (tag: number, node = 'worker-1', encoding: BufferEncoding = 'latin1') => {
  const bytes = Buffer.from(`system:node:${node}`, encoding);
  return attribute(COMMON_NAME, tag === 0x1e ? bytes.swap16() : bytes, tag);
};

/** Subjects that one reader may take for the worker's own and another for somebody else's. */
function oddSubjects(): Uint8Array[] {
  const stringTags = [0x0c, 0x12, 0x13, 0x14, 0x16, 0x19, 0x1a, 0x1b, 0x04, 0x05, 0x03];
  return [
    name([CN], [O]),
    name([O, CN]),
    name([CN, O]),
    name([O, MASTERS], [CN]),
    name([MASTERS, O], [CN]),
    name([O], [MASTERS], [CN]),
    name([O], [CN], [attribute(COMMON_NAME, 'system:node:worker-2')]),
    name([O], [attribute(COMMON_NAME, 'system:node:worker-2')], [CN]),
    name([O], [CN, attribute(COMMON_NAME, 'system:node:worker-2')]),
    name([attribute(ORGANIZATION, 'system:nodes,CN=system:node:worker-1')]),
    name([attribute(ORGANIZATION, 'system:nodes'), attribute('2a03', 'x')], [CN]),
    name([O], [CN], [attribute('550405', '1')], [attribute('2b0601040182b41702', 'uid')]),
    name([O], [CN], []),
    name([O], []),
    name(),
    name([CN]),
    name([O]),
    name([O], [attribute(COMMON_NAME, 'system:kube-controller-manager')]),
    name([MASTERS], [attribute(COMMON_NAME, 'system:admin')]),
    nodeName('worker-2'),
    nodeName('worker-1 '),
    nodeName(' worker-1'),
    nodeName('worker-1\0'),
    nodeName('worker-1\0worker-2'),
    nodeName('WORKER-1'),
    nodeName('w\u00f6rker-1'),
    nodeName(`worker-1${'x'.repeat(300)}`),
    ...stringTags.map((tag) => name([O], [text(tag)])),
    ...stringTags.map((tag) => name([attribute(ORGANIZATION, 'system:nodes', tag)], [CN])),
    name([O], [text(0x1e, 'worker-1', 'utf16le')]),
    name([O], [text(0x0c, '\uff57orker-1', 'utf8')]),
    name([O], [text(0x0c, 'worker\u20101', 'utf8')]),
    element(Tag.sequence, element(Tag.sequence, O), element(Tag.set, CN)),
    element(Tag.set, element(Tag.set, O), element(Tag.set, CN)),
  ];
}

function oddAttributes(): Uint8Array[] {
  const names = alternativeNames(['worker-1'], [[10, 99, 0, 2]]);
  const general = (...items: Uint8Array[]) => extension('551d11', false, sequence(...items));
  const dns = (value: string) => element(0x82, Buffer.from(value));
  return [
    asking([names]),
    asking([names], [alternativeNames(['worker-2'])]),
    asking([alternativeNames(['worker-2'])], [names]),
    asking([names, alternativeNames(['worker-2'])]),
    asking([names], [names]),
    asking([]),
    asking(),
    element(Tag.context0, sequence(oid('2a864886f70d01090e'), element(Tag.set))),
    element(
      Tag.context0,
      sequence(
        oid('2a864886f70d01090e'),
        element(Tag.set, sequence(names), sequence(alternativeNames(['worker-2']))),
      ),
    ),
    element(
      Tag.context0,
      sequence(
        oid('2a864886f70d010907'),
        element(Tag.set, element(Tag.utf8String, Buffer.from('challenge'))),
      ),
    ),
    element(
      Tag.context0,
      sequence(oid('2b060104018237020e'), element(Tag.set, sequence(alternativeNames(['worker-2'])))),
    ),
    asking([extension('551d11', true, sequence(dns('worker-1')))]),
    asking([extension('551d0f', true, Uint8Array.of(3, 2, 1, 6))]),
    asking([extension('551d13', true, sequence(element(Tag.boolean, Uint8Array.of(0xff))))]),
    asking([names, extension('551d25', false, sequence(oid('2b06010505070302')))]),
    ...[
      'worker-2',
      'worker-1,worker-2',
      'worker-1\0.example',
      '',
      '*',
      'kubernetes.default',
      'WORKER-1',
      'worker-1.',
      'w\u00f6rker',
    ].flatMap((each) => [asking([general(dns(each))]), asking([general(dns('worker-1'), dns(each))])]),
    asking([general(dns('worker-1'), element(0x87, Uint8Array.of(1, 2, 3)))]),
    asking([general(dns('worker-1'), element(0x87, new Uint8Array(16)))]),
    asking([general(dns('worker-1'), element(0x81, Buffer.from('a@b')))]),
    asking([general(dns('worker-1'), element(0x86, Buffer.from('spiffe://x')))]),
    asking([general(dns('worker-1'), element(0x88, Uint8Array.of(42)))]),
    asking([general(dns('worker-1'), element(0xa4, nodeName('worker-2')))]),
    asking([
      general(
        dns('worker-1'),
        element(0xa0, oid('2a03'), element(0xa0, element(Tag.utf8String, Buffer.from('x')))),
      ),
    ]),
    asking([general()]),
    asking([extension('551d11', false, Uint8Array.of(0x30, 0x80, 0, 0))]),
  ];
}

/** Lengths and numbers in encodings that BER allows and DER does not. */
function oddEncodings(): Uint8Array[] {
  const longLength = (tag: number, body: Uint8Array, width: number) => {
    const digits = Array.from({ length: width }, (_, i) => (body.length >> (8 * (width - 1 - i))) & 255);
    return Buffer.concat([Uint8Array.of(tag, 0x80 + width, ...digits), body]);
  };
  const indefinite = (tag: number, body: Uint8Array) =>
    Buffer.concat([Uint8Array.of(tag, 0x80), body, Uint8Array.of(0, 0)]);
  const whole = requestDer();
  const inner = whole.subarray(4);
  return [
    Buffer.concat([whole, Uint8Array.of(0)]),
    Buffer.concat([whole, whole]),
    Buffer.concat([whole, requestDer({ subject: nodeName('worker-2') })]),
    whole.subarray(0, -1),
    longLength(Tag.sequence, inner, 3),
    longLength(Tag.sequence, inner, 4),
    indefinite(Tag.sequence, inner),
    requestDer({ info: (parts) => indefinite(Tag.sequence, Buffer.concat(parts)) }),
    requestDer({ info: (parts) => longLength(Tag.sequence, Buffer.concat(parts), 3) }),
    requestDer({ subject: longLength(Tag.sequence, nodeName('worker-1').subarray(2), 2) }),
    requestDer({ subject: indefinite(Tag.sequence, nodeName('worker-1').subarray(2)) }),
    ...[[], [1], [0, 0], [0x80], [0xff], [0, 1]].map((bytes) =>
      requestDer({ version: element(Tag.integer, Uint8Array.from(bytes)) }),
    ),
    requestDer({ version: integer(Uint8Array.of(2)) }),
    requestDer({ attributes: new Uint8Array() }),
    requestDer({ attributes: Uint8Array.of(0xa0, 0x80, 0, 0) }),
    requestDer({ attributes: Uint8Array.of(0xa0, 0x81, 0) }),
    requestDer({ trailing: element(Tag.context0, alternativeNames(['worker-2'])) }),
    requestDer({ trailing: Uint8Array.of(5, 0) }),
    requestDer({ algorithm: sequence(oid('2a8648ce3d040302'), Uint8Array.of(5, 0)) }),
    requestDer({ algorithm: sequence(oid('2a8648ce3d040303')) }),
    requestDer({ algorithm: sequence(oid('2a864886f70d01010b'), Uint8Array.of(5, 0)) }),
    requestDer({ signature: (real) => real.subarray(0, -1) }),
    requestDer({ signature: (real) => Buffer.concat([real, Uint8Array.of(0)]) }),
    requestDer({
      signature: (real) => Buffer.concat([Uint8Array.of(0x30, 0x81, real.length - 2), real.subarray(2)]),
    }),
    requestDer({ signature: () => new Uint8Array() }),
    requestDer({ publicKeyInfo: foreignKeys.publicKey.export({ type: 'spki', format: 'der' }) }),
    requestDer({ keys: newKeys('P-384') }),
    requestDer({ keys: newKeys('P-521') }),
    requestDer({ keys: newKeys('secp256k1') }),
  ];
}

/** Every odd request that somebody thought of, each once and, where it is about names, for both kinds of certificate. */
export function oddRequests(): string[] {
  const subjects = oddSubjects().flatMap((subject) => [
    requestPem({ subject }),
    requestPem({ ...serving, subject }),
  ]);
  const attributes = oddAttributes().map((each) => requestPem({ attributes: each }));
  return [
    own,
    ownServing,
    foreign,
    ...oddTexts(),
    ...subjects,
    ...attributes,
    ...oddEncodings().map(encodeRequest),
  ];
}

/** Requests with some bytes changed, removed, doubled or put elsewhere: in the text, in the DER, and before it is signed. */
export function mutatedRequests(count: number, seed: number): string[] {
  const bases = oddRequests();
  const edit = fc.record({
    at: fc.nat(),
    kind: fc.nat(4),
    byte: fc.nat(255),
    length: fc.integer({ min: 1, max: 12 }),
  });
  const recipe = fc.record({
    level: fc.constantFrom('text', 'der', 'signed'),
    base: fc.constantFrom(...bases),
    parts: fc.constantFrom({}, serving),
    edits: fc.array(edit, { minLength: 1, maxLength: 3 }),
  });
  return fc.sample(recipe, { numRuns: count, seed }).map(({ level, base, parts, edits }) => {
    const mutate = (bytes: Uint8Array) => edits.reduce(mutated, Buffer.from(bytes));
    if (level === 'text') return mutate(Buffer.from(base, 'latin1')).toString('latin1');
    if (level === 'der') return encodeRequest(mutate(requestDer(parts)));
    return encodeRequest(requestDer({ ...parts, info: (contents) => mutate(sequence(...contents)) }));
  });
}

interface Edit {
  at: number;
  kind: number;
  byte: number;
  length: number;
}

function mutated(bytes: Buffer, { at, kind, byte, length }: Edit): Buffer {
  const offset = at % Math.max(bytes.length, 1);
  const [before, piece, after] = [
    bytes.subarray(0, offset),
    bytes.subarray(offset, offset + length),
    bytes.subarray(offset + length),
  ];
  const changes = [
    () => Buffer.concat([before, Buffer.from([byte]), bytes.subarray(offset + 1)]),
    () => Buffer.concat([before, Buffer.from([byte]), piece, after]),
    () => Buffer.concat([before, after]),
    () => Buffer.concat([before, piece, piece, after]),
    () =>
      Buffer.concat([
        before,
        Buffer.from([(bytes[offset] ?? 0) ^ (1 << (byte % 8))]),
        bytes.subarray(offset + 1),
      ]),
  ];
  return changes[kind]!();
}
