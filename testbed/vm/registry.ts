import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { configurationOf, type Image, sha256 } from './image-archive.ts';

const TYPE = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
};
const PATH = /^\/v2\/(.+)\/(?:manifests|blobs)\/([^/]+)$/;

interface Content {
  readonly type: string;
  readonly bytes: Buffer;
}

/** A registry that one pulls from: images in memory, by the part of OCI's distribution-spec that reads. */
export class Registry implements AsyncDisposable {
  readonly #server: Server;
  /** By `REPOSITORY:TAG` and by digest. */
  readonly #contents = new Map<string, Content>();

  private constructor(images: readonly Image[]) {
    for (const image of images) this.#add(image);
    this.#server = createServer(({ method, url }, response) => {
      const content = this.#find(new URL(url ?? '/', 'http://registry').pathname);
      if (content === undefined) return response.writeHead(404).end();
      const { type, bytes } = content;
      response.writeHead(200, {
        'content-type': type,
        'content-length': bytes.length,
        'docker-content-digest': digestOf(bytes),
      });
      response.end(method === 'HEAD' ? undefined : bytes);
    });
  }

  /** Serves images, whatever host their references name: as a mirror of all of these. */
  static async start(images: readonly Image[], host: string): Promise<Registry> {
    const registry = new Registry(images);
    await once(registry.#server.listen(0, host), 'listening');
    return registry;
  }

  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${address}:${port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #find(path: string): Content | undefined {
    if (path === '/v2/') return { type: 'application/json', bytes: Buffer.from('{}') };
    const [, repository, reference = ''] = PATH.exec(path) ?? [];
    return this.#contents.get(reference.includes(':') ? reference : `${repository}:${reference}`);
  }

  #add(image: Image): void {
    const manifest = {
      schemaVersion: 2,
      mediaType: TYPE.manifest,
      config: this.#keep(TYPE.config, configurationOf(image)),
      layers: image.layers.map((layer) => this.#keep(TYPE.layer, layer)),
    };
    const bytes = Buffer.from(JSON.stringify(manifest));
    this.#keep(TYPE.manifest, bytes);
    for (const reference of image.references)
      this.#contents.set(reference.slice(reference.indexOf('/') + 1), { type: TYPE.manifest, bytes });
  }

  /** @returns how a manifest refers to it */
  #keep(type: string, bytes: Buffer): object {
    const digest = digestOf(bytes);
    this.#contents.set(digest, { type, bytes });
    return { mediaType: type, digest, size: bytes.length };
  }
}

function digestOf(bytes: Buffer): string {
  return `sha256:${sha256(bytes)}`;
}
