import { closeSync, openSync } from 'node:fs';
import { Encoder } from 'cbor-x';
import koffi from 'koffi';
import { z } from 'zod';
import { type AttestationRequest, checkRequest, type Nsm, type NsmDescription, NsmError } from './nsm.ts';

const DEVICE = '/dev/nsm';
/** _IOWR(0x0A, 0, struct nsm_raw) of linux/nsm.h. */
const NSM_RAW = 0xc020_0a00;
/** NSM_RESPONSE_MAX_SIZE of the driver. */
const MAX_RESPONSE_BYTES = 0x3000;
const PCR_BYTES = 48;
/** Registers that a document shows without being locked. */
const SHOWN_PCRS = 16;

const bytes = z.instanceof(Uint8Array);
const failure = z.object({ Error: z.string() });
const answers = {
  describe: z.object({
    DescribeNSM: z.object({ module_id: z.string(), max_pcrs: z.int(), locked_pcrs: z.array(z.int()) }),
  }),
  describePcr: z.object({
    DescribePCR: z.object({ lock: z.boolean(), data: bytes.refine(({ length }) => length === PCR_BYTES) }),
  }),
  extendPcr: z.object({ ExtendPCR: z.object({ data: bytes }) }),
  lockPcr: z.literal('LockPCR'),
  attest: z.object({ Attestation: z.object({ document: bytes }) }),
  random: z.object({ GetRandom: z.object({ random: bytes }) }),
};

const cbor = new Encoder({
  useRecords: false,
  mapsAsObjects: true,
  tagUint8Array: false,
  variableMapSize: true,
});
const iovec = koffi.struct({ base: 'uint8_t *', length: 'size_t' });
const nsmRaw = koffi.struct({ request: iovec, response: iovec });
const ioctl = koffi
  .load('libc.so.6')
  .func('ioctl', 'int', ['int', 'unsigned long', koffi.inout(koffi.pointer(nsmRaw))]);

/** The Nitro Security Module behind the driver's /dev/nsm, where hypervisor and hardware answer. */
export class NsmDevice implements Nsm {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Opens the device.
   *
   * @throws NsmError `nsm_device` when this machine has none
   */
  static open(): NsmDevice {
    try {
      return new NsmDevice(openSync(DEVICE, 'r+'));
    } catch (cause) {
      throw new NsmError('nsm_device', `Cannot open ${DEVICE}: this machine is not a Nitro enclave`, {
        cause,
      });
    }
  }

  async describe(): Promise<NsmDescription> {
    const { DescribeNSM: nsm } = this.#ask('DescribeNSM', answers.describe);
    const pcrs = new Map<number, Uint8Array>();
    for (let index = 0; index < nsm.max_pcrs; index++)
      if (index < SHOWN_PCRS || nsm.locked_pcrs.includes(index)) pcrs.set(index, this.#pcr(index));
    return { moduleId: nsm.module_id, pcrs };
  }

  async attest(request: AttestationRequest): Promise<Uint8Array> {
    checkRequest(request);
    const { nonce = null, userData = null, publicKey = null } = request;
    const fields = { user_data: userData, nonce, public_key: publicKey };
    const question = { Attestation: fields };
    const { Attestation: attestation } = read(question, await this.#exchangeAside(question), answers.attest);
    return attestation.document;
  }

  async random(length: number): Promise<Uint8Array> {
    const { random } = this.#ask('GetRandom', answers.random).GetRandom;
    if (!Number.isInteger(length) || length < 1 || length > random.length)
      throw new NsmError(
        'nsm_random_length',
        `Cannot give ${length} random bytes: ask for 1 to ${random.length}`,
      );
    return random.subarray(0, length);
  }

  /**
   * Extends a register that is not locked: it becomes SHA-384(register ‖ data).
   *
   * @throws NsmError `nsm_device` when it is locked
   */
  extend(index: number, data: Uint8Array): void {
    this.#ask({ ExtendPCR: { index, data } }, answers.extendPcr);
  }

  /**
   * Makes a register constant until the machine ends; documents show it from now on.
   *
   * @throws NsmError `nsm_device` when it is locked already
   */
  lock(index: number): void {
    this.#ask({ LockPCR: { index } }, answers.lockPcr);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #pcr(index: number): Uint8Array {
    return this.#ask({ DescribePCR: { index } }, answers.describePcr).DescribePCR.data;
  }

  #ask<T>(request: unknown, answer: z.ZodType<T>): T {
    const message = messageOf(request);
    return read(request, taken(message, ioctl(this.#fd, NSM_RAW, message)), answer);
  }

  /** Asks on another thread: signing a document takes so long that the others would notice. */
  async #exchangeAside(request: unknown): Promise<Buffer> {
    const message = messageOf(request);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    ioctl.async(this.#fd, NSM_RAW, message, (error: Error | null, result: number) =>
      error ? reject(error) : resolve(result),
    );
    return taken(message, await promise);
  }
}

interface Message {
  readonly request: { readonly base: Buffer; readonly length: number };
  readonly response: { readonly base: Buffer; readonly length: number };
  /** Where the response will be; koffi replaces its `base` by an address. */
  readonly buffer: Buffer;
}

function messageOf(request: unknown): Message {
  const question = Buffer.from(cbor.encode(request)); // the encoder goes on writing in its own
  const buffer = Buffer.alloc(MAX_RESPONSE_BYTES);
  return {
    request: { base: question, length: question.length },
    response: { base: buffer, length: buffer.length },
    buffer,
  };
}

/** The response, whose length the driver leaves in the message. */
function taken({ buffer, response }: Message, result: number): Buffer {
  if (result !== 0)
    throw new NsmError('nsm_device', `Cannot ask the NSM: ioctl failed with error ${koffi.errno()}`);
  return buffer.subarray(0, Number(response.length));
}

function read<T>(request: unknown, response: Buffer, answer: z.ZodType<T>): T {
  const decoded: unknown = cbor.decode(response);
  const refusal = failure.safeParse(decoded);
  const name = typeof request === 'string' ? request : Object.keys(request as object)[0];
  if (refusal.success)
    throw new NsmError('nsm_device', `Cannot ${name}: the NSM answered ${refusal.data.Error}`);
  const result = answer.safeParse(decoded);
  if (result.success) return result.data;
  throw new NsmError('nsm_device', `Cannot ${name}: the NSM answered something else`, {
    cause: result.error,
  });
}
