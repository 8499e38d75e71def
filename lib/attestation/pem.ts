import type { Bytes } from './bytes.ts';

const CERTIFICATE = /^\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*$/;

/**
 * DER of the one certificate in a PEM file.
 *
 * @returns undefined when `pem` holds anything else
 */
export function decodePem(pem: string): Bytes | undefined {
  const base64 = CERTIFICATE.exec(pem)?.[1]?.replace(/\s/g, '');
  if (base64 === undefined) return undefined;
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    return undefined; // not base64 after all
  }
}

/** A certificate as PEM, lines of 64 characters. */
export function encodePem(der: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...der));
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`;
}
