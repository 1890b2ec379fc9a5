import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parsePublish } from '../../../src/launch/network/publish.ts';
import { parseMount } from '../../../src/launch/options/mount-option.ts';
import { containerRequest, lifeOf, sourceOptions } from '../../../src/library/options/container-request.ts';
import { failureOf } from '../../support/failure-of.ts';

const test = suite('library/options/container-request');

test('objects and docker’s texts make the same request', () => {
  const texts = containerRequest(['sh'], {
    env: ['A=1', 'B=x=y'],
    volumes: ['/data:/data:ro'],
    tmpfs: ['/tmp:size=1m', '/run'],
    memory: '64m',
    cpus: '0.5',
    pids: '10',
    ulimits: ['nofile=10:20', 'core=0:0'],
    hosts: ['db=10.0.0.1'],
    user: '1000',
    umask: '0027',
    groupAdd: ['5'],
  });
  const objects = containerRequest(['sh'], {
    env: { A: 1, B: 'x=y', C: undefined },
    tmpfs: { '/tmp': 'size=1m', '/run': '' },
    memory: 64 * 1024 * 1024,
    cpus: 0.5,
    pids: 10,
    ulimits: { nofile: { soft: 10, hard: 20 }, core: 0 },
    hosts: { db: '10.0.0.1' },
    user: 1000,
    umask: 0o027,
    groupAdd: [5],
  });
  assert.equal(objects.resources, { ...texts.resources, memory: '67108864' });
  assert.equal({ ...objects, resources: {}, volumes: [] }, { ...texts, resources: {}, volumes: [] });
  assert.equal(texts.volumes, ['/data:/data:ro']);
  assert.equal(lifeOf({ labels: { a: 'b', c: '' } }).labels, lifeOf({ labels: ['a=b', 'c='] }).labels);
});

test('a volume’s path may hold what separates the fields of an option', () => {
  const { mounts = [] } = containerRequest([], {
    volumes: [{ source: '/a,b:"c', target: '/to,here', readOnly: true }, '/x:/y', { source: './d', target: '/d' }],
    mounts: ['type=tmpfs,target=/t'],
  });
  assert.is(mounts.length, 3);
  assert.equal(parseMount(mounts[0] ?? '', '/'), {
    do: 'bind',
    source: '/a,b:"c',
    target: '/to,here',
    attributes: ['nodev', 'ro'],
  });
  const step = parseMount(mounts[1] ?? '', '/home');
  assert.is(step.do === 'bind' && step.source, '/home/d');
  assert.match(
    containerRequest([], { volumes: [{ source: 'data', target: '/x' }] }).mounts?.[0] ?? '',
    /^type=volume,/,
  );
});

test('a port that is a number or an object is published on 127.0.0.1 alone', () => {
  const { publish = [] } = containerRequest([], {
    ports: [
      5432,
      '8080:80',
      { container: 53, host: 5353, protocol: 'udp' },
      { container: 1, host: 2, address: '0.0.0.0' },
      { container: 1, address: '::1' },
    ],
  });
  assert.equal(publish, ['127.0.0.1::5432', '8080:80', '127.0.0.1:5353:53/udp', '0.0.0.0:2:1', '[::1]::1']);
  for (const text of publish) parsePublish(text);
  assert.equal(parsePublish(publish[2] ?? ''), [
    { hostAddress: '127.0.0.1', hostPort: 5353, containerPort: 53, protocol: 'udp' },
  ]);
});

test('a name that would become another one is refused', async () => {
  await failureOf((async () => containerRequest([], { env: { 'A=B': 'c' } }))(), 'USAGE');
  await failureOf((async () => lifeOf({ labels: { '': 'c' } }))(), 'USAGE');
});

test('the environment of the container is not the one by which registries are reached', () => {
  const options = sourceOptions({ env: { HTTPS_PROXY: 'http://x' }, platform: 'linux/arm64', root: '/r' });
  assert.equal(Object.keys(options).sort(), ['platform', 'root']);
  assert.is(options.platform?.architecture, 'arm64');
});

test.run();
