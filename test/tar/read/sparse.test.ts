import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codeOfReading, readOne, readWhole } from '../../support/image/read-tar.ts';
import { file, hardlink, numericField, paxHeader, raw, tarOf } from '../../support/image/tar.ts';

const test = suite('tar/read/sparse');

type Pairs = readonly (readonly [number, number])[];

/** Makes an old GNU sparse entry. `size` is the stored size, `real` the real one. */
function oldGnu(pairs: Pairs, real: number, content: string, format: 'gnu' | 'ustar' = 'gnu') {
  const field = ([offset, length]: readonly [number, number]) =>
    Buffer.concat([numericField(offset, 12), numericField(length, 12)]);
  const rest = pairs.slice(4);
  const blocks: Buffer[] = [];
  for (let index = 0; index < rest.length; index += 21) {
    const block = Buffer.alloc(512);
    Buffer.concat(rest.slice(index, index + 21).map(field)).copy(block);
    block[504] = index + 21 < rest.length ? 1 : 0;
    blocks.push(block);
  }
  const header = file('sparse', '', {
    type: 'S',
    format,
    size: Buffer.byteLength(content),
    patch(block) {
      Buffer.concat(pairs.slice(0, 4).map(field)).copy(block, 386);
      block[482] = rest.length > 0 ? 1 : 0;
      numericField(real, 12).copy(block, 483);
    },
  });
  return Buffer.concat([header, ...blocks, pad(content)]);
}

function pad(content: string): Buffer {
  const bytes = Buffer.from(content, 'latin1');
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

function pax00(pairs: Pairs, real: number, content: string, count = pairs.length) {
  const records: [string, string][] = [
    ['GNU.sparse.size', String(real)],
    ['GNU.sparse.numblocks', String(count)],
  ];
  for (const [offset, length] of pairs) {
    records.push(['GNU.sparse.offset', String(offset)], ['GNU.sparse.numbytes', String(length)]);
  }
  return Buffer.concat([paxHeader(...records), file('sparse', content)]);
}

function pax01(pairs: Pairs, real: number, content: string, count = pairs.length) {
  return Buffer.concat([
    paxHeader(
      ['GNU.sparse.name', 'sparse'],
      ['GNU.sparse.size', String(real)],
      ['GNU.sparse.numblocks', String(count)],
      ['GNU.sparse.map', pairs.flat().join(',')],
    ),
    file('GNUSparseFile.1/sparse', content),
  ]);
}

function pax10(pairs: Pairs, real: number, content: string, lines = [pairs.length, ...pairs.flat()].join('\n')) {
  const map = pad(`${lines}\n`);
  return Buffer.concat([
    paxHeader(
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.name', 'sparse'],
      ['GNU.sparse.realsize', String(real)],
    ),
    file('GNUSparseFile.1/sparse', Buffer.concat([map, Buffer.from(content, 'latin1')])),
  ]);
}

const FORMS = { oldGnu, pax00, pax01, pax10 };

for (const [name, make] of Object.entries(FORMS)) {
  test(`${name}: segments go to the places in the map, the rest is holes`, () => {
    const archive = tarOf(
      make(
        [
          [3, 2],
          [10, 3],
        ],
        20,
        'abXYZ',
      ),
      file('next', 'n'),
    );
    for (const size of [1, 511, 512, archive.length]) {
      const [entry, next] = readWhole(archive, size);
      assert.is(entry?.header.path, 'sparse');
      assert.is(entry?.header.size, 20);
      assert.is(entry?.content.toString('latin1'), '\0\0\0ab\0\0\0\0\0XYZ\0\0\0\0\0\0\0');
      assert.is(next?.content.toString(), 'n');
    }
  });

  test(`${name}: a file that is all hole has its size`, () => {
    assert.is(readOne(tarOf(make([[1000, 0]], 1000, ''))).content.length, 1000);
  });

  test(`${name}: many segments are read`, () => {
    const pairs: Pairs = Array.from({ length: 200 }, (_, index) => [index * 10, 2] as const);
    const content = Array.from({ length: 200 }, (_, index) => String.fromCharCode(33 + (index % 90)).repeat(2)).join(
      '',
    );
    const { content: found } = readOne(tarOf(make(pairs, 2000, content)));
    for (let index = 0; index < 200; index++) {
      assert.is(found.toString('latin1', index * 10, index * 10 + 2), content.slice(index * 2, index * 2 + 2));
      assert.is(found[index * 10 + 2], 0);
    }
  });

  test(`${name}: maps that overlap, go back, or leave the file are invalid`, () => {
    for (const [pairs, real] of [
      [
        [
          [0, 3],
          [2, 2],
        ],
        20,
      ],
      [
        [
          [10, 2],
          [0, 3],
        ],
        20,
      ],
      [[[18, 5]], 20],
      [
        [
          [0, 5],
          [30, 0],
        ],
        20,
      ],
    ] as [Pairs, number][]) {
      assert.is(codeOfReading(tarOf(make(pairs, real, 'abcde'))), 'TAR_INVALID', JSON.stringify(pairs));
    }
  });

  test(`${name}: a map of fewer or more bytes than are stored is invalid`, () => {
    assert.is(codeOfReading(tarOf(make([[0, 3]], 20, 'abcde'))), 'TAR_INVALID');
    assert.is(codeOfReading(tarOf(make([[0, 7]], 20, 'abcde'))), 'TAR_INVALID');
  });

  test(`${name}: the number of segments is limited, and the error names the limit`, () => {
    const pairs: Pairs = Array.from({ length: 30 }, (_, index) => [index, 1] as const);
    const options = { limits: { sparseSegments: 29 } };
    assert.is(codeOfReading(tarOf(make(pairs, 30, 'x'.repeat(30))), options), 'LIMIT_EXCEEDED');
    assert.is(codeOfReading(tarOf(make(pairs, 30, 'x'.repeat(30)))), 'none');
  });
}

test('a map with another number of segments than it says is invalid', () => {
  assert.is(codeOfReading(tarOf(pax00([[0, 5]], 20, 'abcde', 2))), 'TAR_INVALID');
  assert.is(codeOfReading(tarOf(pax01([[0, 5]], 20, 'abcde', 2))), 'TAR_INVALID');
  assert.is(
    codeOfReading(
      tarOf(
        pax01(
          [
            [0, 5],
            [9, 0],
          ],
          20,
          'abcde',
          1,
        ),
      ),
    ),
    'TAR_INVALID',
  );
  assert.is(codeOfReading(tarOf(pax10([], 20, 'abcde', '2\n0\n5'))), 'TAR_INVALID');
});

test('a huge number of segments is refused before memory is taken for it', () => {
  assert.is(codeOfReading(tarOf(pax10([], 20, '', '99999999999'))), 'LIMIT_EXCEEDED');
  assert.is(codeOfReading(tarOf(pax01([], 20, '', 99_999_999_999))), 'LIMIT_EXCEEDED');
});

test('lines of a map that are no numbers, or do not end, are invalid', () => {
  for (const lines of ['x', '1\n-5\n5', '1\n\n5', '1\n0\n99999999999999999999', '0x1']) {
    assert.is(codeOfReading(tarOf(pax10([], 20, 'abcde', lines))), 'TAR_INVALID', lines);
  }
});

test('offsets and lengths that do not alternate are invalid', () => {
  const twice = paxHeader(
    ['GNU.sparse.size', '20'],
    ['GNU.sparse.numblocks', '1'],
    ['GNU.sparse.offset', '0'],
    ['GNU.sparse.offset', '5'],
  );
  assert.is(codeOfReading(tarOf(twice, file('x', 'abcde'))), 'TAR_INVALID');
});

test('a sparse file without real size, or of an unknown version, is invalid', () => {
  assert.is(
    codeOfReading(tarOf(paxHeader(['GNU.sparse.map', '0,5'], ['GNU.sparse.numblocks', '1']), file('x', 'abcde'))),
    'TAR_INVALID',
  );
  assert.is(
    codeOfReading(tarOf(paxHeader(['GNU.sparse.major', '2'], ['GNU.sparse.realsize', '5']), file('x', 'abcde'))),
    'TAR_INVALID',
  );
});

test('a sparse map belongs to files, and the old form to GNU archives', () => {
  const link = file('x', '', { type: '2', linkPath: 'y' });
  assert.is(
    codeOfReading(tarOf(paxHeader(['GNU.sparse.major', '1'], ['GNU.sparse.realsize', '5']), link)),
    'TAR_INVALID',
  );
  assert.is(codeOfReading(tarOf(oldGnu([[0, 5]], 5, 'abcde', 'ustar'))), 'FORMAT_UNSUPPORTED');
});

test('records of a sparse file without a map are invalid: readers differ on its name', () => {
  for (const [key, value] of [
    ['name', 'other'],
    ['size', '9'],
    ['realsize', '9'],
    ['minor', '0'],
  ] as const) {
    const records = paxHeader([`GNU.sparse.${key}`, value]);
    assert.is(codeOfReading(tarOf(records, file('f', 'abcde'))), 'TAR_INVALID', key);
    assert.is(codeOfReading(tarOf(records, hardlink('h', 'f'))), 'TAR_INVALID', key);
  }
  assert.is(codeOfReading(tarOf(paxHeader(['GNU.sparse.name', '']), file('f', 'abcde'))), 'none');
});

test('a file with an old map and a PAX map is invalid', () => {
  const map = paxHeader(['GNU.sparse.size', '9'], ['GNU.sparse.numblocks', '1'], ['GNU.sparse.map', '0,5']);
  assert.is(codeOfReading(tarOf(map, oldGnu([[0, 5]], 9, 'abcde'))), 'TAR_INVALID');
});

test('an archive that ends inside a map is invalid', () => {
  const old = oldGnu(
    Array.from({ length: 30 }, (_, index) => [index, 1] as const),
    30,
    'x'.repeat(30),
  );
  assert.is(codeOfReading(old.subarray(0, 512)), 'TAR_INVALID');
  assert.is(codeOfReading(raw(old.subarray(0, 1024))), 'TAR_INVALID');
  const lines = pax10(
    Array.from({ length: 200 }, (_, index) => [index, 1] as const),
    200,
    'x'.repeat(200),
  );
  assert.is(codeOfReading(lines.subarray(0, 2048)), 'TAR_INVALID');
});

test.run();
