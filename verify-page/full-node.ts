const utf8 = new TextEncoder();

/** An object as a full node shows it. */
export interface ChainObject {
  type: string;
  /** BCS. */
  contents: Uint8Array;
}

/**
 * The chain that a full node says it serves.
 *
 * @param url of a Sui full node that speaks gRPC-web
 */
export async function readChainId(url: string): Promise<string> {
  return text(field(await call(url, 'GetServiceInfo', new Uint8Array()), 1), 'chain_id');
}

/** An object's type and contents; nothing proves them but the full node's word. */
export async function readObject(url: string, id: string): Promise<ChainObject> {
  // GetObjectRequest { object_id = 1; read_mask = 3 }, FieldMask { paths = 1 }
  const mask = message(1, utf8.encode('object_type'), message(1, utf8.encode('contents')));
  const answer = await call(url, 'GetObject', message(1, utf8.encode(id), message(3, mask)));
  // GetObjectResponse { object = 1 }, Object { object_type = 6; contents = 8 }, Bcs { value = 2 }
  const object = field(answer, 1) ?? new Uint8Array();
  const contents = field(field(object, 8) ?? new Uint8Array(), 2);
  if (contents === undefined) throw new Error(`The full node shows no contents of ${id}`);
  return { type: text(field(object, 6), 'object_type'), contents };
}

/** One call of gRPC-web: a frame out, frames back, the last of them trailers. */
async function call(url: string, method: string, request: Uint8Array): Promise<Uint8Array> {
  const body = new Uint8Array(5 + request.length);
  new DataView(body.buffer).setUint32(1, request.length);
  body.set(request, 5);
  const response = await fetch(`${url.replace(/\/+$/, '')}/sui.rpc.v2.LedgerService/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1' },
    body,
  });
  if (!response.ok) throw new Error(`The full node answers ${method} with HTTP ${response.status}`);
  const { data, trailers } = readFrames(new Uint8Array(await response.arrayBuffer()));
  const status = /grpc-status: *(\d+)/i.exec(trailers)?.[1] ?? response.headers.get('grpc-status');
  const reason = /grpc-message: *([^\r\n]*)/i.exec(trailers)?.[1] ?? '';
  if (status !== '0' || data === undefined)
    throw new Error(`The full node refuses ${method}: ${decodeURIComponent(reason) || `status ${status}`}`);
  return data;
}

function readFrames(bytes: Uint8Array): { data: Uint8Array | undefined; trailers: string } {
  let data: Uint8Array | undefined;
  let trailers = '';
  for (let offset = 0; offset + 5 <= bytes.length; ) {
    const length = new DataView(bytes.buffer, bytes.byteOffset + offset + 1).getUint32(0);
    const frame = bytes.subarray(offset + 5, offset + 5 + length);
    if (frame.length < length) throw new Error('The full node\u2019s answer is cut short');
    if ((bytes[offset]! & 0x80) === 0) data ??= frame;
    else trailers += new TextDecoder().decode(frame);
    offset += 5 + length;
  }
  return { data, trailers };
}

/** A field of protobuf's length-delimited kind, before `rest`. */
function message(number: number, value: Uint8Array, rest = new Uint8Array()): Uint8Array<ArrayBuffer> {
  if (value.length >= 0x80) throw new Error('Cannot write a field of 128 bytes or more');
  return Uint8Array.of((number << 3) | 2, value.length, ...value, ...rest);
}

/** The first length-delimited field of this number; undefined when there is none. */
function field(bytes: Uint8Array, number: number): Uint8Array | undefined {
  let offset = 0;
  const varint = () => {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = bytes[offset++];
      if (byte === undefined || scale > 2 ** 63) throw new Error('The full node\u2019s answer is malformed');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (offset < bytes.length) {
    const key = varint();
    const kind = key % 8;
    const length = kind === 2 ? varint() : { 1: 8, 5: 4 }[kind];
    if (kind === 0) varint();
    else if (length === undefined || offset + length > bytes.length)
      throw new Error('The full node\u2019s answer is malformed');
    else offset += length;
    if (kind === 2 && (key - kind) / 8 === number) return bytes.subarray(offset - length!, offset);
  }
  return undefined;
}

function text(bytes: Uint8Array | undefined, name: string): string {
  if (bytes === undefined) throw new Error(`The full node shows no ${name}`);
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}
