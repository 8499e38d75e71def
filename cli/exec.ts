import type { Command } from 'commander';
import { runInPod } from './kube/exec.ts';
import { type KubeOptions, LONG_MS, openKube, withKube } from './kube/open.ts';
import { findPod } from './kube/pods.ts';

interface ExecOptions extends KubeOptions {
  stdin?: boolean;
  tty?: boolean;
  container?: string;
}

/** `daas exec`: a command in a pod, whose exit code becomes ours. */
export function execCommand(command: Command): void {
  withKube(command)
    .argument('<name>', 'of a pod, or of what daas deploy made')
    .argument('<command...>', 'after --')
    .option('-i, --stdin', 'pass standard input to it')
    .option('-t, --tty', 'give it a terminal, where ours is one')
    .option('-c, --container <name>', 'of the pod, where there are several')
    .action(async (name: string, words: string[], options: ExecOptions) => {
      process.exitCode = await run(name, words, options);
    });
}

async function run(name: string, command: string[], options: ExecOptions): Promise<number> {
  const credential = await (await openKube(options, LONG_MS))();
  const namespace = options.namespace ?? credential.namespace;
  const { metadata } = await findPod(credential, namespace, name);
  const { stdin, stdout, stderr } = process;
  const tty = options.tty === true && stdin.isTTY;
  if (options.tty && !tty) stderr.write('exec: standard input is no terminal, so the command gets none\n');
  const where = { namespace, pod: metadata.name, container: options.container, command, tty };
  if (tty) stdin.setRawMode(true); // Ctrl-C is the command's
  try {
    return await runInPod(credential, where, { stdin: options.stdin ? stdin : undefined, stdout, stderr });
  } finally {
    if (tty) stdin.setRawMode(false);
    stdin.destroy(); // nothing waits for it any more
  }
}
