import { readFileSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RECORDING_NEEDS, recordTerminal } from '../../scripts/terminal/record-terminal.ts';
import { COLUMNS, MAX_ROWS, renderTerminal } from '../../scripts/terminal/render-terminal.ts';
import { drawTerminal, PICTURE, readRecording } from '../../scripts/terminal/terminal-page.ts';
import { EXAMPLE_IMAGE } from '../support/checkout.ts';
import { MAIN } from '../support/command/tsimg.ts';
import { haveRoot, haveTools } from '../support/tools.ts';

// docs/terminal.svg, the picture at the top of the README.

const test = suite('docs/terminal');
const OVERLAYFS_SUPER_MAGIC = 0x794c_7630;

function haveAll(): boolean {
  if (!haveTools(...RECORDING_NEEDS) || !haveRoot()) return false;
  if (process.arch === 'x64' && statfsSync(tmpdir()).type !== OVERLAYFS_SUPER_MAGIC) return true;
  console.log('skipped: needs an x64 machine and a folder for temporary files that is not on an overlay');
  return false;
}
const record = haveAll() ? test : test.skip;

record('the commands in the picture print today what it shows', () => {
  const shown = readRecording();
  const recorded = recordTerminal(MAIN, EXAMPLE_IMAGE);
  for (const [index, step] of shown.entries()) {
    assert.is(recorded[index]?.output, step.output, `${step.command}: record it again, as root: npm run docs`);
  }
  assert.equal(recorded, shown);
});

test('the picture is drawn of the recording', () => {
  assert.is(drawTerminal(), readFileSync(PICTURE, 'utf8'));
});

test('the picture is small, and loads and runs nothing', () => {
  const picture = readFileSync(PICTURE, 'utf8');
  assert.ok(picture.length < 60_000, `${picture.length} bytes`);
  assert.not.match(picture, /<script|<image|<foreignObject|href|url\(|@import|\son\w+=/i);
});

test('a text of the session cannot become markup or move the cursor', () => {
  const picture = renderTerminal('a "title" & <more>', [
    { command: "echo '<b>'", output: '</svg><script>\u001b[2J\u202e&amp;\n' },
  ]);
  assert.match(picture, /<title>a &quot;title&quot; &amp; &lt;more&gt;<\/title>/);
  assert.ok(picture.includes('&lt;/svg&gt;&lt;script&gt;\\u001b[2J\\u202e&amp;amp;'));
  assert.ok(picture.includes('echo &#39;&lt;b&gt;&#39;'));
});

test('a line that is too long goes on in the next row, and too many rows are refused', () => {
  const letters = (picture: string) => [...picture.matchAll(/textLength="[^"]*" lengthAdjust[^>]*>(x+)</g)];
  const picture = renderTerminal('t', [{ command: 'c', output: 'x'.repeat(COLUMNS + 1) }]);
  assert.equal(
    letters(picture).map((match) => match[1]?.length),
    [COLUMNS, 1],
  );
  assert.throws(() => renderTerminal('t', [{ command: 'c', output: 'x\n'.repeat(MAX_ROWS) }]), /49 rows, more than 48/);
});

test.run();
