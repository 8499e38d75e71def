import { openAsBlob } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import { printable } from '@daasvader/attestation/printable.ts';
import { diffImages, type FileDifference, type PartDifference } from '@daasvader/eif/diff.ts';
import { type Measurements, measure } from '@daasvader/eif/measure.ts';
import { readEif } from '@daasvader/eif/read.ts';
import { Command } from 'commander';
import { formatTable, printJson } from './output.ts';

const EXIT_DIFFERENT = 1;

const MEANINGS: Record<keyof Measurements, string> = {
  PCR0: 'kernel, command line and all ramdisks',
  PCR1: 'kernel, command line and first ramdisk',
  PCR2: 'other ramdisks',
  PCR8: 'signing certificate',
};

interface OutputOptions {
  json?: boolean;
}

/** `daas image`: look into the image that an enclave boots from. */
export function imageCommand(command: Command): void {
  command.addCommand(measureCommand()).addCommand(diffCommand());
}

function measureCommand(): Command {
  return new Command('measure')
    .description('print the PCRs of an image; exit 0 measured, 1 malformed, 2 wrong usage')
    .argument('<file>', 'the image (EIF)')
    .option('--json', 'print one line of JSON')
    .action(async (file: string, { json }: OutputOptions, command: Command) => {
      const measurements = await measure(await readEif(await open(file, command)));
      if (json) printJson(measurements);
      else process.stdout.write(describe(measurements));
    });
}

function diffCommand(): Command {
  return new Command('diff')
    .description('name what differs in two images; exit 0 nothing, 1 something or malformed, 2 wrong usage')
    .argument('<a>', 'an image (EIF)')
    .argument('<b>', 'another image')
    .option('--json', 'print one line of JSON')
    .action(async (a: string, b: string, { json }: OutputOptions, command: Command) => {
      const [before, after] = [await open(a, command), await open(b, command)];
      const parts = await diffImages(await readEif(before), await readEif(after));
      const same = parts.every(({ change }) => change === 'same');
      if (json) printJson({ same, parts });
      else process.stdout.write(parts.map(describePart).join(''));
      if (!same) process.exitCode = EXIT_DIFFERENT;
    });
}

/** A file that cannot be read says nothing about the image, so it is wrong usage and not a refusal. */
async function open(path: string, command: Command): Promise<Blob> {
  try {
    await access(path, constants.R_OK);
    if (!(await stat(path)).isFile()) throw new Error('it is not a file');
    return await openAsBlob(path);
  } catch (error) {
    return command.error(printable(`error: Cannot read ${path}: ${(error as Error).message}`));
  }
}

function describe(measurements: Measurements): string {
  const rows = Object.entries(measurements).map(([pcr, value]) => [
    pcr,
    value,
    MEANINGS[pcr as keyof Measurements],
  ]);
  return formatTable(['PCR', 'SHA-384', 'OVER'], rows);
}

function describePart({ part, change, files = [], note }: PartDifference): string {
  const details = [...files.map(describeFile), ...(note ? [note] : [])];
  const lines = [`${part}: ${change}`, ...details.map((detail) => `  ${detail}`)];
  return `${lines.map(printable).join('\n')}\n`;
}

/** Paths come from the image: quoted, so that one sees where they end. */
function describeFile({ path, change, a, b }: FileDifference): string {
  const fields = Object.keys({ ...a, ...b }) as (keyof NonNullable<typeof a>)[];
  const differing = fields.filter((field) => field !== 'path' && a?.[field] !== b?.[field]);
  const shown = a && b ? differing : (['mode', 'sha256'] as const);
  const values = shown.map((field) =>
    [
      field,
      ...[a, b].filter((file) => file !== undefined).map((file) => JSON.stringify(file[field] ?? null)),
    ].join(' '),
  );
  return `${change} ${JSON.stringify(path)}: ${values.join(', ')}`;
}
