/**
 * The library of tsimg: container images in plain data, verified streams and root filesystems, without a daemon.
 *
 * - **Get an image**: {@link openImage}, {@link pullToStore}, {@link inspectImage}.
 * - **Keep the store**: {@link listImages}, {@link tagImage}, {@link removeImages}, {@link pruneStore};
 *   {@link planPull}, {@link checkStore}, {@link dropBlobs}.
 * - **Bring one elsewhere**: {@link pushImage}, {@link copySource}, {@link saveImages}, {@link loadArchive},
 *   {@link exportRootfs}.
 * - **Trust one**: {@link verifySource}, {@link listReferrersOf}, {@link readSbom}, {@link updateTrust}.
 * - **Make one**: {@link packImage}, {@link appendLayers}, {@link configureImage}; {@link attachFiles} puts files
 *   beside one.
 * - **Look into a registry**: {@link readManifest}, {@link listTags}, {@link deleteImage}.
 * - **Run a command**: {@link runContainer}; {@link runSource} passes this process's own streams on.
 * - **Use a container**: {@link startContainer}, {@link getContainer}, {@link listContainers} and the methods of
 *   {@link Container}.
 * - **Unpack**: {@link unpackSource}, {@link unpackImage}, {@link unpackTar}.
 * - **Know the host**: {@link diagnoseHost}.
 * - **Look inside**: {@link imageHistory}, {@link listFiles}, {@link readImageFile}, {@link foldImage}, {@link
 *   readTar}.
 * - **Build with the parts**: a {@link Source} gives images, a {@link Sink} takes them, {@link copyImage} moves one.
 *
 * Sizes are bytes, times are milliseconds unless an option's text says seconds, and digests are checked texts
 * ({@link Digest}). Every function that fails throws a {@link TsimgError} with a code of {@link ERROR_CODES}, and every
 * function that reads or transfers images, or runs a command, accepts an `AbortSignal`.
 *
 * @packageDocumentation
 */
// test/api.test.ts lists these names: a change here is a change for users.

import { nameOptionsOfLibrary } from './option-words.ts';

export { digestOf } from './crypto/digest.ts';
export type { ImageLimits, UnpackOptions, UnpackReport } from './disk/unpack-options.ts';
export { ERROR_CODES, type ErrorCode, type ErrorFacts, TsimgError, type TsimgErrorOptions } from './errors.ts';
export type { Context, OnEvent, TsimgEvent } from './events.ts';
export type { HostEvent } from './host/state/events-file.ts';
export type { AttachEnd } from './host/stdio/attach-to.ts';
export type { Streams } from './host/stdio/relay.ts';
export { processSignals, type SignalSource } from './host/stdio/signal-source.ts';
export { choosePlatform, type PlatformChoice } from './image/choose-platform.ts';
export type { CopyOptions, CopyReport } from './image/copy.ts';
export type { FileSection } from './image/file-section.ts';
export type { Document } from './image/find-manifest.ts';
export type { Image, Layer } from './image/image.ts';
export type { LoadedImage, LoadOptions } from './image/load.ts';
export type { Sink } from './image/sink.ts';
export type { Deviation, NamedImage, Source, SourcePlace } from './image/source.ts';
export type { HealthPlan } from './launch/health.ts';
export type {
  BindStep,
  IdMap,
  LaunchPlan,
  Limit,
  Namespace,
  ProcessPlan,
  RootSpec,
  Step,
} from './launch/launch-plan.ts';
export type { DeviceList } from './launch/limits/device-list.ts';
export type { CgroupPlan, PlannedLimit } from './launch/limits/limits.ts';
export type { ResourceRequest } from './launch/limits/resources.ts';
export type { NamedNetwork } from './launch/network/named-network.ts';
export type { BridgePlan, JoinedProcess, NetworkPlan } from './launch/network/network-plan.ts';
export type { PublishedPort, WantedPort } from './launch/network/publish.ts';
export type { HealthRequest } from './launch/plan/health.ts';
export type { UserNamespaceMode } from './launch/plan/id-map.ts';
export type { ImageVolumeMode } from './launch/plan/image-volumes.ts';
export type { NameRequest } from './launch/plan/network-files.ts';
export type { RunInput, RunRequest } from './launch/plan/run-request.ts';
export type { Finding } from './launch/show/diagnose.ts';
export type { CaptureOptions, CommandResult, OutputEncoding, OutputOf } from './library/container/capture.ts';
export { Container } from './library/container/container.ts';
export type { ExecOptions, ExecSettings, RunningCommand, SpawnOptions, WebStreams } from './library/container/exec.ts';
export { type ContainerListOptions, getContainer, listContainers } from './library/container/find-container.ts';
export type { LogLine } from './library/container/log-lines.ts';
export type {
  AbortOption,
  ChangedFile,
  CommitContainerOptions,
  CopyFilesOptions,
  LogsOptions,
  RestartContainerOptions,
  StopContainerOptions,
} from './library/container/method-options.ts';
export type { ContainerParts, ContainerPlace } from './library/container/place.ts';
export type { Endpoint } from './library/container/ports.ts';
export { type ContainerResult, type RunContainerOptions, runContainer } from './library/container/run-container.ts';
export { runSource } from './library/container/run-source.ts';
export { type ReadyCheck, type StartContainerOptions, startContainer } from './library/container/start-container.ts';
export type { CommandInput, CommandOutput } from './library/container/streams.ts';
export { diagnoseHost } from './library/host/diagnose-host.ts';
export {
  type CreateNetworkOptions,
  createNetwork,
  getNetwork,
  listNetworks,
  Network,
} from './library/host/network.ts';
export {
  type CreateVolumeOptions,
  createVolume,
  inspectVolume,
  listVolumes,
  type PruneVolumesOptions,
  pruneVolumes,
  type RemoveVolumeOptions,
  removeVolume,
  type VolumeOptions,
} from './library/host/volumes.ts';
export { type WatchEventsOptions, watchEvents } from './library/host/watch-events.ts';
export { getLogin, login, logout, logoutAll } from './library/images/accounts.ts';
export { attachFiles, deleteImage, listTags, readManifest } from './library/images/ask-registries.ts';
export { appendLayers, configureImage, packImage } from './library/images/author-images.ts';
export { foldImage, listFiles, readImageFile } from './library/images/image-files.ts';
export { inspectImage, openImage, unpackImage, unpackSource, unpackTar } from './library/images/open-images.ts';
export {
  type DecompressedOptions,
  decompressed,
  loadImage,
  openOciLayoutSink,
  openRegistrySink,
  openRegistrySource,
  openStoreSink,
  openStoreSource,
  readTar,
  type StoreSinkOptions,
} from './library/images/parts.ts';
export {
  type CheckStoreOptions,
  checkStore,
  type DropBlobsOptions,
  dropBlobs,
} from './library/images/stored-blobs.ts';
export {
  exportRootfs,
  imageHistory,
  listImages,
  loadArchive,
  type PruneStoreOptions,
  pruneStore,
  type RemoveImagesOptions,
  removeImages,
  type SaveImagesOptions,
  type StoreOptions,
  saveImages,
  tagImage,
} from './library/images/stored-images.ts';
export {
  copyImage,
  copySource,
  planPull,
  pullImage,
  pullToStore,
  pushImage,
} from './library/images/transfer-images.ts';
export { listReferrersOf, readSbom, updateTrust, verifySource } from './library/images/trusted-images.ts';
export type {
  CommandOptions,
  ContainerOptions,
  FileOptions,
  IsolationOptions,
  LifeOptions,
  LimitOptions,
  NetworkOptions,
  PortMapping,
  SoftAndHard,
  VolumeMount,
} from './library/options/container-options.ts';
export type { Filters } from './library/options/filters.ts';
export type { ImageSettings, WithPlatform } from './library/options/image-options.ts';
export { parseDigest, parsePlatform, parseReference } from './library/options/parse-texts.ts';
export type { DeviceRule } from './linux/device/device-rule.ts';
export type { HostsEntry } from './linux/hosts.ts';
export type { IdExtent } from './linux/ids.ts';
export type { Network4 } from './linux/ipv4.ts';
export type { LimitValue } from './linux/limits.ts';
export type { MountAttribute, Propagation } from './linux/mount-flags.ts';
export type { Action, Architecture, Condition, Rule, SeccompPolicy, Verdict } from './linux/seccomp/seccomp-policy.ts';
export type {
  SeccompAction,
  SeccompArchitectures,
  SeccompArgument,
  SeccompCall,
  SeccompFilter,
  SeccompOperator,
  SeccompProfile,
} from './linux/seccomp/seccomp-profile.ts';
export type { Traffic } from './linux/usage.ts';
export type { ArtifactFile } from './oci/artifact.ts';
export { chainIds } from './oci/chain-id.ts';
export type { Clearable, RunConfigEdit } from './oci/commit/edit-run-config.ts';
export { type HistoryEntry, type ImageConfig, parseImageConfig } from './oci/config.ts';
export type { Descriptor } from './oci/descriptor.ts';
export { type Digest, isDigest } from './oci/digest.ts';
export type { Healthcheck } from './oci/healthcheck.ts';
export { type ImageIndex, parseImageIndex } from './oci/image-index.ts';
export { type Manifest, parseManifest } from './oci/manifest.ts';
export { MEDIA_TYPE } from './oci/media-type.ts';
export { formatPlatform, type Platform } from './oci/platform.ts';
export { formatFamiliar, formatReference, type Reference } from './oci/reference.ts';
export type { RunConfig } from './oci/run-config.ts';
export type { Credentials } from './registry/auth/auth-file.ts';
export { openConnections, type RegistryConnections } from './registry/connections.ts';
export type { Timeouts } from './registry/http/phases.ts';
export type { MirrorFiles } from './registry/mirrors/find-configuration.ts';
export type { RequestLimits } from './registry/request-limits.ts';
export type { RegistryOptions } from './registry/session.ts';
export type { Body, Bucket } from './rootfs/body.ts';
export type { Ownership } from './rootfs/fold/real-attributes.ts';
export type {
  Attributes,
  DirectoryNode,
  FileNode,
  LeafNode,
  SpecialKind,
  SpecialNode,
  SymlinkNode,
  TreeNode,
} from './rootfs/node.ts';
export type { RootfsPath } from './rootfs/path.ts';
export type { Severity } from './rootfs/policy.ts';
export type { Tree, TreeEntry } from './rootfs/tree.ts';
export type { RegistrySinkOptions } from './sinks/registry.ts';
export type { BringBackOptions } from './sources/bring-back.ts';
export type { SourceLimits } from './sources/files/unwrap-options.ts';
export type { OpenSourceOptions } from './sources/open.ts';
export type { RegistrySourceOptions } from './sources/registry.ts';
export type { CompressionChoice, LayerCompression } from './streams/compress/choice.ts';
export type { Content, OpenContent } from './streams/content.ts';
export { verified } from './streams/verified.ts';
export type { TarEntryKind, TarHeader, Timestamp } from './tar/header.ts';
export type { TarEntry } from './tar/read/entries.ts';
export type { TarLimits } from './tar/read/limits.ts';
export type { TarReaderOptions } from './tar/read/read.ts';
export type { AttachRequest } from './verbs/attach/attach-container.ts';
export type { AppendOptions } from './verbs/author/append.ts';
export type { AuthoredImage, AuthoredLayer, AuthorOptions } from './verbs/author/author-options.ts';
export type { ImageEdit } from './verbs/author/config.ts';
export type { TreeIds } from './verbs/author/directory-layer.ts';
export type { MadeLayersOptions } from './verbs/author/made-layers.ts';
export type { PackOptions } from './verbs/author/pack.ts';
export type { CommitOptions } from './verbs/changes/commit.ts';
export type { HistoryLine } from './verbs/image/history.ts';
export type { ListedImage } from './verbs/image/images.ts';
export type { InspectedImage } from './verbs/image/inspect.ts';
export type { LoadedArchive } from './verbs/image/load.ts';
export type { ImageOptions, OpenedImage } from './verbs/image/open-image.ts';
export type { PlannedBlob, PullPlan } from './verbs/image/plan-pull.ts';
export type { PullOptions } from './verbs/image/prepare-pull.ts';
export type { PullReport } from './verbs/image/pull.ts';
export type { StorePullOptions } from './verbs/image/pull-to-store.ts';
export type { RemovedImages, SweepReport } from './verbs/image/remove-image.ts';
export type { SavedImage, SaveFormat } from './verbs/image/save.ts';
export type { FoldOptions } from './verbs/layers/fold-image.ts';
export type { ReadImageFileOptions } from './verbs/layers/read-file.ts';
export type { RecompressedLayer } from './verbs/layers/recompress.ts';
export type { InspectedMount, ListedMount } from './verbs/look/container-mounts.ts';
export type { ContainerSize } from './verbs/look/container-sizes.ts';
export type { ContainerStats } from './verbs/look/container-stats.ts';
export type { ProcessTable } from './verbs/look/container-top.ts';
export type { HostDiagnosis } from './verbs/look/doctor.ts';
export type { EventOptions } from './verbs/look/host-events.ts';
export type { InspectedEndpoint, ListedNetwork } from './verbs/look/inspected-networks.ts';
export type { ListedContainer } from './verbs/look/listed-container.ts';
export type { InspectedNetwork } from './verbs/network/inspect-network.ts';
export type { StorePlace } from './verbs/places.ts';
export type { AttachOptions, AttachReport } from './verbs/registry/attach.ts';
export type { CopySourceOptions, CopySourceReport } from './verbs/registry/copy.ts';
export type { Account, LoginOptions, LoginReport } from './verbs/registry/login.ts';
export type { LogoutOptions, LogoutReport } from './verbs/registry/logout.ts';
export type { RawManifest, ReadManifestOptions } from './verbs/registry/manifest.ts';
export type { PushOptions, PushReport } from './verbs/registry/push.ts';
export type { RecompressChoice, Recompression } from './verbs/registry/recompressed-copy.ts';
export type { UnpackIds, UnpackImageOptions, UnpackOutput } from './verbs/rootfs/unpack.ts';
export type { LifeRequest } from './verbs/run/life-request.ts';
export type { PullPolicy, RunSourceOptions } from './verbs/run/run-source.ts';
export type { Sbom, SbomOptions } from './verbs/signatures/referrers.ts';
export type { TrustUpdate, TrustUpdateOptions } from './verbs/signatures/update-trust.ts';
export type { VerifyOptions } from './verbs/signatures/verify.ts';
export type { StoreCheck } from './verbs/store/check-store.ts';
export type { DropOptions, DroppedBlobs } from './verbs/store/drop-blobs.ts';
export type { FindingKind, StoreFinding } from './verbs/store/finding.ts';
export type { AttachedArtifact, AttachedForm } from './verbs/verify/list-attached.ts';
export type { VerificationChoice } from './verbs/verify/verification.ts';
export type { Volume, VolumeFilters } from './verbs/volumes/manage-volumes.ts';
export type { Form } from './verify/candidate.ts';
export type { Matcher } from './verify/matcher.ts';
export type { GoodSignature } from './verify/verify-attached.ts';

nameOptionsOfLibrary();
