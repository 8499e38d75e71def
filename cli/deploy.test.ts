import { describe, expect, test } from 'vitest';
import { parseCommand } from './deploy.ts';

describe('a command is taken apart as a shell does it', () => {
  test.each([
    ['sleep 3600', ['sleep', '3600']],
    [`  nginx -g 'daemon off;' `, ['nginx', '-g', 'daemon off;']],
    [`sh -c "echo \\"a  b\\" $HOME"`, ['sh', '-c', 'echo "a  b" $HOME']],
    [`a\\ b c''d`, ['a b', 'cd']],
    [`'a\nb'`, ['a\nb']],
  ])('%j', (text, words) => {
    expect(parseCommand(text)).toEqual(words);
  });

  test.each(['', '  ', `'open`, 'a "b', 'a\\'])('%j is refused', (text) => {
    expect(() => parseCommand(text)).toThrow('not a command');
  });
});
