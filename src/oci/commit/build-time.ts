import { TsimgError } from '../../errors.ts';

/** The time that a new image is given. */
export interface BuildTime {
  /** RFC 3339, for the config and its history. */
  readonly created: string;
  /** Seconds since 1970: files that are newer get this time. Undefined where files keep their times. */
  readonly newest: number | undefined;
}

/** The last second of the year 9999, the last that RFC 3339 can write. */
const LAST_SECOND = 253_402_300_799;

/**
 * Returns the time for a new image: that of `$SOURCE_DATE_EPOCH`, where it is set, so that equal content gives equal
 * images whenever they are made. Otherwise it is the present time, and files keep their times, as with docker, podman
 * and umoci. reproducible-builds.org, "SOURCE_DATE_EPOCH".
 * @throws USAGE
 */
export function buildTime(env: Readonly<Record<string, string | undefined>>, now: Date): BuildTime {
  const { SOURCE_DATE_EPOCH: text = '' } = env;
  if (text === '') return { created: now.toISOString(), newest: undefined };
  const seconds = Number(text);
  if (!/^[0-9]{1,12}$/.test(text) || seconds > LAST_SECOND) {
    throw new TsimgError('USAGE', 'SOURCE_DATE_EPOCH is no time', {
      where: text.slice(0, 100),
      why: 'it takes seconds since 1970, in digits',
      hint: 'export SOURCE_DATE_EPOCH=$(git log -1 --format=%ct), or unset it',
    });
  }
  return { created: new Date(seconds * 1000).toISOString(), newest: seconds };
}
