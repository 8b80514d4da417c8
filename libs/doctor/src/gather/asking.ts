import { Code, ConnectError } from '@connectrpc/connect'
import { refusalOf, type Reason } from '@powernode/rpc'
import type { Server } from './witnesses.ts'

/** Of one who asks many: what was not answered, and by whom. */
export type Asking = {
  readonly signal: AbortSignal
  readonly unread: Partial<Record<Server, string>>
  /** What was said; undefined when it could not be read, which is noted under the server's name. */
  readonly ask: <T>(server: Server, question: (options: Options) => Promise<T>) => Promise<T | undefined>
}

export type Options = { readonly signal: AbortSignal; readonly timeoutMs: number }

const PATIENCE_MS = 5_000
/** What a server of another release does not know is not held against it. */
const NOT_THERE: readonly Reason[] = ['METHOD_UNKNOWN', 'LOG_NOT_FOUND']

/** A service that is silent costs its part of the evidence and not the examination; being told to stop ends it. */
export function asking(signal: AbortSignal): Asking {
  const unread: Partial<Record<Server, string>> = {}
  return {
    signal,
    unread,
    async ask(server, question) {
      try {
        return await question({ signal, timeoutMs: PATIENCE_MS })
      } catch (error) {
        signal.throwIfAborted()
        if (!isUnknownThere(error)) unread[server] ??= sentenceOf(error)
        return undefined
      }
    },
  }
}

function isUnknownThere(error: unknown): boolean {
  const refusal = refusalOf(error)
  return refusal ? NOT_THERE.includes(refusal.reason) : ConnectError.from(error).code === Code.Unimplemented
}

/** A stable reason and a sentence, or as much as there is. */
export function sentenceOf(error: unknown): string {
  const refusal = refusalOf(error)
  if (refusal) return `${refusal.metadata['peer_reason'] ?? refusal.reason}: ${refusal.message}`
  return ConnectError.from(error).rawMessage
}
