import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { linkModules } from './link.ts';
import { startPage } from './start.ts';
import { STYLE } from './style.ts';

/**
 * The verifier's page: one file that needs no other, the same bytes on every machine. A person who does not want to
 * take the verifier from the enclave that it verifies opens a saved one, whose SHA-256 is published.
 */
export function verifierPage(): string {
  const modules = linkModules(fileURLToPath(new URL('start.ts', import.meta.url)));
  const script = `${modules}entry.${startPage.name}(document);\n`;
  const policy = [
    "default-src 'none'",
    `script-src ${sourceHash(script)}`,
    `style-src ${sourceHash(STYLE)}`,
    'connect-src https: http:',
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width">
<title>Verify this enclave</title>
<style>${STYLE}</style>
<h1>Verify this enclave</h1>
<p>Your browser asks the enclave for an attestation document that answers the nonce, and checks it here. If you have this
page from the enclave itself, it may have been given to you by somebody else: a saved copy with the published SHA-256
is better, and <code>daas status --api URL</code> checks what no page can.</p>
<form>
<label>Enclave API <input name="api" type="url" required placeholder="https://enclave.example:8443"></label>
<label>Nonce <input name="nonce" required autocomplete="off" spellcheck="false"></label>
<label>Cluster id <input name="clusterId" autocomplete="off" placeholder="0x…, as you know it from elsewhere"></label>
<label>Sui full node <input name="fullNode" type="url" placeholder="https://… one that you trust"></label>
<label>Root <textarea name="root" rows="2" placeholder="PEM, only to trust another root than AWS's"></textarea></label>
<button>Check</button>
</form>
<output></output>
<table><tbody></tbody></table>
<script type="module">${script}</script>
</html>
`;
}

function sourceHash(source: string): string {
  return `'sha256-${createHash('sha256').update(source).digest('base64')}'`;
}
