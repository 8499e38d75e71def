import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { readBusybox } from '../vm/image.ts';
import type { Image, ImageConfig } from '../vm/image-archive.ts';
import { packTar, type TarEntry } from '../vm/tar.ts';

/*
 * The images that the suite asks for, made of upstream's own programs, busybox, bash and some programs of this
 * machine's Debian. What stands in: nginx is busybox's web server, and glibc is under all of agnhost, where upstream has musl.
 */

const run = promisify(execFile);
/** As `sh` too: other shells drop variables such as `data-1`, which specs look for, and busybox's prefers its own `nc`. */
const SHELL = '/bin/bash-static';
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What the suite calls in pods of agnhost, and busybox either lacks or does otherwise. */
const TOOLS = {
  'usr/bin/curl': '/usr/bin/curl',
  'usr/bin/dig': '/usr/bin/dig',
  'usr/bin/getent': '/usr/bin/getent',
  'usr/bin/nc': '/bin/nc.openbsd',
  'usr/bin/socat': '/usr/bin/socat',
  'usr/bin/ss': '/bin/ss',
};

// As upstream's recipe of agnhost adds them, for a spec about groups that an image defines.
const USERS = `root:x:0:0:root:/root:/bin/sh
user-defined-in-image:x:1000:1000::/home:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
`;
const GROUPS = `root:x:0:
user-defined-in-image:x:1000:
group-defined-in-image:x:50000:user-defined-in-image
nogroup:x:65534:
`;
// Upstream's images are Alpine, and a spec recognises its volume by this line.
const RELEASE = 'NAME="Alpine Linux"\nPRETTY_NAME="Alpine Linux, as the suite expects it; busybox"\n';

// The suite is built with the tags of k3s, whose net/http has no HTTP/2 and must not offer it to probes and webhooks' callers.
const AGNHOST_ENV = [PATH, 'GODEBUG=http2server=0'];

const NGINX = "trap 'exit 0' TERM QUIT; httpd -f -p 80 -h /usr/share/nginx/html & wait";

interface Recipe {
  readonly layers: readonly Buffer[];
  readonly config: ImageConfig;
}

/**
 * Makes every image that the suite may ask for and this machine can make.
 *
 * @param programs the directory that `testbed/conformance/build` printed
 * @throws Error when a program is missing
 */
export async function buildSuiteImages(programs: string): Promise<Image[]> {
  const recipes = await readRecipes(programs);
  const { stdout } = await run(join(programs, 'e2e.test'), ['--list-images']);
  return chooseImages(stdout.split('\n'), recipes);
}

/** An image for each name for which there is a recipe; the name's last part tells which. */
function chooseImages(references: readonly string[], recipes: Readonly<Record<string, Recipe>>): Image[] {
  return Object.entries(recipes).map(([name, { layers, config }]) => {
    const asked = references.filter((reference) => basename(reference).split(':')[0] === name);
    if (asked.length === 0) throw new Error(`Cannot build the suite's images: it does not ask for ${name}`);
    return { references: asked, layers, config: { Env: [PATH], WorkingDir: '/', ...config } };
  });
}

async function readRecipes(programs: string): Promise<Record<string, Recipe>> {
  const program = (name: string, path: string, mode = 0o755) => fileFrom(join(programs, name), path, mode);
  const upstream = (name: string, path: string) => fileFrom(join(programs, 'images', name), path, 0o644);
  const busybox = packTar(await busyboxFiles());
  const tools = packTar(await toolFiles());
  const agnhost = packTar([
    await program('agnhost', 'agnhost'),
    { type: 'symlink', path: 'agnhost-2', target: 'agnhost' },
    await upstream('agnhost/porter/localhost.crt', 'localhost.crt'),
    await upstream('agnhost/porter/localhost.key', 'localhost.key'),
    { type: 'directory', path: 'uploads/', mode: 0o755 },
  ]);
  const page = async (name: string) => packTar([await upstream(`${name}/html/data.json`, 'data.json')]);
  const agnhostLayers = [busybox, tools, agnhost];
  const serve: ImageConfig = { Entrypoint: ['/agnhost'], Cmd: ['test-webserver'] };
  return {
    agnhost: {
      layers: agnhostLayers,
      config: { Env: AGNHOST_ENV, Entrypoint: ['/agnhost'], Cmd: ['pause'] },
    },
    pause: { layers: agnhostLayers, config: { Entrypoint: ['/agnhost', 'pause'] } },
    nautilus: { layers: [...agnhostLayers, await page('nautilus')], config: serve },
    kitten: { layers: [...agnhostLayers, await page('kitten')], config: serve },
    busybox: { layers: [busybox], config: { Cmd: ['sh'] } },
    nonroot: { layers: [busybox], config: { User: '1234', Cmd: ['sh'] } },
    nginx: { layers: [busybox, packTar(nginxFiles())], config: { Cmd: ['sh', '-c', NGINX] } },
    'glibc-dns-testing': { layers: [busybox, tools], config: { Cmd: ['sh'] } },
    nonewprivs: {
      layers: [busybox, packTar([await program('nonewprivs', 'usr/local/bin/nnp', 0o6755)])],
      config: { Cmd: ['nnp'] },
    },
    'sample-apiserver': {
      layers: [packTar([await program('sample-apiserver', 'sample-apiserver')])],
      config: { Entrypoint: ['/sample-apiserver'] },
    },
    etcd: {
      layers: [packTar([await program('etcd', 'usr/local/bin/etcd')])],
      config: { Cmd: ['etcd'] },
    },
  };
}

async function busyboxFiles(): Promise<TarEntry[]> {
  const content = await readBusybox();
  const { stdout } = await run('busybox', ['--list']);
  const applets = stdout.split('\n').filter((name) => !['', 'busybox', 'bash', 'sh'].includes(name));
  return [
    { type: 'directory', path: 'bin/', mode: 0o755 },
    await fileFrom(SHELL, 'bin/bash', 0o755),
    { type: 'symlink', path: 'bin/sh', target: 'bash' },
    { type: 'file', path: 'bin/busybox', mode: 0o755, content },
    ...applets.map((name) => ({ type: 'symlink' as const, path: `bin/${name}`, target: 'busybox' })),
    { type: 'directory', path: 'etc/', mode: 0o755 },
    text('etc/passwd', USERS),
    text('etc/group', GROUPS),
    text('etc/os-release', RELEASE),
    text('etc/nsswitch.conf', 'hosts: files dns\n'),
    { type: 'directory', path: 'home/', mode: 0o777 },
    { type: 'directory', path: 'root/', mode: 0o700 },
    { type: 'directory', path: 'tmp/', mode: 0o1777 },
  ];
}

/** The programs with the libraries that they are linked with, where the loader finds these. */
async function toolFiles(): Promise<TarEntry[]> {
  const libraries = new Set<string>();
  for (const program of Object.values(TOOLS))
    for (const library of await librariesOf(program)) libraries.add(library);
  const programs = Object.entries(TOOLS).map(([path, source]) => fileFrom(source, path, 0o755));
  const linked = [...libraries].sort().map((library) => fileFrom(library, library.slice(1), 0o755));
  return Promise.all([...programs, ...linked]);
}

/** @returns paths, the loader's among them */
async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await run('ldd', [program]);
  return [...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map(([, path = '']) => path);
}

function nginxFiles(): TarEntry[] {
  return [text('usr/share/nginx/html/index.html', '<title>Welcome to nginx!</title>\n')];
}

async function fileFrom(source: string, path: string, mode: number): Promise<TarEntry> {
  return { type: 'file', path, mode, content: await readFile(source) };
}

function text(path: string, content: string): TarEntry {
  return { type: 'file', path, mode: 0o644, content: Buffer.from(content) };
}
