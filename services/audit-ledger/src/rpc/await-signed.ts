import type { Clock } from '@powernode/clock'
import { signedSize } from '../operations/read/signed-size.ts'
import type { CheckpointBells } from '../signing/checkpoint-bells.ts'
import type { Act } from './door.ts'

/** A ring may be lost, so whoever waits looks by itself as often. */
const LOOK_MS = 1_000

type Deps = { readonly act: Act; readonly clock: Clock; readonly bells: CheckpointBells }

/** Waits until a checkpoint covers a size of a log: the signer is quick, and does not stop. */
export async function awaitSigned(
  { act, clock, bells }: Deps,
  { log, size }: { readonly log: string; readonly size: number },
  signal: AbortSignal,
): Promise<void> {
  const { bell, leave } = bells.join()
  try {
    while (!signal.aborted && (await act((tx, now) => signedSize(tx, now, { log }))) < size) {
      await bell.wait(clock, LOOK_MS, signal)
    }
  } finally {
    leave()
  }
}
