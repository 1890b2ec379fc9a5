import type { LayerInput } from '../../disk/read/read-layer.ts';
import type { LayerDirectory } from '../../disk/unpack-layers.ts';
import type { UnpackOptions, UnpackReport } from '../../disk/unpack-options.ts';
import type { Context, TsimgEvent } from '../../events.ts';
import type { IdMap } from '../../launch/launch-plan.ts';
import type { ImageConfig } from '../../oci/config.ts';
import type { Form, OverlayNamespace } from '../../rootfs/fold/real-attributes.ts';
import type { PortableError } from '../../sys/portable-error.ts';

/** What becomes of layers. */
export type UnpackInto =
  /** A root filesystem. */
  | { readonly kind: 'flat'; readonly destination: string }
  /** Each layer for overlayfs, in a directory that is named. */
  | { readonly kind: 'layers'; readonly directories: readonly LayerDirectory[]; readonly form: Required<Form> }
  /** Each layer for overlayfs, in directories `0`, `1`, … of the destination, base first. */
  | { readonly kind: 'side-by-side'; readonly destination: string; readonly overlay: OverlayNamespace }
  /** A root filesystem and the configuration with which a runtime starts it. */
  | {
      readonly kind: 'bundle';
      readonly destination: string;
      readonly config: ImageConfig;
      /** Of the container's user namespace; absent where it needs none. */
      readonly idMap?: IdMap;
    };

export type UnpackSettings = Omit<UnpackOptions, keyof Context>;

/** What is to be unpacked, and how. */
export interface UnpackTask {
  /** Base first. */
  readonly layers: readonly LayerInput[];
  readonly into: UnpackInto;
  readonly settings: UnpackSettings;
}

/** The same for a process in another user namespace; the layers follow it as streams, base first. */
export interface UnpackRequest extends Omit<UnpackTask, 'layers'> {
  readonly layers: readonly Pick<LayerInput, 'label' | 'diffId' | 'size' | 'digest'>[];
}

/** What that process tells. */
export type UnpackMessage =
  | { readonly kind: 'event'; readonly event: TsimgEvent }
  | { readonly kind: 'done'; readonly report: PortableReport }
  | { readonly kind: 'error'; readonly error: PortableError };

/** A report as JSON has it. */
export interface PortableReport extends Omit<UnpackReport, 'tolerated'> {
  readonly tolerated: readonly (readonly [name: string, count: number])[];
}
