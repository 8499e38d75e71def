import type { Command } from 'commander';
import { z } from 'zod';
import { withJson } from './context.ts';
import { type KubeOptions, openKube, withKube } from './kube/open.ts';
import { getJson } from './kube/request.ts';
import { formatTable, printJson } from './output.ts';

/** Kubernetes keeps them for an hour; of more than these the oldest are not shown. */
const LIMIT = 1_000;

const event = z.object({
  type: z.string().default(''),
  reason: z.string().default(''),
  message: z.string().default(''),
  count: z.int().nullish(),
  involvedObject: z.object({ kind: z.string().default(''), name: z.string().default('') }),
  lastTimestamp: z.string().nullish(),
  eventTime: z.string().nullish(),
  metadata: z.object({ creationTimestamp: z.string().nullish() }),
});
const events = z.object({ items: z.array(event) });

/** An event as it is shown. */
export interface ShownEvent {
  /** RFC 3339. */
  time: string;
  type: string;
  reason: string;
  object: string;
  count: number;
  message: string;
}

/** `daas events`: what Kubernetes noted about something and what it made, oldest first. */
export function eventsCommand(command: Command): void {
  withJson(withKube(command))
    .argument('[name]', 'about that, and what it made; about everything when left out')
    .action(async (name: string | undefined, options: KubeOptions & { json?: boolean }) => {
      const credential = await (await openKube(options))();
      const namespace = encodeURIComponent(options.namespace ?? credential.namespace);
      const path = `/api/v1/namespaces/${namespace}/events?limit=${LIMIT}`;
      const shown = eventsOf((await getJson(credential, path, events)).items, name);
      if (options.json) printJson({ events: shown });
      else
        process.stdout.write(
          formatTable(['LAST', 'TYPE', 'REASON', 'OBJECT', 'COUNT', 'MESSAGE'], rowsOf(shown)),
        );
    });
}

/** Those about an object of that name, or about one whose name a controller made from it. */
export function eventsOf(items: readonly z.input<typeof event>[], name: string | undefined): ShownEvent[] {
  return items
    .map((item) => shownOf(event.parse(item)))
    .filter(({ object }) => {
      const about = object.slice(object.indexOf('/') + 1);
      return name === undefined || about === name || about.startsWith(`${name}-`);
    })
    .sort((a, b) => a.time.localeCompare(b.time));
}

function shownOf({
  involvedObject,
  lastTimestamp,
  eventTime,
  metadata,
  ...rest
}: z.output<typeof event>): ShownEvent {
  const { type, reason, message, count } = rest;
  const time = lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '';
  const object = `${involvedObject.kind.toLowerCase()}/${involvedObject.name}`;
  return { time, type, reason, object, count: count ?? 1, message };
}

function rowsOf(shown: readonly ShownEvent[]): string[][] {
  return shown.map(({ time, type, reason, object, count, message }) => [
    ...[time, type, reason, object, `${count}`, message.trim()],
  ]);
}
