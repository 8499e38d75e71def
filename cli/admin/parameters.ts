import {
  proposeFee,
  proposeMinStake,
  proposeRoleStakes,
  setMarket,
  setPublicConfig,
  setSealConfig,
} from '@daasvader/chain/calls/admin.ts';
import type { Command } from 'commander';
import { z } from 'zod';
import { parseAddress, parseSui } from '../arguments.ts';
import { type SignedOptions, signed } from '../context.ts';
import { readJson } from '../file.ts';
import { acmeRootOption, readAcmeRoot } from './acme-root.ts';
import { sendAsAdmin } from './send.ts';

const sealConfig = z.strictObject({
  threshold: z.int().min(1).max(16),
  servers: z
    .array(
      z.strictObject({
        id: z.string().regex(/^0x[0-9a-f]{64}$/, 'must be 0x and 64 lowercase hex digits'),
        publicKey: z.string().regex(/^([0-9a-f]{2})+$/, 'must be lowercase hex'),
        url: z.url({ protocol: /^https?$/ }),
      }),
    )
    .min(1)
    .max(16),
});

/** Commands that propose what the cluster's numbers and names shall be; all wait for the delay. */
export function parameterCommands(): Command[] {
  return [roleStakes(), minStake(), fee(), publicConfig(), sealServers(), market()];
}

function roleStakes(): Command {
  return signed('propose-role-stakes', 'propose what each role takes; in effect when the delay is over')
    .argument('<viewer>', 'in SUI; each between half and twice of what it takes now', parseSui)
    .argument('<developer>', 'in SUI', parseSui)
    .argument('<admin>', 'in SUI', parseSui)
    .argument('<super>', 'in SUI', parseSui)
    .action((viewer: bigint, developer: bigint, admin: bigint, super_: bigint, options: SignedOptions) =>
      sendAsAdmin(options, (tx, ids) =>
        proposeRoleStakes(tx, ids, { viewer, developer, admin, super: super_ }),
      ),
    );
}

function minStake(): Command {
  return signed('propose-min-stake', 'propose the least stake of new workers')
    .argument('<sui>', 'in SUI', parseSui)
    .action((mist: bigint, options: SignedOptions) =>
      sendAsAdmin(options, (tx, ids) => proposeMinStake(tx, ids, mist)),
    );
}

function fee(): Command {
  return signed('propose-fee', "propose the flat fee of an order, which pays for the operator's gas")
    .argument('<sui>', 'in SUI, at most 0.1', parseSui)
    .action((mist: bigint, options: SignedOptions) =>
      sendAsAdmin(options, (tx, ids) => proposeFee(tx, ids, mist)),
    );
}

function publicConfig(): Command {
  return signed('set-public-config', 'propose the domain of apps and where certificates come from')
    .requiredOption('--apps-domain <name>', 'the domain under which apps are served')
    .requiredOption('--acme-directory <url>', 'where certificates come from')
    .addOption(acmeRootOption())
    .action(
      async (options: SignedOptions & { appsDomain: string; acmeDirectory: string; acmeRoot?: string }) => {
        const { appsDomain, acmeDirectory, acmeRoot: file } = options;
        const acmeRoot = await readAcmeRoot(file);
        await sendAsAdmin(options, (tx, ids) =>
          setPublicConfig(tx, ids, { appsDomain, acmeDirectory, acmeRoot }),
        );
      },
    );
}

function sealServers(): Command {
  return signed('set-seal-config', 'propose the key servers that guard the keys of sealed state')
    .argument(
      '<file>',
      'JSON: {"threshold": n, "servers": [{"id": "0x…", "publicKey": "hex", "url": "https://…"}]}',
    )
    .action(async (file: string, options: SignedOptions) => {
      const { threshold, servers } = await readJson(file, 'the key servers', sealConfig);
      await sendAsAdmin(options, (tx, ids) =>
        setSealConfig(tx, ids, {
          threshold,
          servers: servers.map(({ id, publicKey, url }) => ({
            id,
            publicKey: Buffer.from(publicKey, 'hex'),
            url,
          })),
        }),
      );
    });
}

function market(): Command {
  return signed('set-market', 'propose the object that keeps accounts and prices')
    .argument('<id>', 'object id', parseAddress)
    .action((id: string, options: SignedOptions) =>
      sendAsAdmin(options, (tx, ids) => setMarket(tx, ids, id)),
    );
}
