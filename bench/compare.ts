import { type Measurement, measure, median, peakMemoryOf } from './measure.ts';

/** A command that does the same work as tsimg's. */
export interface Candidate {
  readonly name: string;
  /** Returns the words of the command for one round. */
  readonly command: (round: number) => readonly string[];
}

/** The rounds that look at memory: a short command has few looks in each. */
const MEMORY_ROUNDS = 2;

/** What came of a command's turns. */
interface Result {
  readonly measurements: Measurement[];
  /** Bytes. */
  peakMemory: number;
}

/**
 * Runs commands in turns, a round after the other, and prints a table. Two more rounds look at the memory. The first
 * command is tsimg's, and must not fail; another one that fails is told and left out.
 * @param clean removes what a command made; called after each
 */
export async function compareInTurns(
  title: string,
  candidates: readonly Candidate[],
  rounds: number,
  clean: () => void,
): Promise<void> {
  const results = new Map<Candidate, Result>(candidates.map((each) => [each, { measurements: [], peakMemory: 0 }]));
  for (let round = 0; round < rounds + MEMORY_ROUNDS; round++) {
    for (const [candidate, result] of results) {
      const command = candidate.command(round);
      try {
        if (round < rounds) result.measurements.push(await measure(command));
        else result.peakMemory = Math.max(result.peakMemory, await peakMemoryOf(command));
      } catch (error) {
        if (candidate === candidates[0]) throw error;
        console.log(`${candidate.name} cannot: ${error instanceof Error ? error.message.slice(0, 300) : error}`);
        results.delete(candidate);
      } finally {
        clean();
      }
    }
  }
  report(title, results);
}

function report(title: string, results: ReadonlyMap<Candidate, Result>): void {
  const [first] = results.values();
  const own = median((first?.measurements ?? []).map(({ seconds }) => seconds));
  console.log(`\n${title}\n`);
  console.log('| command | seconds (median) | times tsimg | processor seconds | peak memory |\n|---|---|---|---|---|');
  for (const [{ name }, { measurements, peakMemory }] of results) {
    const seconds = median(measurements.map((measurement) => measurement.seconds));
    const processor = median(measurements.map(({ processorSeconds }) => processorSeconds));
    const memory = Math.round(peakMemory / 1e6);
    const ratio = (seconds / own).toFixed(2);
    console.log(`| ${name} | ${seconds.toFixed(3)} | ${ratio} | ${processor.toFixed(2)} | ${memory} MB |`);
  }
}
