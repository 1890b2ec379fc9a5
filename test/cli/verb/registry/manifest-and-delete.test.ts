import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tsimg } from '../../../support/command/tsimg.ts';
import { makeImage, makeIndex } from '../../../support/image/image.ts';
import { named, writeLayout } from '../../../support/image/layout.ts';
import { startDockerRegistry } from '../../../support/registry/docker-registry.ts';
import { tempDir } from '../../../support/temp-dir.ts';
import { haveTools } from '../../../support/tools.ts';

// What lies at a registry, as skopeo shows it too, and what is left after it is deleted.

const test = suite('cli/verb/registry/manifest-and-delete');

if (haveTools('docker-registry', 'skopeo')) {
  const registry = await startDockerRegistry({ deletes: true });
  const fixed = await startDockerRegistry();
  test.after(async () => {
    await registry[Symbol.asyncDispose]();
    await fixed[Symbol.asyncDispose]();
  });
  const env = { TSIMG_ROOT: join(tempDir(), 'store'), HOME: '/nonexistent' };
  const call = (...args: readonly string[]) => tsimg(args, { env });
  const ok = (...args: readonly string[]): string => {
    const { status, stdout, stderr } = call(...args);
    assert.is(status, 0, `${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const images = (['amd64', 's390x'] as const).map((architecture) => {
    const platform = { os: 'linux', architecture };
    const made = makeImage({ layers: [Buffer.alloc(2000, architecture)], gzip: true, platform });
    return { made, entry: { ...made.descriptor, platform } };
  });
  const index = makeIndex(images.map(({ entry }) => entry));
  const blobs = new Map([...images.flatMap(({ made }) => [...made.blobs]), [index.descriptor.digest, index.bytes]]);
  const layout = writeLayout(join(tempDir(), 'layout'), [named(index.descriptor, 'all')], blobs);
  const [first, second] = images.map(({ made }) => made.descriptor.digest);
  const push = (reference: string) => ok('copy', '-q', '--all', `oci:${layout}:all`, reference);

  test('manifest prints the very bytes, of the index or of one platform’s image', () => {
    const reference = `${registry.host}/shown:1`;
    push(reference);
    const args = ['inspect', '--raw', '--tls-verify=false', `docker://${reference}`];
    assert.is(ok('manifest', reference), spawnSync('skopeo', args, { encoding: 'utf8', timeout: 60_000 }).stdout);
    assert.is(ok('manifest', '--digest', reference), `${index.descriptor.digest}\n`);
    assert.is(ok('manifest', '--digest', '--platform', 'linux/s390x', reference), `${second}\n`);
    const lines = ok('manifest', '--list', reference).trim().split('\n');
    assert.match(lines[0] ?? '', /^PLATFORM +DIGEST +SIZE +TYPE$/);
    assert.equal(
      lines.slice(1).map((line) => line.split(/ +/).slice(0, 2)),
      [
        ['linux/amd64', first],
        ['linux/s390x', second],
      ],
    );
    assert.is(JSON.parse(ok('manifest', '--list', '--json', reference)).length, 2);
    const one = ok('manifest', '--list', `${registry.host}/shown@${second}`).trim().split('\n');
    assert.match(one[1] ?? '', /^linux\/s390x +sha256:/, 'the config has the platform');
    const both = call('manifest', '--digest', '--list', reference);
    assert.is(both.status, 2);
    assert.match(both.stderr, '--digest and --list exclude each other');
    assert.is(ok('manifest', `oci:${layout}:all`), index.bytes.toString());
    assert.is(call('manifest', `${registry.host}/shown:2`).status, 3);
  });

  test('delete removes a manifest with its tags, if it is told so', () => {
    const reference = `${registry.host}/gone:1`;
    push(reference);
    const pinned = `${registry.host}/gone@${index.descriptor.digest}`;
    const unasked = call('delete', pinned);
    assert.is(unasked.status, 2);
    assert.match(unasked.stderr, '--yes');
    assert.is(ok('manifest', '--digest', reference), `${index.descriptor.digest}\n`, 'it is still there');
    assert.is(ok('delete', '--yes', pinned), `${pinned}\n`);
    assert.is(call('manifest', reference).status, 3);
    assert.is(call('delete', '--yes', pinned).status, 3);
    // The images of the index are manifests of their own.
    assert.is(ok('manifest', '--digest', `${registry.host}/gone@${first}`), `${first}\n`);
  });

  test('a registry that deletes no tags, or nothing, says so, and all stays', () => {
    const { digest } = index.descriptor;
    for (const { host } of [registry, fixed]) {
      for (const tag of ['1', 'also']) push(`${host}/kept:${tag}`);
      ok('copy', '-q', `oci:${layout}:all`, `${host}/kept:another`);
    }
    const tag = call('delete', '--yes', `${registry.host}/kept:1`);
    assert.is(tag.status, 1);
    const remedy = `tsimg delete ${registry.host}/kept@${digest} removes this tag, and the tags also with it\n`;
    assert.match(tag.stderr, /^tsimg: cannot delete manifest of kept:1 /);
    assert.ok(tag.stderr.endsWith(`; ${remedy}`), tag.stderr);
    const off = call('delete', '--yes', `${fixed.host}/kept:1`);
    assert.is(off.status, 1);
    assert.match(off.stderr, '; the registry may delete nothing; if it deletes manifests, tsimg delete');
    const refused = call('delete', '--yes', `${fixed.host}/kept@${digest}`);
    assert.is(refused.status, 1);
    assert.match(refused.stderr, 'may have turned deleting off');
    for (const { host } of [registry, fixed]) assert.is(ok('tags', `${host}/kept`), '1\nalso\nanother\n');
  });

  test('tags takes a repository, and neither tags nor delete takes a platform', () => {
    push(`${registry.host}/listed:1`);
    for (const suffix of [':1', `@${index.descriptor.digest}`, `:1@${index.descriptor.digest}`]) {
      const { status, stderr } = call('tags', `${registry.host}/listed${suffix}`);
      assert.is(status, 2, stderr);
      assert.ok(stderr.endsWith(`; tsimg tags ${registry.host}/listed\n`), stderr);
    }
    for (const verb of ['tags', 'delete']) {
      const { status, stderr } = call(verb, '--platform', 'linux/amd64', `${registry.host}/listed`);
      assert.is(status, 2);
      assert.match(stderr, "unknown option '--platform'");
    }
  });
}

test.run();
