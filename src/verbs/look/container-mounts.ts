import type { ContainerRecord } from '../../host/state/record.ts';
import type { BindStep, Step } from '../../launch/launch-plan.ts';
import { parseMount } from '../../launch/options/mount-option.ts';
import { parseTmpfs, parseVolume } from '../../launch/options/volumes.ts';

/** A directory or file of the host in a container. */
export interface ListedMount {
  /** `volume`: a named one, or a directory of the container's own for a volume without a name. */
  readonly kind: 'bind' | 'volume';
  /** The name of a volume; undefined for a volume without one, and for a bind mount. */
  readonly name: string | undefined;
  /** The path on the host. */
  readonly source: string;
  /** The path in the container. */
  readonly target: string;
}

const bindsOf = ({ plan }: Pick<ContainerRecord, 'plan'>): readonly BindStep[] =>
  plan.steps.filter((step) => step.do === 'bind');

/** Returns what of the host is mounted in a container. */
export function listedMounts(record: Pick<ContainerRecord, 'plan'>): readonly ListedMount[] {
  return bindsOf(record).map(({ source, target, imageVolume, volume }) => {
    return { kind: imageVolume ? 'volume' : 'bind', name: volume, source, target };
  });
}

/** A mount under docker's keys. */
export interface InspectedMount {
  readonly Type: string;
  /** Of a volume with a name, as `Driver`. */
  readonly Name?: string;
  /** The path on the host; '' for a file system in memory. */
  readonly Source: string;
  readonly Destination: string;
  readonly Driver?: 'local';
  /** The options of `-v`, as they were given. */
  readonly Mode: string;
  readonly RW: boolean;
  readonly Propagation: string;
}

const isWritable = ({ attributes }: Pick<BindStep, 'attributes'>) => !attributes.includes('ro');

/** The options of `-v SOURCE:TARGET:OPTIONS`, by target. */
function optionsOf({ request, cwd }: ContainerRecord): ReadonlyMap<string, string> {
  return new Map(
    request.volumes.map((text) => [parseVolume(text, cwd).target, text.split(':').slice(2).join(':')] as const),
  );
}

function inspectedMount(step: Step, options: ReadonlyMap<string, string>): readonly InspectedMount[] {
  if (step.do === 'bind') {
    const { source, target, propagation = 'private', imageVolume, volume } = step;
    return [
      {
        Type: imageVolume ? 'volume' : 'bind',
        ...(volume === undefined ? {} : ({ Name: volume, Driver: 'local' } as const)),
        Source: source,
        Destination: target,
        Mode: options.get(target) ?? '',
        RW: isWritable(step),
        Propagation: `r${propagation}`,
      },
    ];
  }
  if (step.do !== 'mount') return [];
  return [{ Type: step.type, Source: '', Destination: step.target, Mode: '', RW: isWritable(step), Propagation: '' }];
}

/** Returns the mounts that a container was made with, file systems in memory too, under docker's keys. */
export function inspectedMounts(record: ContainerRecord): readonly InspectedMount[] {
  const { request, cwd } = record;
  const options = optionsOf(record);
  const inMemory = [...(request.mounts ?? []).map((text) => parseMount(text, cwd)), ...request.tmpfs.map(parseTmpfs)];
  const steps = [...bindsOf(record), ...inMemory.filter((step) => step.do === 'mount')];
  return steps.flatMap((step) => inspectedMount(step, options));
}
