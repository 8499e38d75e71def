/** gRPC-web framing: {flags: u8, length: u32 big-endian, message}; the trailers are a frame with the top bit set. */
import { DevnetError, type DevnetErrorCode } from '../error.ts';

const TRAILERS = 0x80;
const COMPRESSED = 0x01;
const HEADER_LENGTH = 5;

/** Numbers of gRPC status codes. */
export const STATUS: Record<DevnetErrorCode | 'OK', number> = {
  OK: 0,
  INVALID_ARGUMENT: 3,
  NOT_FOUND: 5,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
};

/** @returns a message in its frame */
export function messageFrame(message: Uint8Array): Buffer {
  return frame(0, message);
}

/** @returns the frame that ends every response */
export function trailersFrame(status: number, message = ''): Buffer {
  const text = `grpc-status:${status}\r\n${message ? `grpc-message:${encodeURIComponent(message)}\r\n` : ''}`;
  return frame(TRAILERS, Buffer.from(text));
}

/** @returns the one message of a request. @throws {DevnetError} */
export function readRequest(body: Buffer): Buffer {
  if (body.length < HEADER_LENGTH)
    throw new DevnetError('INVALID_ARGUMENT', 'Cannot read request: no gRPC frame');
  if (body[0]! & COMPRESSED)
    throw new DevnetError('UNIMPLEMENTED', 'Compressed gRPC messages are not supported by this devnet');
  const length = body.readUInt32BE(1);
  if (body[0] !== 0 || body.length !== HEADER_LENGTH + length) {
    throw new DevnetError('INVALID_ARGUMENT', 'Cannot read request: not exactly one gRPC frame');
  }
  return body.subarray(HEADER_LENGTH);
}

function frame(flags: number, content: Uint8Array): Buffer {
  const header = Buffer.alloc(HEADER_LENGTH);
  header[0] = flags;
  header.writeUInt32BE(content.length, 1);
  return Buffer.concat([header, content]);
}
