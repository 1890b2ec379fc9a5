import type { Descriptor } from './descriptor.ts';
import type { Manifest } from './manifest.ts';
import type { Platform } from './platform.ts';

/** A platform as a JSON value. OCI image spec, image-index.md. */
function platformDocument(platform: Platform): Readonly<Record<string, unknown>> {
  const { os, architecture, variant, osVersion, osFeatures } = platform;
  return {
    architecture,
    os,
    ...(variant === undefined ? {} : { variant }),
    ...(osVersion === undefined ? {} : { 'os.version': osVersion }),
    ...(osFeatures === undefined ? {} : { 'os.features': osFeatures }),
  };
}

/**
 * A descriptor as a JSON value. Keys are in a fixed order, so that equal values give equal bytes. OCI image spec,
 * descriptor.md.
 */
export function descriptorDocument(descriptor: Descriptor): Readonly<Record<string, unknown>> {
  const { mediaType, digest, size, platform, annotations, urls, artifactType, data } = descriptor;
  const sorted = Object.entries(annotations ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    mediaType,
    digest,
    size,
    ...(platform === undefined ? {} : { platform: platformDocument(platform) }),
    ...(sorted.length === 0 ? {} : { annotations: Object.fromEntries(sorted) }),
    ...(urls === undefined ? {} : { urls }),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(data === undefined ? {} : { data }),
  };
}

/** Writes an index as text, with a line break at its end and no other white space. */
export function indexDocument(
  mediaType: string,
  manifests: readonly Descriptor[],
  annotations?: Readonly<Record<string, string>>,
): string {
  const document = {
    schemaVersion: 2,
    mediaType,
    manifests: manifests.map(descriptorDocument),
    ...(annotations === undefined ? {} : { annotations }),
  };
  return `${JSON.stringify(document)}\n`;
}

/**
 * Writes a manifest as bytes, without white space. Keys are in a fixed order, so that equal values give equal bytes.
 */
export function manifestDocument(manifest: Manifest): Buffer {
  const { mediaType, artifactType, config, layers, subject, annotations } = manifest;
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      artifactType,
      config: descriptorDocument(config),
      layers: layers.map(descriptorDocument),
      ...(subject === undefined ? {} : { subject: descriptorDocument(subject) }),
      annotations,
    }),
  );
}
