import { fileURLToPath } from 'node:url';
import type { LayerInput } from '../../disk/read/read-layer.ts';
import type { UnpackReport } from '../../disk/unpack-options.ts';
import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { DESCRIPTOR } from '../../host/start/channel.ts';
import { startHelper } from '../../host/start/start-helper.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { IdMap } from '../../launch/launch-plan.ts';
import { isTolerance, type Tolerance } from '../../rootfs/policy.ts';
import { receiveError } from '../../sys/portable-error.ts';
import { writeStream } from './frames.ts';
import { isUnpackMessage, type PortableReport, type UnpackRequest, type UnpackTask } from './unpack-request.ts';

const ENTRY = [process.execPath, fileURLToPath(new URL('../../programs/unpack-helper.cjs', import.meta.url))];

async function sendLayers(
  control: NodeJS.WritableStream & Parameters<typeof writeStream>[0],
  { request, layers }: { readonly request: UnpackRequest; readonly layers: readonly LayerInput[] },
  signal?: AbortSignal,
): Promise<void> {
  await writeStream(
    control,
    (async function* () {
      yield Buffer.from(JSON.stringify(request));
    })(),
  );
  const { into } = request;
  for (const [ordinal, layer] of layers.entries()) {
    // The helper has the entries of this layer, and does not open it.
    if (into.kind === 'layers' && into.directories[ordinal]?.kept) continue;
    await writeStream(control, await layer.open(signal));
  }
  control.end();
}

/**
 * Unpacks layers as root of the caller's user namespace, so that the files belong to the IDs that containers see.
 * Sources, networks and passwords stay in this process: the helper gets the bytes of layers only.
 * @throws what unpacking throws, HOST_UNSUPPORTED, LAUNCH_FAILED
 */
export async function unpackInNamespace(
  { layers, into, settings }: UnpackTask,
  { idMap, tools }: { readonly idMap: IdMap; readonly tools: HostTools },
  context: Context,
): Promise<UnpackReport> {
  const { process, messages, complaints } = await startHelper(
    { namespaces: { idMap }, tools, args: ENTRY },
    { isMessage: isUnpackMessage },
  );
  const request: UnpackRequest = {
    layers: layers.map(({ label, diffId, size, digest }) => ({ label, diffId, size, digest })),
    into,
    settings,
  };
  const control = process.stream(DESCRIPTOR.control);
  let sendFailure: unknown;
  const sent = sendLayers(control, { request, layers }, context.signal).catch((error: unknown) => {
    sendFailure ??= error;
    // The helper sees that its layers end early, and removes what it has made: this process may not remove those files.
    control.destroy();
  });
  // The helper's own error says why it stopped reading: the broken pipe here says nothing more.
  control.on('error', () => {});
  const abort = () => process.kill('SIGTERM');
  context.signal?.addEventListener('abort', abort, { once: true });
  let done: PortableReport | undefined;
  let failure: Error | undefined;
  try {
    for await (const message of messages) {
      if (message.kind === 'event') context.onEvent?.(message.event);
      else if (message.kind === 'error') failure = receiveError(message.error);
      else if (message.kind === 'done') done = message.report;
    }
    if (done === undefined) control.destroy();
    await process.ended;
  } finally {
    context.signal?.removeEventListener('abort', abort);
    process.kill('SIGKILL');
  }
  context.signal?.throwIfAborted();
  if (
    failure !== undefined &&
    !(failure instanceof TsimgError && failure.code === 'INTERRUPTED' && sendFailure !== undefined)
  )
    throw failure;
  if (done !== undefined) {
    await sent;
    const tolerated = new Map<Tolerance, number>();
    for (const [name, count] of done.tolerated) if (isTolerance(name)) tolerated.set(name, count);
    return { ...done, tolerated };
  }
  if (sendFailure !== undefined) throw sendFailure;
  throw new TsimgError('LAUNCH_FAILED', 'the process that unpacks layers ended early', {
    why: (await complaints).trim(),
  });
}
