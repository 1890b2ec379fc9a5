import { TsimgError } from '../../errors.ts';
import type { TarLimits } from './limits.ts';

/** The position of a reader, for its errors. */
export interface Place {
  /** The archive or layer; raw. */
  readonly where: string | undefined;
  /** Bytes of the archive before the current header. */
  offset: number;
}

/** Returns the error for an archive that is damaged, cut short, or ambiguous on purpose. */
export function tarInvalid(place: Place, why: string): TsimgError {
  return new TsimgError('TAR_INVALID', 'not a valid tar archive', {
    where: place.where,
    why: `${why} (at byte ${place.offset})`,
    facts: { offset: place.offset },
  });
}

/** The options of the command line that raise a limit. The library can set the other limits too. */
const OPTIONS: Readonly<Partial<Record<keyof TarLimits, string>>> = {
  entries: '--max-entries',
  extendedHeaderBytes: '--max-header',
};

/** Returns the error for a limit; the hint names the option that raises it. */
export function tarLimit(place: Place, limit: keyof TarLimits, maximum: number, what: string): TsimgError {
  const option = OPTIONS[limit];
  return new TsimgError('LIMIT_EXCEEDED', `${what} in a tar archive`, {
    where: place.where,
    why: `more than ${maximum} (at byte ${place.offset})`,
    hint: option === undefined ? undefined : `raise the limit with ${option} if you trust where it comes from`,
    facts: { option: option ?? limit, maximum, offset: place.offset },
  });
}
