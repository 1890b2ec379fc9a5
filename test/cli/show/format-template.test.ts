import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatRows } from '../../../src/cli/show/format-rows.ts';
import { fillTemplate, parseTemplate } from '../../../src/cli/show/format-template.ts';
import { failureOf } from '../../support/failure-of.ts';

const test = suite('cli/show/format-template');
const VALUE = { State: { Pid: 7, Running: false, Error: '' }, Name: 'a\u001b[2J', List: ['x', 1] };
const fill = (text: string) => fillTemplate(parseTemplate(text), VALUE);

test('dotted paths are filled in, and the text around them stays', () => {
  assert.is(fill('pid={{.State.Pid}}, {{ .State.Running }}{{.State.Error}}!'), 'pid=7, false!');
  assert.is(fill('no field'), 'no field');
});

test('\\t and \\n mean the same as in docker', () => {
  assert.is(fill('{{.State.Pid}}\\t{{.State.Pid}}\\n'), '7\t7\n');
});

test('lists and objects are shown as JSON, and texts too with json', () => {
  assert.is(fill('{{.List}}'), '["x",1]');
  assert.is(fill('{{json .State}}'), '{"Pid":7,"Running":false,"Error":""}');
  assert.is(fill('{{json .State.Error}}'), '""');
  assert.is(fill('{{json .}}'), JSON.stringify(VALUE));
});

test('a value cannot move the cursor', () => {
  assert.is(fill('{{.Name}}'), 'a\\x1b[2J');
});

test('a missing field is refused, also one that all objects of JavaScript have', async () => {
  for (const text of [
    '{{.Nothing}}',
    '{{.State.Nothing}}',
    '{{.constructor}}',
    '{{.State.Pid.toString}}',
    '{{.__proto__}}',
  ]) {
    await failureOf(
      Promise.resolve().then(() => fill(text)),
      'USAGE',
    );
  }
});

test('a part of Go’s templates that is not supported is refused', async () => {
  for (const text of ['{{range .List}}', '{{.State | json}}', '{{}}', '{{index .List 0}}', '{{json}}', '{{.a..b}}']) {
    await failureOf(
      Promise.resolve().then(() => parseTemplate(text)),
      'USAGE',
    );
  }
});

test('rows are lines, objects or a table with a heading', () => {
  const rows = [
    { ID: '1', Names: 'one' },
    { ID: '2', Names: 'other' },
  ];
  assert.equal(formatRows('{{.Names}}', rows, {}), ['one', 'other']);
  assert.equal(formatRows('json', rows, {}), ['{"ID":"1","Names":"one"}', '{"ID":"2","Names":"other"}']);
  assert.equal(formatRows('table {{.Names}}\\t{{.ID}}', rows, { ID: 'CONTAINER ID' }), [
    'NAMES   CONTAINER ID\none     1\nother   2',
  ]);
  assert.equal(formatRows('{{.ID}}', [], {}), []);
});

test.run();
