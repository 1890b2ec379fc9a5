/**
 * Does one thing after the other: the operands of a verb. A failure does not keep it from the others, an abort does.
 * Returns the failures, which `throwAll` throws when all results are printed.
 */
export async function doEach<T>(
  operands: Iterable<T>,
  signal: AbortSignal,
  act: (operand: T) => Promise<void>,
): Promise<readonly unknown[]> {
  const failures: unknown[] = [];
  for (const operand of operands) {
    try {
      await act(operand);
    } catch (error) {
      failures.push(error);
      if (signal.aborted) break;
    }
  }
  return failures;
}
