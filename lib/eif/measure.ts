import { createHash, type Hash } from 'node:crypto';
import { fromHex, toHex } from '@daasvader/attestation/bytes.ts';
import type { Image } from './image.ts';
import { type SigningKey, signPcr0, verifyPcr0 } from './signature.ts';

/** PCRs that the hypervisor derives from an image, SHA-384 in lowercase hexadecimal. */
export interface Measurements {
  /** Kernel, command line and all ramdisks. */
  PCR0: string;
  /** Kernel, command line and first ramdisk. */
  PCR1: string;
  /** The other ramdisks. */
  PCR2: string;
  /** The signing certificate; absent when the image is not signed, and then zero in the machine. */
  PCR8?: string;
}

/**
 * Measures an image as Nitro Enclaves do.
 *
 * A signature is verified first: PCR 8 of an image that somebody else signed would be a lie. That the certificate is
 * valid today is not checked, so that the answer does not depend on the day; AWS checks it when the enclave starts.
 *
 * @throws EifError `eif_signature_malformed`, `eif_signature_invalid`, `eif_certificate` or `eif_certificate_key`
 */
export async function measure({ kernel, cmdline, ramdisks, signature }: Image): Promise<Measurements> {
  const [all, boot, application] = [createHash('sha384'), createHash('sha384'), createHash('sha384')];
  await hash(kernel, all, boot);
  await hash(new Blob([cmdline]), all, boot);
  for (const [index, ramdisk] of ramdisks.entries())
    await hash(ramdisk, all, index === 0 ? boot : application);
  const measurements = { PCR0: extendZero(all), PCR1: extendZero(boot), PCR2: extendZero(application) };
  if (signature === undefined) return measurements;
  const certificate = await verifyPcr0(signature, fromHex(measurements.PCR0)!);
  return { ...measurements, PCR8: extendZero(createHash('sha384').update(certificate)) };
}

/**
 * The image with a signature over its PCR 0, which gives it a PCR 8. ECDSA is randomised: signing again gives another
 * file with the same PCRs.
 *
 * @throws EifError `eif_certificate` or `eif_certificate_key`
 */
export async function sign(image: Image, signer: SigningKey): Promise<Image> {
  const { signature: _, ...unsigned } = image;
  const { PCR0 } = await measure(unsigned);
  return { ...unsigned, signature: signPcr0(fromHex(PCR0)!, signer) };
}

async function hash(part: Blob, ...hashes: Hash[]): Promise<void> {
  for await (const chunk of part.stream()) for (const each of hashes) each.update(chunk);
}

/** What a PCR holds that was zero and was extended once: SHA-384(48 zero bytes ‖ digest). */
function extendZero(digest: Hash): string {
  return toHex(createHash('sha384').update(new Uint8Array(48)).update(digest.digest()).digest());
}
