import { createHash } from 'node:crypto';
import { packTar } from './tar.ts';

/** A container image for this machine's architecture. */
export interface Image {
  /** Full references, such as `docker.io/library/hello:1`. */
  readonly references: readonly string[];
  /** Archives, the lowest first; images of one archive share those that are the same. */
  readonly layers: readonly Buffer[];
  /** As the `config` of an OCI image configuration has it. */
  readonly config: ImageConfig;
}

export interface ImageConfig {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
}

/** Packs images as a docker-archive (what `docker save` writes). */
export function packImages(images: readonly Image[]): Buffer {
  const files = new Map<string, Buffer>();
  const add = (content: Buffer, suffix: string) => {
    const name = `${sha256(content)}${suffix}`;
    files.set(name, content);
    return name;
  };
  const manifest = images.map((image) => ({
    Config: add(configurationOf(image), '.json'),
    RepoTags: image.references,
    Layers: image.layers.map((layer) => add(layer, '.tar')),
  }));
  files.set('manifest.json', Buffer.from(JSON.stringify(manifest)));
  return packTar([...files].map(([path, content]) => ({ type: 'file', path, mode: 0o644, content })));
}

/** An image's configuration: OCI image-spec, config.md. */
export function configurationOf({ config, layers }: Image): Buffer {
  const configuration = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => `sha256:${sha256(layer)}`) },
    history: layers.map(() => ({ created: '1970-01-01T00:00:00Z', created_by: 'daasvader' })),
  };
  return Buffer.from(JSON.stringify(configuration));
}

/** In hexadecimal digits. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
