/**
 * The library of tsimg: container images in plain data, verified streams and root filesystems, without a daemon.
 *
 * - **Get an image**: {@link openImage}, {@link pullToStore}, {@link inspectImage}.
 * - **Bring one elsewhere**: {@link pushImage}, {@link copySource}.
 * - **Look into a registry**: {@link readManifest}, {@link listTags}, {@link deleteImage}.
 * - **Unpack or run**: {@link unpackSource}, {@link unpackImage}, {@link unpackTar}, {@link runSource}.
 * - **Look inside**: {@link listFiles}, {@link foldImage}, {@link readTar}.
 * - **Build with the parts**: a {@link Source} gives images, a {@link Sink} takes them, {@link copyImage} moves one.
 *
 * Sizes are bytes, times are milliseconds, and digests are checked texts ({@link Digest}). Every function that fails
 * throws a {@link TsimgError} with a code of {@link ERROR_CODES}, and every function that takes long accepts an
 * `AbortSignal`.
 *
 * @packageDocumentation
 */
// test/api.test.ts lists these names: a change here is a change for users.

export { digestOf } from './crypto/digest.ts';
export type { UnpackOptions, UnpackReport } from './disk/unpack-options.ts';
export { ERROR_CODES, type ErrorCode, type ErrorFacts, TsimgError } from './errors.ts';
export type { Context, OnEvent, TsimgEvent } from './events.ts';
export { processSignals, type SignalSource } from './host/stdio/signal-source.ts';
export { choosePlatform } from './image/choose-platform.ts';
export { type CopyOptions, type CopyReport, copyImage } from './image/copy.ts';
export type { Image, Layer } from './image/image.ts';
export { type LoadedImage, type LoadOptions, loadImage } from './image/load.ts';
export type { Sink } from './image/sink.ts';
export type { NamedImage, Source } from './image/source.ts';
export type { RunRequest } from './launch/plan/run-request.ts';
export { chainIds } from './oci/chain-id.ts';
export { type HistoryEntry, type ImageConfig, parseImageConfig } from './oci/config.ts';
export type { Descriptor } from './oci/descriptor.ts';
export { type Digest, isDigest, parseDigest } from './oci/digest.ts';
export { type ImageIndex, parseImageIndex } from './oci/image-index.ts';
export { type Manifest, parseManifest } from './oci/manifest.ts';
export { MEDIA_TYPE } from './oci/media-type.ts';
export { formatPlatform, type Platform, parsePlatform } from './oci/platform.ts';
export { formatFamiliar, formatReference, parseReference, type Reference } from './oci/reference.ts';
export type { RunConfig } from './oci/run-config.ts';
export type { TreeNode } from './rootfs/node.ts';
export type { TreeEntry } from './rootfs/tree.ts';
export { openOciLayoutSink } from './sinks/oci-layout.ts';
export { openRegistrySink, type RegistrySinkOptions } from './sinks/registry.ts';
export { openStoreSink } from './sinks/store.ts';
export { openRegistrySource } from './sources/registry.ts';
export { openStoreSource } from './sources/store.ts';
export type { Content, OpenContent } from './streams/content.ts';
export { decompressed } from './streams/decompress/decompress.ts';
export { verified } from './streams/verified.ts';
export type { TarHeader, Timestamp } from './tar/header.ts';
export { readTar } from './tar/read/entries.ts';
export { type InspectedImage, inspectImage } from './verbs/image/inspect.ts';
export { type ImageOptions, type OpenedImage, openImage } from './verbs/image/open-image.ts';
export { type PullOptions, type PullReport, pullImage } from './verbs/image/pull.ts';
export { pullToStore } from './verbs/image/pull-to-store.ts';
export { foldImage, listFiles } from './verbs/layers/list-files.ts';
export { type CopySourceOptions, type CopySourceReport, copySource } from './verbs/registry/copy.ts';
export { deleteImage } from './verbs/registry/delete.ts';
export { type Account, getLogin, type LoginOptions, type LoginReport, login } from './verbs/registry/login.ts';
export { type LogoutOptions, type LogoutReport, logout, logoutAll } from './verbs/registry/logout.ts';
export { type RawManifest, readManifest } from './verbs/registry/manifest.ts';
export { type PushOptions, type PushReport, pushImage } from './verbs/registry/push.ts';
export { listTags } from './verbs/registry/tags.ts';
export {
  type UnpackIds,
  type UnpackImageOptions,
  type UnpackOutput,
  unpackImage,
  unpackSource,
  unpackTar,
} from './verbs/rootfs/unpack.ts';
export { type RunSourceOptions, runSource } from './verbs/run/run-source.ts';
