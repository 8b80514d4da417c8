import { refusalOf } from '@powernode/rpc'
import { plainLine } from '../plain-line.ts'

/** How long to wait before the next round, when it is not a time: as long as failures in a row make it. */
export const AFTER_FAILURE = -1

/** Why something failed, in one line, for a person: what a refusal says, or the error's own sentence. */
export function reasonOf(error: unknown): string {
  const text = refusalOf(error)?.message ?? (error instanceof Error ? error.message : String(error))
  return plainLine(text, 800)
}
