import type { Clock } from '@powernode/clock'

export type Patience = { readonly clock: Clock; readonly withinMs: number }

/** What was asked, or an error that says that it did not come in time. */
export async function inTime<T>(asked: Promise<T>, { clock, withinMs }: Patience): Promise<T> {
  const settled = new AbortController()
  const late = clock.sleep(withinMs, settled.signal).then(() => {
    throw new Error(`no answer within ${withinMs} ms`)
  })
  try {
    return await Promise.race([asked, late])
  } finally {
    settled.abort()
    late.catch(() => {}) // it lost, or was told above
    asked.catch(() => {}) // when it fails after that, nobody asks any more
  }
}

/** An error in one line; a part that is away is a sentence here, never a fault. */
export function lineOf(error: unknown): string {
  const { message, cause } = error instanceof Error ? error : { message: String(error), cause: undefined }
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  const text = [message || code, cause instanceof Error ? cause.message : ''].filter(Boolean).join(': ')
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, LONGEST)
}

const LONGEST = 512

/**
 * Asks nothing anew while the last question is still open, and hands out its answer: of a database that hangs no further
 * connection is taken away from those who work.
 */
export function oneAtATime<T>(ask: () => Promise<T>): () => Promise<T> {
  let open: Promise<T> | undefined
  return () => {
    if (!open) {
      open = ask()
      const settled = () => (open = undefined)
      open.then(settled, settled)
    }
    return open
  }
}
