import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fillTemplate } from '../../../src/cli/template/fill-template.ts';
import { formatRows, labelMethod } from '../../../src/cli/template/format-rows.ts';
import { parseTemplate } from '../../../src/cli/template/parse-template.ts';
import { failureOf } from '../../support/failure-of.ts';

const test = suite('cli/template/fill-template');
const VALUE = {
  Id: '0123456789abcdef',
  Name: 'a\u001b[2J',
  Image: 'Alpine:3.9',
  State: { Pid: 7, Running: true, Error: '', Health: undefined },
  List: ['x', 1],
  Config: { Env: ['A=1', 'B=2'], Labels: { 'com.example.tier': 'front', tier: 'x' } },
  Empty: { List: [], Map: {}, Nothing: null },
  NetworkSettings: {
    Networks: { one: { IPAddress: '10.1.0.2' }, bridge: { IPAddress: '10.2.0.2' } },
    Ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }], '9/udp': null },
  },
};
const fill = (text: string) => fillTemplate(parseTemplate(text), VALUE);
const refused = async (text: string, say: RegExp) => {
  const error = await failureOf(
    Promise.resolve().then(() => fill(text)),
    'USAGE',
  );
  assert.match(error.why ?? '', say, text);
};
const same = (cases: readonly (readonly [template: string, printed: string])[]) => {
  for (const [template, printed] of cases) assert.is(fill(template), printed, template);
};

test('dotted paths are filled in, and the text around them stays', () => {
  same([
    ['pid={{.State.Pid}}, {{ .State.Running }}{{.State.Error}}!', 'pid=7, true!'],
    ['no field', 'no field'],
    ['{{.State.Pid}}\\t{{.State.Pid}}\\n', '7\t7\n'],
    ['{{$.State.Pid}} {{(.State).Pid}}', '7 7'],
  ]);
});

test('values are printed as Go prints them, and as JSON with json', () => {
  same([
    ['{{.List}} {{.Config.Labels}}', '[x 1] map[com.example.tier:front tier:x]'],
    ['{{.Empty.Nothing}} {{.Empty}} {{.State.Health}}', '<no value> map[List:[] Map:map[] Nothing:<nil>] <no value>'],
    ['{{json .State}} {{.State.Error | json}}', '{"Pid":7,"Running":true,"Error":""} ""'],
    ['{{json .}}', JSON.stringify(VALUE).replace('\u001b', '\\u001b')],
    ['{{json "a"}} {{3}} {{-3}} {{1.5}} {{true}} {{`raw\\n`}} {{"\\x41\\u00e9\\t"}}', '"a" 3 -3 1.5 true raw\\n Aé\t'],
  ]);
});

test('what people ask docker for is answered in the same words', () => {
  same([
    ['{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}', '10.2.0.2 10.1.0.2 '],
    ['{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}', '8080'],
    ['{{index .NetworkSettings.Ports "80/tcp" 0}}', 'map[HostIp:0.0.0.0 HostPort:8080]'],
    [
      '{{range $p, $conf := .NetworkSettings.Ports}}{{$p}} -> {{if $conf}}{{(index $conf 0).HostPort}}{{else}}-{{end}};{{end}}',
      '80/tcp -> 8080;9/udp -> -;',
    ],
    ['{{range $at, $each := .Config.Env}}{{$at}}={{$each}} {{end}}', '0=A=1 1=B=2 '],
    ['{{range .Config.Env}}{{println .}}{{end}}', 'A=1\nB=2\n'],
    ['{{range $each := .Config.Env}}{{$each}}{{$.State.Pid}},{{end}}', 'A=17,B=27,'],
    ['{{if .State.Running}}up{{else}}down{{end}}', 'up'],
    ['{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}', 'none'],
    ['{{with .State.Health}}{{.Status}}{{else with .State}}{{.Pid}}{{end}}', '7'],
    ['{{if eq .State.Pid 1 2}}a{{else if and .State.Running (ne .Id "x")}}b{{else}}c{{end}}', 'b'],
    ['{{join .Config.Env ", "}} {{index .Config.Labels "com.example.tier"}}', 'A=1, B=2 front'],
    ['{{.Config.Labels.none}}|{{index .Config.Labels "none"}}|{{index .Empty.Map "a"}}', '<no value>||'],
    [
      '{{slice .Id 0 12}} {{len .Config.Env}} {{truncate .Id 3}} {{index (split .Image ":") 1}}',
      '0123456789ab 2 012 3.9',
    ],
    [
      '{{.Image | upper | printf "%s-%s" "x"}} {{lower .Image}} {{title "a new one"}}',
      'x-ALPINE:3.9 alpine:3.9 A New One',
    ],
    [
      '{{printf "%-6s|%4d|%04d|%q|%v|%.1f|%x|%t|%%" "ab" 7 7 "q" .List 1.26 255 true}}',
      'ab    |   7|0007|"q"|[x 1]|1.3|ff|true|%',
    ],
    ['{{range .Empty.List}}a{{else}}none{{end}}{{range index .NetworkSettings.Ports "1/tcp"}}b{{end}}', 'none'],
    ['{{range .Config.Env}}{{if eq . "B=2"}}{{break}}{{end}}{{.}}{{continue}}x{{end}}', 'A=1'],
    ['{{$n := 0}}{{range .Config.Env}}{{$n = len .}}{{end}}{{$n}}', '3'],
    [
      '{{print .State.Pid 1 "a" 2}}{{pad "b" 1 2}}{{not .Empty.Map}}{{or .State.Error .Image}}',
      '7 1a2 b  trueAlpine:3.9',
    ],
    ['{{and .Empty.Nothing (index .List 9)}} {{lt 1 2}} {{ge "b" "a"}}', '<no value> true true'],
    ['a  {{- /* a comment */ -}}  b {{- .State.Pid -}} \\n c{{"}}"}}', 'ab7c}}'],
  ]);
});

test('a value cannot move the cursor, whatever it goes through, and the template’s own text can', () => {
  const escaped = 'a\\x1b[2J';
  same([
    ['{{.Name}}', escaped],
    ['{{printf "%s" .Name}}{{print .Name}}{{println .Name}}', `${escaped}${escaped}${escaped}\n`],
    ['{{printf .Name}}{{.Name | printf "%v"}}{{join (split .Name "[") "["}}', escaped.repeat(3)],
    ['{{upper .Name}}{{slice .Name 0 2}}{{pad .Name 0 0}}{{truncate .Name 2}}', `A\\x1b[2Ja\\x1b${escaped}a\\x1b`],
    ['{{join .Config.Env .Name}}', `A=1${escaped}B=2`],
    ['{{printf "%q" .Name}}', '"a\\u001b[2J"'],
    ['{{"\\x1b[1m"}}\u001b[0m', '\u001b[1m\u001b[0m'],
  ]);
  assert.is(
    fillTemplate(parseTemplate('{{.}}{{range $k, $v := .}}{{$k}}{{end}}'), { 'k\u001b': 1 }),
    'map[k\\x1b:1]k\\x1b',
  );
});

test('a missing field is refused, also one that all objects of JavaScript have', async () => {
  for (const text of ['Nothing', 'State.Nothing', 'constructor', 'State.Pid.toString', '__proto__', 'List.length']) {
    await refused(`{{.${text}}}`, /has no field|there is no field/);
  }
  await refused('{{index . "constructor" "name"}}', /nothing has no items/);
  await refused('{{.State.Health.Status}}', /nothing has no field Status/);
});

test('what has no meaning is refused before anything is filled, with the reason', async () => {
  const reasons: readonly (readonly [string, RegExp])[] = [
    ['{{}}', /a value is missing/],
    ['{{range .List}}', /end}} is missing/],
    ['{{if .List}}{{else}}{{else}}{{end}}', /end}} is missing/],
    ['{{end}}', /no block/],
    ['{{.List', /no }}/],
    ['{{nonsense .List}}', /no function nonsense/],
    ['{{.a..b}}', /cannot stand there/],
    ['{{$x}}', /no variable \$x/],
    ['{{if true}}{{$x := 1}}{{end}}{{$x}}', /no variable \$x/],
    ['{{$x = 1}}', /no variable \$x/],
    ['{{break}}', /for range/],
    ['{{template "x"}}', /one template/],
    ['{{.List | .State 3 | 4}}', /behind \|/],
    ['{{"\\z"}}', /no escape/],
    ['{{1 2}}', /takes arguments/],
    ['{{(.List}}', /\) is missing/],
    ['{{#}}', /no meaning/],
    [`${'{{if true}}'.repeat(60)}`, /50 levels/],
    [`{{${'('.repeat(60)}1`, /no }}/],
    [`{{${'('.repeat(60)}1${')'.repeat(60)}}}`, /50 levels/],
    ['x'.repeat(70_000), /longer than/],
  ];
  for (const [text, say] of reasons) {
    const error = await failureOf(
      Promise.resolve().then(() => parseTemplate(text)),
      'USAGE',
    );
    assert.match(error.why ?? '', say, text);
  }
});

test('what does not fit its values is refused', async () => {
  const reasons: readonly (readonly [string, RegExp])[] = [
    ['{{index .List 2}}', /no item 2/],
    ['{{index (index .NetworkSettings.Ports "9/udp") 0}}', /nothing has no items/],
    ['{{eq .State.Pid "7"}}', /cannot compare a number with a text/],
    ['{{lt .List 1}}', /cannot compare/],
    ['{{json}}', /takes 1 arguments, not 0/],
    ['{{printf "%d" .Image}}', /cannot show a text/],
    ['{{printf "%s"}}', /needs more values/],
    ['{{printf "" 1}}', /more values/],
    ['{{printf "%99999d" 1}}', /wider/],
    ['{{slice .Id 3 99}}', /not inside/],
    ['{{len 3}}', /has no length/],
    ['{{range .State.Pid}}{{end}}', /cannot go through a number/],
    ['{{.State.Pid 3}}', /takes no arguments/],
    ['{{upper .List}}', /takes a text, not a list/],
  ];
  for (const [text, say] of reasons) await refused(text, say);
});

test('a template cannot take more than its share of time and memory', async () => {
  const value = { Many: Array.from({ length: 2000 }, (_, at) => at) };
  const filled = (text: string) => Promise.resolve().then(() => fillTemplate(parseTemplate(text), value));
  const nested = '{{range $.Many}}{{range $.Many}}{{.}}{{end}}{{end}}';
  assert.match((await failureOf(filled(nested), 'USAGE')).why ?? '', /1000000 steps/);
  const doubled = `{{$x := "0123456789"}}{{range .Many}}{{$x = printf "%s%s" $x $x}}{{end}}`;
  assert.match((await failureOf(filled(doubled), 'USAGE')).why ?? '', /characters/);
});

test('rows are lines, objects or a table with a heading', () => {
  const rows = [
    { ID: '1', Names: 'one', Label: labelMethod({ 'com.example.tier': 'front' }) },
    { ID: '2', Names: 'other', Label: labelMethod({}) },
  ];
  const table = { columns: '{{.Names}}\\t{{.ID}}', headings: { ID: 'CONTAINER ID' } };
  assert.equal(formatRows('{{.Names}}{{.Label "com.example.tier"}}', rows, table), ['onefront', 'other']);
  assert.equal(formatRows('json', rows, table), ['{"ID":"1","Names":"one"}', '{"ID":"2","Names":"other"}']);
  for (const format of ['table {{.Names}}\\t{{.ID}}', 'table', undefined]) {
    assert.equal(formatRows(format, rows, table), ['NAMES   CONTAINER ID\none     1\nother   2'], format);
  }
  assert.equal(formatRows('table {{upper .Names}}\\t{{.Label "com.example.the_tier"}}', rows, table), [
    'NAMES   the tier\nONE\nOTHER',
  ]);
  assert.equal(formatRows('{{.ID}}', [], table), []);
});

test.run();
