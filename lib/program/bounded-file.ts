import { open } from 'node:fs/promises';

/**
 * Reads a file that a person named, which may be a pipe, a device without end or the wrong file: of more than
 * `maxBytes`, no more is read than shows it.
 *
 * @throws RangeError when there is more; otherwise what the system says
 */
export async function readBounded(path: string, maxBytes: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const bytes = Buffer.alloc(maxBytes + 1);
    let length = 0;
    for (let read = 1; read > 0 && length <= maxBytes; length += read)
      read = (await file.read(bytes, length, bytes.length - length, null)).bytesRead;
    if (length > maxBytes) throw new RangeError(`it holds more than ${maxBytes} bytes`);
    return bytes.subarray(0, length);
  } finally {
    await file.close();
  }
}
