import type { Context } from '../../events.ts';
import { type LoadedImage, loadImage } from '../../image/load.ts';
import { ANNOTATION } from '../../oci/annotations.ts';
import { healthcheckDocument } from '../../oci/healthcheck.ts';
import type { Platform } from '../../oci/platform.ts';
import { formatFamiliar, parseReference } from '../../oci/reference.ts';
import { type OpenedSource, type OpenSourceOptions, openSource } from '../../sources/open.ts';
import { withRepair } from './repair-stored.ts';
import { storedNames } from './stored-names.ts';

/** An image under the keys of `docker image inspect`, so that programs which read those can read this. */
export interface InspectedImage {
  /** The image's ID: the digest of the config. */
  readonly Id: string;
  /** The digest of the manifest. */
  readonly Digest: string;
  /** Names with tags, as docker shows them: `alpine:3.19`. */
  readonly RepoTags: readonly string[];
  /** `REPOSITORY@DIGEST` for each repository that the image is known to come from. */
  readonly RepoDigests: readonly string[];
  /** RFC 3339, as the builder wrote it; '' where it is absent. */
  readonly Created: string;
  /** '' where it is absent. */
  readonly Author: string;
  /** GOARCH: `amd64`, `arm64`. */
  readonly Architecture: string;
  readonly Variant?: string;
  readonly Os: string;
  readonly OsVersion?: string;
  /** Bytes of layers and config as stored, compressed. */
  readonly Size: number;
  /** The settings with which a container starts: the fields of `RunConfig`. */
  readonly Config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Entrypoint: readonly string[];
    readonly Cmd: readonly string[];
    readonly WorkingDir: string;
    readonly Labels: Readonly<Record<string, string>>;
    readonly ExposedPorts: Readonly<Record<string, object>>;
    readonly Volumes: Readonly<Record<string, object>>;
    readonly StopSignal: string;
    /** Under docker's keys; times are in nanoseconds. */
    readonly Healthcheck?: Readonly<Record<string, unknown>>;
  };
  /** The diff IDs of the layers, base first. */
  readonly RootFS: { readonly Type: 'layers'; readonly Layers: readonly string[] };
  /** Blobs as stored, base first. */
  readonly Layers: readonly { readonly MediaType: string; readonly Digest: string; readonly Size: number }[];
}

const keySet = (keys: readonly string[]) => Object.fromEntries(keys.map((key) => [key, {}]));

/** Returns what inspect shows of a loaded image with these names. Pure. */
export function inspected(image: LoadedImage, names: readonly string[], digests: readonly string[]): InspectedImage {
  const { config, manifest, descriptor } = image;
  const { os, architecture, variant, osVersion } = config.platform;
  const { run } = config;
  return {
    Id: manifest.config.digest,
    Digest: descriptor.digest,
    RepoTags: names.filter((name) => !name.includes('@')),
    RepoDigests: digests,
    Created: config.created ?? '',
    Author: config.author ?? '',
    Architecture: architecture,
    ...(variant === undefined ? {} : { Variant: variant }),
    Os: os,
    ...(osVersion === undefined ? {} : { OsVersion: osVersion }),
    Size: manifest.layers.reduce((sum, { size }) => sum + size, manifest.config.size),
    Config: {
      User: run.user,
      Env: run.env,
      Entrypoint: run.entrypoint,
      Cmd: run.cmd,
      WorkingDir: run.workingDir,
      Labels: run.labels,
      ExposedPorts: keySet(run.exposedPorts),
      Volumes: keySet(run.volumes),
      StopSignal: run.stopSignal,
      ...(run.healthcheck === undefined ? {} : { Healthcheck: healthcheckDocument(run.healthcheck) }),
    },
    RootFS: { Type: 'layers', Layers: config.diffIds },
    Layers: manifest.layers.map(({ mediaType, digest, size }) => ({
      MediaType: mediaType,
      Digest: digest,
      Size: size,
    })),
  };
}

/** Returns the names of an image in its source, and `REPOSITORY@DIGEST` for each repository that it came from. */
async function knownAs({ source }: OpenedSource, image: LoadedImage) {
  const same = ((await source.list?.()) ?? []).filter(({ descriptor }) =>
    [image.descriptor.digest, image.resolved.digest].includes(descriptor.digest),
  );
  const names = storedNames(same.flatMap(({ name }) => name ?? []));
  const digests = same.flatMap(({ name, descriptor }) => {
    const [full] = storedNames(name === undefined ? [] : [name]);
    if (full === undefined) return [];
    const digest = descriptor.annotations?.[ANNOTATION.chosenFrom] ?? descriptor.digest;
    return [`${formatFamiliar({ ...parseReference(full), tag: undefined, digest: undefined })}@${digest}`];
  });
  return { names: names.map((name) => formatFamiliar(parseReference(name))), digests: [...new Set(digests)] };
}

/**
 * Describes an image as `tsimg inspect` does. Layers are not read.
 * @param spec a SOURCE as the command line takes it: `alpine.tar`, `oci:layout:3.19`, `docker://alpine:3.19`, a name in
 * the store
 * @throws USAGE, REFERENCE_INVALID, SOURCE_NOT_FOUND, IMAGE_NOT_FOUND, IMAGE_AMBIGUOUS, PLATFORM_NOT_FOUND, and the
 * other errors of {@link openImage}
 * @example
 * const { Architecture, Config } = await inspectImage('alpine.tar', { storeRoot: '/var/lib/tsimg' });
 */
export async function inspectImage(
  spec: string,
  options: OpenSourceOptions & { readonly platform?: Platform | undefined },
  context: Context = {},
): Promise<InspectedImage> {
  return await withRepair([spec], { storeRoot: options.storeRoot, ...context }, async () => {
    const opened = await openSource(spec, options, context);
    try {
      const image = await loadImage(opened.source, { name: opened.name, platform: options.platform }, context);
      const { names, digests } = await knownAs(opened, image);
      return inspected(image, names, digests);
    } finally {
      await opened.source.close();
    }
  });
}
