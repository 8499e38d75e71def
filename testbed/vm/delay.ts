import { openSync, read, write } from 'node:fs';
import { ioctl } from '@daasvader/enclave/init/system.ts';

/*
 * Delays what is routed into a TUN device, and gives it back to the kernel, which has no netem everywhere.
 *
 *   node delay.ts DEVICE MILLISECONDS
 */

// linux/if_tun.h: struct ifreq is a name of 16 bytes, flags, and padding to 40.
const TUNSETIFF = 0x4004_54ca;
const IFF_TUN_NO_PI = 0x1001;
/** The MTU that a TUN device has at first. */
const MAX_PACKET = 1_500;

const [device = '', milliseconds = ''] = process.argv.slice(2);
const tun = openSync('/dev/net/tun', 'r+');
const request = Buffer.alloc(40);
request.write(device);
request.writeUInt16LE(IFF_TUN_NO_PI, 16);
ioctl(tun, TUNSETIFF, request);
process.stdout.write('ready\n');
forward();

function forward(): void {
  const packet = Buffer.alloc(MAX_PACKET);
  read(tun, packet, 0, MAX_PACKET, null, (error, length) => {
    if (error !== null) throw error;
    setTimeout(() => write(tun, packet, 0, length, null, dropped), Number(milliseconds));
    forward();
  });
}

/** A packet that the kernel does not take, such as while the device is down, is lost as any other. */
function dropped(): void {}
