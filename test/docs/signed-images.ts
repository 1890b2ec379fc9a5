import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../../src/oci/digest.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { makeImage } from '../support/image.ts';
import { named, writeLayout } from '../support/layout.ts';
import { pushArtifact } from '../support/push.ts';
import { ecKeys, makeSignerWorld, publicPem, simpleSigning } from '../support/signer.ts';
import { tempDir } from '../support/temp-dir.ts';

const REPOSITORY = 'team/signed';
const PAYLOAD = 'application/vnd.dev.cosign.simplesigning.v1+json';

async function digestOf(host: string, tag: string): Promise<Digest> {
  const accept = 'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json';
  const response = await fetch(`http://${host}/v2/${REPOSITORY}/manifests/${tag}`, {
    method: 'HEAD',
    headers: { accept },
  });
  return response.headers.get('docker-content-digest') as Digest;
}

/**
 * Puts an image and its signature into a registry's folder, and another image that has the same signature.
 * @returns the files that verify it, by their names
 */
export async function pushSigned(data: string, image: string): Promise<Readonly<Record<string, string>>> {
  const world = await makeSignerWorld();
  const keys = ecKeys();
  await using registry = await startDockerRegistry({ data });
  registry.fill(image, `${REPOSITORY}:1.0`);
  const other = makeImage({ layers: [Buffer.alloc(1024)], gzip: true });
  const layout = writeLayout(join(tempDir(), 'layout'), [named(other.descriptor, 'latest')], other.blobs);
  registry.fill(`oci:${layout}:latest`, `${REPOSITORY}:altered`);
  const payload = simpleSigning(await digestOf(registry.host, '1.0'), `registry.example/${REPOSITORY}`);
  const annotations = await world.legacy(world.keySigner(keys), payload);
  for (const tag of ['1.0', 'altered']) {
    const digest = await digestOf(registry.host, tag);
    await pushArtifact(registry.host, REPOSITORY, {
      tag: `${digest.replace(':', '-')}.sig`,
      layers: [{ mediaType: PAYLOAD, bytes: payload, annotations }],
    });
  }
  return { 'cosign.pub': publicPem(keys.publicKey), 'trusted_root.json': readFileSync(world.trustedRoot, 'utf8') };
}
