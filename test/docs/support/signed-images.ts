import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../../../src/oci/digest.ts';
import { makeImage } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { startDockerRegistry } from '../../support/registry/docker-registry.ts';
import { attachLayers, cosignLayer } from '../../support/signed/signed-image.ts';
import { ecKeys, makeSignerWorld, publicPem } from '../../support/signed/signer.ts';
import { tempDir } from '../../support/temp-dir.ts';

const REPOSITORY = 'team/signed';

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
  const signed = await digestOf(registry.host, '1.0');
  const layer = await cosignLayer(world, world.keySigner(keys), signed, `registry.example/${REPOSITORY}`);
  for (const tag of ['1.0', 'altered']) {
    await attachLayers(registry.host, REPOSITORY, { digest: await digestOf(registry.host, tag) }, layer);
  }
  return { 'cosign.pub': publicPem(keys.publicKey), 'trusted_root.json': readFileSync(world.trustedRoot, 'utf8') };
}
