import { connect } from 'node:net';

/*
 * Holds one TCP connection to something that says what it hears, says a number ten times a second, and prints what it `said` and
 * `heard`; ends with an error when the connection does, and without one with its standard input.
 *
 *   node stream.ts HOST PORT
 */

const INTERVAL_MS = 100;

if (import.meta.main) {
  const [host = '', port = ''] = process.argv.slice(2);
  let said = 0;
  let rest = '';
  const socket = connect({ host, port: Number(port), noDelay: true });
  socket.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) process.stdout.write(`heard ${line}\n`);
  });
  const say = () => {
    socket.write(`${++said}\n`);
    process.stdout.write(`said ${said}\n`);
  };
  socket.once('connect', () => setInterval(say, INTERVAL_MS));
  socket.once('error', (error) => process.stderr.write(`${error.message}\n`));
  socket.once('close', () => process.exit(1));
  process.stdin.resume().once('end', () => process.exit());
}
