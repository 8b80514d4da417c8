import type { Clock } from '@powernode/clock'
import type { Clients } from './client.ts'
import type { Context } from './context.ts'
import type { Environment } from './environment.ts'
import type { Outcome } from './output.ts'

/** What a command works with: a platform to talk to, a clock, and a way to be interrupted. */
export type Session = {
  readonly context: Context
  readonly clients: Clients
  readonly clock: Clock
  readonly env: Environment
  readonly signal: AbortSignal
  /** Asks before something that cannot be undone; throws when the answer is no. */
  readonly confirm: (question: string) => Promise<void>
  /** For commands that go on: prints one item at once. */
  readonly emit: (item: Outcome) => void
}
