import { GrpcTypes } from '@mysten/sui/grpc';
import { DevnetError } from '../error.ts';

interface FieldMask {
  paths: string[];
}

/** What protobuf-ts tells of a message. */
interface MessageType {
  fields: readonly { name: string; kind: string; T?: () => MessageType }[];
}

type MessageName =
  | 'Checkpoint'
  | 'DynamicField'
  | 'Epoch'
  | 'Event'
  | 'ExecutedTransaction'
  | 'Object'
  | 'SimulateTransactionResponse';

/** Which fields of a response message the client asked for; names as in the `.proto` files. */
export class Mask {
  readonly #all: boolean;
  readonly #children: Map<string, Mask>;

  private constructor(all: boolean, children: Map<string, Mask>) {
    this.#all = all;
    this.#children = children;
  }

  /**
   * @param fallback - what the method returns when the client does not say, as Sui documents it
   * @param message - the name of the message it is of, whose fields the paths must be
   * @throws {DevnetError} `INVALID_ARGUMENT`
   */
  static of(mask: FieldMask | undefined, fallback: string, message: MessageName): Mask {
    for (const path of mask?.paths ?? []) checkPath(path, GrpcTypes[message] as unknown as MessageType);
    const root = Mask.#build(mask?.paths.length ? mask.paths : fallback.split(','));
    return root.#children.has('*') ? new Mask(true, new Map()) : root;
  }

  static #build(paths: string[]): Mask {
    const rests = new Map<string, string[]>();
    for (const path of paths) {
      const [head, ...rest] = path.split('.');
      if (!head)
        throw new DevnetError('INVALID_ARGUMENT', `Cannot read mask: empty path in ${paths.join(',')}`);
      rests.set(head, [...(rests.get(head) ?? []), rest.join('.')]);
    }
    const children = [...rests].map(([head, tails]) => {
      const child = tails.includes('') ? new Mask(true, new Map()) : Mask.#build(tails);
      return [head, child] as const;
    });
    return new Mask(false, new Map(children));
  }

  /** Whether any of the field is wanted. */
  has(field: string): boolean {
    return this.#all || this.#children.has(field);
  }

  /** The mask within a field that {@link has}. */
  in(field: string): Mask {
    return this.#all ? this : (this.#children.get(field) ?? new Mask(false, new Map()));
  }

  /** Whether the client named this field, or something in it (and not merely everything). */
  names(field: string): boolean {
    return this.#children.has(field);
  }
}

function checkPath(path: string, message: MessageType): void {
  let current: MessageType | undefined = message;
  for (const [depth, name] of path.split('.').entries()) {
    if (name === '*' && depth === 0 && path === '*') return;
    const field: MessageType['fields'][number] | undefined = current?.fields.find(
      (candidate) => candidate.name === name,
    );
    if (field === undefined) throw new DevnetError('INVALID_ARGUMENT', `invalid read_mask path: ${path}`);
    current = field.kind === 'message' ? field.T!() : undefined;
  }
}
